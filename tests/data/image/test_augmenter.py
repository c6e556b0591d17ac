import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.image import ImageAugmenter, ImagePipeline, RandomTransformer
from brevetti_keras.utils.errors import InvalidInputError, SettingsError

PARTS = ("random_transformer", "image_noise", "salt_pepper", "image_filter", "image_deformation")
OFF: dict[str, Any] = {name: {"chance": 0} for name in PARTS}
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(0, 1, (6, 20, 28, 3)).astype(np.float32)
SEEDS = np.arange(12, dtype=np.int32).reshape(6, 2)


def only(part: str, **arguments: Any) -> ImageAugmenter:
    return ImageAugmenter(**{**OFF, part: {"chance": 1, **arguments}})


def everything() -> ImageAugmenter:
    return ImageAugmenter(**{name: {"chance": 1} for name in PARTS})


def varied(augmenter: ImageAugmenter, images: np.ndarray = IMAGES, seed: Any = SEEDS) -> np.ndarray:
    return np.asarray(augmenter({"img": images}, seed=seed)["img"])


@pytest.mark.parametrize("part", PARTS)
def test_each_part_alone_changes_images_eagerly_and_in_a_dataset_alike(part: str) -> None:
    augmenter = only(part, **({"fraction": 0.1} if part == "salt_pepper" else {}))
    eager = varied(augmenter)
    assert eager.dtype == np.float32
    assert all((eager[index] != IMAGES[index]).any() for index in range(6))
    assert eager.min() >= 0
    assert eager.max() <= 1
    dataset = tf.data.Dataset.from_tensors({"img": IMAGES, "seed": SEEDS})
    mapped = dataset.map(lambda batch: augmenter({"img": batch["img"]}, seed=batch["seed"]))
    assert mapped.element_spec["img"].shape == IMAGES.shape
    np.testing.assert_array_equal(next(iter(mapped))["img"].numpy(), eager)


def test_all_chances_at_zero_leave_every_bit() -> None:
    for images in (IMAGES, (IMAGES * 255).astype(np.uint8), IMAGES * 1000 - 500):
        np.testing.assert_array_equal(varied(ImageAugmenter(**OFF), images), images)


def test_by_default_specks_filters_and_deformation_are_off() -> None:
    augmenter = ImageAugmenter()
    assert [getattr(augmenter, part).chance for part in PARTS] == [0.5, 0.5, 0, 0, 0]


def test_a_chance_is_met_on_average_and_the_others_stay_untouched() -> None:
    images = np.repeat(IMAGES[:1, :4, :4], 1000, axis=0)
    changed = (varied(only("image_noise", chance=0.25), images, seed=5) != images).any(axis=(1, 2, 3))
    assert 0.2 < changed.mean() < 0.3


