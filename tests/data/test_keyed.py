import collections
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.keyed import derive, mix, permute, seeds, uniform, words_of


@settings(max_examples=80, deadline=None)
@given(size=st.integers(1, 3000), seed=st.integers(-(2**70), 2**70), epoch=st.integers(0, 2**40))
def test_permute_is_a_permutation_of_every_size(size: int, seed: int, epoch: int) -> None:
    found = permute(np.arange(size), size, derive(seed, epoch))

    assert sorted(found.tolist()) == list(range(size))


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 2**40), data=st.data())
def test_an_element_alone_is_the_same_as_among_others(size: int, data: st.DataObject) -> None:
    key = derive(3, 4)
    places = np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=20)))

    together = permute(places, size, key)

    assert together.tolist() == [int(permute(int(place), size, key)[0]) for place in places]
    assert ((together >= 0) & (together < size)).all()


def test_permute_takes_a_size_and_a_key_for_each_index() -> None:
    sizes = np.array([1, 2, 7, 1000, 7])
    keys = derive(np.arange(5))
    index = np.array([0, 1, 6, 999, 0])

    found = permute(index, sizes, keys)

    assert found.tolist() == [int(permute(index[i], sizes[i], keys[i : i + 1])[0]) for i in range(5)]


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_every_permutation_of_a_few_is_equally_likely(size: int) -> None:
    trials = 6000
    orders = permute(np.tile(np.arange(size), trials), size, derive(np.repeat(np.arange(trials), size)))
    found = collections.Counter(map(tuple, orders.reshape(trials, size).tolist()))

    possible = math.factorial(size)
    expected = trials / possible
    chi_square = sum((count - expected) ** 2 / expected for count in found.values())

    assert len(found) == possible
    # Five standard deviations of chi-square above its mean.
    assert chi_square < possible - 1 + 5 * math.sqrt(2 * possible)


def test_neighbours_do_not_stay_neighbours() -> None:
    found = permute(np.arange(100_000), 100_000, derive(1))

    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.02
    assert abs(np.corrcoef(found, np.arange(100_000))[0, 1]) < 0.02


def test_derive_depends_on_every_part_and_its_place() -> None:
    keys = {int(derive(*parts)[0]) for parts in [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (-1,), (2**63,), (2**64 - 2,)]}

    assert len(keys) == 9
    assert derive(-1).tolist() == derive(2**64 - 1).tolist()


def test_derive_broadcasts_like_single_parts() -> None:
    together = derive(5, np.arange(3)[:, None], np.arange(2))

    assert together.shape == (3, 2)
    assert together[2, 1] == derive(5, 2, 1)[0]


def test_hashes_never_change_between_releases() -> None:
    # SplitMix64 seeded with 0 begins with this word: https://prng.di.unimi.it/splitmix64.c
    assert int(mix(words_of(0x9E3779B97F4A7C15))[0]) == 0xE220A8397B1DCDAF
    # Pinned: a job's order and augmentation must be the same after an update.
    assert permute(np.arange(10), 10, derive(7, 3)).tolist() == [0, 5, 9, 8, 6, 1, 7, 4, 3, 2]
    assert seeds(derive(7, 3), [0, 1], 1).ravel().tolist() == [-1600050749, -666788687, -1746568502, 30197953]


def test_uniform_covers_the_unit_interval_evenly() -> None:
    drawn = uniform(derive(1), np.arange(100_000))

    counts = np.histogram(drawn, bins=10, range=(0, 1))[0]
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert np.abs(counts - 10_000).max() < 500


def test_seeds_differ_by_position_stream_and_key() -> None:
    drawn = seeds(derive(1), np.arange(500), 3)
    other = seeds(derive(2), np.arange(500), 3)

    assert drawn.shape == (500, 3, 2)
    assert drawn.dtype == np.int32
    assert len({tuple(pair) for pair in [*drawn.reshape(-1, 2).tolist(), *other.reshape(-1, 2).tolist()]}) == 3000
    assert (drawn < 0).mean() == pytest.approx(0.5, abs=0.05)


def test_a_further_stream_leaves_the_first_as_it_is() -> None:
    assert (seeds(derive(1), np.arange(9), 3)[:, :1] == seeds(derive(1), np.arange(9), 1)).all()
