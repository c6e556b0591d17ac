import datetime
import json
import math
import pathlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevetti_keras.utils.encode import from_json, split_nonfinite, to_json
from brevetti_keras.utils.errors import InvalidInputError

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_what_is_written_is_read_back(value):
    assert from_json(to_json(value)) == value


@given(JSON_VALUES)
def test_indented_and_compact_text_hold_the_same(value):
    assert from_json(to_json(value, indent=2)) == from_json(to_json(value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([1.0, math.nan]), [1.0, None]),
        (pd.Series([1, 2]), [1, 2]),
        (pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
        (pd.NaT, None),
        (pd.NA, None),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        ({3: "x", (1, 2): "y", None: "z"}, {"3": "x", "[1,2]": "y", "null": "z"}),
        ({"b", "a"}, ["a", "b"]),
        (b"\x00\xff", "AP8="),
        (("a", ("b",)), ["a", ["b"]]),
        (math.inf, None),
    ],
)
def test_values_of_the_numeric_world_become_plain(value, expected):
    assert json.loads(to_json(value)) == expected


def test_a_value_without_a_form_is_refused_by_its_type():
    with pytest.raises(InvalidInputError, match="received object"):
        to_json({"a": object()})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "'a' twice"),
        ("NaN", "finite numbers or null, received NaN"),
        ("[-Infinity]", "received -Infinity"),
        ("1e999", "double's range"),
        ("1" * 5000, "5000"),
        ('"\\ud800"', "lone surrogate"),
        ('{"\\udfff": 1}', "lone surrogate"),
        ("[" * 100_000, "nested at most 64"),
        ("[" * 65 + "]" * 65, "nested at most 64"),
        ("{", "received text that is not"),
        (b"\xff", "UTF-8"),
        ("", "received text that is not"),
    ],
)
def test_json_that_readers_disagree_on_is_refused(text, reason):
    with pytest.raises(InvalidInputError, match=reason):
        from_json(text)


@pytest.mark.parametrize("inner", ["[]", "{}", '{"a":[1,"[["]}', '[[],{"b":{}}]'])
@pytest.mark.parametrize("depth", [1, 2, 7, 60, 64])
def test_the_depth_that_is_allowed_is_read_and_one_more_is_not(depth, inner):
    levels = {"[]": 1, "{}": 1, '{"a":[1,"[["]}': 2, '[[],{"b":{}}]': 3}[inner]
    for before, after in (("", ", []" * 200), ("[], " * 400, "")):
        text = "[" * depth + before + inner + after + "]" * depth
        assert from_json(text, max_depth=depth + levels)
        with pytest.raises(InvalidInputError, match=f"nested at most {depth + levels - 1} deep"):
            from_json(text, max_depth=depth + levels - 1)


def test_depth_counts_brackets_outside_strings_only():
    brackets = "[{" * 100 + '\\"'
    assert from_json(json.dumps([brackets, brackets])) == [brackets, brackets]
    assert from_json("[" * 64 + "]" * 64)


def test_many_shallow_objects_are_not_deep():
    assert len(from_json(json.dumps([[] for _ in range(1000)]))) == 1000


def test_bare_nan_is_taken_where_old_clients_send_it():
    value = from_json('{"loss": NaN, "high": Infinity, "low": -Infinity}', allow_nan=True)
    assert math.isnan(value["loss"])
    assert (value["high"], value["low"]) == (math.inf, -math.inf)


def test_paired_surrogates_are_one_character():
    assert from_json('"\\ud83d\\ude00"') == "😀"


def test_nonfinite_metrics_become_null_and_are_named():
    values, nonfinite = split_nonfinite(
        {"loss": math.nan, "a": np.float32(math.inf), "b": -math.inf, "ok": np.float32(0.5), "n": 3}
    )
    assert values == {"loss": None, "a": None, "b": None, "ok": 0.5, "n": 3}
    assert nonfinite == {"loss": "NaN", "a": "Infinity", "b": "-Infinity"}
