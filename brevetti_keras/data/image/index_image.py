"""Images of indices: PNGs whose pixels are numbers of a palette, as masks of classes and of objects are kept.

read_indices("SegmentationClass/1.png")     # uint8 (height, width): 0 is the background
write_indices(indices)                      # the bytes of a PNG with Pascal VOC's colours
"""

import functools
import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.decode import MAX_PIXELS, read_file
from brevetti_keras.data.image.header import DAMAGE, HeaderError, one_line, read_header
from brevetti_keras.utils.errors import DecodeError
from brevetti_keras.utils.lazy import lazy_import

pillow = lazy_import("PIL.Image", install="pillow")

Indices = npt.NDArray[np.uint8]
Color = tuple[int, int, int]

VOID = 255
"""Pascal VOC's index of what nobody decided."""

_GREY, _COLOR, _PALETTE, _COLOR_ALPHA = 0, 2, 3, 6


@functools.cache
def voc_colors() -> npt.NDArray[np.uint8]:
    """Returns Pascal VOC's colours (256, 3): the bits of an index, dealt out to red, green and blue from the top down
    (host.robots.ox.ac.uk/pascal/VOC, VOClabelcolormap)."""
    numbers = np.arange(256)
    colors = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        colors[:, bit % 3] |= ((numbers >> bit & 1) << (7 - bit // 3)).astype(np.uint8)
    colors.flags.writeable = False
    return colors


def holds_palette(data: bytes) -> bool:
    """Tells whether a file's bytes are those of a PNG with a palette."""
    return data.startswith(b"\x89PNG") and data[25:26] == bytes([_PALETTE])


def tells_void(data: bytes) -> bool:
    """Tells whether 255 has Pascal VOC's colour of what nobody decided in a PNG with a palette."""
    start = data.find(b"PLTE") + 4
    return start > 3 and data[start + 3 * VOID : start + 3 * VOID + 3] == voc_colors()[VOID].tobytes()


def read_indices(path: str, colors: Mapping[Color, int] | None = None) -> Indices:
    """Returns the indices that a PNG holds: of a palette, as greys, or as colours that stand for them.

    Args:
        path: of the file, or its URL.
        colors: the index of each (red, green, blue); by default Pascal VOC's colours.

    Returns:
        uint8 (height, width).

    Raises:
        DecodeError: for another kind of file, one of more than `MAX_PIXELS`, or a colour that stands for no index.
    """
    try:
        return indices_of(read_file(path), colors)
    except HeaderError as error:
        raise DecodeError(path, str(error)) from error


def indices_of(data: bytes, colors: Mapping[Color, int] | None = None) -> Indices:
    """Returns the indices that the bytes of a PNG hold, see `read_indices`.

    Raises:
        HeaderError: if they hold none; the text is the reason.
    """
    header = read_header(data)
    if header.kind != "PNG":
        raise HeaderError(f"expected a mask of indices as PNG, received {header.kind}, which alters or lacks them")
    if header.width * header.height > MAX_PIXELS:
        raise HeaderError(f"expected at most {MAX_PIXELS:,} pixels, received {header.width} x {header.height}")
    depth, kind = data[24], data[25]
    if depth > 8 or kind not in {_GREY, _COLOR, _PALETTE, _COLOR_ALPHA}:
        raise HeaderError("expected a mask of indices with a palette, greys or colours of 8 bits, received another PNG")
    try:
        with pillow.open(io.BytesIO(data), formats=("PNG",)) as image:
            if kind == _PALETTE:
                return np.array(image, np.uint8)
            if kind == _GREY:
                # Pillow spreads greys of fewer bits over all 256.
                return np.array(image.convert("L"), np.uint8) // np.uint8(255 // (2**depth - 1))
            pixels = np.array(image.convert("RGB"), np.uint8)
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning, *DAMAGE) as error:
        raise HeaderError(f"expected a whole PNG, received one that is damaged: {one_line(error)}") from error
    return _looked_up(pixels, colors)


def _looked_up(pixels: npt.NDArray[np.uint8], colors: Mapping[Color, int] | None) -> Indices:
    known = {tuple(color): index for index, color in enumerate(voc_colors().tolist())} if colors is None else colors
    packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    found, places = np.unique(packed, return_inverse=True)
    table = np.zeros(len(found), np.uint8)
    for place, value in enumerate(found.tolist()):
        color = (value >> 16, value >> 8 & 255, value & 255)
        if color not in known:
            raise HeaderError(f"expected colours that stand for an index, received red, green, blue {color}")
        table[place] = known[color]
    return table[places].reshape(packed.shape)


def write_indices(indices: Indices) -> bytes:
    """Returns a PNG with a palette of Pascal VOC's colours.

    Args:
        indices: uint8 (height, width).
    """
    image = pillow.fromarray(indices)
    image.putpalette(voc_colors().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
