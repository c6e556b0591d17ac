import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.annotation import Shape
from brevetti_keras.data.image.segmentation_raster import Grid, covered
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.utils.errors import DataError
from tests.support.collections import shapes

WHOLE = Grid.whole(12, 16)


def by_hand(points, height=12, width=16):
    """Asks for the middle of each pixel, one by one."""
    contour = np.array(points, np.float32).reshape(-1, 1, 2)
    return np.array(
        [
            [cv2.pointPolygonTest(contour, (column + 0.5, row + 0.5), False) > 0 for column in range(width)]
            for row in range(height)
        ]
    )


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_a_polygon_covers_the_pixels_whose_middle_is_inside(seed):
    # Corners at thirds of pixels, so that no middle lies on an edge by more than rounding.
    angles = np.sort(np.random.default_rng(seed).uniform(0, 2 * np.pi, 6))
    points = [(8 + 7 * np.cos(angle), 6 + 5.3 * np.sin(angle)) for angle in angles]
    assert np.array_equal(covered(Shape("a", "polygon", tuple(points)), WHOLE), by_hand(points))


def test_an_outline_that_crosses_itself_is_outside_where_it_is_crossed_twice():
    bow = Shape("a", "polygon", ((0.0, 0.0), (8.0, 8.0), (8.0, 0.0), (0.0, 8.0)))
    found = covered(bow, WHOLE)
    assert not found[1, 3]
    assert found[2, 1]
    assert found[2, 6]


def test_parts_are_covered_alike():
    outline = ((1.0, 1.0), (5.0, 1.0), (5.0, 5.0), (1.0, 5.0))
    inner = ((2.0, 2.0), (8.0, 2.0), (8.0, 4.0), (2.0, 4.0))
    both = covered(Shape("a", "polygon", outline, (inner,)), WHOLE)
    assert np.array_equal(
        both, covered(Shape("a", "polygon", outline), WHOLE) | covered(Shape("a", "polygon", inner), WHOLE)
    )


def test_neighbours_share_no_pixel_and_leave_none():
    left = covered(Shape("a", "rectangle", ((0.0, 0.0), (4.5, 12.0))), WHOLE)
    right = covered(Shape("a", "rectangle", ((4.5, 0.0), (16.0, 12.0))), WHOLE)
    assert (left ^ right).all()
    first = covered(Shape("a", "polygon", ((0.0, 0.0), (16.0, 0.0), (16.0, 12.0))), WHOLE)
    second = covered(Shape("a", "polygon", ((0.0, 0.0), (16.0, 12.0), (0.0, 12.0))), WHOLE)
    assert (first ^ second).all()


def test_lines_and_points_have_a_width():
    line = covered(Shape("a", "line", ((2.5, 3.5), (5.5, 3.5))), WHOLE, line_width=1)
    assert np.argwhere(line).tolist() == [[3, 2], [3, 3], [3, 4], [3, 5]]
    wide = covered(Shape("a", "line", ((2.0, 3.5), (6.0, 3.5), (6.0, 9.5))), WHOLE, line_width=3)
    assert wide[2:5, 3].all()
    assert not wide[1, 3]
    assert wide[8, 5:7].all()
    point = covered(Shape("a", "point", ((5.5, 5.5), (12.5, 2.5))), WHOLE, line_width=2)
    assert point.sum() == 10
    assert point[5, 5]
    assert point[2, 12]


def test_a_class_covers_nothing():
    assert not covered(Shape("a", "class"), WHOLE).any()


@settings(deadline=None, max_examples=80)
@given(
    shapes(["a"]),
    st.lists(st.integers(-1, 11), min_size=1, max_size=9),
    st.lists(st.integers(-1, 15), min_size=1, max_size=9),
)
def test_asking_for_some_pixels_gives_what_drawing_all_and_picking_gives(shape, rows, columns):
    grid = Grid(np.array(rows), np.array(columns))
    picked = np.pad(covered(shape, WHOLE), ((0, 1), (0, 1)))[np.ix_(rows, columns)]
    assert np.array_equal(covered(shape, grid), picked)


@pytest.mark.parametrize("far", [-1e6, 1e6])
def test_marks_far_outside_cost_nothing(far):
    shape = Shape("a", "polygon", ((far, -1e6), (far, 1e6), (6.0, 6.0)))
    assert covered(shape, WHOLE).shape == (12, 16)
    assert not covered(Shape("a", "line", ((far, far), (far, far + 1))), WHOLE).any()


def test_a_mask_of_another_size_is_refused():
    mask = Shape("a", "mask", mask=RunLengths(2, 2, (4,)))
    with pytest.raises(
        DataError, match=r"expected a mask of the image's 12 x 16 pixels \(height x width\), received 2 x 2"
    ):
        covered(mask, WHOLE, size=(12, 16))
