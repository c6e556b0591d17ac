import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.decoded_cache.index import ROW_BYTES, ContentKey, Form, Index, form_of, make_row, read_rows

FORM = Form(np.dtype(np.uint8), (4, 5, 3), 60)
keys = st.builds(ContentKey, st.integers(0, 3) | st.integers(0, 2**64 - 1), st.integers(0, 2), st.integers(0, 2))


def rows(*entries: tuple[ContentKey, int]) -> bytes:
    return b"".join(make_row(key, 64 * place, place, FORM).tobytes() for key, place in entries)


def test_a_row_takes_64_bytes_and_tells_what_was_put_in():
    key = ContentKey.of("0123456789abcdef" * 2, 99)
    form = Form(np.dtype(np.float32), (2, 3, 4, 1), 96)
    data = make_row(key, 2**40, 2**32 - 1, form).tobytes()
    assert len(data) == ROW_BYTES
    index = Index(read_rows(data))
    assert (index.find(key), index.form(0), index.place(0)) == (0, form, (2**40, 2**32 - 1))
    assert index.end == 2**40 + 96


@given(entries=st.lists(keys, max_size=30), torn=st.integers(0, ROW_BYTES - 1))
@settings(max_examples=60, deadline=None)
def test_the_last_row_of_a_content_is_found_and_no_other_content(entries, torn):
    data = rows(*((key, place) for place, key in enumerate(entries)))
    index = Index(read_rows(data + bytes(torn)))
    assert len(index) == index.count == len(entries)
    last = {key: place for place, key in enumerate(entries)}
    for key in [*entries, ContentKey(0, 0, 9), ContentKey(2**64 - 1, 1, 1)]:
        assert index.find(key) == last.get(key)


@given(bit=st.integers(0, 8 * ROW_BYTES - 1))
@settings(max_examples=100, deadline=None)
def test_no_flipped_bit_of_a_row_goes_unseen(bit):
    key, other = ContentKey(7, 8, 9), ContentKey(1, 2, 3)
    data = bytearray(rows((key, 1), (other, 2)))
    data[bit // 8] ^= 1 << bit % 8
    index = Index(read_rows(bytes(data)))
    assert index.find(key) is None
    assert (index.find(other), len(index), index.count) == (1, 1, 2)
    assert [index.holds(row) for row in range(3)] == [False, True, False]


def test_a_row_can_be_blanked_out():
    key = ContentKey(7, 8, 9)
    index = Index(read_rows(rows((key, 1), (key, 2))))
    assert index.find(key) == 1
    assert index.without(1).find(key) == 0
    assert Index(read_rows(bytes(ROW_BYTES))).count == 1
    assert len(Index(read_rows(bytes(ROW_BYTES)))) == 0


@pytest.mark.parametrize("dtype", [np.int16, np.float64, np.bool_, object])
def test_types_that_no_row_can_tell_have_no_form(dtype):
    assert form_of(np.zeros((2, 2, 1), dtype)) is None


def test_pictures_of_too_many_dimensions_or_of_nothing_have_no_form():
    assert form_of(np.zeros((1, 1, 1, 1, 1), np.uint8)) is None
    assert form_of(np.zeros((0, 3), np.uint8)) is None
    assert form_of(np.zeros((2, 3), np.uint16)) == Form(np.dtype(np.uint16), (2, 3), 12)
