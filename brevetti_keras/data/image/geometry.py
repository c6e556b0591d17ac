"""Where pixels go: regions of interest, the size that fits, padding, and affine matrices.

Pure functions on numpy arrays (height, width, channels); points are (x, y) in pixels, sizes (height, width).

    size = fit_size(960, 1280, (224, 224))              # (168, 224)
    image = pad(resize(image, size, "bilinear"), (224, 224), "CONSTANT", centred=True)
"""

import math
from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from brevetti_keras.utils.errors import InvalidInputError

Array = npt.NDArray[Any]
Matrix = npt.NDArray[np.float64]
Size = tuple[int, int]
Roi = tuple[tuple[int, int], tuple[int, int]]
PaddingMode = Literal["CONSTANT", "REFLECT", "SYMMETRIC"]

_NUMPY_PADDING: dict[str, Literal["constant", "reflect", "symmetric"]] = {
    "CONSTANT": "constant",
    "REFLECT": "reflect",
    "SYMMETRIC": "symmetric",
}


def roi_size(roi: Roi) -> Size:
    """Returns the (height, width) of a region ((x1, y1), (x2, y2)); x2 and y2 lie outside it."""
    (x1, y1), (x2, y2) = roi
    return y2 - y1, x2 - x1


def crop(image: Array, roi: Roi) -> Array:
    """Returns a view of the region of interest.

    Raises:
        InvalidInputError: if it reaches beyond the image.
    """
    (x1, y1), (x2, y2) = roi
    height, width = image.shape[:2]
    if x2 > width or y2 > height:
        raise InvalidInputError(
            f"expected an image of at least {x2} x {y2} pixels for the roi {roi}, received {width} x {height}"
        )
    return image[y1:y2, x1:x2]


def fit_size(height: float, width: float, target: Size) -> Size:
    """Returns the largest size of the same shape that fits into `target`, at least one pixel each way."""
    scale = min(target[0] / height, target[1] / width)
    return max(1, min(target[0], round(height * scale))), max(1, min(target[1], round(width * scale)))


def shrink_factor(height: int, width: int, size: Size) -> int:
    """Returns by which of 1, 4 and 8 a JPEG may be decoded smaller before it is resized.

    A scaled transform is not quite the mean of its pixels, and resizing adds to the difference. So where little is left
    to resize, plain decoding comes nearer to the averaged picture. The bounds were measured on photos and on drawings,
    at qualities from 50 to 98; within them the error is never larger than that of plain decoding.

    Args:
        height: of the whole picture.
        width: of the whole picture.
        size: (height, width) to reach.
    """
    scales = height / size[0], width / size[1]
    if min(scales) >= 8:
        return 8
    whole = scales == (4.0, 4.0)
    return 4 if min(scales) >= 4 and (whole or math.sqrt(scales[0] * scales[1]) >= 4.6) else 1


def pad(image: Array, target: Size, mode: PaddingMode, centred: bool) -> Array:
    """Fills up to `target` (height, width): below and right, or on all sides if `centred`.

    Args:
        image: (height, width, channels), nowhere larger than `target`.
        target: the size to reach.
        mode: black, or the picture mirrored without or with its outermost pixel, as `tf.pad` names them.
        centred: an odd pixel goes below and right.
    """
    rows, columns = target[0] - image.shape[0], target[1] - image.shape[1]
    if rows == 0 and columns == 0:
        return image
    top, left = (rows // 2, columns // 2) if centred else (0, 0)
    return np.pad(image, ((top, rows - top), (left, columns - left), (0, 0)), mode=_NUMPY_PADDING[mode])


def affine(
    *,
    scale: Any = 1.0,
    degrees: Any = 0.0,
    shear: Any = 0.0,
    translate: tuple[Any, Any] = (0.0, 0.0),
    flip_left_right: Any = False,
    flip_up_down: Any = False,
    xp: ModuleType = np,
) -> Any:
    """Returns the 3 x 3 matrix that moves points (x, y, 1) about the origin, or (batch, 3, 3) of arrays (batch,).

    Args:
        scale: of both sides; 2 enlarges.
        degrees: counter-clockwise as one sees it, with y pointing down.
        shear: x moves by this share of y.
        translate: (x, y), applied last.
        flip_left_right: x to -x, applied first.
        flip_up_down: y to -y, applied first.
        xp: numpy, or TensorFlow's module of the same functions for tensors.
    """
    radians = degrees * (math.pi / 180)
    # Quarter turns come out exact, so that they move whole pixels.
    cosine, sine = xp.around(xp.cos(radians), 15), xp.around(xp.sin(radians), 15)
    x, y = scale * xp.where(flip_left_right, -1.0, 1.0), scale * xp.where(flip_up_down, -1.0, 1.0)
    rows = (
        (cosine * x, (cosine * shear + sine) * y, translate[0]),
        (-sine * x, (cosine - sine * shear) * y, translate[1]),
    )
    return _matrix(rows, xp)


def about_centre(matrix: Any, height: Any, width: Any, xp: ModuleType = np) -> Any:
    """Returns `matrix`, (3, 3) or (batch, 3, 3), applied about the middle of an image instead of its first pixel."""
    x, y = (width - 1) / 2, (height - 1) / 2
    (a, b, c), (d, e, f) = ([matrix[..., row, column] for column in range(3)] for row in range(2))
    return _matrix(((a, b, c + x - a * x - b * y), (d, e, f + y - d * x - e * y)), xp)


def _matrix(rows: tuple[tuple[Any, ...], ...], xp: ModuleType) -> Any:
    """Stacks two rows of three and the row 0, 0, 1."""
    nothing = sum((entry for row in rows for entry in row), 0.0) * 0.0
    full = (*rows, (nothing, nothing, nothing + 1.0))
    return xp.stack([xp.stack([entry + nothing for entry in row], -1) for row in full], -2)
