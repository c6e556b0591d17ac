"""Numbers drawn by position: hashes, permutations and seeds that are pure functions of a key and an index.

Nothing here has a state. `derive` makes a key from a seed and what it is for, and every draw is a hash of that key and
an index, so any element of any sequence can be computed alone, in any order, on any machine, with the same result
(numpy's own generators promise no stable stream between releases).

    key = derive(seed, epoch)
    rows = permute(np.arange(start, stop), size=10_000_000, key=key)    # a slice of a permutation, nothing else made
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_WORD = (1 << 64) - 1
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_ROUNDS = 8

Words = NDArray[np.uint64]


def mix(words: Words) -> Words:
    """Returns a hash of each word: the finaliser of SplitMix64 (Steele, Lea, Flood 2014), a bijection of 64 bits."""
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))


def words_of(values: Any) -> Words:
    """Returns integers of any size and sign as 64-bit words, modulo 2⁶⁴, with at least one dimension."""
    if isinstance(values, int):
        return np.array([values & _WORD], dtype=np.uint64)
    # One dimension at least: numpy wraps arrays in silence, as is meant here, but warns of scalars.
    return np.atleast_1d(np.asarray(values)).astype(np.uint64)


def derive(*parts: ArrayLike) -> Words:
    """Returns a key made of integers or arrays of integers, which are broadcast; their order matters.

    Args:
        *parts: the seed first, then what the key is for.

    Returns:
        uint64, of the parts' common shape, at least (1,).
    """
    key = words_of(0)
    for part in parts:
        key = mix(key ^ mix(words_of(part) + _GAMMA)) + _GAMMA
    return key


def uniform(key: Words, index: ArrayLike) -> NDArray[np.float64]:
    """Returns numbers in [0, 1), one per index, with 53 random bits each."""
    return (mix(key + words_of(index) * _GAMMA) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def seeds(key: Words, index: ArrayLike, streams: int) -> NDArray[np.int32]:
    """Returns the seeds of stateless random operations.

    Args:
        key: of one epoch.
        index: positions in that epoch, (n,).
        streams: how many independent seeds each position gets.

    Returns:
        int32 (n, streams, 2).
    """
    drawn = derive(key, words_of(index)[:, None], np.arange(streams)[None, :])
    halves = np.stack([drawn >> np.uint64(32), drawn & np.uint64(0xFFFFFFFF)], axis=-1)
    return halves.astype(np.uint32).view(np.int32)


def permute(index: ArrayLike, size: ArrayLike, key: Words) -> NDArray[np.int64]:
    """Returns where a keyed permutation of `0 … size-1` puts each index.

    A Feistel network over the next power of two, walked until it lands inside, after a rotation by the key (which
    also reaches the odd permutations that the network alone cannot). See Black and Rogaway, "Ciphers with arbitrary
    finite domains" (2002).

    Args:
        index: positions, each below its size.
        size: what is permuted, one number or one per index; at least 1 and below 2⁵³.
        key: one, or one per index.

    Returns:
        int64 of the common shape.
    """
    places, sizes, keys = np.broadcast_arrays(words_of(index), words_of(size), key)
    offset = mix(keys + _GAMMA) % sizes
    walked = _feistel((places + offset) % sizes, sizes, keys)
    outside = np.flatnonzero(walked >= sizes)
    while outside.size:
        walked[outside] = _feistel(walked[outside], sizes[outside], keys[outside])
        outside = outside[walked[outside] >= sizes[outside]]
    return walked.astype(np.int64)


def _feistel(values: Words, sizes: Words, keys: Words) -> Words:
    bits = np.frexp((sizes - np.uint64(1)).astype(np.float64))[1].astype(np.uint64)
    low_bits = bits >> np.uint64(1)
    low_mask = (np.uint64(1) << low_bits) - np.uint64(1)
    high_mask = (np.uint64(1) << (bits - low_bits)) - np.uint64(1)
    high, low = values >> low_bits, values & low_mask
    for _ in range(_ROUNDS // 2):
        keys = keys + _GAMMA
        high = high ^ (mix(low ^ keys) & high_mask)
        keys = keys + _GAMMA
        low = low ^ (mix(high ^ keys) & low_mask)
    joined: Words = (high << low_bits) | low
    return joined
