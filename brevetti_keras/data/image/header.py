"""What an image file says of itself before it is decoded: kind, size, orientation.

The kind comes from the first bytes, never from the file's ending, and the size is known before any pixel is allocated,
so that a small file which unpacks to gigabytes is refused at once.

    header = read_header(data)      # ImageHeader(kind="JPEG", width=4000, height=3000, orientation=6, components=3)
"""

import io
import lzma
import struct
import zlib
from dataclasses import dataclass

from brevetti_keras.utils.lazy import lazy_import

tifffile = lazy_import("tifffile")

KINDS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")
PREFIX = 16
_TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ORIENTATION_TAG = 0x0112
# By the number of their type: 16 bits, as the standard has it, and 32, as some programs write it.
_WHOLE_NUMBERS = {3: "H", 4: "I"}
# Start-of-frame markers: C4, C8 and CC lie in the same range and mean other things (ITU T.81, table B.1).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BMP_MASKS = 54
_USUAL_MASKS = {32: ((0xFF0000, 0xFF00, 0xFF),), 16: ((0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F))}
_STANDALONE = frozenset(range(0xD0, 0xD8)) | {0x01}
# What Pillow and tifffile raise on damaged data is whatever the damage causes: each of these was met. Warnings are
# among them where a program turns warnings into errors.
DAMAGE = (
    *(
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        OSError,
        RuntimeError,
        SyntaxError,
        TypeError,
        ValueError,
    ),
    *(struct.error, zlib.error, lzma.LZMAError, Warning),
)


class HeaderError(Exception):
    """The header cannot be used; the text is the reason."""


@dataclass(frozen=True)
class ImageHeader:
    """What the header tells.

    Attributes:
        kind: one of `KINDS`.
        width: stored pixels a row, before the orientation is applied.
        height: stored rows.
        orientation: EXIF orientation, 1 to 8; 1 is upright.
        components: of a JPEG: 1 grey, 3 colour, 4 CMYK; 0 for other kinds.
    """

    kind: str
    width: int
    height: int
    orientation: int = 1
    components: int = 0


def kind_of(prefix: bytes) -> str:
    """Returns the kind of image that begins with `prefix` (at least `PREFIX` bytes, or the whole file).

    Raises:
        HeaderError: if it is none of `KINDS`.
    """
    if prefix.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if prefix.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if prefix.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if prefix[:4] == b"RIFF" and prefix[8:12] == b"WEBP":
        return "WEBP"
    if prefix.startswith(_TIFF_MARKS):
        return "TIFF"
    if prefix.startswith(b"BM"):
        return "BMP"
    if not prefix:
        raise HeaderError("expected an image, received an empty file")
    raise HeaderError(f"expected an image ({', '.join(KINDS)}), received a file that begins with {prefix[:8]!r}")


def read_header(data: bytes) -> ImageHeader:
    """Returns what the header of a whole file tells.

    Args:
        data: the file's bytes.

    Raises:
        HeaderError: for another kind of file, and for a header that is cut short or makes no sense.
    """
    kind = kind_of(data[:PREFIX])
    readers = {"JPEG": _jpeg, "PNG": _png, "BMP": _bmp, "GIF": _gif, "WEBP": _webp, "TIFF": _tiff}
    try:
        header = readers[kind](data)
    except (struct.error, IndexError) as error:
        raise HeaderError(f"expected a whole {kind} file, received one that is truncated in its header") from error
    if header.width < 1 or header.height < 1:
        raise HeaderError(f"expected an image with pixels, received {header.width} x {header.height}")
    return header


def _jpeg(data: bytes) -> ImageHeader:
    position, orientation = 2, 1
    frame: tuple[int, int, int] | None = None
    while True:
        while data[position] != 0xFF:  # padding that some cameras leave between segments
            position += 1
        marker = data[position + 1]
        if marker == 0xFF or marker in _STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            raise HeaderError("expected a JPEG with pixels, received one that ends after its header")
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker == 0xE1 and data[position + 4 : position + 10] == b"Exif\0\0":
            orientation = exif_orientation(data[position + 10 : position + 2 + length])
        if marker in _FRAMES:
            height, width, components = struct.unpack_from(">HHB", data, position + 5)
            frame = (width, height, components)
        position += 2 + length
        if marker == 0xDA:
            break
    if frame is None:
        raise HeaderError("expected a JPEG with a frame header, received one without")
    # Inside the compressed pixels FF is always escaped, so that FF D9 there can only be the end.
    if data.rfind(b"\xff\xd9", position) < 0:
        raise HeaderError("expected a whole JPEG, received one that is truncated")
    return ImageHeader("JPEG", frame[0], frame[1], orientation, frame[2])