@given(order=st.permutations(range(6)), size=st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_a_sample_and_its_seed_decide_wherever_they_stand_in_a_batch(order: list[int], size: int) -> None:
    augmenter = everything()
    whole = varied(augmenter)
    some = order[:size]
    np.testing.assert_array_equal(varied(augmenter, IMAGES[some], SEEDS[some]), whole[some])


def test_other_seeds_give_other_pictures() -> None:
    augmenter = everything()
    same_image = np.repeat(IMAGES[:1], 6, axis=0)
    first = varied(augmenter, same_image)
    assert len({picture.tobytes() for picture in first}) == 6
    assert (varied(augmenter, same_image, SEEDS + 100) != first).any(axis=(1, 2, 3)).all()
    # Either integer of the pair counts, negative ones too.
    pairs = np.array([[0, 0], [0, 1], [1, 0], [-1, 0], [0, -1], [2**31 - 1, -(2**31)]], np.int32)
    assert len({picture.tobytes() for picture in varied(augmenter, same_image, pairs)}) == 6


def test_one_integer_makes_a_different_seed_for_each_place() -> None:
    same_image = np.repeat(IMAGES[:1], 6, axis=0)
    pictures = varied(everything(), same_image, seed=7)
    assert len({picture.tobytes() for picture in pictures}) == 6
    np.testing.assert_array_equal(varied(everything(), same_image, seed=tf.constant(7)), pictures)
    np.testing.assert_array_equal(everything()({"img": same_image})["img"], varied(everything(), same_image, seed=0))


def test_one_part_does_not_change_what_another_draws() -> None:
    flips = {"scale": 0, "rotate": 0, "translate_horizontal": 0, "translate_vertical": 0, "shear": 0, "chance": 1}
    flipped = varied(ImageAugmenter(**{**OFF, "random_transformer": flips}))
    both = varied(
        ImageAugmenter(**{**OFF, "random_transformer": flips, "salt_pepper": {"chance": 1, "fraction": 0.01}})
    )
    assert 0 < (both != flipped).any(axis=-1).mean() < 0.03


def test_masks_move_with_their_images() -> None:
    masks = (IMAGES[..., :1] > 0.5).astype(np.int32)
    augmenter = ImageAugmenter(
        **{**OFF, "random_transformer": {"chance": 1, "interpolation": "nearest"}, "image_deformation": {"chance": 1}}
    )
    result = augmenter({"img": IMAGES, "segmentation": masks, "path": ["x"] * 6}, seed=SEEDS)
    moved_image, moved_mask = result["img"].numpy(), result["segmentation"].numpy()
    assert moved_mask.dtype == np.int32
    assert (moved_mask != masks).any()
    # Nearest for both, up to OpenCV's rounding of coordinates at the border between two pixels.
    assert ((moved_image[..., :1] > 0.5) == moved_mask).mean() > 0.97
    assert result["path"] == ["x"] * 6


def test_masks_stay_when_only_colours_change() -> None:
    masks = (IMAGES[..., 0] > 0.5).astype(np.uint8)
    result = only("image_noise")({"img": IMAGES, "segmentation": masks}, seed=0)
    np.testing.assert_array_equal(result["segmentation"], masks)


def test_frames_of_a_series_move_alike_and_have_noise_of_their_own() -> None:
    series = np.repeat(IMAGES[:2, None], 3, axis=1)
    moved = varied(only("random_transformer"), series, SEEDS[:2])
    np.testing.assert_array_equal(moved[:, 0], moved[:, 2])
    np.testing.assert_array_equal(moved[:, 0], varied(only("random_transformer"), IMAGES[:2], SEEDS[:2]))
    noisy = varied(only("image_noise"), series, SEEDS[:2])
    assert (noisy[:, 0] != noisy[:, 1]).any()


def test_integers_stay_integers_on_their_whole_range() -> None:
    images = (IMAGES * 255).astype(np.uint8)
    scaled = ImageAugmenter(**{name: {"chance": 1} for name in PARTS}, value_range=(0, 255))
    floats = varied(scaled, images.astype(np.float32))
    result = varied(everything(), images)
    assert result.dtype == np.uint8
    # Bytes are moved as bytes: half a level of rounding, and OpenCV's own half, before contrast and relief raise it.
    assert np.abs(result - floats).max() <= 3
    assert np.abs(result - floats).mean() < 0.5
    sixteen = varied(everything(), images.astype(np.uint16) * 257)
    assert sixteen.dtype == np.uint16
    assert np.abs(sixteen / 257.0 - floats).max() < 1


def test_varying_without_tensorflow_gives_the_same_pictures() -> None:
    augmenter = everything()
    np.testing.assert_array_equal(augmenter.vary(IMAGES, SEEDS), varied(augmenter))
    masks = (IMAGES[..., 0] > 0.5).astype(np.uint8)
    moved = augmenter({"img": IMAGES, "segmentation": masks}, seed=SEEDS)["segmentation"]
    np.testing.assert_array_equal(augmenter.vary_masks(masks, SEEDS), moved)


def test_what_is_drawn_can_be_told() -> None:
    rows = everything().drawn(SEEDS)
    assert [set(row) for row in rows] == [set(PARTS)] * 6
    assert set(rows[0]["image_noise"]) == {"brightness", "contrast", "hue", "saturation"}
    assert ImageAugmenter(**OFF).drawn(SEEDS) == [{}] * 6
    assert only("salt_pepper").drawn(SEEDS) == [{"salt_pepper": {"fraction": 0.0005}}] * 6


@pytest.mark.parametrize("rescale", [None, "unit", "imagenet"])
def test_the_range_is_that_of_the_nearest_pipeline_before(rescale: str | None) -> None:
    nearest = ImagePipeline(rescale=rescale)
    other_key = ImagePipeline(rescale="unit", output_key="mask")
    bound = ImageAugmenter().bind((ImagePipeline(rescale="imagenet"), len, nearest, other_key, None))
    assert bound.value_range == nearest.value_range
    low, high = nearest.value_range
    images = IMAGES * (high - low) + low
    result = varied(ImageAugmenter(**{name: {"chance": 1} for name in PARTS}).bind((nearest,)), images)
    assert low <= result.min() < low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) < result.max() <= high


