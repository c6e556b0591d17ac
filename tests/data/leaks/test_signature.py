import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.leaks.alignment import distance, prepare
from brevetti_keras.data.leaks.candidates import similar_pairs
from brevetti_keras.data.leaks.signature import describe, hash_pixels, orientations, work_picture
from tests.support.parts import brighten, draw_part, shift

GREY = draw_part("ampoule", 3, 96)[..., None]


def test_grey_in_three_channels_is_the_same_picture_and_another_depth_is_not():
    assert hash_pixels(np.repeat(GREY, 3, axis=2)) == hash_pixels(GREY)
    assert hash_pixels(GREY.astype(np.uint16)) != hash_pixels(GREY)
    assert hash_pixels(GREY[::-1]) != hash_pixels(GREY)
    assert hash_pixels(GREY.astype(">u2")) == hash_pixels(GREY.astype("<u2"))


def test_shape_is_part_of_the_hash():
    flat = np.arange(24, dtype=np.uint8)
    assert hash_pixels(flat.reshape(4, 6, 1)) != hash_pixels(flat.reshape(6, 4, 1))


def test_figures_are_those_of_the_picture():
    signature = describe(GREY)
    assert (signature.height, signature.width, signature.channels, signature.depth) == (96, 96, 1, "uint8")
    assert signature.brightness == pytest.approx(GREY.mean(), abs=1e-3)
    assert signature.contrast == pytest.approx(GREY.std(), abs=1e-3)
    assert signature.detail.shape == (32, 32)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deep_pictures_have_brightness_on_the_same_scale(dtype):
    deep = GREY.astype(np.float64) * (257 if dtype is np.uint16 else 1)
    assert describe(deep.astype(dtype)).brightness == pytest.approx(GREY.mean(), abs=0.1)


def test_a_plain_picture_has_no_detail():
    assert not describe(np.full((50, 40, 3), 9, np.uint8)).detail.any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_orientations_are_the_eight_of_a_square(seed):
    square = np.random.default_rng(seed).integers(0, 99, (5, 5))
    found = {picture.tobytes() for picture in orientations(square)}
    assert len(found) == 8
    assert {picture.tobytes() for turned in orientations(square) for picture in orientations(turned)} == found


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 7), st.integers(0, 50))
def test_a_turned_picture_is_no_distance_away_in_its_orientation(way, number):
    work = work_picture(draw_part("vial", number, 128).astype(np.float32))
    assert distance(prepare(work, way), prepare(orientations(work)[way])) < 1e-3


def test_distance_does_not_count_brightness_and_shift_and_counts_another_part():
    one, other = (draw_part("vial", number) for number in (1, 2))
    ready = {name: prepare(work_picture(p.astype(np.float32))) for name, p in
               {"one": one, "other": other, "bright": brighten(one), "moved": shift(one, 3, -4)}.items()}  # fmt: skip
    apart = distance(ready["one"], ready["other"])
    assert apart > 2
    assert distance(ready["one"], ready["bright"]) < 0.2 * apart
    assert distance(ready["one"], ready["moved"]) < 0.2 * apart


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 15))
def test_similar_pairs_are_those_of_a_plain_search(seed, count):
    rng = np.random.default_rng(seed)
    details = rng.integers(-20, 20, (count, 32, 32)).astype(np.int8)
    details[count // 2] = orientations(details[0])[5]
    pairs = similar_pairs(details)
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(0, count // 2)]
    assert pairs.orientation.tolist() == [5]
    assert pairs.similarity[0] == pytest.approx(1, abs=1e-4)


def test_pairs_across_blocks_are_found(monkeypatch):
    details = np.random.default_rng(0).integers(-20, 20, (60, 32, 32)).astype(np.int8)
    details[50] = details[3]
    whole = similar_pairs(details)
    monkeypatch.setattr("brevetti_keras.data.leaks.candidates._BLOCK_FLOATS", 8 * 60 * 7)
    blocked = similar_pairs(details)
    assert blocked.first.tolist() == whole.first.tolist()
    assert blocked.second.tolist() == whole.second.tolist()
    surest = int(whole.similarity.argmax())
    assert (whole.first[surest], whole.second[surest]) == (3, 50)


def test_no_picture_and_one_have_no_pairs():
    for count in (0, 1):
        assert len(similar_pairs(np.zeros((count, 32, 32), np.int8)).first) == 0


def test_what_pictures_share_makes_no_pairs_though_some_are_turned():
    rng = np.random.default_rng(0)
    common = rng.integers(-90, 90, (32, 32))
    details = (common + rng.integers(-12, 13, (200, 32, 32))).astype(np.int8)
    details[180:] = np.rot90(details[180:], axes=(1, 2))
    details[190] = np.rot90(details[7])
    pairs = similar_pairs(details)
    assert list(zip(pairs.first, pairs.second, pairs.orientation, strict=True)) == [(7, 190, 1)]


def test_pairs_beyond_the_nearest_twenty_are_told(caplog):
    rng = np.random.default_rng(0)
    details = np.concatenate(
        [rng.integers(-20, 20, (570, 32, 32)), np.repeat(rng.integers(-20, 20, (1, 32, 32)), 30, 0)]
    )
    pairs = similar_pairs(details.astype(np.int8))
    assert np.bincount(pairs.first).max() == 20
    assert "9 pictures resemble more than 20 others: of those, the nearest 20 are compared" in caplog.text
    assert "and 45 pairs are not" in caplog.text