def _png(data: bytes) -> ImageHeader:
    if data[12:16] != b"IHDR":
        raise HeaderError("expected a PNG that begins with IHDR, received another chunk")
    width, height = struct.unpack_from(">II", data, 16)
    position, orientation = 8, 1
    while True:
        length, name = struct.unpack_from(">I4s", data, position)
        if position + 12 + length > len(data):
            raise HeaderError("expected a whole PNG, received one that is truncated")
        if name == b"eXIf":
            orientation = exif_orientation(data[position + 8 : position + 8 + length])
        if name == b"IEND":
            return ImageHeader("PNG", width, height, orientation)
        position += 12 + length


def _bmp(data: bytes) -> ImageHeader:
    (header_size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header_size == 12 else "<ii", data, 18)
    return ImageHeader("BMP", width, abs(height))


def has_usual_masks(data: bytes) -> bool:
    """Tells whether the colours of a BMP lie where every decoder takes them to be, or where its header says so fully.

    Args:
        data: the bytes of a BMP whose header was read. Masks of colours stand behind the first 40 bytes of the header,
            inside it (version 4 on) or after it.
    """
    (header_size,) = struct.unpack_from("<I", data, 14)
    if header_size < 40 or len(data) < _BMP_MASKS + 12:
        return True
    bits, packing = struct.unpack_from("<HI", data, 28)
    if packing not in {3, 6}:
        return True
    masks = struct.unpack_from("<III", data, _BMP_MASKS)
    whole_bytes = {0xFF << shift for shift in (0, 8, 16, 24)}
    return masks in _USUAL_MASKS.get(bits, ()) or (bits == 32 and header_size >= 56 and whole_bytes.issuperset(masks))


def _gif(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from("<HH", data, 6)
    return ImageHeader("GIF", width, height)


def _webp(data: bytes) -> ImageHeader:
    position, orientation = 12, 1
    size: tuple[int, int] | None = None
    end = min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    while position + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, position)
        body = position + 8
        if name == b"EXIF":
            orientation = exif_orientation(data[body : body + length].removeprefix(b"Exif\0\0"))
        size = size or _webp_size(name, data, body)
        position = body + length + length % 2
    if size is None:
        raise HeaderError("expected a WebP with pixels, received one without")
    return ImageHeader("WEBP", *size, orientation)


def _webp_size(name: bytes, data: bytes, body: int) -> tuple[int, int] | None:
    """Sizes as RFC 9649 packs them: 24 bits less one, 14 bits less one, or 14 bits."""
    if name == b"VP8X":
        width = int.from_bytes(data[body + 4 : body + 7], "little") + 1
        return width, int.from_bytes(data[body + 7 : body + 10], "little") + 1
    if name == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, body + 1)
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if name == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, body + 6)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff(data: bytes) -> ImageHeader:
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            page = tiff.pages[0]
            orientation = page.tags.valueof(_ORIENTATION_TAG, default=1)
            return ImageHeader("TIFF", int(page.imagewidth), int(page.imagelength), _checked(orientation))
    except DAMAGE as error:
        raise HeaderError(
            f"expected a whole TIFF, received one whose directory is damaged: {one_line(error)}"
        ) from error


def one_line(error: BaseException) -> str:
    """Returns an error's text without line breaks."""
    return " ".join(str(error).split())


def exif_orientation(exif: bytes) -> int:
    """Returns the orientation (1 to 8) that an EXIF block tells, or 1 if it tells none.

    Args:
        exif: the block from its byte-order mark on (EXIF 2.32, section 4.5.2). A damaged one tells nothing: the pixels
            beside it are whole.
    """
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (offset,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, offset)
        for index in range(count):
            place = offset + 2 + 12 * index
            tag, kind = struct.unpack_from(f"{order}HH", exif, place)
            if tag == _ORIENTATION_TAG and kind in _WHOLE_NUMBERS:
                return _checked(struct.unpack_from(order + _WHOLE_NUMBERS[kind], exif, place + 8)[0])
    except struct.error:
        return 1
    return 1


def _checked(orientation: object) -> int:
    return int(orientation) if isinstance(orientation, int) and 1 <= orientation <= 8 else 1
