import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.data.image.resampling import resize
from brevetti_keras.utils.errors import DecodeError, InvalidInputError, SettingsError
from tests.support.odd_images import DEEP, HEIGHT, PIXELS, WIDTH, broken_files, encode, opencv, sound_files, write

FLOATS = PIXELS.astype(np.float32)


@pytest.fixture
def picture(tmp_path: Path) -> str:
    return write(tmp_path, "picture.png", encode(Image.fromarray(PIXELS), "PNG"))


def smooth_photo(height: int, width: int) -> np.ndarray:
    """Large shapes with some detail, as a camera sees them."""
    random = np.random.default_rng(0)
    layers = [
        resize(random.normal(0, strength, (side, side, 3)), (height, width), "bicubic")
        for side, strength in ((6, 50), (40, 25), (200, 12))
    ]
    return np.clip(128 + np.sum(layers, axis=0), 0, 255).astype(np.uint8)


def in_dataset(pipeline: ImagePipeline, paths: list[str]) -> np.ndarray:
    dataset = tf.data.Dataset.from_tensor_slices({"path": paths}).batch(len(paths)).map(pipeline)
    return next(iter(dataset))[pipeline.output_key].numpy()


SETTINGS: list[dict[str, Any]] = [
    {},
    {"target_size": (20, 30)},
    {"target_size": (20, 30), "color_mode": "greyscale", "rescale": "unit"},
    {"target_size": (40, 90), "keep_aspect_ratio": True, "padding_mode": "REFLECT", "center_padding": True},
    {"target_size": (40, 90), "keep_aspect_ratio": True, "rescale": "imagenet", "antialias": True},
    {"rois": [((0, 0), (10, 20)), ((5, 5), (15, 10))]},
    {"rois": [((0, 0), (10, 20)), ((5, 5), (15, 25))], "roi_mode": "as_timeseries", "color_mode": "greyscale"},
    {"rois": [((0, 0), (10, 20)), ((5, 5), (25, 10))], "roi_mode": "as_timeseries", "target_size": (8, 9)},
    {"target_size": (7, 5), "resize_method": "nearest", "rescale": "unit"},
]


@pytest.mark.parametrize("arguments", SETTINGS)
def test_eagerly_and_in_a_dataset_the_pixels_are_the_same_and_as_promised(
    tmp_path: Path, picture: str, arguments: dict[str, Any]
) -> None:
    pipeline = ImagePipeline(**arguments)
    paths = [picture, write(tmp_path, "other.jpg", sound_files()["baseline.jpg"])]
    eager = pipeline({"path": tf.constant(paths)})["img"]
    assert eager.dtype == tf.float32
    np.testing.assert_array_equal(eager.numpy(), in_dataset(pipeline, paths))
    assert all(promised in {None, met} for promised, met in zip(pipeline.output_shape, eager.shape[1:], strict=True))
    low, high = pipeline.value_range
    assert low <= eager.numpy().min()
    assert eager.numpy().max() <= high
    assert np.ptp(eager.numpy()) > (high - low) / 4
    # One path gives what it gives in a batch.
    single = pipeline({"path": tf.constant(paths[1])})["img"]
    np.testing.assert_array_equal(single.numpy(), eager[1].numpy())


@pytest.mark.parametrize("arguments", SETTINGS)
def test_a_dataset_knows_the_shape_beforehand(picture: str, arguments: dict[str, Any]) -> None:
    pipeline = ImagePipeline(**arguments)
    dataset = tf.data.Dataset.from_tensor_slices({"path": [picture]})
    assert tuple(dataset.batch(1).map(pipeline).element_spec["img"].shape) == (None, *pipeline.output_shape)
    assert tuple(dataset.map(pipeline).element_spec["img"].shape) == pipeline.output_shape


@pytest.mark.parametrize(
    "name", ["rgb.png", "rgb.bmp", "palette.bmp", "lossless.webp", "plain.tif", "wrong_ending.jpg"]
)
def test_without_settings_the_pixels_are_those_of_the_file(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, sound_files()[name])
    expected = np.asarray(Image.open(path).convert("RGB"), np.float32)
    np.testing.assert_array_equal(ImagePipeline()({"path": [path]})["img"][0].numpy(), expected)


def test_sixteen_bits_come_through_in_fractions(tmp_path: Path) -> None:
    path = write(tmp_path, "deep.png", opencv(".png", DEEP))
    image = ImagePipeline()({"path": path})["img"].numpy()
    np.testing.assert_allclose(image, DEEP / 257.0, rtol=1e-6)
    assert (image != np.rint(image)).any()


