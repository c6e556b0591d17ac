import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.leaks.signature import turned
from brevetti_keras.data.leaks.spectrum import SPECTRUM_SHAPE, TURNS, WAYS, spectrum_of, squared, strengths
from tests.support.parts import draw_part, shift


def texture(seed, side=128):
    return (128 + 40 * np.random.default_rng(seed).standard_normal((side, side))).clip(0, 255).astype(np.float32)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 7), st.integers(0, 99))
def test_a_turned_picture_has_the_turned_spectrum_whichever_half_turn(way, seed):
    picture = texture(seed)
    place = WAYS.index(way if way in WAYS else way ^ 2)
    expected = spectrum_of(picture).ravel()[TURNS[place]]
    np.testing.assert_allclose(spectrum_of(turned(picture, way)).ravel(), expected, atol=0.02)


def test_each_way_is_another_spectrum():
    flat = spectrum_of(texture(1)).ravel()
    assert len({flat[turn].tobytes() for turn in TURNS}) == 4
    assert (TURNS[0] == np.arange(np.prod(SPECTRUM_SHAPE))).all()


def test_a_shift_of_what_fills_the_frame_changes_little_and_another_texture_much():
    one = draw_part("disc", 1).astype(np.uint8)
    ready, moved, other = (strengths(spectrum_of(p.astype(np.float32)).ravel().astype(np.float32)) for p in
                           (one, shift(one, 3, -3), draw_part("vial", 1)))  # fmt: skip
    size = np.linalg.norm(ready)
    assert np.linalg.norm(ready - moved) < 0.15 * size
    assert np.linalg.norm(ready - other) > 0.5 * size


def test_a_wave_stands_at_its_frequency():
    rows = np.arange(128, dtype=np.float32)
    picture = np.tile(128 + 50 * np.sin(rows * 2 * np.pi * 5 / 128), (128, 1)).astype(np.float32)
    spectrum = spectrum_of(picture)
    assert np.unravel_index(spectrum.argmax(), SPECTRUM_SHAPE) == (16, 5)
    assert np.unravel_index(spectrum_of(picture.T).argmax(), SPECTRUM_SHAPE) in {(11, 0), (21, 0)}


def test_what_compression_leaves_of_no_structure_does_not_show():
    faint = 100 + np.random.default_rng(0).uniform(-0.5, 0.5, (64, 64)).astype(np.float32)
    assert np.ptp(spectrum_of(faint).astype(np.float32)) < 0.1


@pytest.mark.parametrize("shape", [(64, 64), (200, 30), (7, 300)])
def test_any_shape_becomes_a_square(shape):
    small = squared(np.full(shape, 7, np.float32), 64)
    assert small.shape == (64, 64)
    np.testing.assert_allclose(small, 7, rtol=1e-6)
