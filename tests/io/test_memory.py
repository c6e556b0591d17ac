import gc
from pathlib import Path

import pytest

from brevetti_keras.io import FileInfo, MemoryStorage
from tests.contracts.storage import StorageContract


class TestMemoryStorage(StorageContract):
    @pytest.fixture
    def storage(self):
        return MemoryStorage("test")


def test_keeps_the_md5_and_the_time_of_the_clock_that_it_is_given():
    storage = MemoryStorage("test", clock=lambda: 17)
    storage.write_bytes("a", b"hello")
    assert storage.stat("a") == FileInfo("a", 5, 17, "5d41402abc4b2a76b9719d911017c592")


def test_local_copies_go_with_the_storage():
    storage = MemoryStorage("test")
    storage.write_bytes("a.png", b"1")
    path = Path(storage.local_path("a.png"))
    assert path.parent.stat().st_mode & 0o077 == 0
    del storage
    gc.collect()
    assert not path.parent.exists()
