from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from brevetti_keras.platform.settings_types import annotation_at, dotted_names, from_text, nearest_name
from brevetti_keras.schema.settings import Settings
from brevetti_keras.utils.errors import InvalidInputError


class Inner(Settings):
    size: tuple[int, int] | None = None
    name: str = ""


class Other(Settings):
    sigma: float = 1.0


class Outer(Settings):
    inner: Inner = Inner()
    either: Inner | Other | None = None
    mapping: dict[str, int] = Field(default_factory=dict)
    count: int = 1


@pytest.mark.parametrize(
    ("text", "annotation", "expected"),
    [
        ("7", int, 7),
        ("7", str, "7"),
        ("true", str, "true"),
        ("null", str, "null"),
        ("null", str | None, None),
        ("None", int | None, None),
        ("", int | None, None),
        ("", str | None, ""),
        ("", str, ""),
        ("7", int | str, 7),
        ("seven", int | str, "seven"),
        ("7", Literal["7", "8"], "7"),
        ("unit", Literal["unit", "imagenet"] | None, "unit"),
        ("null", Literal["unit", "imagenet"] | None, None),
        ("3", Literal[1, 3, 5], 3),
        ("true", bool, True),
        ("False", bool, False),
        ("on", bool, "on"),  # pydantic reads it
        ("1e-3", float, 0.001),
        ("-2", int, -2),
        ("[64, 64]", tuple[int, int] | None, [64, 64]),
        ("[a, b]", list[str], ["a", "b"]),
        ("[a]", str, "[a]"),
        ("{a: 1}", dict[str, int], {"a": 1}),
        ('{"size": [1, 2]}', Inner, {"size": [1, 2]}),
        ("/tmp/x", Path, "/tmp/x"),
        ("123456", SecretStr, "123456"),
        ("[1]", Any, [1]),
        ("010", int, "010"),  # never octal
        ("1:30", int, "1:30"),  # never sexagesimal
        (" 5 ", int, 5),
    ],
)
def test_reads_text_by_the_settings_type(text, annotation, expected):
    found = from_text(text, annotation)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("text", ["[1, 2", "{a: b: c}", "[!!python/object/apply:os.getcwd []]", "[" * 5000])
def test_text_that_is_no_list_is_refused_in_one_line(text):
    with pytest.raises(InvalidInputError, match="expected a list or mapping in JSON or YAML") as caught:
        from_text(text, list[int])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@given(st.text())
@settings(deadline=None, max_examples=200)
def test_a_text_setting_takes_any_text_as_it_is(text):
    assert from_text(text, str) == text


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.lists(st.integers()))
@settings(deadline=None, max_examples=100)
def test_what_python_prints_is_read_back(value):
    assert from_text(str(value), int, float, list[int]) == value


def test_finds_the_type_at_a_dotted_name():
    assert annotation_at(Outer, ["count"]) == (int,)
    assert annotation_at(Outer, ["inner", "name"]) == (str,)
    assert annotation_at(Outer, ["either", "sigma"]) == (float,)
    assert annotation_at(Outer, ["mapping", "anything"]) == (int,)
    assert annotation_at(Outer, ["inner", "sigma"]) == ()
    assert annotation_at(Outer, ["count", "more"]) == ()


def test_lists_all_names_a_union_s_members_too():
    assert dotted_names(Outer) == [
        "inner", "inner.size", "inner.name",
        "either", "either.size", "either.name", "either.sigma",
        "mapping", "count",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("cuont", "did you mean --count?"),
        ("inner.nam", "did you mean --inner.name?"),
        ("sigma", "did you mean --either.sigma?"),
        ("in-ner", "did you mean --inner?"),
        ("zzzz", "known are --inner"),
    ],
)
def test_names_the_nearest(given, hint):
    assert hint in nearest_name(given, dotted_names(Outer))
