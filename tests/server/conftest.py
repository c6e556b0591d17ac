import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from brevetti_keras.server.service import Service
from brevetti_keras.server.workspace import open_service
from tests.support.served import Served


@pytest.fixture
def home(tmp_path: Path) -> str:
    return str(tmp_path / "workspace")


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A new workspace, made once: the migrations take longer than most tests."""
    folder = str(tmp_path_factory.mktemp("blank") / "workspace")
    open_service(folder).close()
    return folder


@pytest.fixture
def service(blank: str, home: str) -> Iterator[Service]:
    shutil.copytree(blank, home)
    with open_service(home) as opened:
        yield opened


@pytest.fixture
def served(service: Service) -> Iterator[Served]:
    serving = Served(service)
    yield serving
    serving.close()


@pytest.fixture
def vials(tmp_path: Path) -> str:
    """A folder with two classes of files."""
    folder = tmp_path / "vials"
    for name in ("good/1.png", "good/2.png", "bad/3.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x89PNG" + name.encode())
    return str(folder)
