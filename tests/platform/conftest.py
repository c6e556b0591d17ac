import shutil

import pytest

from tests.support.images import write_image_folder


@pytest.fixture(autouse=True)
def workspace(known_workspace, tmp_path, monkeypatch):
    """A workspace of the test's own, and no program's arguments."""
    path = tmp_path / "workspace"
    shutil.copytree(known_workspace, path)
    monkeypatch.setenv("BREVETTI_HOME", str(path))
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.argv", ["train.py"])
    return path


@pytest.fixture
def vials(tmp_path):
    return write_image_folder(tmp_path / "vials", {"cracked": 3, "good": 4}, size=(12, 10))
