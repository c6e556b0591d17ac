"""The augmenter in the graph draws what it draws by OpenCV, and makes nearly the same pictures of it."""

from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from brevetti_keras.data.image import ImageAugmenter
from brevetti_keras.utils.errors import InvalidInputError

PARTS = ("random_transformer", "image_noise", "salt_pepper", "image_filter", "image_deformation")
OFF: dict[str, Any] = {name: {"chance": 0} for name in PARTS}
RANDOM = np.random.default_rng(0)
SMOOTH = np.stack([cv2.GaussianBlur(RANDOM.uniform(0, 1, (60, 70, 3)), (0, 0), 3) for _ in range(6)])
IMAGES = ((SMOOTH - SMOOTH.min()) / np.ptp(SMOOTH)).astype(np.float32)
SEEDS = np.arange(12, dtype=np.int32).reshape(6, 2)


def in_graph(augmenter: ImageAugmenter, images: np.ndarray, seeds: Any = SEEDS, masks: Any = None) -> Any:
    batch = {"img": tf.constant(images), **({} if masks is None else {"segmentation": tf.constant(masks)})}
    result = augmenter.graph_form(pd.DataFrame()).function(batch, seed=tf.constant(seeds))
    return result["img"].numpy() if masks is None else (result["img"].numpy(), result["segmentation"].numpy())


@pytest.mark.parametrize(
    ("part", "settings"),
    [
        ("random_transformer", {}),
        ("random_transformer", {"interpolation": "nearest"}),
        ("image_noise", {"stddev": 0.05}),
        ("image_noise", {"hue": 0, "saturation": (1, 1), "stddev": 0}),
        ("salt_pepper", {"fraction": 0.02, "value_range": (0.1, 0.8)}),
        ("image_filter", {"emboss_strength": (0.5, 1)}),
        ("image_filter", {"avg_blur": (4, 3), "gaussian_blur_sigma": 2.0}),
        ("image_deformation", {"sigma": 5.0, "alpha": 4.0}),
    ],
)
@pytest.mark.parametrize("chance", [1, 0.5])
def test_each_part_makes_the_pictures_that_opencv_makes(part: str, settings: dict[str, Any], chance: float) -> None:
    augmenter = ImageAugmenter(**{**OFF, part: {"chance": chance, **settings}})
    expected = augmenter.vary(IMAGES, SEEDS)
    assert (expected != IMAGES).any()
    np.testing.assert_allclose(in_graph(augmenter, IMAGES), expected, atol=1e-3)


def everything() -> ImageAugmenter:
    return ImageAugmenter(**{name: {"chance": 0.8} for name in PARTS})


def test_a_dataset_gives_the_same_pictures() -> None:
    function = everything().graph_form(pd.DataFrame()).function
    dataset = tf.data.Dataset.from_tensors((IMAGES, SEEDS)).map(lambda images, seeds: function({"img": images}, seeds))
    assert dataset.element_spec["img"].shape == IMAGES.shape
    np.testing.assert_allclose(next(iter(dataset))["img"], in_graph(everything(), IMAGES), atol=1e-5)


@pytest.mark.parametrize("deformed", [0, 0.7])
def test_images_of_unknown_size_are_moved_without_compiling_for_each(deformed: float) -> None:
    augmenter = ImageAugmenter(
        **{**OFF, "random_transformer": {"chance": 0.9}, "image_deformation": {"chance": deformed}}
    )
    function = augmenter.graph_form(pd.DataFrame()).function
    specification = tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((None, 2), tf.int32)
    graph = tf.function(lambda images, seeds: function({"img": images}, seeds)["img"], specification, autograph=False)
    assert not any(
        item.attr["_XlaMustCompile"].b for item in graph.get_concrete_function().graph.as_graph_def().library.function
    )
    for images in (IMAGES, IMAGES[:, :40, :31]):
        np.testing.assert_allclose(graph(images, SEEDS), augmenter.vary(images, SEEDS), atol=1e-3)


def test_a_sample_and_its_seed_decide_wherever_they_stand_in_a_batch() -> None:
    whole = in_graph(everything(), IMAGES)
    for some in ([3], [5, 0], [4, 1, 2, 5]):
        np.testing.assert_array_equal(in_graph(everything(), IMAGES[some], SEEDS[some]), whole[some])


@pytest.mark.parametrize("channels", [1, 3, 4, 9])
def test_sizes_and_channels_that_fill_no_vector_change_no_bit(channels: int) -> None:
    images = RANDOM.uniform(0, 1, (13, 15, 11, channels)).astype(np.float32)
    seeds = np.arange(26, dtype=np.int32).reshape(13, 2)
    augmenter = ImageAugmenter(random_transformer={"chance": 1}, image_noise={"chance": 1})
    whole = in_graph(augmenter, images, seeds)
    for some in (slice(1), slice(4, 5), slice(5, 8), slice(2, 13)):
        np.testing.assert_array_equal(in_graph(augmenter, images[some], seeds[some]), whole[some])


