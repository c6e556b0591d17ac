import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.image.geometry import about_centre, affine, crop, fit_size, pad, roi_size, shrink_factor
from brevetti_keras.utils.errors import InvalidInputError

ANGLES = st.floats(-360, 360)
SCALES = st.floats(0.2, 5)
SHIFTS = st.tuples(st.floats(-50, 50), st.floats(-50, 50))
SIDES = st.integers(1, 400)
IMAGE = np.arange(6 * 8 * 3).reshape(6, 8, 3)


def same(left: np.ndarray, right: np.ndarray) -> None:
    np.testing.assert_allclose(left, right, atol=1e-9)


def test_affine_without_arguments_is_the_identity() -> None:
    np.testing.assert_array_equal(affine(), np.eye(3))


@given(left=st.booleans(), up=st.booleans(), height=SIDES, width=SIDES)
@settings(max_examples=30, deadline=None)
def test_flipping_twice_is_the_identity(left: bool, up: bool, height: int, width: int) -> None:
    flip = about_centre(affine(flip_left_right=left, flip_up_down=up), height, width)
    same(flip @ flip, np.eye(3))


@given(angle=ANGLES, other=ANGLES)
@settings(max_examples=50, deadline=None)
def test_turns_add_up(angle: float, other: float) -> None:
    same(affine(degrees=angle) @ affine(degrees=other), affine(degrees=angle + other))


@given(scale=SCALES, other=SCALES, shift=SHIFTS, shear=st.floats(-1, 1))
@settings(max_examples=50, deadline=None)
def test_scales_multiply_shifts_and_shears_undo(
    scale: float, other: float, shift: tuple[float, float], shear: float
) -> None:
    same(affine(scale=scale) @ affine(scale=other), affine(scale=scale * other))
    same(affine(translate=shift) @ affine(translate=(-shift[0], -shift[1])), np.eye(3))
    same(affine(shear=shear) @ affine(shear=-shear), np.eye(3))


@given(angle=ANGLES, scale=SCALES, shear=st.floats(-1, 1), height=SIDES, width=SIDES)
@settings(max_examples=50, deadline=None)
def test_the_middle_stays_where_it_is(angle: float, scale: float, shear: float, height: int, width: int) -> None:
    middle = np.array([(width - 1) / 2, (height - 1) / 2, 1])
    moved = about_centre(affine(degrees=angle, scale=scale, shear=shear), height, width) @ middle
    np.testing.assert_allclose(moved, middle, atol=1e-6)


@given(angle=ANGLES, scale=SCALES, shear=st.floats(-1, 1), flip=st.booleans())
@settings(max_examples=50, deadline=None)
def test_area_grows_with_the_square_of_the_scale(angle: float, scale: float, shear: float, flip: bool) -> None:
    matrix = affine(degrees=angle, scale=scale, shear=shear, flip_left_right=flip)
    assert np.linalg.det(matrix) == pytest.approx((-1 if flip else 1) * scale**2)


def test_quarter_turns_are_exact_and_counter_clockwise() -> None:
    turn = affine(degrees=90)
    assert turn.tolist() == [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]
    # What lies right goes up, where y is smaller.
    assert (turn @ [1, 0, 1]).tolist() == [0, -1, 1]


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((960, 1280), (168, 224)), ((1280, 960), (224, 168)), ((10, 10), (224, 224)), ((1, 9999), (1, 224))],
)
def test_fit_size_keeps_the_shape(size: tuple[int, int], fitted: tuple[int, int]) -> None:
    assert fit_size(*size, (224, 224)) == fitted


@given(height=SIDES, width=SIDES, target=st.tuples(SIDES, SIDES))
@settings(max_examples=100, deadline=None)
def test_fit_size_fills_one_side_and_exceeds_none(height: int, width: int, target: tuple[int, int]) -> None:
    fitted = fit_size(height, width, target)
    assert 1 <= fitted[0] <= target[0]
    assert 1 <= fitted[1] <= target[1]
    assert fitted[0] == target[0] or fitted[1] == target[1]


@given(height=SIDES, width=SIDES, size=st.tuples(SIDES, SIDES))
@settings(max_examples=100, deadline=None)
def test_shrinking_never_goes_below_the_size(height: int, width: int, size: tuple[int, int]) -> None:
    factor = shrink_factor(height, width, size)
    assert factor in {1, 2, 4, 8}
    assert factor == 1 or (height >= factor * size[0] and width >= factor * size[1])
    assert factor == 8 or height < 8 * size[0] or width < 8 * size[1]


@pytest.mark.parametrize(("scale", "factor"), [(1, 1), (3.9, 1), (4, 4), (4.3, 1), (4.7, 4), (6, 4), (8, 8), (24, 8)])
def test_so_much_is_left_to_resize_that_the_error_does_not_grow(scale: float, factor: int) -> None:
    side = round(100 * scale)
    assert shrink_factor(side, side, (100, 100)) == factor


def test_crop_is_the_region_and_must_lie_inside() -> None:
    roi = ((1, 2), (4, 6))
    assert roi_size(roi) == (4, 3)
    np.testing.assert_array_equal(crop(IMAGE, roi), IMAGE[2:6, 1:4])
    np.testing.assert_array_equal(crop(IMAGE, ((0, 0), (8, 6))), IMAGE)
    with pytest.raises(InvalidInputError, match=r"at least 9 x 6 .* received 8 x 6"):
        crop(IMAGE, ((0, 0), (9, 6)))
    with pytest.raises(InvalidInputError, match=r"at least 8 x 7"):
        crop(IMAGE, ((0, 0), (8, 7)))


def test_padding_goes_below_and_right_unless_centred() -> None:
    corner = pad(IMAGE, (9, 11), "CONSTANT", centred=False)
    np.testing.assert_array_equal(corner[:6, :8], IMAGE)
    assert corner.sum() == IMAGE.sum()
    middle = pad(IMAGE, (9, 11), "CONSTANT", centred=True)
    np.testing.assert_array_equal(middle[1:7, 1:9], IMAGE)
    assert middle.shape == corner.shape == (9, 11, 3)


def test_padding_mirrors_with_or_without_the_edge() -> None:
    reflected = pad(IMAGE, (8, 8), "REFLECT", centred=False)
    np.testing.assert_array_equal(reflected[6:], IMAGE[[4, 3]])
    symmetric = pad(IMAGE, (8, 8), "SYMMETRIC", centred=False)
    np.testing.assert_array_equal(symmetric[6:], IMAGE[[5, 4]])
    # More than the picture itself, which tf.pad refuses.
    assert pad(IMAGE[:1], (8, 40), "REFLECT", centred=True).shape == (8, 40, 3)


def test_padding_by_nothing_is_the_image_itself() -> None:
    assert pad(IMAGE, (6, 8), "REFLECT", centred=True) is IMAGE
