"""Makes image files of every kind that a folder may hold: odd ones that are sound, and broken ones."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

HEIGHT, WIDTH = 61, 83
_ROWS, _COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
PIXELS: npt.NDArray[np.uint8] = np.stack(
    [_COLUMNS * 3 % 256, _ROWS * 4 % 256, (_ROWS + _COLUMNS) * 2 % 256], axis=-1
).astype(np.uint8)
DEEP: npt.NDArray[np.uint16] = (PIXELS.astype(np.uint16) * 257 + 3 * (PIXELS < 200)).astype(np.uint16)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def with_orientation(orientation: int, kind: str) -> bytes:
    """An image whose stored pixels are `PIXELS` and whose EXIF tells to show them otherwise."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if kind == "WEBP" else {}
    return encode(Image.fromarray(PIXELS), kind, exif=exif, **lossless)


def run_length_bmp() -> bytes:
    """A 4 x 2 palette BMP packed by run lengths: the lower row of index 1, the upper 5 5 6 6."""
    palette = b"".join(bytes([index * 10 % 256, index * 20 % 256, index * 30 % 256, 0]) for index in range(256))
    data = bytes([4, 1, 0, 0, 2, 5, 2, 6, 0, 0, 0, 1])
    offset = 14 + 40 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, 4, 2, 1, 8, 1, len(data), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + header + palette + data


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_bomb(side: int = 20_000) -> bytes:
    """A PNG of a few bytes that claims `side` x `side` pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + png_chunk(b"IEND", b"")
    )


def jpeg_bomb(side: int = 60_000) -> bytes:
    """A sound JPEG whose frame header claims `side` x `side` pixels."""
    data = bytearray(encode(Image.fromarray(PIXELS), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def opencv(ending: str, pixels: npt.NDArray[np.generic], *options: int) -> bytes:
    return cv2.imencode(ending, pixels[..., ::-1] if pixels.ndim == 3 else pixels, list(options))[1].tobytes()


def tiff(pixels: npt.NDArray[np.generic], **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def sound_files() -> dict[str, bytes]:
    """Odd but sound files by name; Pillow reads each of them rightly."""
    image = Image.fromarray(PIXELS)
    palette = image.quantize(16)
    return {
        "baseline.jpg": encode(image, "JPEG"),
        "progressive.jpg": encode(image, "JPEG", progressive=True),
        "no_subsampling.jpg": encode(image, "JPEG", subsampling=0),
        "grey.jpg": encode(image.convert("L"), "JPEG"),
        "cmyk.jpg": encode(image.convert("CMYK"), "JPEG"),
        "trailing.jpg": encode(image, "JPEG") + b"camera notes",
        "rgb.png": encode(image, "PNG"),
        "grey.png": encode(image.convert("L"), "PNG"),
        "one_bit.png": encode(image.convert("1"), "PNG"),
        "palette.png": encode(palette, "PNG"),
        "palette_transparent.png": encode(palette, "PNG", transparency=3),
        "grey_transparent.png": encode(image.convert("L"), "PNG", transparency=3),
        "grey_alpha.png": encode(image.convert("LA"), "PNG"),
        "alpha.png": encode(image.convert("RGBA"), "PNG"),
        "rgb.bmp": encode(image, "BMP"),
        "grey.bmp": encode(image.convert("L"), "BMP"),
        "palette.bmp": encode(palette, "BMP"),
        "one_bit.bmp": encode(image.convert("1"), "BMP"),
        "run_length.bmp": run_length_bmp(),
        "still.gif": encode(image, "GIF"),
        "animated.gif": encode(image, "GIF", save_all=True, append_images=[palette.convert("RGB").rotate(90)]),
        "lossy.webp": encode(image, "WEBP"),
        "lossless.webp": encode(image, "WEBP", lossless=True),
        "alpha.webp": encode(image.convert("RGBA"), "WEBP", lossless=True),
        "animated.webp": encode(image, "WEBP", save_all=True, append_images=[image.rotate(90)], lossless=True),
        "plain.tif": encode(image, "TIFF"),
        "lzw.tif": encode(image, "TIFF", compression="tiff_lzw"),
        "jpeg.tif": encode(image, "TIFF", compression="jpeg"),
        "fax.tif": encode(image.convert("1"), "TIFF", compression="group4"),
        "wrong_ending.jpg": encode(image, "PNG"),
    }


def broken_files() -> dict[str, bytes]:
    """Files that cannot be used, by name."""
    image = Image.fromarray(PIXELS)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    jpeg, png = encode(image, "JPEG"), encode(noise, "PNG")
    flipped = bytearray(png)
    flipped[len(png) // 2] ^= 0xFF
    half = {f"half.{kind.lower()}": encode(noise, kind) for kind in ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")}
    exif = Image.Exif()
    exif[0x0112] = 6
    thumbnail = encode(image, "JPEG", exif=exif.tobytes() + encode(image.resize((16, 12)), "JPEG"))
    return {
        **{name: data[: len(data) // 2] for name, data in half.items()},
        "empty.jpg": b"",
        "text.jpg": b"this is no image at all, whatever its ending says",
        "photoshop.jpg": b"8BPS\0\1" + bytes(100),
        "postscript.png": b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "no_end.jpg": jpeg[:-2],
        "end_in_thumbnail_only.jpg": thumbnail[:-40],
        "header_only.jpg": jpeg[: jpeg.index(b"\xff\xc0")],
        "no_frame.jpg": b"\xff\xd8\xff\xd9" + bytes(20),
        "no_end.png": png[:-12],
        "flipped.png": bytes(flipped),
        "magic_only.png": png[:8],
        "magic_only.bmp": b"BM",
        "bomb.png": png_bomb(),
        "bomb.jpg": jpeg_bomb(),
    }


def write(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)
