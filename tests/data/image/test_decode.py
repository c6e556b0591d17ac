import io
import os
import struct
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from brevetti_keras.data.image.decode import MAX_PIXELS, read_image, read_scaled, to_255, verify_image
from brevetti_keras.utils.errors import DataError, DecodeError
from tests.support.odd_images import (
    DEEP,
    HEIGHT,
    PIXELS,
    WIDTH,
    broken_files,
    encode,
    opencv,
    png_bomb,
    sound_files,
    tiff,
    with_orientation,
    write,
)

SOUND, BROKEN = sound_files(), broken_files()


def as_pillow_reads(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def in_color(image: np.ndarray) -> np.ndarray:
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


@pytest.mark.parametrize("name", SOUND)
def test_sound_files_have_the_pixels_that_pillow_reads(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, SOUND[name])
    assert verify_image(path) is None
    image = read_image(path)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(in_color(image), as_pillow_reads(SOUND[name]))


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_have_a_reason_in_one_line_and_an_error_with_their_path(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, name, BROKEN[name])
    reason = verify_image(path)
    assert reason is not None
    assert reason.startswith("expected")
    assert "\n" not in reason
    assert path not in reason
    with pytest.raises(DecodeError) as caught:
        read_image(path)
    assert str(caught.value) == f"{path}: {reason}"
    assert isinstance(caught.value, DataError)


def test_reasons_name_what_was_met(tmp_path: Path) -> None:
    def reason(name: str) -> str | None:
        return verify_image(write(tmp_path, name, BROKEN[name]))

    assert "empty file" in str(reason("empty.jpg"))
    assert "begins with b'this is '" in str(reason("text.jpg"))
    assert "truncated" in str(reason("no_end.jpg"))
    assert "truncated" in str(reason("half.png"))
    assert "damaged" in str(reason("flipped.png"))
    assert "at most 100 megapixels, received 400.0 (20000 x 20000)" in str(reason("bomb.png"))
    assert "3600.0" in str(reason("bomb.jpg"))


def test_paths_without_a_readable_file_have_a_reason(tmp_path: Path) -> None:
    assert "there is none" in str(verify_image(str(tmp_path / "missing.png")))
    assert "directory" in str(verify_image(str(tmp_path)))
    assert "null byte" in str(verify_image("a\0b"))


def test_a_pipe_or_a_device_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (str(tmp_path / "pipe.png"), "/dev/zero"):
        assert verify_image(path) == (
            "expected a readable image file: a pipe, a device or a socket stands where a file is needed"
        )


def test_the_content_decides_not_the_ending(tmp_path: Path) -> None:
    path = write(tmp_path, "really_png.bmp", SOUND["rgb.png"])
    np.testing.assert_array_equal(read_image(path), PIXELS)


@pytest.mark.parametrize("side", [10_001, 65_000])
def test_bombs_are_refused_before_their_pixels_are_allocated(tmp_path: Path, side: int) -> None:
    path = write(tmp_path, "bomb.png", png_bomb(side))
    assert side * side > MAX_PIXELS
    assert "megapixels" in str(verify_image(path))


def test_a_gif_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    data = bytearray(SOUND["still.gif"])
    data[6:10] = b"\xff\xff\xff\xff"
    assert "megapixels" in str(verify_image(write(tmp_path, "bomb.gif", bytes(data))))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, kind: str, orientation: int) -> None:
    data = with_orientation(orientation, kind)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    image = read_image(write(tmp_path, "turned", data))
    assert image.shape[:2] == ((WIDTH, HEIGHT) if orientation >= 5 else (HEIGHT, WIDTH))
    np.testing.assert_array_equal(image, upright)