def test_large_specks_lie_where_opencv_lays_them() -> None:
    augmenter = ImageAugmenter(**{**OFF, "salt_pepper": {"chance": 1, "fraction": 0.01, "scale": 3}})
    changed = [(images != IMAGES) for images in (in_graph(augmenter, IMAGES), augmenter.vary(IMAGES, SEEDS))]
    np.testing.assert_array_equal(*changed)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.uint16, np.int64, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("deformed", [0, 0.7])
def test_masks_move_along(dtype: type, deformed: float) -> None:
    masks = (IMAGES[..., 0] > 0.5).astype(dtype)
    if masks.dtype.kind == "f":
        masks *= dtype(0.5)
    augmenter = ImageAugmenter(random_transformer={"chance": 0.7}, image_deformation={"chance": deformed})
    for one in (masks, np.repeat(masks[..., None], 2, axis=-1)):
        moved = in_graph(augmenter, IMAGES, masks=one)[1]
        assert moved.dtype == dtype
        expected = augmenter({"img": IMAGES, "segmentation": one}, seed=SEEDS)["segmentation"].numpy()
        assert (moved != expected).mean() < 0.002
        assert (moved != one).mean() > 0.05


def test_frames_of_a_series_move_alike_and_have_noise_of_their_own() -> None:
    series = np.stack([IMAGES[:3], IMAGES[3:]])
    augmenter = ImageAugmenter(random_transformer={"chance": 1}, image_noise={"chance": 1, "stddev": 0.1})
    np.testing.assert_allclose(in_graph(augmenter, series, SEEDS[:2]), augmenter.vary(series, SEEDS[:2]), atol=1e-3)
    masks = (series[..., 0] > 0.5).astype(np.uint8)
    assert in_graph(augmenter, series, SEEDS[:2], masks)[1].shape == masks.shape


@pytest.mark.parametrize("value_range", [None, (0, 255)])
def test_bytes_stay_bytes(value_range: tuple[float, float] | None) -> None:
    images = (IMAGES * 255).astype(np.uint8)
    augmenter = ImageAugmenter(random_transformer={"chance": 1}, image_noise={"chance": 0.5}, value_range=value_range)
    result = in_graph(augmenter, images)
    assert result.dtype == np.uint8
    assert np.abs(result.astype(int) - augmenter.vary(images, SEEDS)).max() <= 3


def test_all_chances_at_zero_leave_every_bit() -> None:
    np.testing.assert_array_equal(in_graph(ImageAugmenter(**OFF), IMAGES), IMAGES)


def test_small_and_grey_images_are_varied_too() -> None:
    for images in (IMAGES[:, :5, :4], IMAGES[..., :1]):
        augmenter = everything()
        np.testing.assert_allclose(in_graph(augmenter, images), augmenter.vary(images, SEEDS), atol=2e-3)


def test_values_of_another_range_are_refused_not_cut() -> None:
    augmenter = ImageAugmenter(random_transformer={"chance": 1}, image_noise={"chance": 1})
    function = augmenter.graph_form(pd.DataFrame()).function
    graph = tf.function(lambda images: function({"img": images}, SEEDS)["img"], autograph=False)
    for run in (graph, lambda images: function({"img": images}, SEEDS)["img"]):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"values in \[0, 1\], or value_range set to theirs"):
            run(IMAGES * 255)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"values in \[0, 1\], or value_range set to theirs"):
            run(IMAGES * 2 - 1)
        run(IMAGES - 0.4)
        run(IMAGES * 1.9)
    assert ImageAugmenter(value_range=(0, 255)).graph_form(pd.DataFrame()).function({"img": IMAGES * 255}, SEEDS)
    assert in_graph(augmenter, IMAGES[:0], SEEDS[:0]).shape == (0, 60, 70, 3)


def test_wrong_use_is_one_line() -> None:
    bicubic = ImageAugmenter(random_transformer={"interpolation": "bicubic"})
    with pytest.raises(InvalidInputError, match="nearest or bilinear in the graph form, received bicubic"):
        bicubic.graph_form(pd.DataFrame())
    function = ImageAugmenter().graph_form(pd.DataFrame()).function
    with pytest.raises(InvalidInputError, match=r"the key 'img', received \['image'\]"):
        function({"image": IMAGES}, seed=SEEDS)
    with pytest.raises(InvalidInputError, match="batch, height, width, channels"):
        function({"img": IMAGES[0]}, seed=SEEDS)


@pytest.mark.parametrize("dtype", ["uint16", "int32", "uint32"])
def test_the_brightest_of_any_type_stays_the_brightest(dtype: str) -> None:
    augmenter = ImageAugmenter(**{**OFF, "salt_pepper": {"chance": 1}})
    images = np.full((6, 8, 8, 1), np.iinfo(dtype).max, dtype)
    varied = in_graph(augmenter, images)
    assert varied.dtype == images.dtype
    assert np.median(varied.astype(float)) > 0.9 * np.iinfo(dtype).max
