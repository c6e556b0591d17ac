"""Image files to arrays: every pixel and every bit of depth, upright, or an error that names the file.

The one decoder of the package: indexing verifies files by it, pipelines read by it, so that a file which was verified
can be read. JPEG, PNG and BMP go through OpenCV, which is quick, strict about truncated data and holds no lock while
it works; GIF, WebP and CMYK through Pillow; TIFF through Pillow, or tifffile where it is deeper than 8 bits. Nothing
here touches TensorFlow, whose decoders read palette BMPs as grey, ignore EXIF and name no file.

    reason = verify_image("vial.png")         # None, or why it cannot be used
    image = read_image("vial.png")            # (height, width, 1 or 3), uint8, uint16 or float32
    to_255(image)                             # the same as float32 in [0, 255]
"""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.frames import still_png
from brevetti_keras.data.image.header import (
    DAMAGE,
    PREFIX,
    HeaderError,
    ImageHeader,
    has_usual_masks,
    kind_of,
    one_line,
    read_header,
)
from brevetti_keras.io.local import open_regular
from brevetti_keras.io.local_copies import local_copy
from brevetti_keras.utils.errors import BrevettiError, DecodeError
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")
pillow = lazy_import("PIL.Image", install="pillow")
tifffile = lazy_import("tifffile")

Array = npt.NDArray[Any]
Shrink = Callable[[int, int], int]

MAX_PIXELS = 100_000_000
"""An image of more pixels is refused from its header: it would take gigabytes."""

_MAX_CHANNELS = 4
_MIN_IS_WHITE = 0
# Black is 0, red, green and blue, a mosaic, and what a sensor told: the numbers are pixels as they are.
_PLAIN = frozenset({_MIN_IS_WHITE, 1, 2, 32803, 34892})
_TIFF_BITS = frozenset({1, 2, 4, 8, 16, 32, 64})
_UNSIGNED = "expected a TIFF of unsigned integers or floats, received {}"


def verify_image(path: str) -> str | None:
    """Decodes the whole file and tells why it cannot be used.

    Args:
        path: a local file.

    Returns:
        The reason in one line, without the path, or None for a sound image.
    """
    try:
        read_image(path)
    except DecodeError as error:
        return error.reason
    return None


def read_image(path: str) -> Array:
    """Decodes the (first) image of a file.

    Args:
        path: a local file.

    Returns:
        (height, width, channels): 1 channel for grey, 3 for RGB, alpha dropped, EXIF orientation applied. uint8, or
        what deeper files hold: uint16, uint32, float32.

    Raises:
        DecodeError: for a file that is missing, empty, damaged, truncated, of another kind or beyond `MAX_PIXELS`.
    """
    return read_scaled(path, None)[0]


def read_scaled(path: str, shrink: Shrink | None) -> tuple[Array, tuple[float, float]]:
    """Decodes a file as `read_image` does, a JPEG smaller where that is enough.

    Args:
        path: a local file.
        shrink: given the upright height and width, returns 1, 2, 4 or 8: the factor by which a JPEG may be decoded
            smaller. Its decoder then averages while it transforms, which is both quicker and nearer to the true
            smaller picture. Other kinds are never shrunk.

    Returns:
        The image, and the height and width that the whole picture has in its pixels: the size of a shrunk image
        rounds up, so that its last row and column may lie partly outside.

    Raises:
        DecodeError: see `read_image`.
    """
    return decode_scaled(path, read_file(path), shrink)


def read_file(path: str) -> bytes:
    """Returns a file's bytes, if it begins as an image does.

    Raises:
        DecodeError: see `read_image`.
    """
    try:
        return _read(path)
    except HeaderError as error:
        raise DecodeError(path, str(error)) from error


