"""The caches as a whole: shown without opening a file, cleared under whoever uses them."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from brevetti_keras.data.caches import cache_kinds, clear_cache
from brevetti_keras.data.checksums import HashMemory
from brevetti_keras.data.leaks.content_memory import ContentMemory
from brevetti_keras.io import open_storage
from brevetti_keras.io.cache_folder import given_limit
from brevetti_keras.utils.errors import InvalidInputError

KEYS = [(f"/data/{number}.png", number, number) for number in range(2000)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "caches"))
    return tmp_path / "caches"


def kind(name):
    return next(kind for kind in cache_kinds() if kind.name == name)


def test_an_empty_folder_is_neither_made_nor_complained_of(folder):
    assert [(kind.files, kind.bytes, kind.used) for kind in cache_kinds()] == [(0, 0, None)] * 6
    assert [clear_cache(kind.name) for kind in cache_kinds()] == [(0, 0)] * 6
    assert not folder.exists()


def test_folders_of_imported_datasets_go_whole(folder):
    for name, content in (("imports/coco/1/samples.csv", b"path"), ("imports/coco/1/annotations/0.json", b"{}")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "tfds").mkdir()
    (folder / "tfds" / "1.png").write_bytes(b"123")
    assert (kind("imports").files, kind("imports").bytes, kind("imports").limit) == (2, 6, None)
    assert kind("imports").used == pytest.approx(time.time(), abs=60)
    assert clear_cache("imports") == (6, 0)
    assert (kind("imports").files, kind("tfds").bytes) == (0, 3)
    assert clear_cache("tfds") == (3, 0)


def test_memories_are_emptied_for_those_that_have_them_open(folder):
    hashes, contents = HashMemory(), ContentMemory()
    hashes.remember([(key, "etag") for key in KEYS])
    contents.remember({"one": b"1" * 10_000})
    with sqlite3.connect(folder / "hashes.sqlite3") as held:
        inode = os.stat(folder / "hashes.sqlite3").st_ino
        removed, kept = clear_cache("hashes")
        assert (removed > 50_000, kept) == (True, 0)
        assert held.execute("SELECT count(*) FROM hashes").fetchone() == (0,)
        assert os.stat(folder / "hashes.sqlite3").st_ino == inode
    held.close()
    assert hashes.recall(KEYS[:2]) == [None, None]
    assert contents.recall(["one"]) == {"one": b"1" * 10_000}
    hashes.remember([(KEYS[0], "again")])
    assert hashes.recall(KEYS[:1]) == ["again"]
    assert clear_cache("contents")[0] > 0
    assert contents.recall(["one"]) == {}


def test_clearing_takes_turns_with_a_process_that_writes(folder):
    HashMemory().remember([(key, "etag") for key in KEYS])
    code = (
        "from brevetti_keras.data.checksums import HashMemory; import sys\n"
        "memory = HashMemory()\n"
        "for number in range(150):\n"
        "    memory.remember([((f'/more/{number}', number, 1), 'etag')])\n"
        "    if number == 0: print('ready', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"ready\n"
        for _ in range(5):
            assert clear_cache("hashes")[1] == 0
        _, complaints = writer.communicate(timeout=240)
    assert (writer.returncode, complaints) == (0, b"")
    with sqlite3.connect(folder / "hashes.sqlite3") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert HashMemory().recall([("/more/149", 149, 1)]) in (["etag"], [None])
    assert HashMemory().recall(KEYS[:1]) == [None]


def test_a_damaged_memory_is_removed(folder):
    folder.mkdir()
    (folder / "hashes.sqlite3").write_bytes(b"no database, but long enough to look at" * 100)
    assert clear_cache("hashes") == (3900, 0)
    assert list(folder.iterdir()) == []


def test_a_memory_that_is_locked_is_kept_and_told(folder, monkeypatch):
    monkeypatch.setattr("brevetti_keras.data.caches._WAIT_SECONDS", 0.05)
    HashMemory().remember([(KEYS[0], "etag")])
    held = sqlite3.connect(folder / "hashes.sqlite3", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    removed, kept = clear_cache("hashes")
    assert (removed, kept > 0) == (0, True)
    held.execute("COMMIT")
    held.close()
    assert HashMemory().recall(KEYS[:1]) == ["etag"]


def test_copies_go_unless_they_were_just_handed_out(fake_bucket):
    fake_bucket.put("old.png", b"four")
    fake_bucket.put("new.png", b"sixsix")
    storage = open_storage("gs://bucket")
    old, new = (storage.local_path(name) for name in ("old.png", "new.png"))
    an_hour_ago = time.time() - 3600
    os.utime(old, (an_hour_ago, os.stat(old).st_mtime))
    shown = kind("objects")
    assert (shown.files, shown.bytes) == (2, 10)
    assert shown.used == pytest.approx(time.time(), abs=60)
    assert clear_cache("objects") == (4, 6)
    assert (Path(old).exists(), Path(new).exists()) == (False, True)
    assert Path(storage.known_path("old.png")).read_bytes() == b"four"


def test_limits_are_gigabytes(monkeypatch):
    monkeypatch.setenv("BREVETTI_OBJECTS_GB", "0.000002")
    monkeypatch.setenv("BREVETTI_DECODED_GB", "3")
    assert [kind.limit for kind in cache_kinds()] == [3 * 10**9, 2000, None, None, None, None]
    assert given_limit("BREVETTI_NOTHING") is None
    monkeypatch.setenv("BREVETTI_OBJECTS_GB", "20GB")
    with pytest.raises(InvalidInputError, match="BREVETTI_OBJECTS_GB as a number of gigabytes"):
        cache_kinds()


def test_another_kind_is_one_line():
    with pytest.raises(InvalidInputError, match=r"decoded, .*, imports, tfds\), received 'pixels'"):
        clear_cache("pixels")
