import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.leaks.signature import describe, hash_pixels, turned, work_picture, work_side
from brevetti_keras.data.leaks.spectrum import SPECTRUM_SHAPE
from tests.support.parts import draw_part

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
    assert signature.spectrum.shape == SPECTRUM_SHAPE


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deep_pictures_have_brightness_on_the_same_scale(dtype):
    deep = GREY.astype(np.float64) * (257 if dtype is np.uint16 else 1)
    assert describe(deep.astype(dtype)).brightness == pytest.approx(GREY.mean(), abs=0.1)


def test_a_plain_picture_has_no_structure():
    assert np.ptp(describe(np.full((50, 40, 3), 9, np.uint8)).spectrum) == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_eight_ways_are_those_of_a_square(seed):
    square = np.random.default_rng(seed).integers(0, 99, (5, 5))
    found = {turned(square, way).tobytes() for way in range(8)}
    assert len(found) == 8
    assert {turned(turned(square, one), other).tobytes() for one in range(8) for other in range(8)} == found
    assert all((turned(square, way ^ 2) == turned(square, way)[::-1, ::-1]).all() for way in range(8))


@pytest.mark.parametrize("shape", [(300, 500), (20, 300), (9, 9)])
def test_the_work_picture_is_square_and_keeps_the_mean(shape):
    grey = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    work = work_picture(grey)
    assert work.shape == (128, 128)
    assert work.mean() == pytest.approx(grey.mean(), abs=8)


def test_pictures_are_compared_at_a_small_side_where_all_are_small():
    signatures = [describe(np.zeros((side, 20, 1), np.uint8)) for side in (8, 28, 33, 200)]
    assert [work_side(signatures[:count]) for count in (0, 1, 2, 3, 4)] == [128, 32, 32, 64, 128]
