import numpy as np
import pytest

from brevetti_keras.data.checksums import HashMemory
from brevetti_keras.data.decoded_cache import DecodedCache
from tests.support.numbered_files import Folder, NumberReader


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "files")


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "decoded")


@pytest.fixture
def open_cache(tmp_path, root):
    """Returns a cache as a new job would open it; `cache.reader.decoded` counts what it decodes."""

    def opened(**settings) -> DecodedCache:
        return DecodedCache(root, NumberReader(**settings), HashMemory(str(tmp_path / "hashes.sqlite3")))

    return opened


@pytest.fixture
def image():
    return np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
