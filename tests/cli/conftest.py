import shutil

import pytest

from brevetti_keras.server.workspace import open_service
from tests.support.commands import CommandLine
from tests.support.images import write_image_folder


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    path = tmp_path / "workspace"
    monkeypatch.setenv("BREVETTI_HOME", str(path))
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "cache"))
    return path


@pytest.fixture(scope="session")
def blank(tmp_path_factory):
    """A new workspace that knows the model types: reading them takes a process that takes longer than most tests."""
    folder = tmp_path_factory.mktemp("blank") / "workspace"
    with open_service(str(folder)) as service:
        assert [found.name for found in service.model_types.list()] == ["image-classification"]
    return folder


@pytest.fixture
def known(blank, workspace):
    """Makes the workspace one that knows the model types."""
    shutil.copytree(blank, workspace)


@pytest.fixture
def command(capsys, workspace):
    return CommandLine(capsys, str(workspace))


@pytest.fixture
def vials(tmp_path):
    return write_image_folder(tmp_path / "vials", {"cracked": 4, "good": 6}, size=(12, 10))
