"""Moves pixels: one warp for all that an image has coming, and the same for its mask.

Turning, scaling, shearing, shifting and elastic deformation are joined into one place to look for each output pixel,
so that the picture is interpolated once however many of them were drawn.

    motion = Motion(matrix, field)
    image = warp_image(image, motion, "bilinear", fill=0.0)
    mask = warp_mask(mask, motion)
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.geometry import Matrix
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Interpolation = Literal["nearest", "bilinear", "bicubic"]
# What OpenCV's warps take at once.
_MAX_CHANNELS = 4
MAX_DEFORMED_SIDE = 32_766
"""Pixels a side of what OpenCV moves by a field."""
_STILL = np.eye(3)


@dataclass(frozen=True)
class Motion:
    """Where the pixels of an image go.

    Attributes:
        matrix: 3 x 3, from points (x, y, 1) of the image to points of the result, in pixels; None leaves them.
        field: (height, width, 2) float32: how far from there, in x and y pixels, each output pixel is looked for;
            None adds nothing.
    """

    matrix: Matrix | None = None
    field: Floats | None = None

    @property
    def is_still(self) -> bool:
        """True if nothing moves."""
        return self.field is None and (self.matrix is None or bool((self.matrix == _STILL).all()))

    @property
    def inverse(self) -> Matrix:
        """The 2 x 3 matrix from points of the result to points of the image."""
        if self.matrix is None:
            return np.eye(2, 3)
        (a, b, c), (d, e, f) = self.matrix[:2].tolist()
        area = a * e - b * d
        a, b, d, e = e / area, -b / area, -d / area, a / area
        # What inversion leaves beside a whole number would make a pixel of its neighbours' mixture.
        return np.array([[a, b, -a * c - b * f], [d, e, -d * c - e * f]]).round(12)


def warp_image(
    image: Array, motion: Motion, interpolation: Interpolation, fill: float, out: Array | None = None
) -> Array:
    """Returns the moved image.

    Args:
        image: (height, width, channels), float32 or uint8.
        motion: where its pixels go.
        interpolation: between pixels.
        fill: the value outside the image.
        out: where to write the moved image, of the same shape and type and contiguous; None makes a new array. An
            image that does not move is returned as it is and not written.
    """
    if motion.is_still:
        return image
    moved = np.empty_like(image) if out is None else out
    for start in range(0, image.shape[2], _MAX_CHANNELS):
        part = np.s_[..., start : start + _MAX_CHANNELS]
        if image.shape[2] <= _MAX_CHANNELS:
            _warp(np.ascontiguousarray(image), motion, interpolation, fill, moved)
        else:
            moved[part] = _warp(np.ascontiguousarray(image[part]), motion, interpolation, fill, None)
    if interpolation == "bicubic" and image.dtype.kind == "f":
        # Its kernel overshoots at edges; bytes are kept within their range by their type.
        np.clip(moved, min(fill, image.min()), max(fill, image.max()), out=moved)
    return moved


def _warp(image: Array, motion: Motion, interpolation: Interpolation, fill: float, out: Array | None) -> Array:
    height, width = image.shape[:2]
    flag = {"nearest": cv2.INTER_NEAREST, "bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}[interpolation]
    # OpenCV moves pixels of four channels in half the time of three, with the same result.
    wide = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA) if image.shape[2] == 3 else image
    options = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": [fill] * 4, "dst": out if wide is image else None}
    if motion.field is None:
        moved = cv2.warpAffine(wide, motion.inverse, (width, height), flags=flag | cv2.WARP_INVERSE_MAP, **options)
    else:
        columns, rows = _sources(motion, height, width)
        moved = cv2.remap(wide, columns.astype(np.float32), rows.astype(np.float32), flag, **options)
    if wide is not image:
        moved = cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB, dst=out)
    return np.asarray(moved).reshape(image.shape)


def warp_mask(mask: npt.NDArray[Any], motion: Motion) -> npt.NDArray[Any]:
    """Returns the moved mask: each pixel the nearest one's, 0 outside.

    Args:
        mask: (height, width) or (height, width, classes) of any type, which stays.
        motion: where its pixels go.
    """
    if motion.is_still:
        return mask
    height, width = mask.shape[:2]
    columns, rows = (np.floor(values + 0.5).astype(np.int64) for values in _sources(motion, height, width))
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    moved = np.zeros_like(mask)
    moved[inside] = mask[rows[inside], columns[inside]]
    return moved


def _sources(motion: Motion, height: int, width: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns the x and the y of the image, (height, width) each, that each output pixel shows."""
    x, y = np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)[:, None]
    (a, b, c), (d, e, f) = motion.inverse
    columns, rows = a * x + b * y + c, d * x + e * y + f
    if motion.field is None:
        return columns, rows
    return columns + motion.field[..., 0], rows + motion.field[..., 1]
