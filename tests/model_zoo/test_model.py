import random
from typing import Any

import keras
import numpy as np
import pytest

from brevetti_keras.utils.errors import InvalidInputError
from model_zoo.image_classification.model import build_model, depth_for


def built(seed: int = 0, **arguments: Any) -> Any:
    return build_model(**{"class_count": 3, "input_shape": (8, 8, 1), "seed": seed, **arguments})


@pytest.mark.parametrize(
    ("shape", "depth"),
    [
        ((8, 8, 1), (0, 2)),
        ((2, 2, 1), (0, 1)),
        ((1, 1, 3), (0, 1)),
        ((16, 16, 3), (0, 3)),
        ((64, 64, 3), (0, 5)),
        ((128, 128, 3), (1, 5)),
        ((224, 224, 3), (2, 4)),
        ((64, 16, 3), (0, 3)),
        ((4000, 4000, 3), (3, 5)),
        ((None, None, 3), (1, 4)),
        ((32, None, 3), (1, 4)),
    ],
)
def test_depth_follows_the_shorter_side(shape: tuple[Any, Any, int], depth: tuple[int, int]) -> None:
    assert depth_for(shape) == depth


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3), (17, 33, 3), (1, 1, 1), (64, 64, 1), (224, 224, 3)])
def test_gives_a_distribution_over_the_classes(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).uniform(0, 255, (2, *shape)).astype(np.float32)
    scores = np.asarray(built(input_shape=shape, filters=4)(images))
    assert scores.shape == (2, 3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


def test_takes_images_of_any_size_when_none_is_set() -> None:
    model = built(input_shape=(None, None, 1), filters=4)
    assert np.asarray(model(np.ones((1, 20, 50, 1)))).shape == (1, 3)
    assert np.asarray(model(np.ones((1, 3, 3, 1)))).shape == (1, 3)


def test_equal_seeds_give_equal_weights_whatever_else_draws() -> None:
    """As a thread does that sends to a bucket, from the generator of the whole process."""
    keras.utils.set_random_seed(1)
    first = built(1)
    random.random()
    second, other = built(1), built(2)
    assert all((a == b).all() for a, b in zip(first.get_weights(), second.get_weights(), strict=True))
    assert any((a != b).any() for a, b in zip(first.get_weights(), other.get_weights(), strict=True))
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    image = np.ones((2, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(first(image, training=True), second(image, training=True))


def test_the_layers_of_a_network_are_drawn_apart() -> None:
    kernels = [layer.kernel.numpy() for layer in built(input_shape=(16, 16, 32)).layers if hasattr(layer, "kernel")]
    same = [kernel for kernel in kernels if kernel.shape == kernels[0].shape]
    assert len(same) > 1
    assert all((same[0] != kernel).any() for kernel in same[1:])


@pytest.mark.parametrize("value_range", [(0.0, 255.0), (0.0, 1.0), (-1.0, 1.0)])
def test_the_input_s_range_does_not_matter(value_range: tuple[float, float]) -> None:
    low, high = value_range
    unit = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    expected = built(3, value_range=(0.0, 1.0))(unit)
    given = built(3, value_range=value_range)(unit * (high - low) + low)
    np.testing.assert_allclose(given, expected, atol=1e-5)


def test_the_size_of_the_network_follows_its_settings() -> None:
    assert built(filters=8).count_params() < built(filters=16).count_params()
    assert built(dropout=0.5).get_layer("dropout").rate == 0.5
    widths = [layer.filters for layer in built(input_shape=(64, 64, 3)).layers if hasattr(layer, "filters")]
    assert max(widths) == 256


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"class_count": 1}, "at least 2 classes, received 1"), ({"value_range": (1.0, 1.0)}, "value_range")],
)
def test_refuses_what_no_network_can_be_made_for(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        built(**wrong)
