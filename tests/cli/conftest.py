import shutil

import pytest

from tests.support.commands import CommandLine
from tests.support.images import write_image_folder


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    path = tmp_path / "workspace"
    monkeypatch.setenv("BREVETTI_HOME", str(path))
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "cache"))
    return path


@pytest.fixture
def known(known_workspace, workspace):
    """Makes the workspace one that knows the model types."""
    shutil.copytree(known_workspace, workspace)


@pytest.fixture
def command(capsys, workspace):
    return CommandLine(capsys, str(workspace))


@pytest.fixture
def vials(tmp_path):
    return write_image_folder(tmp_path / "vials", {"cracked": 4, "good": 6}, size=(12, 10))
