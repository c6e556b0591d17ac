"""Resizing as `tf.image.resize` defines it, on numpy arrays.

Pixels are squares whose centres lie at half coordinates. Each output pixel is a weighted mean of input pixels; the
weights of a side form a sparse matrix, so that one multiplication a side resizes by any method. The plain bilinear
case, by far the most frequent, goes to OpenCV, which computes the same.

    resize(image, (224, 224), "bilinear")                                # (224, 224, channels), float32
    resize(image, (224, 224), "lanczos3", antialias=True)
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.color import to_depth
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")
sparse = lazy_import("scipy.sparse", install="scipy")

Floats = npt.NDArray[np.float32]
_Doubles = npt.NDArray[np.float64]
ResizeMethod = Literal["nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"]


def resize(
    image: npt.NDArray[Any],
    size: tuple[int, int],
    method: ResizeMethod = "bilinear",
    antialias: bool = False,
    extent: tuple[float, float] | None = None,
) -> Floats:
    """Returns the picture at another size.

    Args:
        image: (height, width, channels), any real type.
        size: (height, width) to reach.
        method: the kernel, by the names of `tf.image.ResizeMethod`.
        antialias: widens the kernel when the picture becomes smaller, so that every input pixel counts; `nearest`
            never does, `area` always.
        extent: how much of the image, in pixels from its upper left corner, is the picture; by default all.

    Returns:
        (*size, channels) float32. Kernels with negative lobes are kept within the picture's own lowest and highest
        value.
    """
    height, width = image.shape[:2]
    extent = extent or (float(height), float(width))
    whole = extent == (height, width)
    if whole and size == (height, width):
        return image.astype(np.float32, copy=False)
    if whole and method == "bilinear" and not antialias:
        resized = cv2.resize(image.astype(np.float32, copy=False), size[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(resized, np.float32).reshape(*size, image.shape[2])
    result = _along_rows(image, _weights(height, extent[0], size[0], method, antialias))
    result = _along_rows(result.swapaxes(0, 1), _weights(width, extent[1], size[1], method, antialias)).swapaxes(0, 1)
    if method in {"bicubic", "lanczos3", "lanczos5", "mitchellcubic"}:
        result = np.clip(result, image.min(), image.max())
    return np.ascontiguousarray(result)


def resize_kept(
    image: npt.NDArray[Any],
    size: tuple[int, int],
    method: ResizeMethod = "bilinear",
    antialias: bool = False,
    extent: tuple[float, float] | None = None,
) -> npt.NDArray[Any]:
    """Returns the picture at another size in its own type, integers rounded; arguments as those of `resize`.

    Plain bilinear resizing, which most is, computes in the type itself: a third of the time, and what it rounds on the
    way leads to the nearest integer but one at most.
    """
    if method == "bilinear" and not antialias and image.dtype in (np.uint8, np.uint16):
        height, width = extent or image.shape[:2]
        scales = size[0] / height, size[1] / width
        # An image that OpenCV takes to be of the right size already, it only copies.
        copied = tuple(round(side * scale) for side, scale in zip(image.shape[:2], scales, strict=True))
        if (height, width) == image.shape[:2]:
            resized = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
            return np.asarray(resized).reshape(*size, image.shape[2])
        if copied != image.shape[:2]:
            # By scales rather than to a size, so that the picture may end inside the last pixel.
            resized = cv2.resize(image, None, fx=scales[1], fy=scales[0], interpolation=cv2.INTER_LINEAR)
            return np.asarray(resized)[: size[0], : size[1]].reshape(*size, image.shape[2])
    return to_depth(resize(image, size, method, antialias, extent), image.dtype)


def _along_rows(image: npt.NDArray[Any], weights: Any) -> Floats:
    flat = np.ascontiguousarray(image, np.float32).reshape(image.shape[0], -1)
    return np.asarray(weights @ flat, np.float32).reshape(-1, *image.shape[1:])


def _weights(length: int, extent: float, target: int, method: ResizeMethod, antialias: bool) -> Any:
    """Returns the sparse (target, length) matrix of one side; each row sums to 1."""
    scale = extent / target
    if method == "nearest":
        # Divided last, so that a centre on the edge between two pixels comes out exact.
        middles = (np.arange(target) + 0.5) * extent / target
        columns = np.minimum(middles.astype(np.int64), length - 1)[:, None]
        return _matrix(columns, np.ones((target, 1)), length)
    if method == "area":
        return _area_weights(length, scale, target)
    radius, kernel = _KERNELS[method]
    stretch = max(1.0, scale) if antialias else 1.0
    centres = (np.arange(target) + 0.5) * scale
    first = np.floor(centres - radius * stretch).astype(np.int64)
    columns = first[:, None] + np.arange(math.ceil(2 * radius * stretch) + 2)
    values = kernel(np.abs(columns + 0.5 - centres[:, None]) / stretch)
    values[(columns < 0) | (columns >= length)] = 0.0
    return _matrix(np.clip(columns, 0, length - 1), values / values.sum(axis=1, keepdims=True), length)


def _area_weights(length: int, scale: float, target: int) -> Any:
    """Weights by how much of each input pixel an output pixel covers."""
    low = np.arange(target)[:, None] * scale
    high = np.minimum(low + scale, length)
    columns = np.floor(low).astype(np.int64) + np.arange(math.ceil(scale) + 1)
    cover = np.clip(np.minimum(high, columns + 1) - np.maximum(low, columns), 0.0, None)
    return _matrix(np.clip(columns, 0, length - 1), cover / cover.sum(axis=1, keepdims=True), length)


def _matrix(columns: npt.NDArray[np.int64], values: _Doubles, length: int) -> Any:
    rows = np.repeat(np.arange(columns.shape[0]), columns.shape[1])
    shape = (columns.shape[0], length)
    return sparse.csr_matrix((values.ravel().astype(np.float32), (rows, columns.ravel())), shape=shape)


def _triangle(x: _Doubles) -> _Doubles:
    return np.clip(1.0 - x, 0.0, None)


def _cubic(x: _Doubles, b: float, c: float) -> _Doubles:
    """The family of cubic kernels of Mitchell and Netravali (SIGGRAPH 1988)."""
    near = ((12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + (6 - 2 * b)) / 6
    far = ((-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x + (8 * b + 24 * c)) / 6
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _lanczos(x: _Doubles, radius: int) -> _Doubles:
    return np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0.0)


def _gaussian(x: _Doubles) -> _Doubles:
    # Radius 1.5 and a sigma of a third of it, as in TensorFlow's kernel of this name.
    return np.where(x < 1.5, np.exp(-(x**2) / (2 * 0.5**2)), 0.0)


_KERNELS: dict[str, tuple[float, Callable[[_Doubles], _Doubles]]] = {
    "bilinear": (1.0, _triangle),
    "bicubic": (2.0, lambda x: _cubic(x, 0.0, 0.5)),
    "mitchellcubic": (2.0, lambda x: _cubic(x, 1 / 3, 1 / 3)),
    "lanczos3": (3.0, lambda x: _lanczos(x, 3)),
    "lanczos5": (5.0, lambda x: _lanczos(x, 5)),
    "gaussian": (1.5, _gaussian),
}