def decode_scaled(
    path: str, data: bytes, shrink: Shrink | None, max_pixels: int = MAX_PIXELS
) -> tuple[Array, tuple[float, float]]:
    """Decodes a file's bytes as `read_scaled` does the file.

    Args:
        path: of the file, for errors.
        data: its bytes.
        shrink: see `read_scaled`.
        max_pixels: an image of more is refused.

    Raises:
        DecodeError: see `read_image`.
    """
    try:
        header = read_header(data)
        check_size(header.width, header.height, max_pixels)
        turned = header.orientation >= 5
        height, width = (header.width, header.height) if turned else (header.height, header.width)
        factor = shrink(height, width) if shrink is not None and header.kind == "JPEG" and header.components != 4 else 1
        image = _decode(data, header, factor, max_pixels)
    except HeaderError as error:
        raise DecodeError(path, str(error)) from error
    except MemoryError as error:
        raise DecodeError(path, "expected an image that fits in memory, received one that does not") from error
    image = np.ascontiguousarray(image if image.ndim == 3 else image[..., None])
    return image, (height / factor, width / factor) if factor > 1 else (float(image.shape[0]), float(image.shape[1]))


def to_255(image: Array) -> npt.NDArray[np.float32]:
    """Returns an image as float32 on the scale [0, 255].

    Args:
        image: unsigned integers fill the scale by their full range, floats are taken to be on it already.
    """
    if image.dtype == np.uint8 or image.dtype.kind == "f":
        return image.astype(np.float32, copy=False)
    return (image * (255.0 / np.iinfo(image.dtype).max)).astype(np.float32)


def kind_of_file(path: str) -> str:
    """Returns the kind of image that a file begins as, reading no more than that.

    Raises:
        HeaderError: if it is none, or cannot be read; the text is the reason.
    """
    return kind_of(_read(path, whole=False))


