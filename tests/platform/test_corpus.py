"""Everything that a folder may hold, through a job's preparation and a fit: nothing vanishes, nothing bad counts."""

import io
import os
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from brevetti_keras.data.data_generator import DataGenerator, OneHotEncoder
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.platform import Dataset, get_image_samples
from brevetti_keras.platform.preparation import Preparation
from brevetti_keras.utils.errors import DataError
from tests.support.corpus import unusable, usable
from tests.support.odd_images import DEEP, PIXELS

GOOD, BAD = usable(), unusable()
PIPELINE = ImagePipeline(target_size=(16, 16), rescale="unit")
# Names that a careless listing stumbles over.
NAMES = {
    "new\nline.png": "rgb.png",
    "u\u0308mlaut.png": "alpha.png",
    f"{'n' * 251}.png": "grey.png",
    " .png": "rgb.png",
}


def put(folder: Path, name: str, data: bytes) -> None:
    path = folder / ("odd" if hash_of(name) % 2 else "even") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (time.time() - 1000, time.time() - 1000))


def hash_of(name: str) -> int:
    return sum(name.encode())


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for name, data in {**GOOD, **{name: GOOD[same] for name, same in NAMES.items()}}.items():
        put(folder, name, data)
    return folder


def prepared(folder: Path, report: Path, share: float = 1.0) -> tuple[pd.DataFrame, Preparation]:
    preparation = Preparation("quarantine", share, lambda: str(report), pipelines=[PIPELINE])
    dataset = Dataset.from_record(Dataset(folder).record, preparation)
    return get_image_samples([dataset]), preparation


def losses(samples: pd.DataFrame) -> list[float]:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "categorical_crossentropy")
    train = DataGenerator(
        samples, batch_size=16, shuffle=True, repeat=True, seed=3, output_structure=("img", "onehot")
    ).map([PIPELINE, OneHotEncoder(["even", "odd"])])
    fitted = model.fit(train.get_dataset(), steps_per_epoch=len(train), epochs=2, shuffle=False, verbose=0)
    return fitted.history["loss"]


def test_the_corpus_is_large_enough() -> None:
    assert len(GOOD) + len(BAD) >= 57
    assert set(GOOD).isdisjoint(BAD)


def test_every_file_has_its_verdict_and_a_fit_is_what_it_is_without_the_bad_ones(corpus: Path, tmp_path: Path) -> None:
    clean, _ = prepared(corpus, tmp_path / "quarantine.csv")
    assert {os.path.basename(path) for path in clean.path} == {*GOOD, *NAMES}
    before = losses(clean)
    for name, data in BAD.items():
        put(corpus, name, data)
    hidden = corpus / "odd" / ".hidden.png"
    hidden.write_bytes(GOOD["rgb.png"])
    Path(os.fsdecode(os.path.join(os.fsencode(corpus / "odd"), b"caf\xe9.png"))).write_bytes(GOOD["rgb.png"])

    samples, preparation = prepared(corpus, tmp_path / "quarantine.csv")
    pd.testing.assert_frame_equal(samples, clean)
    counts = preparation.counts()
    assert counts == {
        "listed": len(GOOD) + len(NAMES) + len(BAD) + 1, "used": len(GOOD) + len(NAMES), "quarantined": len(BAD) + 1,
    }  # fmt: skip
    table = pd.read_csv(tmp_path / "quarantine.csv")
    assert {os.path.basename(path) for path in table.path} == {*BAD, "caf\\xe9.png"}
    assert table.reason.str.len().min() > 10
    assert not table.reason.str.contains("\n").any()
    assert losses(samples) == before

    with pytest.raises(DataError, match=r"expected at most 1\.0% of the files to be unusable"):
        prepared(corpus, tmp_path / "quarantine.csv", share=0.01)
    for name in BAD:
        (corpus / ("odd" if hash_of(name) % 2 else "even") / name).unlink()


def test_a_folder_of_nothing_but_bad_files_stops_before_training(tmp_path: Path) -> None:
    for name in ("empty.jpg", "text.jpg", "bomb.png"):
        put(tmp_path / "files", name, BAD[name])
    with pytest.raises(DataError, match="to be unusable, found 3 of 3"):
        prepared(tmp_path / "files", tmp_path / "quarantine.csv", share=0.01)


DEEP_FILES = {
    "deep.png": DEEP, "deep_alpha.png": DEEP, "deep.tif": DEEP, "deep_deflate.tif": DEEP,
    "deep_grey.png": np.dstack([DEEP[..., 0]] * 3),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_the_pixels_are_those_of_the_file_upright_and_in_full_depth(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(GOOD[name])
    image = ImagePipeline(cache=str(tmp_path / "cache")).load_image(str(path))
    if name in DEEP_FILES:
        np.testing.assert_allclose(image, DEEP_FILES[name] / 257.0, rtol=1e-6)
    elif name == "high_color.bmp":
        assert np.abs(image - PIXELS).max() <= 8
    elif name in {"words.tif", "floats.tif"}:
        scale = 255 / (2.0**32 - 1) * 2**24 if name == "words.tif" else 1.0
        np.testing.assert_allclose(image, np.dstack([PIXELS[..., 0] * scale] * 3), rtol=1e-6)
    else:
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(GOOD[name]))).convert("RGB")
        np.testing.assert_array_equal(image, np.asarray(upright))
