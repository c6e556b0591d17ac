import datetime
import pathlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from brevetti_keras.data.columns import TakenColumn, make_columns
from brevetti_keras.utils.errors import DataError, InvalidInputError


def taken(values: Any, rows: list[int], name: str = "x") -> TakenColumn:
    return make_columns(pd.DataFrame({name: values}))[name].take(np.array(rows))


def tuples(*values: Any) -> "pd.Series[Any]":
    return pd.Series(list(values), dtype=object)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["å", "", "c"]),
        pd.Series(["å", "", "c"], dtype=object),
        pd.Series(["å", "", "c"], dtype="string"),
        pd.Series(["å", "", "c"], dtype="string[python]"),
        pd.Series(["å", "", "c"], dtype="string[pyarrow]"),
        pd.Series(["å", "", "c"], dtype="category"),
        pd.Series([b"\xc3\xa5", b"", b"c"], dtype=object),
        pd.Series([np.str_("å"), np.str_(""), np.str_("c")], dtype=object),
    ],
)
def test_text_of_any_kind_becomes_utf8(values: "pd.Series[str]") -> None:
    column = taken(values, [2, 0, 0, 1])

    assert column.values.tolist() == [b"c", "å".encode(), "å".encode(), b""]
    assert column.lengths is None


def test_paths_are_text_and_names_that_are_not_utf8_keep_their_bytes() -> None:
    assert taken([pathlib.Path("/a/b"), pathlib.Path("c")], [0]).values.tolist() == [b"/a/b"]
    assert taken(pd.Series([b"/a/\xff".decode("utf-8", "surrogateescape")], dtype=object), [0]).values.tolist() == [
        b"/a/\xff"
    ]


@pytest.mark.parametrize(
    "dtype",
    ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64", "bool"],
)
def test_numbers_keep_their_width(dtype: str) -> None:
    column = taken(pd.Series([1, 0, 1], dtype=dtype), [2, 1])

    assert column.values.dtype == np.dtype(dtype)
    assert column.values.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("Int8", "int8"), ("UInt64", "uint64"), ("Float32", "float32"), ("boolean", "bool"), ("int16[pyarrow]", "int16")],
)
def test_nullable_numbers_keep_their_width(dtype: str, expected: str) -> None:
    column = taken(pd.Series([1, 0, 1], dtype=dtype), [0, 1])

    assert column.values.dtype == np.dtype(expected)
    assert column.values.tolist() == [1, 0]


def test_a_missing_float_is_nan() -> None:
    for dtype in ("float32", "Float32"):
        column = taken(pd.Series([1.5, None], dtype=dtype), [1, 0])
        assert column.values.dtype == np.float32
        assert np.isnan(column.values[0])
        assert column.values[1] == 1.5


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([1, 2], "int64"), ([1, 2.5], "float64"), ([True, False], "bool"), ([np.int8(1), np.int16(2)], "int16")],
)
def test_python_numbers_in_object_columns(values: list[Any], dtype: str) -> None:
    column = taken(pd.Series(values, dtype=object), [1])

    assert column.values.dtype == np.dtype(dtype)
    assert column.values.tolist() == [values[1]]


def test_categoricals_of_numbers_and_of_tuples() -> None:
    assert taken(pd.Categorical([30, 10, 30]), [0, 1]).values.tolist() == [30, 10]

    column = taken(pd.Categorical(tuples(("a",), ("b", "c"), ("a",))), [1, 2])

    assert column.values.tolist() == [[b"b", b"c"], [b"a", b""]]
    assert column.lengths is not None
    assert column.lengths.tolist() == [2, 1]


def test_tuples_are_padded_to_the_longest_of_the_batch() -> None:
    values = tuples(("a",), (), ("b", "c", "d"), ("e", "f"))

    both = taken(values, [0, 3])
    none = taken(values, [1])

    assert both.values.tolist() == [[b"a", b""], [b"e", b"f"]]
    assert both.lengths is not None
    assert both.lengths.tolist() == [1, 2]
    assert none.values.shape == (1, 0)


