"""The image pipeline in the graph: the host's pixels, and a line with the file's name for what it cannot decode."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.utils.errors import DecodeError, InvalidInputError
from tests.support.odd_images import DEEP, PIXELS, encode, with_orientation

PICTURE = Image.fromarray(PIXELS)
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (500, 500, 3), np.uint8))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("pictures")
    for mode, ending in (("RGB", "jpg"), ("L", "jpg"), ("RGB", "png"), ("L", "png"), ("P", "png"), ("LA", "png")):
        PICTURE.convert(mode).save(folder / f"{mode}.{ending}", quality=90)
    for mode, ending in (("1", "png"), ("RGBA", "png"), ("RGB", "bmp"), ("RGBA", "bmp")):
        PICTURE.convert(mode).save(folder / f"{mode}.{ending}")
    PICTURE.save(folder / "progressive.jpg", progressive=True)
    PICTURE.save(folder / "named as another kind.png", "JPEG")
    Image.fromarray(cv2.resize(PIXELS, (640, 480))).save(folder / "large.jpg", quality=92)
    for orientation in range(1, 9):
        for kind in ("JPEG", "PNG"):
            (folder / f"{orientation}.{kind}").write_bytes(with_orientation(orientation, kind))
    return pd.DataFrame({"path": sorted(map(str, folder.iterdir()))})


ROIS = (((3, 4), (33, 44)), ((10, 10), (40, 50)))


@pytest.mark.parametrize(
    "arguments",
    [
        {"target_size": (48, 40)},
        {"target_size": (130, 130), "resize_method": "lanczos3", "antialias": True, "color_mode": "greyscale"},
        {
            "target_size": (50, 70),
            "keep_aspect_ratio": True,
            "center_padding": True,
            "padding_mode": "REFLECT",
            "rescale": "imagenet",
        },
        {"target_size": (30, 30), "resize_method": "area", "rescale": "unit"},
        {"target_size": (33, 41), "resize_method": "nearest"},
        {"target_size": (60, 60), "resize_method": "bicubic", "keep_aspect_ratio": True},
        {"target_size": (20, 30), "rois": ROIS},
        {"target_size": (20, 30), "rois": ROIS, "roi_mode": "as_timeseries"},
        {"rois": ROIS[:1]},
    ],
)
def test_pixels_are_the_hosts_within_a_level(samples: pd.DataFrame, arguments: dict[str, Any]) -> None:
    pipeline = ImagePipeline(cache=False, **arguments)
    generator = DataGenerator(samples, 10, seed=1, output_structure="img").map(pipeline)
    dataset = generator.get_dataset(form="graph")
    assert dataset.element_spec.shape[1:].as_list() == list(pipeline.output_shape)
    host = np.concatenate(list(generator.get_dataset_numpy()))
    graph = np.concatenate(list(dataset.as_numpy_iterator()))
    low, high = pipeline.value_range
    difference = np.abs(host - graph) * (255 / (high - low))
    assert difference.max() <= 1.01
    # OpenCV weighs bytes by 2048ths when it resizes them.
    assert difference.mean() < 0.25


@pytest.mark.parametrize("mode", ["REFLECT", "SYMMETRIC"])
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("shape", [(9, 70), (70, 9), (40, 1)])
def test_narrow_pictures_are_mirrored_over_and_over(
    tmp_path: Path, shape: tuple[int, int], mode: str, centred: bool
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), PIXELS[np.ix_(np.arange(shape[0]) % 61, np.arange(shape[1]) % 83)])
    pipeline = ImagePipeline(
        target_size=(50, 50), keep_aspect_ratio=True, padding_mode=mode, center_padding=centred, cache=False
    )
    generator = DataGenerator(pd.DataFrame({"path": [str(tmp_path / "a.png")]}), output_structure="img").map(pipeline)
    host, graph = next(generator.get_dataset_numpy()), next(generator.get_dataset(form="graph").as_numpy_iterator())
    assert np.abs(host - graph).max() <= 1.01


def refused(path: Path, **arguments: Any) -> str:
    generator = DataGenerator(pd.DataFrame({"path": [str(path)]})).map(ImagePipeline(**arguments))
    with pytest.raises(DecodeError) as caught:
        generator.get_dataset(form="graph")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    return caught.value.reason


def test_what_tensorflow_cannot_decode_is_refused_with_its_name_before_the_first_batch(tmp_path: Path) -> None:
    PICTURE.save(tmp_path / "a.tif")
    assert "received a TIFF: use form='host'" in refused(tmp_path / "a.tif")
    os.mkfifo(tmp_path / "pipe.png")
    assert "a pipe, a device or a socket stands where a file is needed" in refused(tmp_path / "pipe.png")
    for kind in ("webp", "gif"):
        PICTURE.save(tmp_path / f"a.{kind}")
        assert f"received a {kind.upper()}" in refused(tmp_path / f"a.{kind}")
    PICTURE.convert("P").save(tmp_path / "palette.bmp")
    assert "plain BMP of 24 or 32 bits" in refused(tmp_path / "palette.bmp")
    cv2.imwrite(str(tmp_path / "deep.png"), DEEP)
    assert "received a PNG of 16" in refused(tmp_path / "deep.png")
    PICTURE.convert("CMYK").save(tmp_path / "cmyk.jpg")
    assert "received a CMYK JPEG" in refused(tmp_path / "cmyk.jpg")
    (tmp_path / "text.jpg").write_text("no image")
    assert "begins with b'no image'" in refused(tmp_path / "text.jpg")
    assert "No such file" in refused(tmp_path / "nowhere.png")
    PICTURE.save(tmp_path / "small.png")
    assert "received 83 x 61" in refused(tmp_path / "small.png", rois=(((0, 0), (90, 10)),))
    assert "at most 0.001 megapixels" in refused(tmp_path / "small.png", max_megapixels=0.001)


def test_a_long_header_is_read_to_its_end(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    PICTURE.save(tmp_path / "a.jpg", exif=exif, icc_profile=b"x" * 200_000)
    generator = DataGenerator(pd.DataFrame({"path": [str(tmp_path / "a.jpg")]}), output_structure="img")
    (batch,) = generator.map(ImagePipeline()).get_dataset(form="graph").as_numpy_iterator()
    assert batch.shape == (1, 83, 61, 3)


def test_a_file_that_changed_is_named(tmp_path: Path) -> None:
    PICTURE.save(tmp_path / "a.png")
    generator = DataGenerator(pd.DataFrame({"path": [str(tmp_path / "a.png")]})).map(ImagePipeline())
    dataset = generator.get_dataset(form="graph")
    PICTURE.resize((9, 9)).save(tmp_path / "a.png")
    with pytest.raises(Exception, match=r"(?s)the file changed since its header was read.*a\.png"):
        list(dataset)


@pytest.mark.parametrize("target_size", [None, (8, 8)])
def test_a_file_that_changed_its_size_in_pixels_alone_is_named(
    tmp_path: Path, target_size: tuple[int, int] | None
) -> None:
    path = tmp_path / "a.png"
    NOISE.save(path)
    generator = DataGenerator(pd.DataFrame({"path": [str(path)]})).map(ImagePipeline(target_size=target_size))
    dataset = generator.get_dataset(form="graph")
    size = path.stat().st_size
    NOISE.resize((9, 20)).save(path)
    path.write_bytes(path.read_bytes().ljust(size, b"\0"))
    with pytest.raises(Exception, match=r"(?s)the file changed since its header was read.*a\.png"):
        list(dataset)


def test_a_long_jpeg_that_is_cut_short_is_named_before_the_first_batch(tmp_path: Path) -> None:
    whole = encode(NOISE, "JPEG", quality=95)
    assert len(whole) > 200_000
    (tmp_path / "cut.jpg").write_bytes(whole[:-2])
    assert refused(tmp_path / "cut.jpg") == "expected a whole JPEG, received one that is truncated"
    # Some cameras leave notes behind the picture.
    (tmp_path / "notes.jpg").write_bytes(whole + bytes(100_000))
    generator = DataGenerator(pd.DataFrame({"path": [str(tmp_path / "notes.jpg")]}), output_structure="img")
    (batch,) = generator.map(ImagePipeline()).get_dataset(form="graph").as_numpy_iterator()
    assert batch.shape == (1, 500, 500, 3)


def test_what_has_no_form_in_the_graph_is_one_line(samples: pd.DataFrame) -> None:
    with pytest.raises(InvalidInputError, match="expected rgb or greyscale in the graph form, received bayer"):
        DataGenerator(samples).map(ImagePipeline(color_mode="bayer")).get_dataset(form="graph")
    with pytest.raises(InvalidInputError, match="the column 'file' for the graph form, received path"):
        DataGenerator(samples).map(ImagePipeline(path_key="file")).get_dataset(form="graph")
