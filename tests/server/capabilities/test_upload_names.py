"""Whatever a file is called, it is stored below its dataset under a name that every system can hold."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.server.capabilities.upload_names import safe_name, stored_path
from brevetti_keras.utils.errors import InvalidInputError

PARTS = st.text(st.characters(codec=None), max_size=300).filter(lambda text: "/" not in text)


@pytest.mark.parametrize(
    "path", ["crack/1.png", "IMG 0001 (2).JPG", "æble/ß-日本.tif", "a.b.c/x.tar.gz", "-/-x", "a/b/c/d/e/f/g/1.png"]
)
def test_a_name_that_every_system_can_hold_stays(path):
    assert stored_path(path) == path


@pytest.mark.parametrize(
    ("path", "begins"),
    [
        ("CON", "CON-"),
        ("good/con.png", "good/con-"),
        ("LPT9/1.png", "LPT9-"),
        ("a\nb.png", "a_b-"),
        ("a:b/1.png", "a_b-"),
        ("..\\..\\x.png", "_"),
        (".hidden.png", "hidden-"),
        ("...", "file-"),
        ("x. ", "x-"),
        ("\u202egnp.exe", "_gnp-"),
    ],
)
def test_another_is_replaced_by_one_made_of_it(path, begins):
    stored = stored_path(path)
    assert stored.startswith(begins)
    assert stored != path
    assert stored.count("/") == path.count("/")


def test_a_place_elsewhere_becomes_one_inside():
    assert stored_path("../../x.png") == "x.png"
    assert stored_path("/etc/cron.d/x") == "etc/cron.d/x"
    assert stored_path("./a//b.png") == "a/b.png"


def test_an_ending_and_a_beginning_stay_of_a_long_name():
    stored = stored_path("good/" + "é" * 150 + ".png")
    assert len(stored.encode()) < 120
    assert stored.endswith(".png")
    assert stored.startswith("good/é")


def test_two_classes_never_become_one():
    names = ["a:b", "a?b", "a_b", "a*b", "a" * 300, "a" * 301, "CON", "con", "con "]
    assert len({safe_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("path", ["", "/", "..", "a/", "./..", "/".join("abcdefghi"), "/".join(["y" * 190] * 6)])
def test_no_name_or_too_deep_or_too_long_is_refused(path):
    with pytest.raises(InvalidInputError, match="expected"):
        stored_path(path)


@settings(max_examples=150, deadline=None)
@given(PARTS)
def test_what_comes_out_is_a_plain_name_and_stays_one(name):
    if name in {"", ".", ".."}:
        return
    safe = safe_name(unicodedata.normalize("NFC", name))
    assert safe
    assert not safe.startswith(".")
    assert not {"/", "\\", "\0", "\n"} & set(safe)
    assert len(safe.encode("utf-8")) <= 200
    assert safe_name(safe) == safe
