"""An image pipeline by TensorFlow's operations: what `ImagePipeline` does, in the graph.

path → read → decode by kind → upright → regions → resize → colour → padding → scale

    form = graph_pipeline(reader, "unit", paths, path_key="path", output_key="img", shape=(224, 224, 3))
    form.function({"path": paths, **columns})["img"]

Sizes, scaled decoding and rounding are those of the host's form, so that a network trained by the one may be used by
the other: pixels differ by about a level where pictures become smaller.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from brevetti_keras.data.image.color import LUMA, VALUE_RANGES, Rescale
from brevetti_keras.data.image.graph_headers import FACTORS, columns_of, graph_headers
from brevetti_keras.data.image.pixel_reader import PixelReader
from brevetti_keras.data.image.resampling import ResizeMethod
from brevetti_keras.data.mapping import GraphForm
from brevetti_keras.io.local_copies import fetch_copies
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")

# Kernels by the names that `tf.raw_ops.ScaleAndTranslate` has for them.
_KERNELS: dict[ResizeMethod, str] = {
    "bilinear": "triangle",
    "bicubic": "keyscubic",
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
    "gaussian": "gaussian",
    "mitchellcubic": "mitchellcubic",
}
_FILE = "file"
_OVERSHOOT = frozenset({"bicubic", "lanczos3", "lanczos5", "mitchellcubic"})


def graph_pipeline(
    reader: PixelReader,
    method: Rescale | None,
    paths: Sequence[str],
    *,
    path_key: str,
    output_key: str,
    shape: tuple[int | None, ...],
) -> GraphForm:
    """Returns the pipeline in the graph.

    Args:
        reader: what makes the pixels.
        method: the scale of the output.
        paths: of all samples, whose headers are read now.
        path_key: where a batch has its paths.
        output_key: what the images are called.
        shape: of one image.

    Raises:
        InvalidInputError: for Bayer mosaics.
        DecodeError: for the first file that cannot be decoded in the graph.
    """
    if reader.color_mode == "bayer":
        raise InvalidInputError("color_mode: expected rgb or greyscale in the graph form, received bayer")
    copies = fetch_copies(paths, progress=True)
    facts = columns_of(graph_headers(paths, reader), reader)
    if copies:
        # TensorFlow would read a bucket by itself, unchecked; here it reads the verified copies.
        facts[_FILE] = np.array([copies.get(path, path) for path in paths], object)
    # Beside the samples' own columns, under names that nobody else gives.
    names = {name: f"{output_key} {name}" for name in facts}

    def load(batch: Mapping[str, Any]) -> dict[str, Any]:
        known = {name: batch[key] for name, key in names.items()}
        images = tf.map_fn(
            lambda one: _picture(reader, *one),
            (known.pop(_FILE, batch[path_key]), known),
            fn_output_signature=tf.TensorSpec(shape, tf.float32),
        )
        rest = {key: value for key, value in batch.items() if key not in names.values()}
        low, high = VALUE_RANGES[method]
        return {**rest, output_key: images if method is None else images * ((high - low) / 255.0) + low}

    return GraphForm(load, {names[name]: column for name, column in facts.items()})


def _picture(reader: PixelReader, path: Any, known: Mapping[str, Any]) -> Any:
    image = tf.cast(_upright(_decode(path, known), known["orientation"]), tf.float32)
    told = tf.math.ceil(tf.stack([known["rows"], known["columns"]]))
    same_size = tf.reduce_all(tf.cast(tf.shape(image)[:2], tf.float32) == told)
    with tf.control_dependencies([_unchanged(same_size, path)]):
        image = tf.identity(image)
    regions = [image[y1:y2, x1:x2] for (x1, y1), (x2, y2) in reader.rois or ()]
    if not regions:
        return _fit(reader, image, known)
    if reader.roi_mode == "as_timeseries":
        return tf.stack([_fit(reader, region, None) for region in regions])
    return _fit(reader, tf.concat(regions, axis=0), None)


def _decode(path: Any, known: Mapping[str, Any]) -> Any:
    data = tf.io.read_file(path)
    same_size = tf.cast(tf.strings.length(data), tf.int64) == known["bytes"]
    with tf.control_dependencies([_unchanged(same_size, path)]):
        data = tf.identity(data)

    def jpeg(factor: int) -> Any:
        return lambda: tf.io.decode_jpeg(data, channels=3, ratio=factor, dct_method="INTEGER_ACCURATE")

    return tf.switch_case(
        known["decoder"],
        [
            *map(jpeg, FACTORS),
            lambda: tf.io.decode_png(data, channels=3),
            lambda: tf.io.decode_bmp(data)[..., :3],
        ],
    )


def _unchanged(still: Any, path: Any) -> Any:
    return tf.debugging.Assert(still, ["the file changed since its header was read:", path])


def _upright(image: Any, orientation: Any) -> Any:
    """Applies an EXIF orientation as decode.py does."""
    image = tf.cond(orientation >= 5, lambda: tf.transpose(image, (1, 0, 2)), lambda: image)
    for axis, mirrored in ((1, (2, 3, 6, 7)), (0, (3, 4, 7, 8))):
        applies = tf.reduce_any(orientation == tf.constant(mirrored))
        image = tf.cond(applies, lambda axis=axis, image=image: tf.reverse(image, [axis]), lambda image=image: image)
    image.set_shape((None, None, 3))
    return image


def _fit(reader: PixelReader, image: Any, known: Mapping[str, Any] | None) -> Any:
    if reader.target_size is not None:
        if known is not None:
            size = tf.stack([known["height"], known["width"]])
            extent = tf.stack([known["rows"], known["columns"]])
        else:
            size = tf.constant(reader.fitted_size(*image.shape[:2]), tf.int32)
            extent = tf.cast(tf.shape(image)[:2], tf.float32)
        image = _rounded(_resize(reader, image, size, extent))
    if reader.color_mode == "greyscale":
        image = _rounded(tf.reduce_sum(image * LUMA, axis=-1, keepdims=True))
    return image if reader.target_size is None else _padded(reader, image, size)


def _resize(reader: PixelReader, image: Any, size: Any, extent: Any) -> Any:
    if reader.resize_method == "nearest":
        return tf.image.resize(image, size, "nearest")
    if reader.resize_method == "area":
        return _area(_area(image, size[0], extent[0]), size[1], extent[1])
    resized = tf.raw_ops.ScaleAndTranslate(
        images=image[None],
        size=size,
        scale=tf.cast(size, tf.float32) / extent,
        translation=tf.zeros((2,)),
        kernel_type=_KERNELS[reader.resize_method],
        antialias=reader.antialias,
    )[0]
    if reader.resize_method in _OVERSHOOT:
        resized = tf.clip_by_value(resized, tf.reduce_min(image), tf.reduce_max(image))
    return resized


def _area(image: Any, target: Any, extent: Any) -> Any:
    """Averages the first side's pixels by how much of each an output pixel covers, and puts that side second."""
    length = tf.cast(tf.shape(image)[0], tf.float32)
    scale = extent / tf.cast(target, tf.float32)
    low = tf.range(tf.cast(target, tf.float32))[:, None] * scale
    columns = tf.range(length)[None, :]
    cover = tf.maximum(tf.minimum(tf.minimum(low + scale, length), columns + 1) - tf.maximum(low, columns), 0.0)
    averaged = tf.tensordot(cover / tf.reduce_sum(cover, axis=1, keepdims=True), image, axes=1)
    return tf.transpose(averaged, (1, 0, 2))


