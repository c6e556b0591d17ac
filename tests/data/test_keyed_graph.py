"""The graph's keyed numbers are numpy's to the last bit, and its orders have the same rows."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data import keyed, keyed_graph
from brevetti_keras.data.order_graph import graph_order
from brevetti_keras.data.sampling import make_order
from brevetti_keras.utils.errors import InvalidInputError

INTEGERS = st.integers(-(2**70), 2**70)
PLACES = st.integers(-(2**31), 2**31 - 1)


@given(seed=INTEGERS, place=PLACES)
@settings(max_examples=25, deadline=None)
def test_keys_numbers_and_seeds_are_the_same(seed: int, place: int) -> None:
    key = keyed.derive(seed, place, 3)
    for number in (place, tf.constant(place, tf.int64), tf.constant(place, tf.int32)):
        np.testing.assert_array_equal(keyed_graph.derive(seed, number, 3), key)
    index = np.arange(5)
    np.testing.assert_array_equal(keyed_graph.uniform(tf.constant(key), tf.constant(index)), keyed.uniform(key, index))
    found = keyed_graph.seeds(tf.constant(key), tf.constant(index), 2)
    assert found.dtype == tf.int32
    np.testing.assert_array_equal(found, keyed.seeds(key, index, 2))


@given(size=st.integers(1, 5000), seed=INTEGERS)
@settings(max_examples=20, deadline=None)
def test_permutations_are_the_same(size: int, seed: int) -> None:
    key = keyed.derive(seed)
    index = np.arange(size)
    np.testing.assert_array_equal(
        keyed_graph.permute(tf.constant(index), size, tf.constant(key)), keyed.permute(index, size, key)
    )


def test_each_index_may_have_a_size_and_a_key_of_its_own() -> None:
    sizes = np.array([1, 2, 3, 64, 65, 1000, 2**40])
    index, keys = sizes // 2, keyed.derive(np.arange(7))
    np.testing.assert_array_equal(
        keyed_graph.permute(tf.constant(index), tf.constant(sizes), tf.constant(keys)),
        keyed.permute(index, sizes, keys),
    )


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("groupby", [None, ["group"]])
@given(epoch=st.integers(0, 10**6), bounds=st.tuples(st.integers(0, 136), st.integers(1, 40)), stride=st.integers(1, 5))
@settings(max_examples=8, deadline=None)
def test_orders_have_the_same_rows(
    shuffle: bool, groupby: list[str] | None, epoch: int, bounds: tuple[int, int], stride: int
) -> None:
    groups = np.random.default_rng(0).choice(list("abcde"), 200, p=[0.5, 0.3, 0.1, 0.05, 0.05])
    order = make_order(
        pd.DataFrame({"group": groups}), 137, shuffle=shuffle, seed=5, groupby=groupby, weighing="square root"
    )
    positions = np.arange(bounds[0], min(137, bounds[0] + bounds[1]), stride)
    wanted = order.rows(epoch, int(positions[0]), int(positions[-1]) + 1)[positions - positions[0]]
    np.testing.assert_array_equal(graph_order(order)(tf.constant(epoch, tf.int64), tf.constant(positions)), wanted)


def test_an_order_of_another_kind_is_one_line() -> None:
    with pytest.raises(InvalidInputError, match="expected one of our orders for the graph form, received object"):
        graph_order(object())  # type: ignore[arg-type]
