"""How many pictures a file holds, read from its structure alone, without decoding one.

count_frames(data, "GIF")       # 12
still_png(data)                 # the same PNG without its animation
"""

import io
import struct

from brevetti_keras.data.image.header import DAMAGE
from brevetti_keras.utils.lazy import lazy_import

tifffile = lazy_import("tifffile")

_PNG_ANIMATION = frozenset((b"acTL", b"fcTL", b"fdAT"))
_GIF_IMAGE, _GIF_EXTENSION = 0x2C, 0x21


def count_frames(data: bytes, kind: str) -> int:
    """Returns the number of pictures in a file, at least 1; a damaged structure counts as far as it goes.

    Args:
        data: the file's bytes.
        kind: as `kind_of` tells it.
    """
    counters = {"GIF": _gif, "WEBP": _webp, "PNG": _png, "TIFF": _tiff}
    return max(1, counters[kind](data)) if kind in counters else 1


def still_png(data: bytes) -> bytes:
    """Returns a sound PNG with its still picture alone, which an animation may leave out.

    Args:
        data: the file's bytes, of which `read_header` found the end.
    """
    if data.find(b"acTL", 8, max(8, data.find(b"IDAT"))) < 0:
        return data
    kept, position = [data[:8]], 8
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        if name not in _PNG_ANIMATION:
            kept.append(data[position : position + 12 + length])
        position += 12 + length
    return b"".join(kept)


def _gif(data: bytes) -> int:
    """Counts image descriptors (GIF89a, sections 18 to 26)."""
    frames, position = 0, 13
    try:
        if data[10] & 0x80:
            position += 3 << (data[10] & 7) + 1
        while data[position] in {_GIF_IMAGE, _GIF_EXTENSION}:
            if data[position] == _GIF_IMAGE:
                frames += 1
                packed = data[position + 9]
                position += 11 + (3 << (packed & 7) + 1 if packed & 0x80 else 0)
            else:
                position += 2
            while data[position]:
                position += data[position] + 1
            position += 1
    except IndexError:
        return frames
    return frames


def _webp(data: bytes) -> int:
    """Counts ANMF chunks (RFC 9649, section 2.7.1.1)."""
    frames, position = 0, 12
    while position + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, position)
        frames += name == b"ANMF"
        position += 8 + length + length % 2
    return frames


def _png(data: bytes) -> int:
    """Reads the acTL chunk (PNG, third edition, section 11.3.6.1), which stands before the pixels."""
    position = data.find(b"acTL", 8, max(8, data.find(b"IDAT")))
    return int(struct.unpack_from(">I", data, position + 4)[0]) if 0 < position <= len(data) - 8 else 1


def _tiff(data: bytes) -> int:
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            return len(tiff.pages)
    except DAMAGE:
        return 1
