import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.interfaces.facets_sprites import Sprites
from brevetti_keras.interfaces.pictures import as_rgb
from brevetti_keras.utils.errors import InvalidInputError

RANGES = [(0.0, 255.0), (0.0, 1.0), (-1.0, 1.0)]


def images_of(count, limits, channels=3, side=64):
    values = np.random.default_rng(count).random((count, side, side, channels), np.float32)
    return values * (limits[1] - limits[0]) + limits[0]


def added(batches, told=None):
    sprites = Sprites(told)
    for batch in batches:
        sprites.add(batch)
    return sprites


def tile(atlas, place):
    columns = atlas.shape[0] // 64
    row, column = divmod(place, columns)
    return atlas[64 * row : 64 * row + 64, 64 * column : 64 * column + 64]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(RANGES), st.integers(1, 9), st.lists(st.integers(1, 8), max_size=4), st.sampled_from([1, 3]))
def test_the_atlas_is_the_same_however_the_images_are_cut_into_batches(limits, count, cuts, channels):
    images = images_of(count, limits, channels)
    sprites = added([part for part in np.split(images, sorted({cut for cut in cuts if cut < count})) if len(part)])
    atlas = sprites.atlas()
    assert len(sprites) == count
    assert atlas.shape == (64 * -(-(count**0.5) // 1), 64 * -(-(count**0.5) // 1), 3)
    for place, image in enumerate(images):
        np.testing.assert_array_equal(tile(atlas, place), as_rgb(image, limits))
    assert not atlas[-64:, -64:].any() or (count**0.5).is_integer()


def test_an_image_of_a_wider_range_decides_for_those_before_it():
    dark = np.full((2, 64, 64, 1), 0.5, np.float32)
    bright = np.full((1, 64, 64, 1), 200.0, np.float32)
    atlas = added([dark, bright, dark]).atlas()
    assert [int(tile(atlas, place).max()) for place in range(5)] == [0, 0, 200, 0, 0]
    assert int(tile(added([dark]).atlas(), 0).max()) == 128
    signed = np.full((1, 64, 64, 1), -0.5, np.float32)
    assert int(tile(added([dark, signed]).atlas(), 0).max()) == 191


def test_what_a_pipeline_tells_counts_where_the_values_leave_it_open():
    grey = np.full((1, 64, 64, 1), 0.0, np.float32)
    assert int(tile(added([grey], told=(-1.0, 1.0)).atlas(), 0).max()) == 128
    assert int(tile(added([grey + 100], told=(-1.0, 1.0)).atlas(), 0).max()) == 100


@pytest.mark.parametrize("limits", RANGES)
def test_a_batch_that_is_used_again_leaves_what_was_taken(limits):
    images = images_of(3, limits)
    kept, batch = images.copy(), images
    sprites = added([batch])
    batch[:] = limits[0]
    sprites.add(batch)
    for place in range(3):
        np.testing.assert_array_equal(tile(sprites.atlas(), place), as_rgb(kept[place], limits))
    bytes_ = np.full((1, 64, 64, 3), 7, np.uint8)
    sprites.add(bytes_)
    bytes_[:] = 9
    assert (tile(sprites.atlas(), 6) == 7).all()


def test_values_that_are_no_numbers_are_ends_and_decide_nothing():
    image = np.full((1, 64, 64, 1), 0.5, np.float32)
    image[0, 0, :3, 0] = np.nan, np.inf, -np.inf
    atlas = added([image, np.full((1, 64, 64, 1), np.nan, np.float32)]).atlas()
    assert tile(atlas, 0)[0, :4, 0].tolist() == [0, 255, 0, 128]
    assert not tile(atlas, 1).any()


def test_images_of_different_sizes_channels_and_types_stand_side_by_side():
    wide = np.full((32, 64, 3), 250.0, np.float32)
    grey = np.full((8, 8), 100, np.uint8)
    many = np.full((64, 64, 7), 30.0, np.float64)
    atlas = added([[wide, grey, many]]).atlas()
    assert tile(atlas, 0)[:, 0, 0].tolist() == [0] * 16 + [250] * 32 + [0] * 16
    assert (tile(atlas, 1) == 100).all()
    assert (tile(atlas, 2) == 30).all()
    with pytest.raises(InvalidInputError, match="expected an image"):
        Sprites().add([np.zeros(3)])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "bool", "float16", "float32", "float64"])
@pytest.mark.parametrize("limits", RANGES)
def test_a_batch_of_sprites_is_taken_as_its_images_are_and_copied(dtype, limits):
    images = images_of(19, limits).astype(dtype)
    one_by_one = added([list(images), list(images[:3])]).atlas()
    given = images.copy()
    sprites = added([given, given[:3]])
    given[:] = 0
    np.testing.assert_array_equal(sprites.atlas(), one_by_one)
    assert len(sprites) == 22
