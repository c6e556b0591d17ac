import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays

from brevetti_keras.data.run_lengths import RunLengths, read_run_lengths
from brevetti_keras.utils.errors import InvalidInputError
from tests.support.collections import masks


def packed(counts):
    """Packs counts as COCO does, by its description."""
    text = ""
    for number, count in enumerate(counts):
        value = count - counts[number - 2] if number > 2 else count
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text += chr(48 + (bits | (0x20 if more else 0)))
    return text


@settings(deadline=None)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=7)))
def test_a_mask_comes_back_from_its_runs(mask):
    runs = RunLengths.of(mask)
    assert np.array_equal(runs.mask(), mask)
    assert runs.area == mask.sum()
    assert read_run_lengths(runs.json()) == runs


@settings(deadline=None)
@given(masks())
def test_packed_counts_say_the_same(runs):
    assert read_run_lengths({**runs.json(), "counts": packed(runs.counts)}) == runs


def test_the_order_is_down_the_columns_and_begins_outside():
    mask = np.array([[1, 0, 0], [1, 1, 0]])
    assert RunLengths.of(mask) == RunLengths(2, 3, (0, 2, 1, 1, 2))


def test_large_counts_pack_into_several_characters():
    counts = [123_456, 7, 99_876_537]
    assert read_run_lengths({"size": [10_000, 10_000], "counts": packed(counts)}).counts == tuple(counts)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "expected a mask of run lengths"),
        ({"size": 3, "counts": []}, r"expected a mask's size as \[height, width\]"),
        ({"size": [2, 2, 1], "counts": [4]}, "expected a mask's size"),
        ({"size": [2.0, 2], "counts": [4]}, "expected a mask's size"),
        ({"size": [-2, -2], "counts": [4]}, "expected a mask's size"),
        ({"size": [True, 4], "counts": [4]}, "expected a mask's size"),
        ({"size": [20_000, 20_000], "counts": [400_000_000]}, "expected a mask of at most 100,000,000 pixels"),
        ({"size": [0, 10**12], "counts": []}, "expected a mask of at most 100,000,000 pixels"),
        ({"size": [2, 2], "counts": [3]}, "expected run lengths that fill 2 x 2 pixels, received 3"),
        ({"size": [2, 2], "counts": [5, -1]}, "expected a mask's counts as lengths"),
        ({"size": [2, 2], "counts": [4.0]}, "expected a mask's counts as lengths"),
        ({"size": [2, 2], "counts": None}, "expected a mask's counts as lengths"),
        ({"size": [2, 2], "counts": "\n"}, "expected a mask's counts as COCO packs them"),
        ({"size": [2, 2], "counts": "o" * 1_000_000}, "expected a mask's counts as COCO packs them"),
        ({"size": [2, 2], "counts": "T"}, "text that is cut off"),
        ({"size": [2, 2], "counts": "9"}, "expected a mask's counts within its 4 pixels, received 9"),
    ],
)
def test_runs_that_make_no_sense_are_one_line(value, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        read_run_lengths(value)
    assert len(str(caught.value)) < 200
