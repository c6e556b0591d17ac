"""`Signature`: what is remembered of a picture so that copies of it are found without decoding it again.

    signature = signature_of("vial.png")
    signature.pixels                    # hash of the decoded picture: equal files and lossless copies share it
    signature.detail                    # (32, 32) of its fine structure, centred on what there is to see

Decoded picture → grey, 256 × 256 → moved so that its edges' centre of gravity lies in the middle (so that a picture and
its shifted copy look alike) → 32 × 32, less its own blur, clipped so that outlines do not outweigh texture.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.decode import read_image, to_255
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

Detail = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]

SIDE = 32
WORK_SIDE = 256
_STEPS = 8.0
_BLUR = 2.0


@dataclass(frozen=True)
class Signature:
    """What is remembered of one picture.

    Attributes:
        pixels: sha256 in hex of the decoded picture; grey stored as three equal channels counts as grey.
        height: pixels.
        width: pixels.
        channels: 1 or 3.
        depth: numpy's name of the pixels' type, as `uint8`.
        brightness: mean grey value, in [0, 255].
        contrast: standard deviation of the grey values.
        detail: (32, 32) fine structure, in eighths of a grey level.
    """

    pixels: str
    height: int
    width: int
    channels: int
    depth: str
    brightness: float
    contrast: float
    detail: Detail


def signature_of(path: str) -> Signature:
    """Decodes a file and returns its signature.

    Args:
        path: a local file.

    Raises:
        DecodeError: if it cannot be decoded.
    """
    return describe(read_image(path))


def describe(image: npt.NDArray[Any]) -> Signature:
    """Returns the signature of a decoded picture.

    Args:
        image: (height, width, 1 or 3), as `read_image` returns it.
    """
    image = _plain(image)
    grey = as_grey(image)
    return Signature(
        pixels=hash_pixels(image),
        height=image.shape[0],
        width=image.shape[1],
        channels=image.shape[2],
        depth=image.dtype.name,
        brightness=float(grey.mean()),
        contrast=float(grey.std()),
        detail=_detail(work_picture(grey)),
    )


def hash_pixels(image: npt.NDArray[Any]) -> str:
    """Returns the sha256, in hex, of a picture's shape, type and pixels in little-endian order.

    Args:
        image: (height, width, channels).
    """
    image = np.ascontiguousarray(_plain(image))
    digest = hashlib.sha256(f"{image.shape} {image.dtype.name}\n".encode())
    digest.update(image.astype(image.dtype.newbyteorder("<"), copy=False).data)
    return digest.hexdigest()


def as_grey(image: npt.NDArray[Any]) -> Floats:
    """Returns a picture's luminance (ITU-R BT.601), float32 (height, width) in [0, 255]."""
    if image.shape[2] == 1:
        return to_255(image[..., 0])
    grey: Floats = cv2.cvtColor(image if image.dtype == np.uint8 else to_255(image), cv2.COLOR_RGB2GRAY)
    return grey.astype(np.float32, copy=False)


def work_picture(grey: Floats) -> Floats:
    """Returns a grey picture stretched to 256 × 256, the size at which pictures are compared."""
    shrinks = min(grey.shape) >= WORK_SIDE
    resized: Floats = cv2.resize(
        grey, (WORK_SIDE, WORK_SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return resized


def orientations(pictures: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns the eight ways a square picture may lie: four quarter turns, then the same mirrored.

    Args:
        pictures: (…, side, side).

    Returns:
        (8, …, side, side).
    """
    quarters = [np.rot90(pictures, quarter, axes=(-2, -1)) for quarter in range(4)]
    return np.stack(quarters + [quarter[..., ::-1] for quarter in quarters])


def turned(picture: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Returns a square picture in one of the eight ways of `orientations`."""
    quarter = np.rot90(picture, orientation % 4)
    return np.ascontiguousarray(quarter if orientation < 4 else quarter[:, ::-1])


def _plain(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if image.shape[2] == 3 and (image[..., :1] == image[..., 1:]).all():
        return image[..., :1]
    return image


def _detail(work: Floats) -> Detail:
    small = cv2.resize(_centred(work), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    fine = small - cv2.GaussianBlur(small, (0, 0), _BLUR, borderType=cv2.BORDER_REFLECT)
    detail: Detail = np.clip(np.rint(fine * _STEPS), -127, 127).astype(np.int8)
    return detail


def _centred(work: Floats) -> Floats:
    """Moves a picture so that its edges' centre of gravity lies in the middle; what leaves on one side enters on the
    other, so that nothing is lost."""
    rows, columns = np.gradient(cv2.GaussianBlur(work, (0, 0), 2.0))
    energy = (rows * rows + columns * columns).astype(np.float64)
    total = energy.sum()
    if total <= 0:
        return work
    places = np.arange(WORK_SIDE) - (WORK_SIDE - 1) / 2
    down, across = energy.sum(axis=1) @ places / total, energy.sum(axis=0) @ places / total
    moved: Floats = cv2.warpAffine(
        work,
        np.array([[1, 0, -across], [0, 1, -down]], np.float32),
        (WORK_SIDE, WORK_SIDE),
        borderMode=cv2.BORDER_WRAP,
    )
    return moved
