"""What pixels mean: grey and colour, Bayer mosaics, and the scale of the values.

Arrays are (height, width, channels) of the depth that the file has, until `rescale` makes floats of them.

    image = rescale(to_color(image, "greyscale"), "unit")
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

Floats = npt.NDArray[np.float32]
ColorMode = Literal["rgb", "greyscale", "bayer"]
Rescale = Literal["unit", "imagenet"]

CHANNELS: dict[ColorMode, int] = {"rgb": 3, "greyscale": 1, "bayer": 3}
VALUE_RANGES: dict[Rescale | None, tuple[float, float]] = {
    None: (0.0, 255.0),
    "unit": (0.0, 1.0),
    "imagenet": (-1.0, 1.0),
}
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in grey (ITU-R BT.601)."""


def demosaic(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Turns the raw picture of a colour sensor into RGB.

    Args:
        image: (height, width, 1 or 3), uint8 or uint16, a mosaic whose first row begins red, green and whose second
            begins green, blue (RGGB). Three channels are taken when they are equal: some cameras' software writes
            mosaics as palette files.

    Returns:
        (height, width, 3) of the same type, the missing two colours of each pixel interpolated linearly.

    Raises:
        InvalidInputError: for a colour image, or a type that no mosaic has.
    """
    if image.shape[2] == 3 and not (np.ptp(image, axis=2) == 0).all():
        raise InvalidInputError(
            "expected a grey image holding a Bayer mosaic, received one in colour: set color_mode to rgb"
        )
    if image.dtype not in (np.uint8, np.uint16):
        raise InvalidInputError(f"expected a Bayer mosaic of 8 or 16 bits, received {image.dtype}")
    # OpenCV names a mosaic by its second row's second and third pixel: BG is RGGB.
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image[..., 0]), cv2.COLOR_BayerBG2RGB))


def to_color(image: npt.NDArray[Any], mode: ColorMode) -> npt.NDArray[Any]:
    """Returns the image with as many channels as `mode` has, its type kept.

    Args:
        image: (height, width, 1 or 3); for `"bayer"` after `demosaic`.
        mode: grey from colour is the BT.601 luma, colour from grey repeats it.
    """
    if image.shape[2] == CHANNELS[mode]:
        return image
    if image.shape[2] == 1:
        return np.repeat(image, 3, axis=2)
    return to_depth((image.astype(np.float32, copy=False) @ LUMA)[..., None], image.dtype)


def to_depth(image: Floats, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Returns values rounded to the nearest that the type has; floats stay as they are."""
    if dtype.kind == "f":
        return image.astype(dtype, copy=False)
    return np.clip(np.rint(image), 0, np.iinfo(dtype).max).astype(dtype)


def rescale(image: npt.NDArray[Any], method: Rescale | None, out: Floats | None = None) -> Floats:
    """Returns the image as float32 on the scale of `VALUE_RANGES`.

    Args:
        image: uint8 or float32 on the scale [0, 255], or uint16 that fills its own.
        method: the scale.
        out: where to put it.
    """
    low, high = VALUE_RANGES[method]
    scaled = np.empty(image.shape, np.float32) if out is None else out
    if image.dtype == np.uint16:
        image = (image * (1.0 / 257.0)).astype(np.float32)
    if method is None:
        np.copyto(scaled, image)
        return scaled
    np.multiply(image, np.float32((high - low) / 255.0), out=scaled, dtype=np.float32)
    if low:
        scaled += np.float32(low)
    return scaled
