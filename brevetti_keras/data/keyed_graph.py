"""The numbers of keyed.py by TensorFlow's operations: the same to the last bit, computed in a graph.

key = derive(seed, epoch)                             # uint64 (1,), from Python integers or tensors
rows = permute(positions, count, key)                 # int64, what keyed.permute gives
"""

from typing import Any

import numpy as np

from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")

_WORD = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_ROUNDS = 8


def mix(words: Any) -> Any:
    """Returns a hash of each word; see `keyed.mix`."""
    words = (words ^ _shifted(words, 30)) * _word(_FIRST)
    words = (words ^ _shifted(words, 27)) * _word(_SECOND)
    return words ^ _shifted(words, 31)


def words_of(values: Any) -> Any:
    """Returns a Python integer of any size, or a tensor of integers, as uint64 modulo 2⁶⁴."""
    if isinstance(values, int):
        return _word(values)
    values = tf.convert_to_tensor(values)
    # By way of 64 bits with a sign, so that a narrow negative number is what it is in numpy.
    return values if values.dtype == tf.uint64 else tf.cast(tf.cast(values, tf.int64), tf.uint64)


def derive(*parts: Any) -> Any:
    """Returns a key made of integers or tensors of integers, broadcast, at least (1,); see `keyed.derive`."""
    key = tf.zeros((1,), tf.uint64)
    for part in parts:
        key = mix(key ^ mix(words_of(part) + _word(_GAMMA))) + _word(_GAMMA)
    return key


def uniform(key: Any, index: Any) -> Any:
    """Returns float64 numbers in [0, 1), one an index; see `keyed.uniform`."""
    return tf.cast(_shifted(mix(key + words_of(index) * _word(_GAMMA)), 11), tf.float64) * 2.0**-53


def seeds(key: Any, index: Any, streams: int) -> Any:
    """Returns the seeds of stateless random operations, int32 (n, streams, 2); see `keyed.seeds`."""
    drawn = derive(key, words_of(index)[:, None], tf.range(streams, dtype=tf.int64)[None, :])
    halves = tf.stack([_shifted(drawn, 32), drawn & _word(0xFFFFFFFF)], axis=-1)
    return tf.bitcast(tf.cast(halves, tf.uint32), tf.int32)


def permute(index: Any, size: Any, key: Any) -> Any:
    """Returns where a keyed permutation of `0 … size-1` puts each index, int64; see `keyed.permute`.

    Args:
        index: positions (n,), each below its size.
        size: a number, or int64 (n,).
        key: one, or one per index.
    """
    places = words_of(index)
    zeros = tf.zeros_like(places)
    sizes, keys = words_of(size) + zeros, key + zeros
    bits = _bits(sizes)
    walked = _feistel((places + mix(keys + _word(_GAMMA)) % sizes) % sizes, bits, keys)

    def step(values: Any) -> tuple[Any]:
        return (tf.where(values >= sizes, _feistel(values, bits, keys), values),)

    (walked,) = tf.while_loop(lambda values: tf.reduce_any(values >= sizes), step, (walked,))
    return tf.cast(walked, tf.int64)


def _feistel(values: Any, bits: Any, keys: Any) -> Any:
    low_bits = _shifted(bits, 1)
    one, gamma = _word(1), _word(_GAMMA)
    low_mask = tf.bitwise.left_shift(one + tf.zeros_like(bits), low_bits) - one
    high_mask = tf.bitwise.left_shift(one + tf.zeros_like(bits), bits - low_bits) - one
    high, low = tf.bitwise.right_shift(values, low_bits), values & low_mask
    for _ in range(_ROUNDS // 2):
        keys = keys + gamma
        high = high ^ (mix(low ^ keys) & high_mask)
        keys = keys + gamma
        low = low ^ (mix(high ^ keys) & low_mask)
    return tf.bitwise.left_shift(high, low_bits) | low


def _bits(sizes: Any) -> Any:
    """How many bits the largest value below each size has, as uint64."""
    powers = tf.constant(2 ** np.arange(53, dtype=np.uint64))
    return tf.cast(tf.reduce_sum(tf.cast(sizes[:, None] > powers, tf.int64), axis=1), tf.uint64)


def _word(value: int) -> Any:
    return tf.constant(value & _WORD, tf.uint64)


def _shifted(words: Any, bits: int) -> Any:
    return tf.bitwise.right_shift(words, _word(bits))
