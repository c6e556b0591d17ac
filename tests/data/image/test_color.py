import numpy as np
import pytest
from PIL import Image

from brevetti_keras.data.image.color import VALUE_RANGES, demosaic, rescale, to_color
from brevetti_keras.utils.errors import InvalidInputError
from tests.support.odd_images import PIXELS


def mosaic(dtype: type = np.uint8, scale: int = 1) -> np.ndarray:
    """Smooth colours seen through RGGB filters."""
    rows, columns = np.mgrid[:32, :40]
    colors = np.stack([columns * 4, rows * 6, (rows + columns) * 2], axis=-1) * scale
    raw = colors[..., 1].copy()
    raw[0::2, 0::2] = colors[0::2, 0::2, 0]
    raw[1::2, 1::2] = colors[1::2, 1::2, 2]
    return np.dstack([raw[..., None], colors]).astype(dtype)


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 1), (np.uint16, 256)])
def test_a_mosaic_becomes_the_colours_it_was_seen_from(dtype: type, scale: int) -> None:
    seen = mosaic(dtype, scale)
    colors = demosaic(seen[..., :1])
    assert colors.dtype == dtype
    inside = np.s_[2:-2, 2:-2]
    difference = np.abs(colors[inside].astype(int) - seen[..., 1:][inside].astype(int))
    assert difference.max() <= 1 * scale


def test_a_mosaic_written_as_three_equal_channels_is_taken() -> None:
    raw = mosaic()[..., :1]
    np.testing.assert_array_equal(demosaic(np.repeat(raw, 3, axis=2)), demosaic(raw))


def test_what_is_no_mosaic_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="received one in colour"):
        demosaic(PIXELS)
    with pytest.raises(InvalidInputError, match="float32"):
        demosaic(np.zeros((4, 4, 1), np.float32))


def test_grey_is_the_luma_that_pillow_computes() -> None:
    grey = to_color(PIXELS.astype(np.float32), "greyscale")
    assert grey.shape == (*PIXELS.shape[:2], 1)
    np.testing.assert_allclose(grey[..., 0], np.asarray(Image.fromarray(PIXELS).convert("L")), atol=0.51)


def test_colour_from_grey_repeats_it() -> None:
    grey = PIXELS[..., :1].astype(np.float32)
    np.testing.assert_array_equal(to_color(grey, "rgb"), np.dstack([grey] * 3))
    assert to_color(grey, "greyscale") is grey


@pytest.mark.parametrize("method", [None, "unit", "imagenet"])
def test_rescale_fills_its_range_and_leaves_its_argument_alone(method: str | None) -> None:
    image = np.array([0.0, 127.5, 255.0], np.float32)
    low, high = VALUE_RANGES[method]
    np.testing.assert_allclose(rescale(image, method), [low, (low + high) / 2, high], atol=1e-6)
    assert image.tolist() == [0.0, 127.5, 255.0]
