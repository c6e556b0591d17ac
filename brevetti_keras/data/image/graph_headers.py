"""Which files the graph form can decode, read from their headers before the first batch.

TensorFlow decodes 8-bit JPEG, PNG and plain BMP as our own decoder does. Everything else it refuses in the middle of an
epoch without the file's name, or reads wrongly in silence (a palette BMP as grey); so such a file is told here.

    facts = graph_headers(paths, reader)      # decoder, orientation, upright size and size to reach, one row a path
"""

import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.header import HeaderError, ImageHeader, kind_of, read_header
from brevetti_keras.data.image.pixel_reader import PixelReader
from brevetti_keras.io.local import open_regular
from brevetti_keras.io.local_copies import local_copy
from brevetti_keras.utils.errors import DecodeError

FACTORS = (1, 2, 4, 8)
"""By which a JPEG is decoded smaller; the first decoders."""

PNG, BMP = len(FACTORS), len(FACTORS) + 1

_PREFIX = 1 << 16
_THREADS = 8
_END_OF_JPEG = b"\xff\xd9"
_ADVICE = "use form='host', which decodes it, or convert the file"


@dataclass(frozen=True)
class GraphFile:
    """What the graph must know of a file.

    Attributes:
        decoder: 0 to 3 a JPEG decoded smaller by `FACTORS`, `PNG` or `BMP`.
        orientation: EXIF orientation, 1 to 8.
        height: of the whole upright picture, in pixels.
        width: of the whole upright picture, in pixels.
        size: bytes.
    """

    decoder: int
    orientation: int
    height: int
    width: int
    size: int


def graph_headers(paths: Sequence[str], reader: PixelReader) -> list[GraphFile]:
    """Returns what the graph must know of each file.

    Raises:
        DecodeError: for the first file that TensorFlow cannot decode as our decoder does.
    """

    def look(path: str) -> GraphFile:
        return _look(path, reader)

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(look, paths, chunksize=64))


def _look(path: str, reader: PixelReader) -> GraphFile:
    try:
        with open(local_copy(path), "rb", opener=open_regular) as file:
            size = os.fstat(file.fileno()).st_size
            header, prefix = _header(file, size)
        decoder = _decoder(header, prefix)
        height, width = (header.height, header.width)[:: -1 if header.orientation >= 5 else 1]
        _check(height, width, reader)
    except HeaderError as error:
        raise DecodeError(path, str(error)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DecodeError(path, f"expected a readable image file: {reason}") from error
    if decoder == 0:
        decoder = FACTORS.index(reader.shrink(height, width))
    return GraphFile(decoder, header.orientation, height, width, size)


def _header(file: BinaryIO, size: int) -> tuple[ImageHeader, bytes]:
    """Reads a header from the file's beginning where that holds it, else from all of it."""
    prefix = file.read(_PREFIX)
    if kind_of(prefix[:16]) == "JPEG" and size > 2 * _PREFIX:
        try:
            header = read_header(prefix + _END_OF_JPEG)
        except (HeaderError, struct.error, IndexError):
            pass
        else:
            # An end marker in the last bytes stands for the rest, which the decoder checks when it comes to it.
            file.seek(size - _PREFIX)
            if _END_OF_JPEG in file.read():
                return header, prefix
            file.seek(_PREFIX)
    data = prefix + file.read()
    return read_header(data), data


def _decoder(header: ImageHeader, data: bytes) -> int:
    if header.kind == "JPEG" and header.components in {1, 3}:
        return 0
    if header.kind == "PNG":
        if data[24] == 16:
            raise HeaderError(f"expected 8 bits for the graph form, received a PNG of 16: {_ADVICE}")
        return PNG
    if header.kind == "BMP":
        header_size, bits, packing = (
            *struct.unpack_from("<I", data, 14),
            *struct.unpack_from("<HI", data, 28),
        )
        if header_size >= 40 and bits in {24, 32} and packing == 0:
            return BMP
        raise HeaderError(f"expected a plain BMP of 24 or 32 bits for the graph form, received another: {_ADVICE}")
    kind = "CMYK JPEG" if header.kind == "JPEG" else header.kind
    raise HeaderError(f"expected a JPEG, PNG or BMP for the graph form, received a {kind}: {_ADVICE}")


def _check(height: int, width: int, reader: PixelReader) -> None:
    if height * width > reader.max_pixels:
        raise HeaderError(
            f"expected at most {reader.max_pixels / 1e6:g} megapixels, received {height * width / 1e6:.1f}"
        )
    for _, (x2, y2) in reader.rois or ():
        if x2 > width or y2 > height:
            raise HeaderError(f"expected at least {x2} x {y2} pixels for a roi, received {width} x {height}")


def columns_of(files: Sequence[GraphFile], reader: PixelReader) -> dict[str, npt.NDArray[Any]]:
    """Returns what the graph must know as columns, the size to resize to among them."""
    sizes = np.array([reader.fitted_size(file.height, file.width) for file in files], np.int32).reshape(-1, 2)
    factors = np.array([FACTORS[file.decoder] if file.decoder < PNG else 1 for file in files], np.float32)
    return {
        "decoder": np.array([file.decoder for file in files], np.int32),
        "orientation": np.array([file.orientation for file in files], np.int32),
        "bytes": np.array([file.size for file in files], np.int64),
        "rows": np.array([file.height for file in files], np.float32) / factors,
        "columns": np.array([file.width for file in files], np.float32) / factors,
        "height": sizes[:, 0],
        "width": sizes[:, 1],
    }
