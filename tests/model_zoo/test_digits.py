import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from brevetti_keras.utils.errors import ConflictError
from model_zoo.image_classification.digits import COUNT, write_digits


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_digits(str(tmp_path_factory.mktemp("demo") / "digits")))


def test_writes_every_digit_into_its_class_folder(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [str(digit) for digit in range(10)]
    assert len(list(folder.rglob("*.png"))) == COUNT == len(load_digits().target)
    assert [path for path in folder.rglob("*") if path.name.startswith(".")] == []


@pytest.mark.parametrize("index", [0, 17, 900, 1796])
def test_a_file_holds_the_sample_s_pixels(folder: Path, index: int) -> None:
    digits = load_digits()
    with Image.open(folder / str(digits.target[index]) / f"{index:04d}.png") as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.round(np.asarray(image, float) * 16 / 255), digits.images[index])


def test_two_at_once_write_one_folder(tmp_path: Path) -> None:
    target = str(tmp_path / "new" / "digits")
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(write_digits, [target, target])) == [target, target]
    assert len(list(Path(target).rglob("*.png"))) == COUNT
    assert os.listdir(tmp_path / "new") == ["digits"]


def test_writing_again_changes_only_what_is_missing_or_wrong(folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(folder, tmp_path / "digits")
    paths = sorted(folder.rglob("*.png"))
    missing, wrong = paths[3], paths[40]
    content = {path: path.read_bytes() for path in (missing, wrong)}
    before = {path: os.stat(path).st_mtime_ns for path in paths}
    missing.unlink()
    wrong.write_bytes(wrong.read_bytes()[:20])
    (folder / "note.txt").write_text("mine")
    assert write_digits(str(folder)) == str(folder)
    assert {path: path.read_bytes() for path in content} == content
    untouched = [path for path in paths if path not in content]
    assert all(os.stat(path).st_mtime_ns == before[path] for path in untouched)
    assert (folder / "note.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConflictError, match=r"expected no file at .*/file, found one"):
        write_digits(str(tmp_path / "file" / "digits"))
