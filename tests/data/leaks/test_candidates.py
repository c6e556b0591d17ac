import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.leaks.candidates import similar_pairs
from brevetti_keras.data.leaks.spectrum import SPECTRUM_SHAPE, TURNS, WAYS


def spectra(rng, count, base=20.0, spread=5.0):
    """Spectra of so many pictures, each its own; of a real picture the two halves of the first column are one."""
    found = base + rng.uniform(-spread, spread, (count, *SPECTRUM_SHAPE))
    found[:, :16, 0] = found[:, :16:-1, 0]
    return found.astype(np.float16)


def turned(one, place):
    return one.ravel()[TURNS[place]].reshape(SPECTRUM_SHAPE)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(16, 40), st.integers(0, 3))
def test_similar_pairs_are_those_of_a_plain_search(seed, count, place):
    found = spectra(np.random.default_rng(seed), count)
    found[count // 2] = turned(found[0], place)
    pairs = similar_pairs(found)
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(0, count // 2)]
    assert pairs.way.tolist() == [WAYS[place]]
    assert pairs.similarity[0] == pytest.approx(1, abs=1e-3)


def test_pairs_across_blocks_are_found(monkeypatch):
    found = spectra(np.random.default_rng(0), 60)
    found[50] = found[3]
    whole = similar_pairs(found)
    monkeypatch.setattr("brevetti_keras.data.leaks.candidates._BLOCK_FLOATS", 60 * 7)
    monkeypatch.setattr("brevetti_keras.data.leaks.candidates._COMPARED", 1)
    blocked = similar_pairs(found)
    assert (blocked.first.tolist(), blocked.second.tolist()) == (whole.first.tolist(), whole.second.tolist())
    assert (3, 50) in set(zip(whole.first.tolist(), whole.second.tolist(), strict=True))


def test_no_picture_and_one_have_no_pairs():
    for count in (0, 1):
        assert len(similar_pairs(np.zeros((count, *SPECTRUM_SHAPE), np.float16)).first) == 0


def test_what_pictures_share_makes_no_pairs_though_some_are_turned():
    rng = np.random.default_rng(0)
    found = spectra(rng, 1, 30, 25) + spectra(rng, 200, 0, 2)
    found[180:] = [turned(one, 1) for one in found[180:]]
    found[190] = turned(found[7], 1)
    pairs = similar_pairs(found)
    assert list(zip(pairs.first, pairs.second, pairs.way, strict=True)) == [(7, 190, 1)]


def test_pictures_that_are_plain_resemble_none():
    found = spectra(np.random.default_rng(0), 30)
    found[[4, 9]] = np.float16(2**0.5)
    assert len(similar_pairs(found).first) == 0


def test_pairs_of_too_different_strength_are_left_out_though_their_own_parts_are_alike():
    found = spectra(np.random.default_rng(0), 40, 6, 2)
    found[20], found[30] = found[1], found[2]
    found[30] *= np.float16(1.8)
    pairs = similar_pairs(found)
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(1, 20)]


def test_pairs_beyond_the_nearest_twenty_are_told(caplog):
    rng = np.random.default_rng(0)
    found = np.concatenate([spectra(rng, 130), np.repeat(spectra(rng, 1), 30, 0)])
    pairs = similar_pairs(found)
    assert np.bincount(pairs.first).max() == 20
    assert "9 pictures resemble more than 20 others: of those, the nearest 20 are compared" in caplog.text
    assert "and 45 pairs are not" in caplog.text
