import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.image.resampling import resize, resize_kept

METHODS = ["nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"]
OVERSHOOTING = {"bicubic", "lanczos3", "lanczos5", "mitchellcubic"}
IMAGE = np.random.default_rng(0).uniform(0, 255, (37, 53, 3)).astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("size", [(16, 20), (80, 70), (37, 20), (1, 1)])
def test_resizing_is_what_tensorflow_defines(method: str, antialias: bool, size: tuple[int, int]) -> None:
    expected = tf.image.resize(IMAGE, size, method=method, antialias=antialias).numpy()
    if method in OVERSHOOTING:
        expected = np.clip(expected, IMAGE.min(), IMAGE.max())
    result = resize(IMAGE, size, method, antialias)
    assert result.dtype == np.float32
    # TensorFlow reads its plain bicubic kernel from a table of 1,024 entries.
    np.testing.assert_allclose(result, expected, atol=0.3 if method == "bicubic" and not antialias else 2e-3)


@pytest.mark.parametrize("method", METHODS)
@given(size=st.tuples(st.integers(1, 40), st.integers(1, 40)), value=st.floats(0, 255, width=32))
@settings(max_examples=15, deadline=None)
def test_a_plain_picture_stays_plain(method: str, size: tuple[int, int], value: float) -> None:
    result = resize(np.full((9, 13, 1), value, np.float32), size, method, antialias=True)
    assert result.shape == (*size, 1)
    # Below the smallest normal number, single precision has fewer digits.
    np.testing.assert_allclose(result, value, rtol=1e-5, atol=1e-37)


@pytest.mark.parametrize("method", METHODS)
def test_kernels_stay_within_the_values_of_the_picture(method: str) -> None:
    edge = np.zeros((8, 8, 1), np.float32)
    edge[:, 4:] = 200
    result = resize(edge, (31, 31), method)
    assert result.min() >= 0
    assert result.max() <= 200.001


def test_the_same_size_is_the_picture_itself() -> None:
    np.testing.assert_array_equal(resize(IMAGE, (37, 53), "lanczos3"), IMAGE)
    whole = resize(np.arange(6, dtype=np.uint8).reshape(2, 3, 1), (2, 3))
    assert whole.dtype == np.float32


def test_area_averages_whole_blocks_exactly() -> None:
    blocks = IMAGE[:36, :52]
    expected = blocks.reshape(9, 4, 13, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resize(blocks, (9, 13), "area"), expected, rtol=1e-5)


@pytest.mark.parametrize("method", ["bilinear", "area"])
def test_an_extent_leaves_out_what_lies_beyond_the_picture(method: str) -> None:
    # A ramp of 10.5 columns, stored in 11: its middle and its ends lie where those of 10.5 columns do.
    ramp = np.tile(np.arange(11, dtype=np.float32) + 0.5, (4, 1))[..., None]
    result = resize(ramp, (4, 7), method, extent=(4.0, 10.5))[0, :, 0]
    inner = (np.arange(7) + 0.5) * 10.5 / 7
    np.testing.assert_allclose(result[1:-1], inner[1:-1], atol=0.13)
    without = resize(ramp, (4, 7), method)[0, :, 0]
    assert np.abs(without - inner)[1:-1].max() > np.abs(result - inner)[1:-1].max()


def test_nearest_is_exact_where_a_centre_falls_between_two_pixels() -> None:
    column = np.arange(20, dtype=np.float32)[:, None, None]
    expected = tf.image.resize(column, (11, 1), method="nearest").numpy()

    np.testing.assert_array_equal(resize(column, (11, 1), "nearest"), expected)
    assert expected[5, 0, 0] == 10


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    cut=st.tuples(st.sampled_from([0, 0.125, 0.5, 0.875]), st.sampled_from([0, 0.125, 0.5, 0.875])),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    channels=st.sampled_from([1, 3]),
)
@settings(max_examples=150, deadline=None)
def test_integers_are_resized_to_the_nearest_but_one(
    height: int, width: int, size: tuple[int, int], cut: tuple[float, float], dtype: type, channels: int
) -> None:
    top = np.iinfo(dtype).max
    image = np.random.default_rng(height * width).integers(0, top, (height, width, channels), dtype, endpoint=True)
    extent = (height - cut[0], width - cut[1])
    result = resize_kept(image, size, "bilinear", extent=extent)
    assert (result.dtype, result.shape) == (dtype, (*size, channels))
    exact = resize(image, size, "bilinear", extent=extent)
    assert np.abs(result - exact).max() <= (1.01 if dtype == np.uint8 else 2.0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("antialias", [False, True])
def test_other_kernels_are_rounded(method: str, antialias: bool) -> None:
    image = IMAGE.astype(np.uint8)
    result = resize_kept(image, (16, 20), method, antialias)
    assert result.dtype == np.uint8
    assert np.abs(result - resize(image, (16, 20), method, antialias)).max() <= 1.01
    deep = image.astype(np.float32)
    np.testing.assert_array_equal(
        resize_kept(deep, (16, 20), method, antialias), resize(deep, (16, 20), method, antialias)
    )
