import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.column_keys import MISSING, Key
from brevetti_keras.data.units import CONFLICT, join, spread


def key(*codes: int) -> Key:
    return Key(np.array(codes, dtype=np.int64), [f"t{code}" for code in range(max(codes, default=-1) + 1)])


def naive(keys: list[Key], count: int) -> list[int]:
    """Units numbered by first row, by joining pair after pair."""
    units = list(range(count))
    for one in keys:
        for row in range(count):
            for other in range(row):
                if one.codes[row] == one.codes[other] != MISSING:
                    units = [units[other] if unit == units[row] else unit for unit in units]
    return pd.factorize(np.array(units, dtype=np.int64))[0].tolist()


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 14).flatmap(lambda count: st.lists(
    st.lists(st.integers(-1, 9), min_size=count, max_size=count), max_size=3
).map(lambda columns: (count, columns))))  # fmt: skip
def test_rows_that_share_a_key_also_over_others_are_one_unit(drawn) -> None:
    count, columns = drawn
    keys = [key(*codes) for codes in columns]

    assert join(keys, count).tolist() == naive(keys, count)


def test_values_that_no_two_rows_share_tie_nothing() -> None:
    assert join([key(0, 1, 2, 3), key(3, 2, 1, 0)], 4).tolist() == [0, 1, 2, 3]
    assert join([key(0, 1, 2, 3), key(0, -1, 0, -1)], 4).tolist() == [0, 1, 0, 2]


def test_a_chain_over_three_keys_is_one_unit() -> None:
    keys = [key(0, 0, 1, 2, 3), key(0, 1, 1, 2, 3), key(0, 1, 2, 2, -1)]

    assert join(keys, 5).tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([0, -1, -1, -1], [0, 0, 0, -1]),
        ([0, -1, 0, -1], [0, 0, 0, -1]),
        ([0, -1, 1, -1], [0, CONFLICT, 1, -1]),
        ([-1, -1, -1, 1], [-1, -1, -1, 1]),
    ],
)
def test_purposes_spread_along_keys_and_meet_in_a_conflict(given, expected) -> None:
    keys = [key(0, 0, 1, 2), key(0, 1, 1, 2)]

    assert spread(keys, join(keys, 4), np.array(given))[0].tolist() == expected