def test_orientation_is_found_in_either_byte_order_and_ignored_when_damaged(tmp_path: Path) -> None:
    def with_exif(exif: bytes) -> str:
        return write(tmp_path, "exif.jpg", encode(Image.fromarray(PIXELS), "JPEG", exif=b"Exif\0\0" + exif))

    little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    assert read_image(with_exif(little)).shape == (WIDTH, HEIGHT, 3)
    assert read_image(with_exif(big)).shape == (WIDTH, HEIGHT, 3)
    # Some programs write it with 32 bits.
    assert read_image(with_exif(b"II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\x06\0\0\0")).shape == (WIDTH, HEIGHT, 3)
    assert read_image(with_exif(b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x06")).shape == (WIDTH, HEIGHT, 3)
    for damaged in (little[:12], little[:4] + b"\xff\xff\xff\x7f" + little[8:], b"XX" + little[2:], b""):
        assert read_image(with_exif(damaged)).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    "data",
    [
        opencv(".png", DEEP),
        opencv(".tif", DEEP, cv2.IMWRITE_TIFF_COMPRESSION, 5),
        tiff(DEEP, photometric="rgb"),
        tiff(DEEP, photometric="rgb", compression="zlib"),
        tiff(np.moveaxis(DEEP, -1, 0), photometric="rgb", planarconfig="separate"),
        tiff(np.dstack([DEEP, DEEP[..., 0]]), photometric="rgb", extrasamples=["unassalpha"]),
    ],
    ids=["png", "lzw", "tiff", "deflate", "planar", "alpha"],
)
def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path, data: bytes) -> None:
    image = read_image(write(tmp_path, "deep", data))
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image, DEEP)


def test_deep_grey_stays_deep(tmp_path: Path) -> None:
    for name, data in {"png": opencv(".png", DEEP[..., 0]), "tif": tiff(DEEP[..., 0])}.items():
        image = read_image(write(tmp_path, name, data))
        np.testing.assert_array_equal(in_color(image), in_color(DEEP[..., :1]))
    white_is_zero = read_image(write(tmp_path, "white", tiff(DEEP[..., 0], photometric="miniswhite")))
    np.testing.assert_array_equal(white_is_zero[..., 0], 65535 - DEEP[..., 0])


def test_float_tiffs_keep_their_values_and_must_be_finite(tmp_path: Path) -> None:
    values = PIXELS[..., 0].astype(np.float32) / 3
    np.testing.assert_array_equal(read_image(write(tmp_path, "float.tif", tiff(values)))[..., 0], values)
    values[3, 4] = np.nan
    assert "finite" in str(verify_image(write(tmp_path, "nan.tif", tiff(values))))


def test_signed_tiffs_are_refused_rather_than_guessed(tmp_path: Path) -> None:
    assert "int16" in str(verify_image(write(tmp_path, "signed.tif", tiff(PIXELS[..., 0].astype(np.int16)))))


