"""The corpus of odd files: everything that a folder of images may hold, each with whether it can be used."""

import struct

import numpy as np
from PIL import Image

from tests.support.odd_images import (
    DEEP,
    PIXELS,
    broken_files,
    encode,
    opencv,
    sound_files,
    tiff,
    with_orientation,
)


def high_color_bmp() -> bytes:
    """A BMP of 16 bits a pixel, five to each colour."""
    rows = []
    for row in PIXELS[::-1] >> 3:
        words = row.astype(np.uint16)
        packed = (words[:, 0] << 10 | words[:, 1] << 5 | words[:, 2]).astype("<u2").tobytes()
        rows.append(packed + bytes(-len(packed) % 4))
    data = b"".join(rows)
    height, width = PIXELS.shape[:2]
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 16, 0, len(data), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + header + data


def usable() -> dict[str, bytes]:
    """Returns the files that can be used, by name."""
    return {
        **sound_files(),
        "deep.png": opencv(".png", DEEP),
        "deep_grey.png": opencv(".png", DEEP[..., 0]),
        "deep_alpha.png": opencv(".png", np.dstack([DEEP[..., 0], DEEP])),
        "deep.tif": tiff(DEEP, photometric="rgb"),
        "deep_deflate.tif": tiff(DEEP, photometric="rgb", compression="zlib"),
        "floats.tif": tiff(PIXELS[..., 0].astype(np.float32)),
        "words.tif": tiff(PIXELS[..., 0].astype(np.uint32) << 24, photometric="minisblack"),
        "high_color.bmp": high_color_bmp(),
        "alpha.bmp": encode(Image.fromarray(PIXELS).convert("RGBA"), "BMP"),
        "several.tif": encode(Image.fromarray(PIXELS), "TIFF", save_all=True, append_images=[Image.new("RGB", (5, 5))]),
        **{f"orientation_{number}.jpg": with_orientation(number, "JPEG") for number in range(1, 9)},
    }


def unusable() -> dict[str, bytes]:
    """Returns the files that cannot, by name."""
    still = bytearray(sound_files()["still.gif"])
    still[6:10] = b"\xff\xff\xff\xff"
    nan = PIXELS[..., 0].astype(np.float32)
    nan[1, 2] = np.nan
    return {
        **broken_files(),
        "bomb.gif": bytes(still),
        "stars.jpg": b"SIMPLE  =                    T / conforms to FITS standard" + bytes(3000),
        "new.jpg": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1" + bytes(200),
        "phone.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
        "wavelets.jpg": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200),
        "drawing.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "page.jpg": b"<!DOCTYPE html><html><body>404</body></html>",
        "nan.tif": tiff(nan),
        "signed.tif": tiff(PIXELS[..., 0].astype(np.int16)),
        "zeros.png": bytes(5000),
    }