def test_the_call_leaves_its_batch_alone_and_keeps_the_other_keys(picture: str) -> None:
    batch = {"path": tf.constant([picture]), "label": tf.constant([3])}
    result = ImagePipeline(output_key="pixels")(batch)
    assert set(batch) == {"path", "label"}
    assert set(result) == {"path", "label", "pixels"}
    assert result["label"] is batch["label"]
    elsewhere = ImagePipeline(path_key="mask_path")({"mask_path": tf.constant([picture])})
    np.testing.assert_array_equal(elsewhere["img"], result["pixels"])


def test_resizing_is_bilinear_as_tensorflow_defines_it(picture: str) -> None:
    image = ImagePipeline(target_size=(30, 40))({"path": [picture]})["img"].numpy()[0]
    np.testing.assert_allclose(image, tf.image.resize(FLOATS, (30, 40)).numpy(), atol=1.01)


@pytest.mark.parametrize(("centred", "top"), [(False, 0), (True, 10)])
def test_kept_shapes_are_padded_below_and_right_unless_centred(picture: str, centred: bool, top: int) -> None:
    pipeline = ImagePipeline(
        target_size=(HEIGHT + 20, WIDTH), keep_aspect_ratio=True, center_padding=centred, rescale="imagenet"
    )
    image = pipeline({"path": [picture]})["img"].numpy()[0]
    np.testing.assert_allclose(image[top : top + HEIGHT], FLOATS / 127.5 - 1, atol=1e-6)
    # Padding is black before the scale is applied.
    assert (np.delete(image, np.s_[top : top + HEIGHT], axis=0) == -1).all()


def test_regions_are_stacked_below_each_other_or_in_time(picture: str) -> None:
    rois = [((0, 0), (10, 20)), ((30, 5), (40, 25))]
    parts = [FLOATS[0:20, 0:10], FLOATS[5:25, 30:40]]
    stacked = ImagePipeline(rois=rois)({"path": [picture]})["img"].numpy()[0]
    np.testing.assert_array_equal(stacked, np.concatenate(parts))
    series = ImagePipeline(rois=rois, roi_mode="as_timeseries")({"path": [picture]})["img"].numpy()[0]
    np.testing.assert_array_equal(series, np.stack(parts))


def test_a_mosaic_is_read_as_colours(tmp_path: Path) -> None:
    raw = np.zeros((8, 8), np.uint8)
    raw[0::2, 0::2] = 200
    path = write(tmp_path, "raw.png", encode(Image.fromarray(raw), "PNG"))
    image = ImagePipeline(color_mode="bayer")({"path": path})["img"].numpy()
    assert image[2:-2, 2:-2].reshape(-1, 3).mean(axis=0).tolist() == [200, 0, 0]
    picture = write(tmp_path, "colour.png", sound_files()["rgb.png"])
    with pytest.raises(DecodeError, match=r"colour\.png: .*set color_mode to rgb"):
        ImagePipeline(color_mode="bayer")({"path": picture})


def drawn_parts(height: int, width: int) -> np.ndarray:
    """Sharp edges and fine lines on an even ground, as of machined parts."""
    image = np.full((height, width, 3), (70, 80, 95), np.uint8)
    random = np.random.default_rng(1)
    for _ in range(60):
        x, y = int(random.integers(width)), int(random.integers(height))
        color = [int(value) for value in random.integers(0, 256, 3)]
        cv2.circle(image, (x, y), int(random.integers(3, 60)), color, int(random.integers(1, 9)), cv2.LINE_AA)
    return image


def _kernel(arguments: dict[str, Any]) -> dict[str, Any]:
    named = {"method" if name == "resize_method" else name: value for name, value in arguments.items()}
    return {"method": "bilinear", **named}