def test_signed_bytes_are_refused_too(tmp_path: Path) -> None:
    path = write(tmp_path, "signed.tif", tiff((PIXELS[..., 0] // 2).astype(np.int8)))
    assert verify_image(path) == "expected a TIFF of unsigned integers or floats, received int8"


@pytest.mark.parametrize(
    ("pixels", "photometric", "named"),
    [
        (np.dstack([65535 - DEEP, np.zeros_like(DEEP[..., :1])]), "separated", "SEPARATED of 16 bits"),
        (DEEP, "cielab", "CIELAB of 16 bits"),
        (DEEP[..., 0], "palette", "PALETTE of 16 bits"),
    ],
    ids=["cmyk", "lab", "palette"],
)
def test_deep_tiffs_of_other_colours_are_refused_rather_than_taken_for_rgb(
    tmp_path: Path, pixels: np.ndarray, photometric: str, named: str
) -> None:
    colors = {"colormap": np.zeros((3, 65536), np.uint16)} if photometric == "palette" else {}
    path = write(tmp_path, "other.tif", tiff(pixels, photometric=photometric, **colors))
    assert verify_image(path) == f"expected a TIFF of greys or of red, green and blue, received {named}"


def test_tiffs_of_12_bits_are_refused_and_not_called_damaged(tmp_path: Path) -> None:
    data = bytearray(tiff(np.zeros((4, 4), np.uint16)))
    bits = data.index(struct.pack("<HHI", 258, 3, 1))
    data[bits + 8] = 12
    path = write(tmp_path, "twelve.tif", bytes(data))
    assert verify_image(path) == "expected a TIFF of 8, 16 or 32 bits a channel, received 12"


def test_a_reason_is_the_same_each_time(tmp_path: Path) -> None:
    path = write(tmp_path, "big.tif", tiff(PIXELS, photometric="rgb", bigtiff=True, byteorder=">"))
    reason = verify_image(path)
    assert reason is not None
    assert "0x" not in reason
    assert verify_image(path) == reason


def test_numbers_beyond_single_precision_are_no_pixels(tmp_path: Path) -> None:
    values = PIXELS[..., 0].astype(np.float64)
    np.testing.assert_array_equal(read_image(write(tmp_path, "double.tif", tiff(values)))[..., 0], values)
    values[3, 4] = 1e300
    assert "finite" in str(verify_image(write(tmp_path, "large.tif", tiff(values))))


def test_every_depth_fills_the_scale_to_255() -> None:
    assert to_255(np.array([0, 255], np.uint8)).tolist() == [0, 255]
    assert to_255(np.array([0, 257, 65535], np.uint16)).tolist() == [0, 1, 255]
    np.testing.assert_allclose(to_255(np.array([2**32 - 1], np.uint32)), 255)
    assert to_255(np.array([0.5, 300.0], np.float32)).tolist() == [0.5, 300.0]
    # Half a step of 16 bits is not lost to whole numbers.
    assert to_255(np.array([128], np.uint16))[0] == pytest.approx(128 / 257)


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
@pytest.mark.parametrize("name", ["baseline.jpg", "progressive.jpg", "grey.jpg"])
def test_jpegs_shrink_while_they_are_decoded(tmp_path: Path, factor: int, name: str) -> None:
    asked: list[tuple[int, int]] = []

    def shrink(height: int, width: int) -> int:
        asked.append((height, width))
        return factor

    image, extent = read_scaled(write(tmp_path, name, SOUND[name]), shrink)
    assert asked == [(HEIGHT, WIDTH)]
    assert image.shape[:2] == (-(-HEIGHT // factor), -(-WIDTH // factor))
    assert extent == (HEIGHT / factor, WIDTH / factor)
    with Image.open(io.BytesIO(SOUND[name])) as draft:
        draft.draft(None, (WIDTH // factor, HEIGHT // factor))
        np.testing.assert_array_equal(in_color(image), np.asarray(draft.convert("RGB")))


def test_a_turned_jpeg_is_asked_for_its_upright_size(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []
    path = write(tmp_path, "turned.jpg", with_orientation(6, "JPEG"))
    image, extent = read_scaled(path, lambda *size: asked.append(size) or 2)
    assert asked == [(WIDTH, HEIGHT)]
    assert image.shape == (42, 31, 3)
    assert extent == (WIDTH / 2, HEIGHT / 2)


@pytest.mark.parametrize("name", ["rgb.png", "rgb.bmp", "lossless.webp", "cmyk.jpg", "plain.tif"])
def test_other_kinds_never_shrink(tmp_path: Path, name: str) -> None:
    image, extent = read_scaled(write(tmp_path, name, SOUND[name]), lambda height, width: 8)
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert extent == (HEIGHT, WIDTH)


def test_threads_decode_side_by_side(tmp_path: Path) -> None:
    paths = [write(tmp_path, name, data) for name, data in SOUND.items()]
    results: dict[str, str | None] = {}
    threads = [threading.Thread(target=lambda p=path: results.update({p: verify_image(p)})) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == dict.fromkeys(paths)


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9.png")
    with open(name, "wb") as file:
        file.write(SOUND["rgb.png"])
    assert verify_image(os.fsdecode(name)) is None


@given(
    name=st.sampled_from([*SOUND, "deep.png", "deep.tif"]),
    cut=st.floats(0, 1),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=12),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_of_any_kind_is_a_reason_and_never_another_error(
    tmp_path: Path, name: str, cut: float, changes: list[tuple[int, int]]
) -> None:
    deep = {"deep.png": opencv(".png", DEEP), "deep.tif": tiff(DEEP, photometric="rgb", compression="zlib")}
    data = bytearray({**SOUND, **deep}[name])
    for place, value in changes:
        data[place % len(data)] = value
    if cut < 0.5:
        data = data[: int(2 * cut * len(data))]
    reason = verify_image(write(tmp_path, "damaged", bytes(data)))
    assert reason is None or (reason.startswith("expected") and "\n" not in reason)


def test_tiffs_of_too_many_channels_or_dimensions_are_refused(tmp_path: Path) -> None:
    volume = tiff(np.zeros((16, 16, 16), np.uint16), photometric="minisblack", volumetric=True, tile=(16, 16, 16))
    assert "one flat image" in str(verify_image(write(tmp_path, "volume.tif", volume)))


def test_a_tiff_of_one_row_is_an_image(tmp_path: Path) -> None:
    path = write(tmp_path, "row.tif", tiff(DEEP[:1, :, 0]))
    np.testing.assert_array_equal(read_image(path), DEEP[:1, :, :1])


def test_a_bmp_whose_rows_go_downwards_is_read(tmp_path: Path) -> None:
    data = bytearray(encode(Image.fromarray(PIXELS[::-1]), "BMP"))
    data[22:26] = (-HEIGHT).to_bytes(4, "little", signed=True)
    np.testing.assert_array_equal(read_image(write(tmp_path, "downwards.bmp", bytes(data))), PIXELS)


def masked_bmp(bits: int, masks: tuple[int, int, int, int], header_size: int) -> bytes:
    """A BMP of `PIXELS` whose colours lie where its masks say."""
    values = np.zeros((HEIGHT, WIDTH), np.uint32)
    for channel, mask in enumerate(masks[:3]):
        shift = (mask & -mask).bit_length() - 1
        values |= (PIXELS[..., channel].astype(np.uint32) * (mask >> shift) // 255) << shift
    rows = values[::-1].astype("<u4" if bits == 32 else "<u2")
    rows = rows if bits == 32 else np.pad(rows, ((0, 0), (0, WIDTH % 2)))
    header = struct.pack("<IiiHHIIiiII", header_size, WIDTH, HEIGHT, 1, bits, 3, rows.nbytes, 0, 0, 0, 0)
    header += struct.pack("<IIII", *masks)[: 12 if header_size == 40 else 16]
    header = header.ljust(header_size, b"\0")
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + rows.nbytes, 0, 0, start) + header + rows.tobytes()


BGRX, RGBX = (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF0000, 0xFF00, 0xFF)
ABGR, TEN_BITS = (0xFF, 0xFF00, 0xFF0000, 0xFF000000), (0x3FF00000, 0xFFC00, 0x3FF, 0)


@pytest.mark.parametrize("header_size", [40, 56, 124])
@pytest.mark.parametrize("masks", [BGRX, RGBX, ABGR])
def test_the_masks_of_a_bmp_are_followed_or_refused_and_never_passed_over(
    tmp_path: Path, masks: tuple[int, int, int, int], header_size: int
) -> None:
    path = write(tmp_path, "masks.bmp", masked_bmp(32, masks, header_size))
    if (masks, header_size) == (ABGR, 40):
        assert "Unsupported BMP bitfields layout" in str(verify_image(path))
    else:
        np.testing.assert_array_equal(read_image(path), PIXELS)


@pytest.mark.parametrize(
    ("bits", "masks"), [(32, TEN_BITS), (16, (0xF00, 0xF0, 0xF, 0)), (16, (0x1F, 0x7E0, 0xF800, 0))]
)
@pytest.mark.parametrize("header_size", [40, 124])
def test_masks_that_no_decoder_knows_are_refused(
    tmp_path: Path, bits: int, masks: tuple[int, int, int, int], header_size: int
) -> None:
    path = write(tmp_path, "masks.bmp", masked_bmp(bits, masks, header_size))
    assert "Unsupported BMP bitfields layout" in str(verify_image(path))


@pytest.mark.parametrize("masks", [(0xF800, 0x7E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0)])
def test_bmps_of_16_bits_come_near_their_colours(tmp_path: Path, masks: tuple[int, int, int, int]) -> None:
    image = read_image(write(tmp_path, "masks.bmp", masked_bmp(16, masks, 40)))
    assert np.abs(image.astype(int) - PIXELS).max() <= 16


@pytest.mark.parametrize("apart", [True, False])
def test_of_an_animated_png_the_still_picture_is_read(tmp_path: Path, apart: bool) -> None:
    more = [Image.fromarray(255 - PIXELS), Image.fromarray(PIXELS // 2)]
    data = encode(Image.fromarray(PIXELS), "PNG", save_all=True, default_image=apart, append_images=more)
    np.testing.assert_array_equal(read_image(write(tmp_path, "animated.png", data)), PIXELS)
