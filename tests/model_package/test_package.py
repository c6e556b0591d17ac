import os
import re
import stat
import threading
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

import brevetti_keras
from brevetti_keras.data.image.pipeline import ImagePipeline
from brevetti_keras.model_package import ModelPackage, load_package, package_model
from brevetti_keras.utils.errors import DecodeError, IntegrityError, InvalidInputError, NotFoundError, StorageError
from tests.model_package.conftest import small_model
from tests.support.images import write_image_folder

PIPELINE = ImagePipeline(target_size=(6, 5))
CLASSES = ("bad", "good")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = write_image_folder(tmp_path_factory.mktemp("images"), {"bad": 3, "good": 4})
    return sorted(str(path) for path in root.rglob("*.png"))


@pytest.fixture(scope="module")
def packaged(model: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("package")
    return package_model(
        model,
        folder / "vials.tar.gz",
        classes=CLASSES,
        image_pipeline=PIPELINE,
        metadata={"accuracy": np.float32(0.5), "settings": {"epochs": 3}},
    )


@pytest.fixture(scope="module")
def loaded(packaged: str) -> ModelPackage:
    return load_package(packaged)


def test_is_part_of_the_package_s_names() -> None:
    assert brevetti_keras.model_package.package_model is package_model


def test_carries_its_name_and_version(packaged: str, loaded: ModelPackage) -> None:
    assert os.path.basename(packaged) == "vials.tar.gz"
    assert re.fullmatch(r"[0-9a-f]{12}", loaded.version)
    assert loaded.name == "vials"


def test_gives_back_all_that_was_packaged(model: Any, loaded: ModelPackage) -> None:
    assert loaded.classes == CLASSES
    assert loaded.image_pipeline == PIPELINE
    assert loaded.metadata == {"accuracy": 0.5, "settings": {"epochs": 3}}
    assert [w.tolist() for w in loaded.model.get_weights()] == [w.tolist() for w in model.get_weights()]


def test_predicts_files_as_the_model_in_training_would(model: Any, loaded: ModelPackage, images: list[str]) -> None:
    table = loaded.predict(images, batch_size=3)
    expected = np.concatenate([np.asarray(model(PIPELINE({"path": np.array([path])})["img"])) for path in images])
    assert list(table.columns) == ["path", "prediction", "probability", "score_bad", "score_good"]
    assert table.path.tolist() == images
    np.testing.assert_allclose(table[["score_bad", "score_good"]], expected, atol=1e-6)
    assert table.prediction.tolist() == [CLASSES[index] for index in expected.argmax(axis=1)]
    np.testing.assert_allclose(table.probability, expected.max(axis=1), atol=1e-6)


def test_predictions_do_not_depend_on_the_batch(loaded: ModelPackage, images: list[str]) -> None:
    pd.testing.assert_frame_equal(loaded.predict(images, batch_size=1), loaded.predict(images), rtol=1e-5)


def test_predicts_paths_of_any_kind_and_none(loaded: ModelPackage, images: list[str]) -> None:
    assert loaded.predict([Path(path) for path in images]).path.tolist() == images
    none = loaded.predict([])
    assert len(none) == 0
    assert list(none.columns) == ["path", "prediction", "probability", "score_bad", "score_good"]


def test_names_the_file_it_cannot_read(loaded: ModelPackage, images: list[str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(Path(images[0]).read_bytes()[:200])
    with pytest.raises(DecodeError, match=re.escape(str(broken))):
        loaded.predict([*images, str(broken)])


def test_one_path_is_no_list(loaded: ModelPackage, images: list[str]) -> None:
    with pytest.raises(InvalidInputError, match=r"expected a list of paths, received one"):
        loaded.predict(images[0])
    with pytest.raises(InvalidInputError, match="batch_size"):
        loaded.predict(images, batch_size=0)


def test_the_version_follows_what_predicts_and_nothing_else(packaged: str, tmp_path: Path) -> None:
    def version(seed: int = 1, classes: tuple[str, ...] = CLASSES, size: tuple[int, int] = (6, 5), **more: Any) -> str:
        path = package_model(
            small_model(seed),
            tmp_path / "other.tar.gz",
            classes=classes,
            image_pipeline=ImagePipeline(target_size=size),
            metadata=more,
        )
        return load_package(path).version

    original = load_package(packaged).version
    assert version() == original
    assert version(note="another text") == original
    assert len({original, version(seed=2), version(classes=("good", "bad")), version(size=(7, 5))}) == 4


def test_works_without_classes_and_pipeline(tmp_path: Path, images: list[str]) -> None:
    regression = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    package = load_package(package_model(regression, str(tmp_path / "r.tar.gz")))
    assert (package.classes, package.image_pipeline, package.metadata) == ((), None, {})
    np.testing.assert_array_equal(package.model(np.ones((1, 3))), regression(np.ones((1, 3))))
    with pytest.raises(InvalidInputError, match="expected a package with classes and an image pipeline"):
        package.predict(images)


def test_images_keep_their_size_when_none_is_set(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    open_ended = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2, "softmax")]
    )
    wide = write_image_folder(tmp_path / "wide", {"a": 2}, size=(8, 20))
    tall = write_image_folder(tmp_path / "tall", {"a": 2}, size=(30, 7))
    path = package_model(open_ended, tmp_path / "m.tar.gz", classes=CLASSES, image_pipeline=ImagePipeline())
    assert len(load_package(path).predict(sorted([*wide.rglob("*.png"), *tall.rglob("*.png")]))) == 4


@pytest.mark.parametrize("path", ["model.keras", "model", "model.tar", ".tar.gz", "folder/.tar.gz"])
def test_refuses_a_path_of_another_ending(model: Any, path: str) -> None:
    with pytest.raises(InvalidInputError, match=r"expected a path ending in \.tar\.gz"):
        package_model(model, path)


@pytest.mark.parametrize(
    ("classes", "message"),
    [(("a",), r"outputs \(2\), received 1"), (("a", "b", "c"), "received 3"), (("a", "a"), "each class once")],
)
def test_refuses_classes_that_do_not_fit(model: Any, tmp_path: Path, classes: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        package_model(model, tmp_path / "m.tar.gz", classes=classes)
    assert os.listdir(tmp_path) == []


def test_a_damaged_package_is_told_from_a_missing_one(packaged: str, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tar.gz"
    data = bytearray(Path(packaged).read_bytes())
    data[-6] ^= 255
    damaged.write_bytes(data)
    with pytest.raises(IntegrityError, match="damaged"):
        load_package(damaged)
    with pytest.raises(NotFoundError):
        load_package(tmp_path / "missing.tar.gz")


def test_a_refused_write_leaves_nothing(model: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        package_model(model, tmp_path / "file" / "m.tar.gz")
    assert sorted(os.listdir(tmp_path)) == ["file"]


def test_readers_never_see_half_a_package(model: Any, tmp_path: Path) -> None:
    path = package_model(model, tmp_path / "m.tar.gz", classes=CLASSES)
    failures: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                assert os.path.getsize(path) > 1000
            except (OSError, AssertionError) as error:
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        assert package_model(model, tmp_path / "m.tar.gz", classes=CLASSES) == path
    done.set()
    reader.join()
    assert failures == []
    assert [name for name in os.listdir(tmp_path) if not name.startswith(".")] == [os.path.basename(path)]


def test_loading_leaves_nothing_in_the_temporary_folder(
    packaged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen: list[int] = []
    original = keras.models.load_model

    def spy(path: str, **arguments: Any) -> Any:
        seen.append(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode))
        assert arguments["safe_mode"] is True
        return original(path, **arguments)

    monkeypatch.setattr(keras.models, "load_model", spy)
    load_package(packaged)
    assert seen == [0o700]
    assert os.listdir(tmp_path) == []
