"""Paths inside a storage: one form for each, and none that leads out."""

import posixpath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.io.paths import clean_path, is_hidden
from brevetti_keras.utils.errors import InvalidInputError

PARTS = st.lists(st.sampled_from(["a", "b.png", ".", "", ".hidden", "...", "ü", "a b"]), max_size=6)


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("", ""),
        (".", ""),
        ("./", ""),
        ("a", "a"),
        ("a/", "a"),
        ("a//b/./c.png", "a/b/c.png"),
        ("./a/.b", "a/.b"),
        ("...", "..."),
        ("..a/b..", "..a/b.."),
        ("a b/ü", "a b/ü"),
        ("a\\b", "a\\b"),
        ("C:/a", "C:/a"),
        ("\udcff.png", "\udcff.png"),
    ],
)
def test_a_path_has_one_form(path, clean):
    assert clean_path(path) == clean


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("..", "inside its storage"),
        ("../secret", "leave out '..'"),
        ("a/../b", "inside its storage"),
        ("a/..", "inside its storage"),
        ("/", "relative to its storage"),
        ("/etc/passwd", "relative to its storage"),
        ("//a", "relative to its storage"),
        ("a\0b", "without NUL"),
        ("\0", "without NUL"),
        ("\ud800", "can name a file"),
        (None, "expected a path as text, received NoneType"),
        (b"a", "expected a path as text, received bytes"),
    ],
)
def test_a_path_that_leads_out_or_names_nothing_is_refused(path, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        clean_path(path)
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)


def test_a_long_path_is_told_in_part():
    with pytest.raises(InvalidInputError) as caught:
        clean_path("/" + "a" * 5000)
    assert len(str(caught.value)) < 200


@settings(max_examples=60, deadline=None)
@given(PARTS)
def test_a_clean_path_is_the_usual_form_and_stays_as_it_is(parts):
    path = "/".join(parts).lstrip("/")
    clean = clean_path(path)
    assert clean_path(clean) == clean
    assert clean == posixpath.normpath(path).removeprefix("." if posixpath.normpath(path) == "." else "")


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("a", False),
        ("a/b.png", False),
        ("a.b/c.d", False),
        ("a../b", False),
        (".git", True),
        ("a/.git/b", True),
        ("a/b/.DS_Store", True),
        ("", False),
    ],
)
def test_what_begins_with_a_dot_is_hidden_with_all_below_it(path, hidden):
    assert is_hidden(path) == hidden