@pytest.mark.parametrize(
    ("values", "dtype", "padded"),
    [
        (((1, 2), (3,)), "int64", [[1, 2], [3, 0]]),
        (((1, 2.5), (3,)), "float64", [[1, 2.5], [3, 0]]),
        (((True,), ()), "bool", [[True], [False]]),
        (([1], [2, 3]), "int64", [[1, 0], [2, 3]]),
        ((np.array([1, 2], np.uint8), np.array([3], np.uint8)), "uint8", [[1, 2], [3, 0]]),
        ((np.array([1, 2], np.uint8), np.array([-3], np.int8)), "int16", [[1, 2], [-3, 0]]),
    ],
)
def test_tuples_of_numbers_are_padded_with_zero_and_never_narrowed(
    values: tuple[Any, ...], dtype: str, padded: list[Any]
) -> None:
    column = taken(tuples(*values), [0, 1])

    assert column.values.dtype == np.dtype(dtype)
    assert column.values.tolist() == padded


def test_only_empty_tuples_are_text() -> None:
    assert make_columns(pd.DataFrame({"category": tuples((), ())}))["category"].dtype == np.dtype(object)


@pytest.mark.parametrize("dtype", ["str", "object", "string", "category"])
def test_missing_text_is_refused_in_one_line_that_says_what_to_do(dtype: str) -> None:
    samples = pd.DataFrame({"reference": pd.Series(["a", "b", None, None], dtype=dtype)})

    with pytest.raises(InvalidInputError) as caught:
        make_columns(samples)

    assert str(caught.value) == (
        "column 'reference': expected a value for every sample, received 2 missing, the first in row 2: "
        "fill them (missing text is '') or drop the column"
    )


@pytest.mark.parametrize("dtype", ["str", "object", "string", "category"])
def test_an_unassigned_purpose_is_empty_text(dtype: str) -> None:
    column = taken(pd.Series(["train", None, "test"], dtype=dtype), [0, 1, 2], name="purpose")

    assert column.values.tolist() == [b"train", b"", b"test"]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, None], dtype="Int64"),
        pd.Series([True, None], dtype="boolean"),
        tuples(("a",), None),
        pd.Categorical([1, None]),
    ],
)
def test_other_missing_values_are_refused(values: Any) -> None:
    with pytest.raises(InvalidInputError, match="column 'x': expected a value for every sample, received 1 missing"):
        make_columns(pd.DataFrame({"x": values}))


@pytest.mark.parametrize(
    ("values", "received"),
    [
        ([datetime.datetime(2020, 1, 1)], "datetime64"),
        (tuples({"a": 1}), "received dict"),
        (tuples("a", 1), "received int, str"),
        (tuples(("a",), "b"), "received str, tuple"),
        (tuples(("a", 1)), "received int, str"),
        (tuples((("a", "b"),)), "received tuple"),
        (tuples(("a", None)), "received NoneType, str"),
        (tuples(np.array([1], np.uint64), np.array([1], np.int64)), "received int64, uint64"),
    ],
)
def test_what_no_tensor_can_hold_is_refused(values: Any, received: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        make_columns(pd.DataFrame({"x": values}))

    assert received in str(caught.value)
    assert "column 'x'" in str(caught.value)
    assert "drop it" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_integers_beyond_64_bits_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="'x': expected integers within int64"):
        make_columns(pd.DataFrame({"x": pd.Series([2**70], dtype=object)}))
    with pytest.raises(InvalidInputError, match="'x': expected integers within int64"):
        make_columns(pd.DataFrame({"x": tuples((1, 2**70))}))


def test_frames_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(DataError, match="expected at least one sample, received an empty DataFrame"):
        make_columns(pd.DataFrame({"path": []}))
    with pytest.raises(InvalidInputError, match="in a DataFrame, received list"):
        make_columns([{"path": "a"}])  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="text as column names, received 3"):
        make_columns(pd.DataFrame({3: ["a"]}))
    with pytest.raises(InvalidInputError, match="each column once, received 'a' twice"):
        make_columns(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_sparse_columns_are_numbers_as_others() -> None:
    column = taken(pd.arrays.SparseArray([0, 0, 7], dtype=np.int16), [2, 0])

    assert column.values.tolist() == [7, 0]
    assert column.values.dtype == np.int16


def test_a_frame_without_columns_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="expected samples with at least one column, received none"):
        make_columns(pd.DataFrame(index=range(3)))
