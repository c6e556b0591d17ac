import numpy as np
import pandas as pd
import pytest

from brevetti_keras.data.column_keys import MISSING, ColumnKeys, Key, absent_key, extended, merged, overlaid, text_key
from brevetti_keras.utils.errors import InvalidInputError


def texts(key: Key) -> list[str | None]:
    return [None if code == MISSING else key.texts[code] for code in key.codes]


@pytest.mark.parametrize("dtype", ["str", "object", "string[python]", "category"])
@pytest.mark.parametrize(
    "values", [["b", "", "a", "b", None], ["", "b", "a"], ["b", "a", ""], ["", None], [], ["b", None, "", "c", "é,\n"]]
)
def test_blank_and_missing_text_is_missing_and_the_rest_is_numbered_by_first_row(dtype, values) -> None:
    key = text_key(pd.Series(values, dtype=dtype))

    assert texts(key) == [value or None for value in values]
    assert key.texts == list(dict.fromkeys(filter(None, values)))
    assert key.codes.dtype == np.int64


def test_equal_values_are_one_text_whatever_their_type() -> None:
    mixed = text_key(pd.Series([1, 1.0, "1", np.int8(1), True, None, float("nan")], dtype="object"))

    assert texts(mixed)[:4] == ["1"] * 4
    assert mixed.codes[-2:].tolist() == [MISSING] * 2
    assert texts(text_key(pd.Series([("a", 1), ["a", 1], ("a",)], dtype="object"))) == ["a\x1f1", "a\x1f1", "a"]


def test_several_columns_are_one_key_and_one_missing_is_missing() -> None:
    keys = ColumnKeys(pd.DataFrame({"a": ["x", "x", "y", "", "x"], "b": [1, 2, 1, 1, 1]}))

    assert texts(keys.of(["a", "b"])) == ["x\x1f1", "x\x1f2", "y\x1f1", None, "x\x1f1"]
    assert texts(keys.of(["b", "a"]))[0] == "1\x1fx"
    assert keys.of(["a"]) is keys.of(["a"])
    assert "a" in keys
    assert "c" not in keys


def test_an_expression_finds_its_first_group_in_the_path() -> None:
    keys = ColumnKeys(pd.DataFrame({"path": ["/p1/a", "/p2/a", "/x/a", "", "/p1/b", "/p/"]}))

    assert texts(keys.matching(r"/p(\d*)/")) == ["1", "2", None, None, "1", None]


def test_series_are_text_of_the_rows() -> None:
    key = Key(np.array([1, MISSING, 0, 1]), ["a", "b"])

    assert key.series().tolist() == ["b", "", "a", "b"]
    assert key.at(np.array([2, 1])).series().tolist() == ["a", ""]
    with_index = key.series(pd.Index([7, 7, 8, 9]), missing=None)
    assert with_index.index.tolist() == [7, 7, 8, 9]
    assert with_index.isna().tolist() == [False, True, False, False]
    assert {str(key.series().dtype), str(with_index.dtype), str(absent_key(2).series().dtype)} == {"str"}
    assert absent_key(2).series().tolist() == ["", ""]


def test_one_key_laid_over_another_wins_where_it_has_a_value() -> None:
    first, second = Key(np.array([0, -1, -1, 0]), ["train"]), Key(np.array([0, 1, -1, -1]), ["test", "train"])

    both = overlaid(first, second)

    assert texts(both) == ["train", "train", None, "train"]
    assert merged(both).codes.tolist() == [0, 0, -1, 0]
    assert texts(merged(both)) == texts(both)


def test_further_rows_get_the_numbers_of_values_that_are_there() -> None:
    entries = pd.DataFrame({"a": ["y", "", "new", "x"], "b": ["1", "1", "1", ""]}, dtype="str")
    keys = ColumnKeys(pd.DataFrame({"a": ["x", "y"], "b": ["1", "1"]}))

    assert extended(keys.of(["a"]), entries, ["a"]).codes.tolist() == [0, 1, 1, -1, -1, 0]
    assert extended(keys.of(["a", "b"]), entries, ["a", "b"]).codes.tolist() == [0, 1, 1, -1, -1, -1]


def test_what_is_no_frame_or_no_single_column_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="expected samples in a DataFrame, received list"):
        ColumnKeys([1])  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="to have the column 'b', received a"):
        ColumnKeys(pd.DataFrame({"a": [1]})).of(["a", "b"])
    with pytest.raises(InvalidInputError, match="expected each column once, received 'a' twice"):
        ColumnKeys(pd.DataFrame([[1, 2]], columns=["a", "a"])).of(["a"])
