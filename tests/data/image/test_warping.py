import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.image.geometry import about_centre, affine
from brevetti_keras.data.image.warping import Motion, warp_image, warp_mask

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.uniform(0, 1, (24, 32, 3)).astype(np.float32)
SQUARE = RANDOM.uniform(0, 1, (25, 25, 3)).astype(np.float32)


def moved_by(image: np.ndarray, **arguments: object) -> Motion:
    return Motion(about_centre(affine(**arguments), *image.shape[:2]))  # type: ignore[arg-type]


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_flips_move_whole_pixels(interpolation: str) -> None:
    for axis, name in ((0, "flip_up_down"), (1, "flip_left_right")):
        motion = moved_by(IMAGE, **{name: True})
        np.testing.assert_array_equal(warp_image(IMAGE, motion, interpolation, 0.0), np.flip(IMAGE, axis))
        np.testing.assert_array_equal(warp_mask(IMAGE, motion), np.flip(IMAGE, axis))


@pytest.mark.parametrize("turns", [1, 2, 3, -1])
def test_quarter_turns_move_whole_pixels(turns: int) -> None:
    motion = moved_by(SQUARE, degrees=90 * turns)
    np.testing.assert_array_equal(warp_image(SQUARE, motion, "bilinear", 0.0), np.rot90(SQUARE, turns))
    np.testing.assert_array_equal(warp_mask(SQUARE, motion), np.rot90(SQUARE, turns))


@given(right=st.integers(-31, 31), down=st.integers(-23, 23))
@settings(max_examples=40, deadline=None)
def test_shifts_leave_the_fill_behind(right: int, down: int) -> None:
    motion = moved_by(IMAGE, translate=(right, down))
    expected = np.full_like(IMAGE, -1)
    expected[max(down, 0) : 24 + min(down, 0), max(right, 0) : 32 + min(right, 0)] = IMAGE[
        max(-down, 0) : 24 + min(-down, 0), max(-right, 0) : 32 + min(-right, 0)
    ]
    np.testing.assert_array_equal(warp_image(IMAGE, motion, "nearest", -1.0), expected)
    np.testing.assert_array_equal(warp_image(IMAGE, motion, "bilinear", -1.0), expected)
    np.testing.assert_array_equal(warp_mask(IMAGE, motion), np.where(expected == -1, 0, expected))


@given(angle=st.floats(-180, 180), scale=st.floats(0.6, 1.6), shear=st.floats(-0.3, 0.3), flip=st.booleans())
@settings(max_examples=40, deadline=None)
def test_mask_and_image_move_together(angle: float, scale: float, shear: float, flip: bool) -> None:
    # A disc in the middle of a corner: where the moved image is bright, so is the moved mask.
    rows, columns = np.mgrid[:64, :64]
    disc = ((rows - 22) ** 2 + (columns - 28) ** 2 < 144).astype(np.float32)[..., None]
    motion = moved_by(disc, degrees=angle, scale=scale, shear=shear, flip_left_right=flip)
    image, mask = warp_image(disc, motion, "bilinear", 0.0), warp_mask(disc, motion)
    assert mask.sum() > 30
    assert np.abs(image - mask).mean() < 0.02
    assert ((image > 0.95) <= (mask == 1)).all()


def test_still_images_are_returned_as_they_are() -> None:
    assert warp_image(IMAGE, Motion(), "bilinear", 0.0) is IMAGE
    assert warp_image(IMAGE, Motion(np.eye(3)), "bilinear", 0.0) is IMAGE
    assert warp_mask(IMAGE, Motion(np.eye(3))) is IMAGE


def test_a_field_says_where_each_pixel_is_looked_for() -> None:
    field = np.zeros((24, 32, 2), np.float32)
    field[..., 0], field[..., 1] = 3, -2
    motion = Motion(field=field)
    expected = np.zeros_like(IMAGE)
    expected[2:, :-3] = IMAGE[:-2, 3:]
    np.testing.assert_array_equal(warp_image(IMAGE, motion, "bilinear", 0.0), expected)
    np.testing.assert_array_equal(warp_mask(IMAGE, motion), expected)


def test_a_field_and_a_matrix_are_one_warp() -> None:
    still = np.zeros((24, 32, 2), np.float32)
    matrix = about_centre(affine(degrees=20, scale=1.3), 24, 32)
    alone = warp_image(IMAGE, Motion(matrix), "bilinear", 0.0)
    joined = warp_image(IMAGE, Motion(matrix, still), "bilinear", 0.0)
    np.testing.assert_allclose(joined, alone, atol=0.05)


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_any_number_of_channels_moves(channels: int) -> None:
    image = RANDOM.uniform(0, 1, (10, 12, channels)).astype(np.float32)
    flipped = warp_image(image, moved_by(image, flip_left_right=True), "bilinear", 0.0)
    np.testing.assert_array_equal(flipped, image[:, ::-1])


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int32, np.int64, np.float32])
@pytest.mark.parametrize("trailing", [(), (1,), (5,)])
def test_masks_of_any_type_keep_their_values(dtype: type, trailing: tuple[int, ...]) -> None:
    mask = RANDOM.integers(0, 2, (20, 20, *trailing)).astype(dtype)
    moved = warp_mask(mask, moved_by(mask, degrees=33, scale=0.7))
    assert moved.dtype == dtype
    assert moved.shape == mask.shape
    assert set(np.unique(moved)) <= set(np.unique(mask)) | {0}