def _read(path: str, whole: bool = True) -> bytes:
    try:
        with open(local_copy(path), "rb", buffering=0, opener=open_regular) as file:
            prefix = file.read(PREFIX)
            kind_of(prefix)  # before the rest is read, which may be long
            if not whole:
                return prefix
            file.seek(0)  # reading the prefix again is quicker than joining it to the rest
            return file.readall()
    except FileNotFoundError as error:
        raise HeaderError("expected an image file, received a path where there is none") from error
    except BrevettiError as error:  # an object that is not there, or cannot be had
        raise HeaderError(str(error).removeprefix(f"{path}: ")) from error
    except OSError as error:
        raise HeaderError(f"expected a readable image file: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the path
        raise HeaderError(f"expected a path, received one that no file can have: {error}") from error


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuses an image that is too large to be decoded.

    Raises:
        HeaderError: for more than `max_pixels` pixels.
    """
    if width * height > max_pixels:
        raise HeaderError(
            f"expected at most {max_pixels / 1e6:g} megapixels, "
            f"received {width * height / 1e6:.1f} ({width} x {height})"
        )


def _decode(data: bytes, header: ImageHeader, factor: int, max_pixels: int) -> Array:
    if header.kind == "TIFF":
        return _decode_tiff(data, header.orientation, max_pixels)
    if header.kind in {"GIF", "WEBP"} or header.components == 4:
        return _upright(_decode_pillow(data, header.kind, max_pixels), header.orientation)
    if header.kind == "BMP" and not has_usual_masks(data):  # which OpenCV takes for the usual ones
        return _decode_pillow(data, "BMP", max_pixels)
    # OpenCV shows the first frame of an animation, which need not be the PNG's picture.
    image = _decode_cv2(still_png(data) if header.kind == "PNG" else data, header, factor)
    if image is not None:
        return _upright(image, header.orientation)
    if header.kind == "BMP":  # of which there are more variants than OpenCV knows
        return _decode_pillow(data, "BMP", max_pixels)
    raise HeaderError(f"expected a whole {header.kind}, received one that is truncated or damaged")


def _decode_cv2(data: bytes, header: ImageHeader, factor: int) -> Array | None:
    # OpenCV's modes are composed of size bits and a colour bit; those of reduced RGB have no name of their own.
    size = {
        1: 0,
        2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
        4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
        8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    }[factor]
    color = cv2.IMREAD_GRAYSCALE if header.components == 1 else cv2.IMREAD_COLOR_RGB
    flags = size | color | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    return _imdecode(data, flags)


def _imdecode(data: bytes, flags: int) -> Array | None:
    try:
        image: Array | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise HeaderError(f"expected a sound image, received one that OpenCV refuses: {one_line(error)}") from error
    return image


def _decode_pillow(data: bytes, kind: str, max_pixels: int) -> Array:
    try:
        with pillow.open(io.BytesIO(data), formats=(kind,)) as image:
            check_size(image.width, image.height, max_pixels)
            return np.asarray(image if image.mode == "L" else image.convert("RGB"))
    except pillow.UnidentifiedImageError as error:  # whose text is an address in memory
        raise HeaderError(f"expected a {kind} that Pillow reads, received another, or one that is damaged") from error
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
        raise HeaderError(f"expected at most {max_pixels / 1e6:g} megapixels, received more") from error
    except DAMAGE as error:
        raise HeaderError(f"expected a whole {kind}, received one that is damaged: {one_line(error)}") from error


def _decode_tiff(data: bytes, orientation: int, max_pixels: int) -> Array:
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            page = tiff.pages[0]
            if page.size > _MAX_CHANNELS * max_pixels:
                raise HeaderError(f"expected a TIFF of at most {_MAX_CHANNELS} channels, received {page.shape}")
            inverted = page.photometric == _MIN_IS_WHITE
            if _depth_of_tiff(page) <= 8:
                return _decode_pillow(data, "TIFF", max_pixels)  # which turns TIFFs upright by itself
            image = _deep_tiff(page, data)
    except DAMAGE as error:
        raise HeaderError(f"expected a whole TIFF, received one that is damaged: {one_line(error)}") from error
    if image.dtype.kind not in "uf":
        raise HeaderError(_UNSIGNED.format(image.dtype))
    if image.dtype.kind == "f":
        with np.errstate(over="ignore"):
            image = image.astype(np.float32)
        if not np.isfinite(image).all():
            raise HeaderError("expected a TIFF of finite numbers, received some that are not")
    elif inverted:
        image = np.iinfo(image.dtype).max - image
    return _upright(image[..., :3] if image.shape[2] >= 3 else image[..., :1], orientation)


def _depth_of_tiff(page: Any) -> int:
    """Returns the bits of a channel, if they are those of a pixel."""
    bits = {int(depth) for depth in np.atleast_1d(page.bitspersample)}
    depth = max(bits)
    if page.dtype is not None and page.dtype.kind == "i":
        raise HeaderError(_UNSIGNED.format(page.dtype))
    if not bits <= _TIFF_BITS:
        raise HeaderError(f"expected a TIFF of 8, 16 or 32 bits a channel, received {depth}")
    if depth > 8 and page.photometric not in _PLAIN:
        meant = getattr(page.photometric, "name", page.photometric)
        raise HeaderError(f"expected a TIFF of greys or of red, green and blue, received {meant} of {depth} bits")
    return depth


def _deep_tiff(page: Any, data: bytes) -> Array:
    try:
        image: Array = page.asarray()
    except ValueError:
        # A compression that tifffile leaves to another package; OpenCV's libtiff knows it.
        found = _imdecode(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
        if found is None:
            raise
        return np.asarray(found[..., [2, 1, 0]] if found.ndim == 3 else found[..., None])
    # (planes, depth, height, width, samples) of any TIFF, with 1 for what it does not have.
    planes, depth, height, width, samples = page.shaped
    if depth != 1:
        raise HeaderError(f"expected a TIFF of one flat image, received {page.shape}")
    return np.moveaxis(image.reshape(planes, height, width, samples), 0, -2).reshape(height, width, planes * samples)


def _upright(image: Array, orientation: int) -> Array:
    """Applies an EXIF orientation (EXIF 2.32, tag 274): 5 to 8 lie on their side, 2, 4, 5 and 7 are mirrored."""
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        image = image[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        image = image[::-1]
    return image
