"""Images as people see them: any array a network is fed with, or a file, to small 8-bit RGB pictures.

    sprite = fit_square(as_rgb(image, value_range=(-1.0, 1.0)), 64)
    uri = data_uri("vial.png", 96)            # for an HTML page of one file

Networks take [0, 255], [0, 1] or [-1, 1]; where nobody tells which, `infer_value_range` reads it off the values.
"""

import base64
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.decode import read_image, to_255
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

Pixels = npt.NDArray[np.uint8]
_QUALITY = 90


def infer_value_range(images: npt.NDArray[Any]) -> tuple[float, float]:
    """Returns which of [0, 255], [0, 1] and [-1, 1] an array's values lie in.

    Noise may lead a little out of a range, so the borders between the three are not drawn at their ends.

    Args:
        images: of any shape. Integers fill the range of 8 bits, or that of their own type.
    """
    if images.dtype.kind in "ub":
        return (0.0, 1.0 if images.dtype.kind == "b" else float(np.iinfo(images.dtype).max))
    finite = images[np.isfinite(images)] if images.dtype.kind == "f" else images
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if high > 2.0 or low < -2.0:
        return (0.0, 255.0)
    return (-1.0, 1.0) if low < -0.25 else (0.0, 1.0)


def as_planes(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns what of an image can be shown, its values as they are.

    Args:
        image: see `as_rgb`.

    Returns:
        (height, width, 1 or 3).

    Raises:
        InvalidInputError: for an array of another shape, or without pixels.
    """
    planes = image[0] if image.ndim == 4 and image.shape[0] else image
    planes = planes[..., None] if planes.ndim == 2 else planes
    if planes.ndim != 3 or 0 in planes.shape or planes.dtype.kind not in "biuf":
        raise InvalidInputError(
            f"expected an image as numbers of shape (height, width, channels), received {image.dtype} {image.shape}"
        )
    return planes[..., :3] if planes.shape[-1] >= 3 else planes[..., :1]


def as_rgb(image: npt.NDArray[Any], value_range: tuple[float, float] | None = None) -> Pixels:
    """Returns an image as 8-bit RGB.

    Args:
        image: (height, width) or (height, width, channels): 1 channel is grey, of more than 3 the first three count;
            of a time series (time, height, width, channels) the first picture. NaN becomes black.
        value_range: the values of black and white; None infers it.

    Returns:
        (height, width, 3).

    Raises:
        InvalidInputError: for an array of another shape, or without pixels.
    """
    image = as_planes(image)
    image = to_8_bits(image, value_range or infer_value_range(image))
    return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))


def to_8_bits(
    values: npt.NDArray[Any], value_range: tuple[float, float], out: npt.NDArray[np.float32] | None = None
) -> Pixels:
    """Returns values as whole numbers from 0 to 255.

    Args:
        values: of any shape. What lies outside of the range becomes its end, NaN black.
        value_range: what becomes 0 and 255.
        out: where to compute, of the values' shape; it may be the values.
    """
    low, high = value_range
    if values.dtype == np.uint8 and value_range == (0.0, 255.0):
        return np.asarray(values, np.uint8)
    scaled: npt.NDArray[np.float32] = np.subtract(values, np.float32(low), out=out, dtype=np.float32)
    scaled *= np.float32(255.0 / (high - low))
    np.rint(scaled, out=scaled)
    np.clip(scaled, 0, 255, out=scaled)
    if np.isnan(scaled.min(initial=0)):
        np.nan_to_num(scaled, copy=False, nan=0)
    return scaled.astype(np.uint8)


def fit_square(picture: npt.NDArray[Any], side: int) -> npt.NDArray[Any]:
    """Returns a picture scaled into a square, its proportions kept, centred on black.

    Args:
        picture: (height, width, channels), uint8 or float32.
        side: pixels.

    Returns:
        (side, side, channels); around a float32 picture is NaN, which `as_rgb` shows black in any value range.
    """
    small = shrink(picture, side, enlarge=True)
    height, width = small.shape[:2]
    if height == width:
        return small
    square = np.full((side, side, small.shape[2]), np.nan if small.dtype.kind == "f" else 0, small.dtype)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = small
    return square


def shrink(picture: npt.NDArray[Any], side: int, *, enlarge: bool = False) -> npt.NDArray[Any]:
    """Returns a picture whose longer side is at most `side` pixels, or exactly that with `enlarge`."""
    height, width, channels = picture.shape
    scale = side / max(height, width)
    if scale == 1 or (scale > 1 and not enlarge):
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Averaging keeps a small defect visible in a small picture; enlarged pixels stay pixels.
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    return np.asarray(resized, picture.dtype).reshape(size[1], size[0], channels)


def encode_jpeg(picture: Pixels) -> bytes:
    """Returns a picture, (height, width, 3), as a JPEG file."""
    good, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not good:
        raise InvalidInputError(f"expected a picture that JPEG can hold, received {picture.shape}")
    return bytes(data)


def data_uri(image: str | os.PathLike[str] | npt.NDArray[Any], side: int) -> str:
    """Returns a small version of an image as a `data:` address.

    Args:
        image: a file's path, or an array as `as_rgb` takes it.
        side: pixels of the longer side at most; an image of less than half of it is enlarged.

    Raises:
        DecodeError: for a file that cannot be decoded.
        InvalidInputError: for an array that is no image.
    """
    if isinstance(image, (str, os.PathLike)):
        picture = as_rgb(to_255(read_image(os.fspath(image))), (0.0, 255.0))
    else:
        picture = as_rgb(np.asarray(image))
    # A tiny picture is of no use at its own size.
    small = shrink(picture, side, enlarge=2 * max(picture.shape[:2]) <= side)
    return f"data:image/jpeg;base64,{base64.b64encode(encode_jpeg(small)).decode('ascii')}"