def _rounded(image: Any) -> Any:
    return tf.clip_by_value(tf.round(image), 0.0, 255.0)


def _padded(reader: PixelReader, image: Any, size: Any) -> Any:
    missing = tf.constant(reader.target_size, tf.int32) - size
    before = missing // 2 if reader.center_padding else tf.zeros_like(missing)
    if reader.padding_mode == "CONSTANT":
        sides = tf.stack([before, missing - before], axis=1)
        image = tf.pad(image, tf.concat([sides, tf.zeros((1, 2), tf.int32)], axis=0))
    else:
        # `tf.pad` mirrors once at most, which is too little for a picture narrower than its padding.
        for axis, target in enumerate(reader.target_size or ()):
            sources = _mirrored(tf.range(target) - before[axis], size[axis], reader.padding_mode == "SYMMETRIC")
            image = tf.gather(image, sources, axis=axis)
    return tf.ensure_shape(image, (*(reader.target_size or ()), None))


def _mirrored(positions: Any, length: Any, edge_twice: bool) -> Any:
    """Returns which of `length` pixels is seen at each position, where a mirror stands at either end."""
    period = 2 * length if edge_twice else tf.maximum(2 * length - 2, 1)
    folded = tf.math.floormod(positions, period)
    return tf.minimum(folded, period - int(edge_twice) - folded)
