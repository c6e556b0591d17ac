import csv
import io

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from brevetti_keras.data.text_csv import read_text_csv, text_csv
from brevetti_keras.utils.errors import DataError

# Of few characters, so that the odd ones meet often.
VALUES = st.text(st.sampled_from(["a", "é", "日", "😀", " ", ",", '"', "\n", "\r", "\0", "\x0b", "\u2028"]), max_size=4)
PLAIN = st.text(st.characters(exclude_characters=',"\n\r', exclude_categories=["Cs"]), max_size=6)
MANY = settings(max_examples=80, deadline=None)


def by_module(text: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]


def rows_of(frame: pd.DataFrame) -> list[list[str]]:
    return [list(frame.columns), *frame.to_numpy().tolist()]


@st.composite
def tables(draw, values=VALUES) -> dict[str, list[str]]:
    names = draw(st.lists(values.filter(bool), min_size=2, max_size=4, unique=True))
    count = draw(st.integers(0, 5))
    return {name: draw(st.lists(values, min_size=count, max_size=count)) for name in names}


@MANY
@given(st.one_of(tables(), tables(PLAIN)))
@example({"etag": ["a,b", 'say "x"', "two\nlines", "a\rb", "", "é"], "purpose": ["", "train", "", "test", "", "devel"]})
@example({"etag": ["", ""], "purpose": ["", ""]})
@example({"etag,key": ["a"], "purpose": ["b"]})
@example({"etag\r": ["a"], "purpose": ["b"]})
def test_whatever_is_written_is_read_again_by_us_and_by_others(columns) -> None:
    data = text_csv(pd.DataFrame(columns, dtype="str"))

    frame = read_text_csv(data, "x.csv")

    assert {name: frame[name].tolist() for name in frame} == columns
    assert set(map(str, frame.dtypes)) == {"str"}
    assert by_module(data.decode()) == [list(columns), *map(list, zip(*columns.values(), strict=True))]


@MANY
@given(st.one_of(tables(), tables(PLAIN)))
def test_only_values_that_need_quotes_get_them(columns) -> None:
    rows = [list(columns), *map(list, zip(*columns.values(), strict=True))]
    returns = any("\r" in value for row in rows for value in row)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL).writerows(rows)

    assert text_csv(pd.DataFrame(columns, dtype="str")).decode() == text.getvalue()


@MANY
@given(st.text(st.sampled_from(["a", "é", ",", ",", "\n", "\n", "\r", '"', " "]), max_size=30))
@example("a,b\n1,2\n3\n")
@example("a,b\n1\n2,3,4\n")
@example("a,b\n1,2,3,4\n")
@example("a,b\r\n1,2\r\n")
@example("a,b\r1,2")
@example("a,b\n\n1,2\n")
@example("a,b\n1,2\n\n\n")
@example("a\n\n1\n")
@example("a\n1\n\n")
@example(",b\n,\n,")
def test_reads_what_the_csv_module_reads_and_refuses_the_rest(text) -> None:
    try:
        expected = by_module(text)
    except csv.Error:
        expected = None
    sound = expected is not None and all(len(row) == len(expected[0]) for row in expected)
    if not sound or len(set(expected[0] if expected else [])) != len(expected[0] if expected else []):
        with pytest.raises(DataError, match=r"x\.csv: expected"):
            read_text_csv(text.encode(), "x.csv")
    elif expected:
        assert rows_of(read_text_csv(text.encode(), "x.csv")) == expected
    else:
        assert read_text_csv(text.encode(), "x.csv").empty


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,b\n1,2\n3\n", "expected 2 values in row 2, received 1"),
        (b"a,b\n1\n2,3,4\n", "expected 2 values in row 1, received 1"),
        (b"a,b\n1,2,3,4\n", "expected 2 values in row 1, received 4"),
        (b"a,b,a\n1,2,3\n", "expected each column once, received a, b, a"),
        (b'a,b\n1,"2\n', "expected CSV in UTF-8, received one that cannot be read: unexpected end of data"),
        (b"a,b\n1,\xff\n", "expected CSV in UTF-8, received one that cannot be read: 'utf-8'"),
        (b"a,b\n1," + b"x" * 131_073 + b"\n", "field larger than field limit"),
    ],
)
def test_what_readers_would_disagree_on_is_refused_in_one_line(data, message) -> None:
    with pytest.raises(DataError) as caught:
        read_text_csv(data, "ids.csv")

    assert str(caught.value).startswith("ids.csv: expected")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_may_be_as_long_as_the_csv_module_takes_it() -> None:
    longest = "x" * csv.field_size_limit()

    for text in (f"a,b\n1,{longest}\n", f"a,b\n{longest},1\n", f'a,b\n"1",{longest}\n'):
        assert longest in read_text_csv(text.encode(), "x.csv").iloc[0].tolist()


def test_a_mark_of_byte_order_belongs_to_no_name() -> None:
    for text in ("\ufeffa,b\n1,2\n", '\ufeffa,b\n"1",2\n'):
        assert rows_of(read_text_csv(text.encode(), "x.csv")) == [["a", "b"], ["1", "2"]]


def test_text_that_looks_like_something_else_stays_text() -> None:
    frame = read_text_csv(b"a,b\n0017,NA\nnan, x \n1e3,\n", "x.csv")

    assert frame.a.tolist() == ["0017", "nan", "1e3"]
    assert frame.b.tolist() == ["NA", " x ", ""]


def test_a_file_of_names_alone_or_of_nothing_has_no_rows() -> None:
    assert rows_of(read_text_csv(b"a,b\n", "x.csv")) == [["a", "b"]]
    assert rows_of(read_text_csv(b"a,b", "x.csv")) == [["a", "b"]]
    for data in (b"", b"\n", b"\r\n", "\ufeff".encode()):
        assert list(read_text_csv(data, "x.csv").columns) == []
    assert text_csv(pd.DataFrame({"a": [], "b": []}, dtype="str")) == b"a,b\n"


def test_a_column_alone_keeps_its_empty_values() -> None:
    assert read_text_csv(text_csv(pd.DataFrame({"a": ["x", "", "y"]})), "x.csv").a.tolist() == ["x", "", "y"]


@pytest.mark.parametrize("odd", ["x", "a,b", "a\rb"])
def test_many_rows_are_written_as_few_are(odd) -> None:
    count = 70_000
    values = [f"e{row}" for row in range(count - 1)] + [odd]
    frame = pd.DataFrame({"etag": values, "purpose": ["train", ""] * (count // 2)}, dtype="str")

    data = text_csv(frame)

    assert by_module(data.decode())[1:] == frame.to_numpy().tolist()
    assert (b'"e0"' in data) == ("\r" in odd)
    pd.testing.assert_frame_equal(read_text_csv(data, "x.csv"), frame)
