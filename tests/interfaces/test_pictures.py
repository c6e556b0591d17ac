"""Arrays and files as pictures: value ranges, channels, sizes."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from brevetti_keras.interfaces.pictures import as_rgb, data_uri, fit_square, infer_value_range, shrink
from brevetti_keras.utils.errors import DecodeError, InvalidInputError

GREYS = np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 4, 3))


@pytest.mark.parametrize("value_range", [(0.0, 255.0), (0.0, 1.0), (-1.0, 1.0)])
@pytest.mark.parametrize("told", [True, False])
def test_every_value_range_gives_the_same_picture(value_range, told):
    low, high = value_range
    floats = (GREYS / 255.0 * (high - low) + low).astype(np.float32)
    assert np.array_equal(as_rgb(floats, value_range if told else None), GREYS)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 1.0], (0.0, 1.0)),
        ([-0.1, 1.2], (0.0, 1.0)),
        ([-1.0, 0.3], (-1.0, 1.0)),
        ([0.0, 200.0], (0.0, 255.0)),
        ([-7.0, 260.0], (0.0, 255.0)),
        ([np.nan, np.inf, 0.5], (0.0, 1.0)),
        ([np.nan], (0.0, 1.0)),
    ],
)
def test_the_range_is_read_off_the_values(values, expected):
    assert infer_value_range(np.array(values, np.float32)) == expected


def test_integers_and_booleans_fill_their_types_range():
    assert infer_value_range(np.zeros(1, np.uint16)) == (0.0, 65535.0)
    assert as_rgb(np.full((1, 1, 1), 65535, np.uint16)).tolist() == [[[255, 255, 255]]]
    assert as_rgb(np.array([[True, False]])).tolist() == [[[255] * 3, [0] * 3]]


def test_channels_become_three():
    grey = np.array([[[7]]], np.uint8)
    assert as_rgb(grey).tolist() == [[[7, 7, 7]]]
    assert as_rgb(grey[..., 0]).tolist() == [[[7, 7, 7]]]
    assert as_rgb(np.array([[[1, 2, 3, 4]]], np.uint8)).tolist() == [[[1, 2, 3]]]
    assert as_rgb(np.array([[[9, 2]]], np.uint8)).tolist() == [[[9, 9, 9]]]
    assert as_rgb(np.stack([GREYS, 0 * GREYS])).tolist() == GREYS.tolist()


def test_what_is_not_finite_is_black_or_white():
    image = np.array([[np.nan, -np.inf, np.inf]], np.float32)[..., None]
    assert as_rgb(image, (0.0, 1.0))[0, :, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize("shape", [(3,), (0, 4, 3), (2, 0, 3), (0, 4, 4, 3), (1, 1, 1, 1, 1)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(InvalidInputError, match="expected an image as numbers of shape"):
        as_rgb(np.zeros(shape))
    with pytest.raises(InvalidInputError, match="<U1"):
        as_rgb(np.array([["a"]]))


@given(height=st.integers(1, 200), width=st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_a_square_keeps_proportions_and_is_black_around(height, width):
    square = fit_square(np.full((height, width, 3), 255, np.uint8), 64)
    assert square.shape == (64, 64, 3)
    lit = square[..., 0] > 0
    rows, columns = lit.any(1).sum(), lit.any(0).sum()
    assert max(rows, columns) == 64
    assert abs(rows * width - columns * height) <= max(height, width)  # one pixel's rounding
    assert lit.sum() == rows * columns
    assert abs((64 - rows) // 2 - np.argmax(lit.any(1))) <= 1


def test_shrinking_averages_and_never_enlarges_unasked():
    checks = np.indices((64, 64)).sum(0)[..., None] % 2 * np.full(3, 255)
    assert np.allclose(shrink(checks.astype(np.uint8), 8), 127.5, atol=1)
    assert shrink(GREYS[:5], 64).shape == (5, 4, 3)
    assert shrink(GREYS[:5, :5], 10, enlarge=True).shape[0] == 10


def decoded(uri):
    prefix, _, data = uri.partition(",")
    assert prefix == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_a_data_uri_is_a_small_jpeg_of_a_file_or_an_array(tmp_path):
    red = np.zeros((100, 50, 3), np.uint8)
    red[..., 0] = 255
    Image.fromarray(red).save(tmp_path / "a.png")
    for image in (str(tmp_path / "a.png"), tmp_path / "a.png", red, red / 255.0):
        small = decoded(data_uri(image, 20))
        assert small.shape == (20, 10, 3)
        assert np.abs(small.astype(int) - [254, 0, 0]).max() <= 3


def test_a_tiny_picture_is_enlarged_to_be_seen():
    assert decoded(data_uri(GREYS[:8, :4], 64)).shape == (64, 32, 3)


def test_a_file_that_is_no_image_is_told(tmp_path):
    (tmp_path / "a.png").write_text("no")
    with pytest.raises(DecodeError, match=r"a\.png"):
        data_uri(tmp_path / "a.png", 64)