@pytest.mark.parametrize("size", [(960, 1280), (961, 1283)])
@pytest.mark.parametrize("quality", [50, 75, 90, 98])
@pytest.mark.parametrize("draw", [smooth_photo, drawn_parts])
def test_scaled_decoding_is_no_further_from_the_averaged_picture_than_plain_decoding(
    tmp_path: Path, size: tuple[int, int], quality: int, draw: Callable[[int, int], np.ndarray]
) -> None:
    path = write(tmp_path, "photo.jpg", encode(Image.fromarray(draw(*size)), "JPEG", quality=quality))
    full = np.asarray(Image.open(path), np.float32)
    for target in ((400, 500), (224, 224), (110, 150), (64, 80), (50, 70)):
        averaged = resize(full, target, "area")

        def error(image: np.ndarray, averaged: np.ndarray = averaged) -> float:
            return float(np.sqrt(np.mean((image - averaged) ** 2)))

        for arguments in ({}, {"resize_method": "gaussian"}, {"resize_method": "bicubic"}):
            pipeline = ImagePipeline(target_size=target, cache=False, **arguments)
            # What is rounded to 8 bits is off by a third of a step; plain decoding here is not.
            plain = np.hypot(error(resize(full, target, **_kernel(arguments))), 0.3)
            if pipeline.reader.shrink(*size) > 1:
                assert error(pipeline.load_image(path)) <= plain, (target, arguments)
    assert ImagePipeline(target_size=(224, 224)).reader.shrink(*size) == 4


@pytest.mark.parametrize("arguments", [{"resize_method": "area"}, {"antialias": True}])
@pytest.mark.parametrize("target", [(110, 150), (50, 70), (25, 30)])
def test_what_averages_by_itself_counts_the_pixels_of_the_whole_jpeg(
    tmp_path: Path, arguments: dict[str, Any], target: tuple[int, int]
) -> None:
    path = write(tmp_path, "parts.jpg", encode(Image.fromarray(drawn_parts(960, 1280)), "JPEG"))
    full = np.asarray(Image.open(path), np.float32)
    image = ImagePipeline(target_size=target, cache=False, **arguments).load_image(path)
    antialias = bool(arguments.get("antialias"))
    method = "area" if "resize_method" in arguments else "bilinear"
    np.testing.assert_allclose(image, resize(full, target, method, antialias=antialias), atol=0.51)


def test_nearest_picks_pixels_of_the_file_itself(tmp_path: Path) -> None:
    path = write(tmp_path, "photo.jpg", encode(Image.fromarray(smooth_photo(240, 320)), "JPEG"))
    full = np.asarray(Image.open(path), np.float32)
    image = ImagePipeline(target_size=(24, 32), resize_method="nearest")({"path": path})["img"].numpy()
    np.testing.assert_array_equal(image, full[5::10, 5::10])


@pytest.mark.parametrize("name", ["empty.jpg", "half.jpeg", "text.jpg", "bomb.png"])
def test_an_unreadable_file_is_named(tmp_path: Path, picture: str, name: str) -> None:
    path = write(tmp_path, name, broken_files()[name])
    pipeline = ImagePipeline(target_size=(8, 8))
    with pytest.raises(DecodeError) as eager:
        pipeline({"path": [picture, path]})
    assert str(eager.value).startswith(f"{path}: expected")
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"DecodeError: {path}: expected"):
        in_dataset(pipeline, [picture, path])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"missing\.png: expected an image file"):
        ImagePipeline()({"path": str(tmp_path / "missing.png")})


def test_a_region_beyond_the_image_names_the_file_and_the_region(picture: str) -> None:
    with pytest.raises(DecodeError, match=r"picture\.png: expected an image of at least 84 x 10 .* received 83 x 61"):
        ImagePipeline(rois=[((0, 0), (84, 10))])({"path": [picture]})


def test_images_of_two_sizes_need_a_target_size(tmp_path: Path, picture: str) -> None:
    other = write(tmp_path, "small.png", encode(Image.fromarray(PIXELS[:9]), "PNG"))
    with pytest.raises(InvalidInputError, match=r"picture\.png and \(9, 83, 3\) from .*small\.png: set target_size"):
        ImagePipeline()({"path": [picture, other]})
    assert ImagePipeline(target_size=(4, 4))({"path": [picture, other]})["img"].shape == (2, 4, 4, 3)


def test_batches_without_usable_paths_are_refused(picture: str) -> None:
    with pytest.raises(InvalidInputError, match=r"the key 'path', received \['img'\]"):
        ImagePipeline()({"img": 1})
    with pytest.raises(InvalidInputError, match=r"received int32 \(1,\)"):
        ImagePipeline()({"path": [1]})
    with pytest.raises(InvalidInputError, match="string"):
        ImagePipeline()({"path": [[picture]]})


