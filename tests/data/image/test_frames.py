import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from brevetti_keras.data.image.frames import count_frames
from tests.support.odd_images import PIXELS, encode, sound_files

FILES = sound_files()
IMAGE = Image.fromarray(PIXELS)


def several(kind: str, count: int) -> bytes:
    # Pictures that differ: equal ones are written as one that stays longer.
    turned = [IMAGE.rotate(20 * number) for number in range(1, count)]
    return encode(IMAGE, kind, save_all=True, append_images=turned)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_frames_are_counted_as_pillow_counts_them(kind: str, count: int) -> None:
    data = several(kind, count)
    assert count_frames(data, kind) == Image.open(io.BytesIO(data)).n_frames == count


@pytest.mark.parametrize(
    ("name", "kind"), [("baseline.jpg", "JPEG"), ("palette.bmp", "BMP"), ("lossless.webp", "WEBP")]
)
def test_a_still_picture_is_one_frame(name: str, kind: str) -> None:
    assert count_frames(FILES[name], kind) == 1


@given(
    kind=st.sampled_from(["GIF", "WEBP", "PNG", "TIFF"]),
    cut=st.floats(0, 1),
    place=st.floats(0, 0.999),
    bit=st.integers(0, 7),
)
@settings(max_examples=80, deadline=None)
def test_damage_never_raises(kind: str, cut: float, place: float, bit: int) -> None:
    data = bytearray(several(kind, 3))
    data[int(place * len(data))] ^= 1 << bit
    assert count_frames(bytes(data[: int(cut * len(data))]), kind) >= 1
