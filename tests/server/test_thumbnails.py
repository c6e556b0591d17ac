import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brevetti_keras.server.thumbnails import Thumbnails, etag_of
from brevetti_keras.utils.errors import DecodeError


def opened(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data))
    assert image.format == "JPEG"
    return np.asarray(image)


@pytest.mark.parametrize(("ending", "sides"), [("png", (300, 600)), ("jpg", (1200, 400)), ("bmp", (20, 10))])
def test_a_picture_fits_into_its_square_and_keeps_its_shape(
    tmp_path: Path, ending: str, sides: tuple[int, int]
) -> None:
    path = tmp_path / f"a.{ending}"
    Image.new("RGB", (sides[1], sides[0]), (200, 100, 50)).save(path)
    data, whole = Thumbnails().jpeg(str(path), 64)
    small = opened(data)
    assert whole == sides
    scale = min(1.0, 64 / max(sides))
    assert small.shape == (round(sides[0] * scale), round(sides[1] * scale), 3)
    assert np.abs(small.astype(int) - (200, 100, 50)).max() < 8


def test_grey_and_deep_images_are_shown_on_the_8_bit_scale(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((100, 50), 0x8080, np.uint16)).save(path)
    small = opened(Thumbnails().jpeg(str(path), 32)[0])
    assert small.shape[:2] == (32, 16)
    assert np.abs(small.astype(int) - 128).max() < 4


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"<svg onload=alert(1)>")
    with pytest.raises(DecodeError):
        Thumbnails().jpeg(str(path), 64)


def test_a_failure_frees_its_place(tmp_path: Path) -> None:
    thumbnails = Thumbnails(at_once=1)
    for _ in range(3):
        with pytest.raises(DecodeError):
            thumbnails.jpeg(str(tmp_path / "none.png"), 64)
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    done = []
    thread = threading.Thread(target=lambda: done.append(thumbnails.jpeg(str(tmp_path / "a.png"), 64)), daemon=True)
    thread.start()
    thread.join(60)
    assert len(done) == 1


def test_a_changed_file_has_another_tag(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    first = etag_of(str(path), 192)
    assert first == etag_of(str(path), 192) != etag_of(str(path), 1024)
    os.utime(path, ns=(1, 1))
    assert etag_of(str(path), 192) != first