def test_an_empty_batch_is_an_empty_batch() -> None:
    assert ImagePipeline(target_size=(4, 5))({"path": tf.constant([], tf.string)})["img"].shape == (0, 4, 5, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target_size": (0, 4)}, "target_size: expected a height and width of at least 1"),
        ({"target_size": (-3, 4)}, "target_size"),
        ({"target_size": (20_000, 20_000)}, "at most 100 megapixels"),
        ({"target_size": (4,)}, "target_size"),
        ({"target_size": 224}, "target_size"),
        ({"rois": [((5, 0), (5, 9))]}, "rois: expected rois .* with 0 <= x1 < x2"),
        ({"rois": [((0, 9), (5, 2))]}, "rois"),
        ({"rois": [((-1, 0), (5, 2))]}, "rois"),
        ({"rois": [((0, 0), (5, 2)), ((0, 0), (6, 2))]}, "one width"),
        ({"rois": [((0, 0), (5, 2)), ((0, 0), (5, 3))], "roi_mode": "as_timeseries"}, "one size"),
        ({"color_mode": "cmyk"}, "color_mode"),
        ({"rescale": "zscore"}, "rescale"),
        ({"path_key": ""}, "path_key"),
        ({"targetsize": (1, 1)}, "did you mean 'target_size'"),
    ],
)
def test_wrong_settings_are_told_apart(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        ImagePipeline(**arguments)


@pytest.mark.parametrize("arguments", SETTINGS)
def test_the_config_makes_the_same_pipeline(arguments: dict[str, Any]) -> None:
    pipeline = ImagePipeline(**arguments)
    assert ImagePipeline.from_config(pipeline.get_config()) == pipeline


def test_the_form_has_the_settings_but_not_the_keys() -> None:
    names = set(ImagePipeline.get_schema().schema["properties"])
    assert names >= {"target_size", "rois", "rescale"}
    assert not names & {"path_key", "output_key"}
    assert ImagePipeline(rescale="None") == ImagePipeline(rescale=None)


def test_importing_and_constructing_load_no_tensorflow(picture: str) -> None:
    code = (
        "import sys; from brevetti_keras.data.image import ImageAugmenter, ImagePipeline;"
        "from brevetti_keras.data.image.decode import verify_image;"
        "pipeline = ImagePipeline(target_size=(8, 8)); pipeline.get_schema(); ImageAugmenter().bind((pipeline,));"
        f"assert verify_image({picture!r}) is None; assert pipeline.load_image({picture!r}).shape == (8, 8, 3);"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=240)


def test_antialias_averages_as_tensorflow_does(picture: str) -> None:
    image = ImagePipeline(target_size=(9, 11), antialias=True)({"path": picture})["img"].numpy()
    np.testing.assert_allclose(image, tf.image.resize(FLOATS, (9, 11), antialias=True).numpy(), atol=0.51)


def test_a_mosaic_is_never_decoded_smaller(tmp_path: Path) -> None:
    raw = np.full((64, 64), 20, np.uint8)
    raw[0::2, 0::2] = 220
    path = write(tmp_path, "raw.jpg", encode(Image.fromarray(raw), "JPEG", quality=100))
    image = ImagePipeline(color_mode="bayer", target_size=(8, 8))({"path": path})["img"].numpy()
    np.testing.assert_allclose(image.mean(axis=(0, 1)), [220, 20, 20], atol=6)


def test_a_size_that_no_factor_divides_is_not_stretched(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 255, 65).astype(np.uint8), (65, 1))
    path = write(tmp_path, "ramp.jpg", encode(Image.fromarray(ramp), "JPEG", quality=100))
    image = ImagePipeline(target_size=(8, 8), color_mode="greyscale")({"path": path})["img"].numpy()[..., 0]
    averaged = resize(ramp[..., None], (8, 8), "area")[..., 0]
    assert np.abs(image - averaged)[:, :7].max() < 3


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    target=st.none() | st.tuples(st.integers(1, 50), st.integers(1, 50)),
    grey=st.booleans(),
    ending=st.sampled_from([".png", ".tif"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_depth_is_lost_on_the_way(
    tmp_path: Path, height: int, width: int, target: tuple[int, int] | None, grey: bool, ending: str, seed: int
) -> None:
    shape = (height, width) if grey else (height, width, 3)
    deep = np.random.default_rng(seed).integers(0, 2**16, shape, np.uint16)
    path = write(tmp_path, f"deep{ending}", opencv(ending, deep))
    image = ImagePipeline(target_size=target, cache=str(tmp_path / "cache"), rescale="unit").load_image(path)
    exact = np.broadcast_to(deep[..., None] if grey else deep, (height, width, 3)) / 65535.0
    if target is not None:
        exact = resize(exact, target, "bilinear")
    assert np.abs(image - exact).max() <= 2.5 / 65535
