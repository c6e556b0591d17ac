"""A contact sheet shows pictures as they are, and names in the letters they are written in."""

import numpy as np
import pytest

from brevetti_keras.interfaces.contact_sheet import ContactSheet, SheetRow, Tile, draw_sheet

PICTURE = np.full((40, 40, 3), (200, 30, 90), np.uint8)


def drawn(title="vials", caption=(), label=("1.png",)):
    return draw_sheet(ContactSheet(title, (), ("as it is",), (SheetRow(label, (Tile(PICTURE, caption),)),)), 40)


def test_a_picture_stands_on_white_as_it_is():
    sheet = drawn()
    rows, columns = np.nonzero((sheet == PICTURE[0, 0]).all(axis=-1))
    assert np.ptp(rows) == np.ptp(columns) == 39
    assert len(rows) == 1600
    assert (sheet[0] == 255).all()


@pytest.mark.parametrize("names", [("ä", "ö", "a", "?"), ("ł", "l", "?"), ("良", "品", "?"), ("Ж", "Ш", "?")])
def test_letters_of_other_scripts_are_drawn(names):
    assert len({drawn(name).tobytes() for name in names}) == len(names)


@pytest.mark.parametrize("name", ["line\nbreak.png", "tab\t.png", "\x1b[31m.png", "\udce9.png"])
def test_what_is_no_character_is_a_question_mark(name):
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    np.testing.assert_array_equal(drawn(name), drawn(plain))


def test_long_lines_end_within_their_column():
    short, long = drawn(label=("i" * 20,)), drawn(label=("W" * 200,))
    assert short.shape == long.shape
    left = (long[:, :170] < 128).any(axis=-1).any(axis=0)
    assert left[120:150].any()
    assert not left[152:170].any()


def test_more_lines_below_a_picture_make_a_higher_sheet():
    assert drawn(caption=("turned", "shifted")).shape[0] == drawn().shape[0] + 30
