import copy
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brevetti_keras.data.decoded_cache import CacheSpace
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.data.image import decode as decoding
from brevetti_keras.utils.errors import DecodeError
from tests.support.odd_images import DEEP, PIXELS, broken_files, opencv, sound_files, tiff, with_orientation, write

FILES = {
    **sound_files(),
    "deep.png": opencv(".png", DEEP),
    "deep_grey.png": opencv(".png", DEEP[..., 0]),
    "deep.tif": tiff(DEEP, photometric="rgb", compression="zlib"),
    "words.tif": tiff(PIXELS[..., 0].astype(np.uint32) * 16_000_000, photometric="minisblack"),
    "floats.tif": tiff(PIXELS[..., 0].astype(np.float32) / 3),
    "turned.jpg": with_orientation(6, "JPEG"),
}
MOSAICS = ("grey.png", "deep_grey.png", "grey.jpg", "one_bit.png")
SIZES = st.none() | st.tuples(st.integers(1, 90), st.integers(1, 90))
METHODS = ["nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"]
ROIS = [None, [((0, 0), (10, 20))], [((0, 0), (10, 20)), ((30, 5), (40, 25))]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("files")
    paths = {name: write(folder, name, data) for name, data in FILES.items()}
    for path in paths.values():
        os.utime(path, (1e9, 1e9))
    return paths


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects the paths that are decoded."""
    met: list[str] = []
    real = decoding.decode_scaled

    def counted(path: str, *arguments: Any) -> Any:
        met.append(path)
        return real(path, *arguments)

    monkeypatch.setattr("brevetti_keras.data.image.pixel_reader.decode_scaled", counted)
    return met


@given(
    chosen=st.fixed_dictionaries(
        {
            "target_size": SIZES,
            "rois": st.sampled_from(ROIS),
            "roi_mode": st.sampled_from(["concatenate_height", "as_timeseries"]),
            "color_mode": st.sampled_from(["rgb", "greyscale", "bayer"]),
            "keep_aspect_ratio": st.booleans(),
            "resize_method": st.sampled_from(METHODS),
            "antialias": st.booleans(),
            "center_padding": st.booleans(),
            "rescale": st.sampled_from([None, "unit", "imagenet"]),
        }
    ),
    names=st.lists(st.sampled_from(sorted(FILES)), min_size=1, max_size=6, unique=True),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pixels_with_the_cache_are_those_without(
    files: dict[str, str], tmp_path: Path, chosen: dict[str, Any], names: list[str]
) -> None:
    root = tmp_path / "cache"
    shutil.rmtree(root, ignore_errors=True)
    names = [name for name in names if chosen["color_mode"] != "bayer" or name in MOSAICS] or ["grey.png"]
    if chosen["rois"]:
        names = [name for name in names if name != "run_length.bmp"] or ["grey.png"]
    plain = ImagePipeline(cache=False, **chosen)
    expected = [plain.load_image(files[name]) for name in names]
    for _ in range(2):  # a job, and a later one
        cached = ImagePipeline(cache=str(root), **chosen)
        for _ in range(2):  # an epoch, and a later one
            for name, image in zip(names, expected, strict=True):
                again = cached.load_image(files[name])
                assert again.dtype == np.float32
                np.testing.assert_array_equal(again, image)
        if len({image.shape for image in expected}) == 1:
            batch = cached({"path": tf.constant([files[name] for name in names])})["img"]
            np.testing.assert_array_equal(batch.numpy(), np.stack(expected))


def test_a_later_job_with_another_scale_decodes_nothing(
    files: dict[str, str], tmp_path: Path, decoded: list[str]
) -> None:
    paths = [files["rgb.png"], files["deep.png"]]
    ImagePipeline(target_size=(9, 9), cache=str(tmp_path))({"path": paths})
    assert sorted(decoded) == sorted(paths)
    decoded.clear()
    other = ImagePipeline(target_size=(9, 9), rescale="imagenet", output_key="x", path_key="p", cache=str(tmp_path))
    other({"p": paths})
    assert decoded == []
    ImagePipeline(target_size=(9, 8), cache=str(tmp_path))({"path": paths})
    assert len(decoded) == 2


def test_in_a_dataset_the_second_epoch_decodes_nothing(
    files: dict[str, str], tmp_path: Path, decoded: list[str]
) -> None:
    paths = [path for name, path in files.items() if name != "run_length.bmp"]
    pipeline = ImagePipeline(target_size=(32, 32), rescale="unit", cache=str(tmp_path))
    dataset = tf.data.Dataset.from_tensor_slices({"path": paths}).batch(4).map(pipeline, num_parallel_calls=4)
    first = [batch["img"].numpy() for batch in dataset]
    assert len(set(decoded)) > len(paths) - 4  # some have one content
    decoded.clear()
    for batch, again in zip(first, dataset, strict=True):
        np.testing.assert_array_equal(again["img"].numpy(), batch)
    assert decoded == []


def test_depth_is_kept_in_the_cache_and_8_bits_take_one_byte(files: dict[str, str], tmp_path: Path) -> None:
    for name, width in {"rgb.png": 1, "deep.png": 2, "words.tif": 4}.items():
        root = tmp_path / name
        pipeline = ImagePipeline(target_size=(16, 16), cache=str(root))
        pipeline.load_image(files[name])
        assert CacheSpace(str(root)).used == 16 * 16 * 3 * width + 64


def test_without_a_cache_nothing_is_written(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path))
    ImagePipeline(cache=False).load_image(files["rgb.png"])
    assert list(tmp_path.iterdir()) == []
    ImagePipeline().load_image(files["rgb.png"])
    assert (tmp_path / "decoded").is_dir()


def test_a_broken_file_raises_with_the_cache_as_without(tmp_path: Path) -> None:
    path = write(tmp_path, "half.png", broken_files()["half.png"])
    reasons = []
    for cache in (False, str(tmp_path / "cache"), str(tmp_path / "cache")):
        with pytest.raises(DecodeError) as caught:
            ImagePipeline(cache=cache).load_image(path)
        reasons.append(str(caught.value))
    assert len(set(reasons)) == 1


def test_a_used_pipeline_is_still_its_settings(files: dict[str, str], tmp_path: Path) -> None:
    used = ImagePipeline(target_size=(8, 8), cache=str(tmp_path))
    before = used.get_config()
    image = used.load_image(files["rgb.png"])
    assert used == ImagePipeline.from_config(before)
    assert used.get_config() == before
    assert "opened" not in repr(used)
    for other in (copy.copy(used), copy.deepcopy(used), pickle.loads(pickle.dumps(used)), used.model_copy()):
        np.testing.assert_array_equal(other.load_image(files["rgb.png"]), image)
    changed = used.model_copy(update={"target_size": (4, 4)})
    assert changed.load_image(files["rgb.png"]).shape == (4, 4, 3)
    uncached = used.model_copy(update={"cache": False})
    np.testing.assert_array_equal(uncached.load_image(files["rgb.png"]), image)


def test_data_sets_of_one_pipeline_share_their_arrays(files: dict[str, str], tmp_path: Path) -> None:
    pipeline = ImagePipeline(target_size=(64, 64), cache=str(tmp_path))
    for _ in range(20):
        dataset = tf.data.Dataset.from_tensor_slices({"path": [files["rgb.png"]] * 8}).batch(4).map(pipeline)
        assert len(list(dataset)) == 2
    buffers = pipeline.__dict__["_opened_buffers"]
    assert len(buffers._kept) <= 6
    for other in (copy.deepcopy(pipeline), pickle.loads(pickle.dumps(pipeline))):
        assert other == pipeline


def test_larger_images_are_taken_when_told_so(files: dict[str, str], tmp_path: Path) -> None:
    small = ImagePipeline(max_megapixels=0.004, cache=str(tmp_path))
    with pytest.raises(DecodeError, match=r"at most 0\.004 megapixels, received 0\.0 \(83 x 61\)"):
        small.load_image(files["rgb.png"])
    assert ImagePipeline(max_megapixels=0.006, cache=str(tmp_path)).load_image(files["rgb.png"]).shape == (61, 83, 3)