def test_a_range_of_its_own_or_no_pipeline_leaves_the_augmenter_as_it_is() -> None:
    own = ImageAugmenter(value_range=(0, 4))
    assert own.bind((ImagePipeline(),)) is own
    free = ImageAugmenter()
    assert free.bind((len,)) is free


def test_the_same_variation_on_every_range() -> None:
    unit = varied(everything())
    for low, high in ((0.0, 255.0), (-1.0, 1.0)):
        augmenter = ImageAugmenter(**{name: {"chance": 1} for name in PARTS}, value_range=(low, high))
        result = varied(augmenter, IMAGES * np.float32(high - low) + np.float32(low))
        np.testing.assert_allclose((result - low) / (high - low), unit, atol=1e-4)


def test_the_batch_given_is_left_alone() -> None:
    images = IMAGES.copy()
    batch = {"img": images}
    everything()(batch, seed=0)
    assert batch["img"] is images
    np.testing.assert_array_equal(images, IMAGES)


def test_wrong_input_is_told_apart() -> None:
    with pytest.raises(InvalidInputError, match=r"the key 'img', received \['image'\]"):
        everything()({"image": IMAGES})
    with pytest.raises(
        InvalidInputError, match=r"values in \[0, 1\], received values from 0.* up to 25\d.*value_range"
    ):
        everything()({"img": IMAGES * 255})
    with pytest.raises(InvalidInputError, match=r"values in \[0, 1\], received values from -0.99.*value_range"):
        everything()({"img": IMAGES * 2 - 1})
    everything()({"img": IMAGES - 0.4})
    with pytest.raises(InvalidInputError, match=r"seeds of shape \(6, 2\), received \(5, 2\)"):
        everything()({"img": IMAGES}, seed=SEEDS[:5])
    with pytest.raises(InvalidInputError, match="batch, height, width, channels"):
        everything()({"img": IMAGES[0]})
    with pytest.raises(InvalidInputError, match="masks of the images' size"):
        everything()({"img": IMAGES, "segmentation": IMAGES[:, :5]})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_noise": {"chance": 1.5}}, r"image_noise\.chance"),
        ({"image_noise": {"contrast": (2, 1)}}, r"contrast as \(low, high\)"),
        ({"image_noise": {"contrast": (float("nan"), 1)}}, r"contrast as \(low, high\)"),
        ({"image_noise": {"saturation": (0, float("inf"))}}, r"saturation as \(low, high\)"),
        ({"value_range": (0, float("inf"))}, r"value_range as \(low, high\)"),
        ({"image_noise": {"saturation": (-1, 1)}}, "saturation of at least 0"),
        ({"image_noise": {"hue": 0.6}}, r"image_noise\.hue"),
        ({"random_transformer": {"scale": 1}}, r"random_transformer\.scale"),
        ({"random_transformer": {"rotat": 1}}, "did you mean 'rotate'"),
        ({"salt_pepper": {"scale": 2}}, r"salt_pepper\.scale"),
        ({"salt_pepper": {"value_range": (1, 0)}}, r"value_range as \(low, high\)"),
        ({"image_filter": {"avg_blur": (0, 3)}}, "from 1 to 999"),
        ({"image_filter": {"emboss_strength": (2, 1)}}, "emboss_strength"),
        ({"image_deformation": {"sigma": 0}}, r"image_deformation\.sigma"),
        ({"value_range": (1, 1)}, "low < high"),
    ],
)
def test_wrong_settings_are_told_apart(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        ImageAugmenter(**arguments)


def test_parts_are_components_or_dicts_of_their_settings() -> None:
    augmenter = ImageAugmenter(random_transformer=RandomTransformer(rotate=15))
    assert augmenter == ImageAugmenter(random_transformer={"rotate": 15})
    assert ImageAugmenter.from_config(augmenter.get_config()) == augmenter
    form = ImageAugmenter.get_schema()
    assert set(form.schema["properties"]) == set(PARTS)
    models = {field.get("model") for field in form.vue_form()["fields"]}
    assert {"random_transformer.rotate", "image_noise.stddev", "salt_pepper.chance"} <= models


@pytest.mark.parametrize("seed", ["a", None, 1.5, [[0.5, 1.0]] * 6])
def test_seeds_are_integers(seed: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected a seed of integers, received [^\n]*$"):
        varied(everything(), seed=seed)


def test_an_augmenter_at_work_is_the_same_to_compare_copy_and_send() -> None:
    augmenter, twin = everything(), everything()
    dataset = tf.data.Dataset.from_tensors({"img": IMAGES}).map(lambda batch: augmenter(batch, seed=1))
    before = next(iter(dataset))["img"].numpy()
    assert augmenter == twin
    assert augmenter.get_config() == twin.get_config()
    for copied in (pickle.loads(pickle.dumps(augmenter)), augmenter.model_copy(update={"value_range": (0, 1)})):
        np.testing.assert_array_equal(varied(copied, seed=1), before)


def test_batches_that_are_kept_are_not_written_again() -> None:
    augmenter = everything()
    dataset = tf.data.Dataset.range(6).map(lambda number: augmenter({"img": tf.constant(IMAGES)}, seed=number)["img"])
    kept = list(dataset)
    for number, batch in enumerate(kept):
        np.testing.assert_array_equal(batch, varied(augmenter, seed=number))


@pytest.mark.parametrize("dtype", ["uint16", "int32", "uint32", "int64"])
def test_the_brightest_of_any_type_stays_the_brightest(dtype):
    largest = np.iinfo(dtype).max
    augmenter = ImageAugmenter(random_transformer={"chance": 0}, image_noise={"chance": 1, "brightness": 0})
    still = ImageAugmenter(image_noise={"chance": 0}, random_transformer={"chance": 0}, salt_pepper={"chance": 1})
    images, seeds = np.full((4, 8, 8, 1), largest, dtype), np.arange(8).reshape(4, 2)
    for one in (augmenter, still):
        varied = one.vary(images, seeds)
        assert varied.dtype == images.dtype
        assert np.median(varied.astype(float)) > 0.9 * largest


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_bicubic_interpolation_leaves_no_value_that_the_picture_does_not_have(dtype):
    augmenter = ImageAugmenter(image_noise={"chance": 0}, random_transformer={"chance": 1, "interpolation": "bicubic"})
    high = 1 if dtype.startswith("f") else 255
    images = (np.indices((4, 32, 32, 1)).sum(axis=0) // 5 % 2 * high).astype(dtype)
    varied = augmenter.vary(images, np.arange(8).reshape(4, 2))
    assert (varied != images).any()
    assert varied.min() == 0
    assert varied.max() == high


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.int64, np.float64])
def test_an_image_that_no_chance_meets_keeps_every_bit_of_any_type(dtype: Any) -> None:
    kind = np.dtype(dtype).kind
    images = (RANDOM.random((20, 4, 5, 1)) if kind == "f" else RANDOM.integers(2**29, 2**30, (20, 4, 5, 1))).astype(
        dtype
    )
    augmenter = ImageAugmenter(random_transformer={"chance": 0}, image_noise={"chance": 0.5})
    seeds = np.stack([np.arange(20), np.arange(20)], axis=1)
    chosen = np.array([bool(drawn) for drawn in augmenter.drawn(seeds)])
    assert 0 < chosen.sum() < 20
    for result in (
        varied(augmenter, images, seeds),
        augmenter.graph_form(pd.DataFrame()).function({"img": images}, seeds)["img"].numpy(),
    ):
        np.testing.assert_array_equal(result[~chosen], images[~chosen])


@pytest.mark.parametrize("dtype", [np.uint16, np.float64])
def test_images_whose_axes_lie_in_another_order_are_varied_alike(dtype: Any) -> None:
    images = (IMAGES * (1 if dtype is np.float64 else 65535)).astype(dtype)
    turned = np.ascontiguousarray(images.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
    np.testing.assert_array_equal(everything().vary(turned, SEEDS), everything().vary(images, SEEDS))


def test_sides_that_cannot_be_deformed_are_told() -> None:
    for shape in ((1, 32_767, 2, 1), (1, 2, 32_767, 1)):
        with pytest.raises(InvalidInputError, match=r"image_deformation: expected .* at most 32766 pixels a side"):
            only("image_deformation").vary(np.zeros(shape, np.float32), SEEDS[:1])
    only("image_deformation").vary(np.zeros((1, 32_766, 2, 1), np.float32), SEEDS[:1])
    only("random_transformer").vary(np.zeros((1, 40_000, 2, 1), np.float32), SEEDS[:1])
