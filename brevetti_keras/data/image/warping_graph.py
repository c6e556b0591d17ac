"""Moves pixels in the graph's form of the augmentations: batches (batch, height, width, channels) of tensors.

Bilinear pixels of images whose size the graph knows are moved by a function that XLA compiles: TensorFlow's own
operation looks for each channel's place anew and takes three times as long. Each size of batch is compiled anew,
in half a second; so images of unknown size, of which each batch could have another, are left to TensorFlow's.

    moved = transformed(images, inverse, "bilinear", fill=0.0)
    moved = deformed(images, inverse, fields, "nearest", fill=0.0)
"""

import functools
from collections.abc import Callable
from typing import Any

from brevetti_keras.data.image.warping import Interpolation
from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")

# Around a picture: what lies outside is looked for at most one pixel before it and two behind.
_BEFORE, _BEHIND = 1, 2


def transformed(images: Any, inverse: Any, interpolation: Interpolation, fill: float) -> Any:
    """Returns images moved by one affine transform each.

    Args:
        images: a batch; floats, where bilinear, or else of any type that TensorFlow moves.
        inverse: (batch, 3, 3) float64, from points (x, y, 1) of the result to points of the image.
        interpolation: nearest or bilinear.
        fill: the value outside.
    """
    if interpolation == "bilinear" and images.shape[1:].is_fully_defined():
        across, down = _places(inverse, tf.shape(images)[1:3])
        return _compiled()(images, across, down, tf.cast(fill, images.dtype))
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.reshape(tf.cast(inverse, tf.float32), (-1, 9))[:, :8],
        output_shape=tf.shape(images)[1:3],
        fill_value=fill,
        interpolation=interpolation.upper(),
        fill_mode="CONSTANT",
    )


def deformed(images: Any, inverse: Any, fields: Any, interpolation: Interpolation, fill: float) -> Any:
    """Returns images of which each pixel is looked for where the transform and the field, (…, 2) in x and y, say."""
    across, down = _places(inverse, tf.shape(images)[1:3])
    outside = tf.cast(fill, images.dtype)
    if interpolation == "nearest":
        columns, rows = (tf.floor(places + 0.5) for places in _sums(across, down, fields))
        return _at(images, columns, rows, outside)[0]
    function = _compiled() if images.shape[1:].is_fully_defined() else _blended
    return function(images, across, down, outside, fields)


def _places(inverse: Any, sides: Any) -> tuple[Any, Any]:
    """Returns what the columns and what the rows of the result add to the x and y looked for.

    Apart they are few numbers, so that they can be exact before single precision rounds their sum.

    Returns:
        Two of float32: (batch, 2, width) and (batch, 2, height).
    """
    x, y = (tf.range(tf.cast(side, tf.float64), dtype=tf.float64) for side in (sides[1], sides[0]))
    across = inverse[:, :2, 0, None] * x
    down = inverse[:, :2, 1, None] * y + inverse[:, :2, 2, None]
    return tf.cast(across, tf.float32), tf.cast(down, tf.float32)


def _sums(across: Any, down: Any, fields: Any) -> tuple[Any, Any]:
    columns, rows = (across[:, axis, None, :] + down[:, axis, :, None] for axis in (0, 1))
    return (columns, rows) if fields is None else (columns + fields[..., 0], rows + fields[..., 1])


@functools.cache
def _compiled() -> Callable[..., Any]:
    # One function for all augmenters, so that a size of batch is compiled once.
    return tf.function(_blended, jit_compile=True, autograph=False, reduce_retracing=True)  # type: ignore[no-any-return]


def _blended(images: Any, across: Any, down: Any, outside: Any, fields: Any = None) -> Any:
    sides = tf.cast(tf.shape(images)[1:3], tf.float32)
    columns, rows = (
        tf.clip_by_value(places, -1.0, side)
        for places, side in zip(_sums(across, down, fields), (sides[1], sides[0]), strict=True)
    )
    left, top = tf.floor(columns), tf.floor(rows)
    right, below = (columns - left)[..., None], (rows - top)[..., None]
    corners = _at(images, left, top, outside, reach=2)
    upper = corners[0] + (corners[1] - corners[0]) * right
    lower = corners[2] + (corners[3] - corners[2]) * right
    return upper + (lower - upper) * below


def _at(images: Any, columns: Any, rows: Any, outside: Any, reach: int = 1) -> list[Any]:
    """Returns the pixels at whole places and, with a reach of 2, those to the right, below, and both."""
    shape = tf.shape(images)
    border = (_BEFORE, _BEHIND)
    padded = tf.pad(images, ((0, 0), border, border, (0, 0)), constant_values=outside)
    height, width = shape[1] + _BEFORE + _BEHIND, shape[2] + _BEFORE + _BEHIND
    columns, rows = (
        tf.cast(tf.clip_by_value(places, -1.0, tf.cast(side, places.dtype)), tf.int32) + _BEFORE
        for places, side in ((columns, shape[2]), (rows, shape[1]))
    )
    first = (tf.range(shape[0]) * height)[:, None, None]
    # int32 reaches 2^31 pixels of a batch.
    flat, places = tf.reshape(padded, (-1, shape[3])), (first + rows) * width + columns
    return [tf.gather(flat, places + down * width + across) for down in range(reach) for across in range(reach)]
