import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from brevetti_keras.data import checksums
from brevetti_keras.data.checksums import HashMemory, md5_of
from brevetti_keras.data.decoded_cache import CacheSpace
from brevetti_keras.io.cache_folder import cache_folder


class Folder:
    """Files whose times lie in the past, so that they may be remembered, and a count of how many were read."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.read: list[str] = []
        self.paths: list[str] = []
        real = checksums._hash_file

        def counted(path):
            self.read.append(os.path.basename(path))
            return real(path)

        monkeypatch.setattr(checksums, "_hash_file", counted)

    def write(self, name: str, content: bytes, age: float = 100) -> str:
        path = self.root / name
        path.write_bytes(content)
        when = time.time() - age
        os.utime(path, (when, when))
        if str(path) not in self.paths:
            self.paths.append(str(path))
        return str(path)

    def etags(self, memory: HashMemory) -> list[str]:
        self.read.clear()
        stats = [os.stat(path) if os.path.exists(path) else None for path in self.paths]
        return memory.etags(
            self.paths, [s.st_size if s else 0 for s in stats], [s.st_mtime_ns if s else 0 for s in stats]
        )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "files").mkdir()
    return Folder(tmp_path / "files", monkeypatch)


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "cache" / "hashes.sqlite3")


def _md5(*contents: bytes) -> list[str]:
    return [hashlib.md5(content).hexdigest() for content in contents]


def test_etag_is_the_md5_of_the_content(folder, place):
    folder.write("a", b"")
    folder.write("b", b"x" * 3_000_000)
    assert folder.etags(HashMemory(place)) == _md5(b"", b"x" * 3_000_000)
    assert md5_of(folder.paths[1]) == _md5(b"x" * 3_000_000)[0]


@pytest.mark.parametrize("workers", [1, 3])
def test_many_files_keep_their_order_and_a_missing_one_its_place(tmp_path, place, workers):
    paths = [str(tmp_path / str(number)) for number in range(150)]
    for number, path in enumerate(paths):
        Path(path).write_bytes(b"%d" % number)
    Path(paths[70]).unlink()
    expected = [hashlib.md5(b"%d" % number).hexdigest() for number in range(150)]
    expected[70] = ""
    assert HashMemory(place, workers).etags(paths, [0] * 150, [0] * 150) == expected


def test_a_file_of_several_buffers_is_read_to_its_end(tmp_path, place):
    path = tmp_path / "long"
    content = bytes(range(256)) * 10_000
    path.write_bytes(content)
    assert HashMemory(place).etags([str(path)], [0], [0]) == [hashlib.md5(content).hexdigest()]


def test_no_files_no_etags(place):
    assert HashMemory(place).etags([], [], []) == []


def test_unchanged_files_are_read_once(folder, place):
    for number in range(1200):
        folder.write(f"{number}", b"%d" % number)
    expected = _md5(*(b"%d" % number for number in range(1200)))
    assert folder.etags(HashMemory(place)) == expected
    assert len(folder.read) == 1200
    assert folder.etags(HashMemory(place)) == expected
    assert folder.read == []


def test_only_new_or_changed_files_are_read(folder, place):
    folder.write("same", b"1")
    folder.write("longer", b"1")
    folder.write("later", b"1")
    folder.etags(HashMemory(place))
    folder.write("longer", b"22")
    folder.write("later", b"2", age=50)
    folder.write("new", b"3")
    assert folder.etags(HashMemory(place)) == _md5(b"1", b"22", b"2", b"3")
    assert sorted(folder.read) == ["later", "longer", "new"]


def test_a_file_just_written_is_read_again(folder, place):
    folder.write("a", b"1", age=0)
    folder.etags(HashMemory(place))
    folder.etags(HashMemory(place))
    assert folder.read == ["a"]


def test_a_file_that_changes_while_it_is_read_is_not_remembered(folder, place, monkeypatch):
    path = folder.write("a", b"1")
    counted = checksums._hash_file

    def changing(path):
        result = counted(path)
        folder.write("a", b"22", age=50)
        return result

    monkeypatch.setattr(checksums, "_hash_file", changing)
    folder.etags(HashMemory(place))
    monkeypatch.setattr(checksums, "_hash_file", counted)
    assert folder.etags(HashMemory(place)) == _md5(b"22")
    assert md5_of(path) == _md5(b"22")[0]


def test_a_file_that_cannot_be_read_has_no_etag(folder, place):
    folder.paths = [str(folder.root / "missing"), folder.write("a", b"1")]
    assert folder.etags(HashMemory(place)) == ["", *_md5(b"1")]
    Path(folder.paths[0]).write_bytes(b"now")
    assert folder.etags(HashMemory(place)) == _md5(b"now", b"1")


def test_names_that_are_not_text_are_remembered_too(folder, place):
    folder.write("bad\udcff\n.png", b"1")
    folder.etags(HashMemory(place))
    assert folder.etags(HashMemory(place)) == _md5(b"1")
    assert folder.read == []


@pytest.mark.parametrize("state", ["missing folder is a file", "no permission"])
def test_works_without_a_memory(folder, place, state, caplog, monkeypatch):
    folder.write("a", b"1")
    if state == "no permission":

        def refuse(*_, **__):
            raise sqlite3.OperationalError("attempt to write a readonly database")

        monkeypatch.setattr(sqlite3, "connect", refuse)
    else:
        Path(place).parent.write_bytes(b"")
    assert folder.etags(HashMemory(place)) == _md5(b"1")
    assert "hashes are not remembered" in caplog.text


def test_a_damaged_memory_starts_anew(folder, place, caplog):
    folder.write("a", b"1")
    folder.etags(HashMemory(place))
    Path(place).write_bytes(b"this is no database at all, " * 100)
    assert folder.etags(HashMemory(place)) == _md5(b"1")
    assert "damaged" in caplog.text
    assert folder.etags(HashMemory(place)) == _md5(b"1")
    assert folder.read == []


def test_a_hash_that_was_changed_in_the_memory_is_not_believed(folder, place):
    folder.write("a", b"1")
    folder.write("b", b"2")
    folder.etags(HashMemory(place))
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE hashes SET md5 = ? WHERE CAST(path AS TEXT) LIKE ?", (_md5(b"x")[0], "%a"))
    connection.close()
    assert folder.etags(HashMemory(place)) == _md5(b"1", b"2")
    assert folder.read == ["a"]


def test_its_place_is_private_and_follows_the_environment(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == str(tmp_path / "mine")
    folder.write("a", b"1")
    folder.etags(HashMemory())
    assert (tmp_path / "mine" / "hashes.sqlite3").is_file()
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o700
    monkeypatch.delenv("BREVETTI_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == str(tmp_path / "home" / ".cache" / "brevetti-keras")


@pytest.mark.timeout(60)
def test_a_place_told_from_here_or_from_home_is_one_place_and_need_not_exist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BREVETTI_CACHE", "mine")
    assert cache_folder() == str(tmp_path / "mine")
    assert CacheSpace().root == str(tmp_path / "mine" / "decoded")
    assert CacheSpace().limit > 0
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BREVETTI_CACHE", "~/mine")
    assert cache_folder() == str(tmp_path / "home" / "mine")


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_not_waited_for(folder, tmp_path, kind):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    place = str(path) if kind == "pipe" else "/dev/zero"
    assert HashMemory(str(tmp_path / "memory")).etags([place], [0], [0]) == [""]


def test_processes_share_it(folder, place):
    for number in range(300):
        folder.write(f"{number}", b"%d" % number)
    code = (
        "import os, sys\n"
        "from brevetti_keras.data.checksums import HashMemory\n"
        "paths = sorted(os.path.join(sys.argv[2], name) for name in os.listdir(sys.argv[2]))\n"
        "stats = [os.stat(path) for path in paths]\n"
        "etags = HashMemory(sys.argv[1]).etags(paths, [s.st_size for s in stats], [s.st_mtime_ns for s in stats])\n"
        "sys.exit(0 if len(set(etags)) == len(paths) == 300 else 1)\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, place, str(folder.root)]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    for process in started:
        _, errors = process.communicate()
        assert (process.returncode, errors) == (0, b"")
    folder.etags(HashMemory(place))
    assert folder.read == []
