import os
import time

import pytest

from tests.support.odd_images import write


@pytest.fixture
def put(tmp_path):
    """Writes a file whose time lies in the past, so that what is found out about it is remembered."""
    (tmp_path / "files").mkdir()

    def written(name: str, data: bytes, age: float = 100) -> str:
        path = write(tmp_path / "files", name, data)
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    return written


@pytest.fixture
def memory(tmp_path):
    return str(tmp_path / "memory" / "hashes.sqlite3")
