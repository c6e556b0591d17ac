import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from brevetti_keras.data.annotation import Shape
from brevetti_keras.data.image.segmentation_raster import Grid, covered
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.data.shape_geometry import area, bounds, box_of, corners_of, mask_of, outlines, plain_bounds
from brevetti_keras.utils.errors import DecodeError, NotFoundError

numbers = st.floats(-1000, 1000, allow_nan=False)


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, st.floats(0, 1000, allow_nan=False)), min_size=1, max_size=5))
def test_a_box_leads_from_one_corner_to_the_other(points):
    (x1, y1), (x2, y2) = corners_of(box_of(points))
    assert (x1, y1) == (min(x for x, _ in points), min(y for _, y in points))
    assert (x2, y2) == pytest.approx((max(x for x, _ in points), max(y for _, y in points)), rel=1e-12, abs=1e-12)
    if y1 >= 0:  # no number at all may lead there exactly, from a corner that is nearly 0
        assert abs(y2 - max(y for _, y in points)) <= math.ulp(y2)


def test_a_box_has_the_digits_that_were_given():
    assert box_of([(0.1, 0.2), (0.1 + 0.3, 0.2 + 7.7)]) == (0.1, 0.2, 0.3, 7.7)


def mask(*rows):
    return Shape("a", "mask", mask=RunLengths.of(np.array([[letter == "#" for letter in row] for row in rows])))


SQUARE = Shape(
    "a", "polygon", ((1.0, 1.0), (5.0, 1.0), (5.0, 5.0), (1.0, 5.0)), (((8.0, 8.0), (10.0, 8.0), (8.0, 10.0)),)
)


@pytest.mark.parametrize(
    ("shape", "box", "size"),
    [
        (SQUARE, (1.0, 1.0, 9.0, 9.0), 18.0),
        (Shape("a", "rectangle", ((1.0, 2.0), (4.0, 6.0))), (1.0, 2.0, 3.0, 4.0), 12.0),
        (Shape("a", "line", ((1.0, 2.0), (4.0, 2.0))), (1.0, 2.0, 3.0, 0.0), 0.0),
        (Shape("a", "point", ((1.0, 2.0),)), (1.0, 2.0, 0.0, 0.0), 0.0),
        (Shape("a", "class"), None, 0.0),
        (mask("...", ".##", ".#."), (1.0, 1.0, 2.0, 2.0), 3.0),
        (mask("...", "..."), None, 0.0),
    ],
)
def test_boxes_and_areas(shape, box, size):
    assert plain_bounds(shape) == bounds(shape) == box
    assert area(shape) == size


def test_a_box_of_its_own_counts():
    shape = Shape("a", "line", ((1.0, 2.0), (4.0, 2.0)), box=(0.0, 0.0, 9.0, 9.0))
    assert bounds(shape) == (0.0, 0.0, 9.0, 9.0)
    assert plain_bounds(shape) == (1.0, 2.0, 3.0, 0.0)


def test_outlines_of_what_has_corners():
    assert outlines(SQUARE) == [SQUARE.points, *SQUARE.parts]
    assert outlines(Shape("a", "rectangle", ((1.0, 2.0), (4.0, 6.0)))) == [((1, 2), (4, 2), (4, 6), (1, 6))]
    assert outlines(Shape("a", "line", ((1.0, 2.0), (4.0, 2.0)))) == []


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 6), st.integers(0, 6), st.integers(1, 6), st.integers(1, 6))
def test_the_outline_of_a_mask_covers_its_pixels(left, top, width, height):
    pixels = np.zeros((12, 12), bool)
    pixels[top : top + height, left : left + width] = True
    (points,) = outlines(Shape("a", "mask", mask=RunLengths.of(pixels)))
    assert sorted(points) == sorted((float(x), float(y)) for x in (left, left + width) for y in (top, top + height))
    assert np.array_equal(covered(Shape("a", "polygon", points), Grid.whole(12, 12)), pixels)


def test_an_empty_mask_has_no_outline():
    assert outlines(mask("..", "..")) == []


def test_a_mask_may_be_the_image_of_one(tmp_path):
    pixels = np.zeros((3, 4, 3), np.uint8)
    pixels[1, 2] = (0, 0, 1)
    Image.fromarray(pixels).save(tmp_path / "m.png")
    found = mask_of(Shape("a", "mask", mask=str(tmp_path / "m.png")))
    assert np.array_equal(found, pixels.any(axis=2))
    (tmp_path / "m.png").write_bytes(b"no")
    with pytest.raises(DecodeError, match=r"m\.png: expected an image"):
        mask_of(Shape("a", "mask", mask=str(tmp_path / "m.png")))
    with pytest.raises(NotFoundError):
        mask_of(Shape("a", "mask", mask=str(tmp_path / "none.png")))
