"""`Signature`: what is remembered of a picture so that copies of it are found without decoding it again.

    signature = signature_of("vial.png")
    signature.pixels                    # hash of the decoded picture: equal files and lossless copies share it
    signature.spectrum                  # (33, 17) how strong each frequency is, wherever in the picture things lie

Decoded picture → grey → hash, figures, and its spectrum.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.decode import read_image, to_255
from brevetti_keras.data.leaks.spectrum import WORK_SIDE, Floats, Spectra, spectrum_of, squared
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")


_SMALL_SIDES = (32, 64)


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
        spectrum: (33, 17) how strong each frequency is, see `spectrum_of`.
    """

    pixels: str
    height: int
    width: int
    channels: int
    depth: str
    brightness: float
    contrast: float
    spectrum: Spectra


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
        spectrum=spectrum_of(grey),
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


def work_picture(grey: Floats, side: int = WORK_SIDE) -> Floats:
    """Returns a grey picture stretched to the square at which pictures are compared."""
    return squared(grey, side)


def work_side(signatures: Iterable[Signature]) -> int:
    """Returns the side of the square at which pictures are compared: 128 pixels, less where all of them are small."""
    largest = max((max(signature.height, signature.width) for signature in signatures), default=WORK_SIDE)
    return next((side for side in _SMALL_SIDES if largest <= side), WORK_SIDE)


def turned(picture: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Returns a square picture in one of eight ways: after 0 to 3 quarter turns, then the same mirrored."""
    quarter = np.rot90(picture, orientation % 4)
    return np.ascontiguousarray(quarter if orientation < 4 else quarter[:, ::-1])


def _plain(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if image.shape[2] == 3 and (image[..., :1] == image[..., 1:]).all():
        return image[..., :1]
    return image
