import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.leaks.alignment import compare, prepare
from brevetti_keras.data.leaks.signature import turned, work_picture
from brevetti_keras.data.leaks.spectrum import WAYS
from tests.support.parts import brighten, draw_part, jpeg, shift


def ready(picture, way=0):
    return prepare(work_picture(picture.astype(np.float32)), way)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 7), st.integers(0, 50))
def test_a_turned_picture_is_no_distance_away_and_the_half_turn_is_told(way, number):
    picture = draw_part("vial", number, 128)
    prepared = way if way in WAYS else way ^ 2
    found = compare(ready(picture, prepared), ready(turned(picture, way)))
    assert found.distance < 1e-3
    assert found.half_turned == (prepared != way)


@pytest.mark.parametrize(
    "change",
    [brighten, lambda p: shift(p, 3, -4), lambda p: shift(p, -8, 1), lambda p: jpeg(p, 50),
     lambda p: jpeg(shift(brighten(p), 1, 2), 75), lambda p: shift(p, 2, 1)[::-1, ::-1]],
)  # fmt: skip
def test_distance_does_not_count_what_makes_a_copy_and_counts_another_part(change):
    one, other = (draw_part("vial", number) for number in (1, 2))
    apart = compare(ready(other), ready(one)).distance
    assert apart > 1
    assert compare(ready(one), ready(change(one))).distance < 0.25 * apart


def test_pictures_that_have_nothing_in_common_are_as_far_apart_as_there_is_structure():
    rng = np.random.default_rng(0)
    one, other = (128 + 20 * rng.standard_normal((2, 256, 256))).clip(0, 255)
    found = compare(ready(one), ready(other))
    assert found.distance > found.own > 1


def test_what_is_clipped_is_not_compared():
    picture = draw_part("disc", 4)
    bright = picture.astype(np.float32) * 1.25
    clipped = np.clip(np.rint(bright), 0, 255).astype(np.uint8)
    assert (clipped == 255).mean() > 0.005
    found, whole = compare(ready(picture), ready(clipped)), compare(ready(picture), prepare(work_picture(bright)))
    assert found.distance < 1.5 * whole.distance + 0.02 * whole.own


def test_of_a_picture_nearly_all_clipped_all_is_compared():
    white = np.full((128, 128), 255, np.uint8)
    dot = white.copy()
    dot[60:64, 60:64] = 0
    assert compare(ready(dot), ready(white)).distance > 0
    assert compare(ready(white), ready(white)).distance == 0


def test_a_brightness_beyond_what_copies_have_counts():
    picture = draw_part("vial", 3)
    half = np.rint(picture * 0.5).astype(np.uint8)
    found = compare(ready(picture), ready(half))
    assert found.distance > 0.3 * found.own


@pytest.mark.parametrize("side", [32, 64])
def test_small_pictures_are_compared_at_a_small_side_alike(side):
    one, other = (draw_part("vial", number, side) for number in (1, 2))
    at = [prepare(work_picture(p.astype(np.float32), side)) for p in (one, shift(brighten(one), 1, -1), other)]
    assert at[0].structure.shape == (side, side)
    copy, apart = compare(at[0], at[1]), compare(at[0], at[2])
    assert copy.distance < 0.25 * apart.distance
