import contextlib
import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from brevetti_keras.io import LocalStorage, atomic_write
from brevetti_keras.io.local import folder_lock
from brevetti_keras.io.storage import FileInfo
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError, StorageError
from tests.contracts.storage import StorageContract


class TestLocalStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        return LocalStorage(str(tmp_path / "root"))


class TestLocalStorageThatFollowsLinks(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        return LocalStorage(str(tmp_path / "root"), follow_links=True)


def _names(storage, **arguments):
    return [info.path for info in storage.walk(**arguments)]


@pytest.fixture
def linked(tmp_path):
    """A folder beside one with a similar name, and links to it from inside."""
    inside, outside = tmp_path / "pub", tmp_path / "pub2"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "file.png").write_bytes(folder.name.encode())
    (inside / "link.png").symlink_to(outside / "file.png")
    (inside / "folder").symlink_to(outside)
    return inside


class TestLinks:
    @pytest.mark.parametrize("path", ["link.png", "folder/file.png", "folder"])
    def test_may_not_lead_out(self, linked, path):
        storage = LocalStorage(str(linked))
        for method in (storage.read_bytes, storage.isfile, storage.stat, storage.remove, storage.local_path):
            with pytest.raises(InvalidInputError, match="a link leads out"):
                method(path)
        with pytest.raises(InvalidInputError):
            storage.write_bytes("folder/new", b"")
        assert (linked / "link.png").is_symlink()
        assert not (linked.parent / "pub2" / "new").exists()
        assert _names(storage) == ["file.png"]

    def test_may_lead_out_when_asked_for(self, linked):
        storage = LocalStorage(str(linked), follow_links=True)
        assert storage.read_bytes("link.png") == b"pub2"
        # The same file stands behind the folder's link: it is listed once.
        assert _names(storage) == ["file.png", "folder/file.png"]

    def test_inside_are_followed(self, tmp_path):
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "1.png").write_bytes(b"1")
        (tmp_path / "b.png").symlink_to(tmp_path / "a" / "1.png")
        assert LocalStorage(str(tmp_path)).read_bytes("b.png") == b"1"

    @pytest.mark.parametrize("follow_links", [False, True])
    def test_loops_end_and_each_file_is_listed_under_its_own_name(self, tmp_path, follow_links):
        root = tmp_path / "root"
        (root / "z" / "deep").mkdir(parents=True)
        (root / "z" / "1.png").write_bytes(b"1")
        (root / "z" / "deep" / "2.png").write_bytes(b"2")
        (root / "a").symlink_to(root / "z")
        (root / "z" / "deep" / "up").symlink_to(root)
        (root / "z" / "self").symlink_to(root / "z" / "self")
        (root / "0.png").symlink_to(root / "z" / "1.png")
        (root / "above").symlink_to(tmp_path)
        (tmp_path / "beside.png").write_bytes(b"3")
        assert _names(LocalStorage(str(root), follow_links=follow_links)) == ["z/1.png", "z/deep/2.png"]

    def test_loops_through_a_second_tree_end(self, tmp_path):
        one, two = tmp_path / "one", tmp_path / "two"
        for folder in (one, two):
            folder.mkdir()
            (folder / f"{folder.name}.png").write_bytes(b"")
        (one / "other").symlink_to(two)
        (two / "other").symlink_to(one)
        assert _names(LocalStorage(str(one), follow_links=True)) == ["one.png", "other/two.png"]

    def test_that_lead_nowhere_are_left_out(self, tmp_path):
        (tmp_path / "a.png").symlink_to(tmp_path / "missing")
        (tmp_path / "circle.png").symlink_to(tmp_path / "circle.png")
        assert _names(LocalStorage(str(tmp_path))) == []

    def test_whose_target_is_missing_are_listed_where_links_are_followed(self, tmp_path):
        (tmp_path / "a.png").symlink_to(tmp_path / "missing")
        (tmp_path / "circle.png").symlink_to(tmp_path / "circle.png")
        (found,) = LocalStorage(str(tmp_path), follow_links=True).walk()
        assert found == FileInfo("a.png", 0, os.lstat(tmp_path / "a.png").st_mtime_ns)


class TestWalk:
    def test_lists_regular_files_only(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.png")
        (tmp_path / "folder.png").mkdir()
        assert _names(LocalStorage(str(tmp_path))) == []

    def test_hard_links_are_files_of_their_own(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"1")
        os.link(tmp_path / "a.png", tmp_path / "b.png")
        assert _names(LocalStorage(str(tmp_path))) == ["a.png", "b.png"]

    def test_a_missing_root_holds_nothing(self, tmp_path):
        assert _names(LocalStorage(str(tmp_path / "missing"))) == []

    def test_of_the_whole_machine_starts_where_asked(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"1")
        assert _names(LocalStorage("/"), prefix=str(tmp_path).lstrip("/")) == [f"{tmp_path}/a.png".lstrip("/")]


class TestAtomicWrite:
    def test_makes_folders_and_leaves_nothing_else(self, tmp_path):
        atomic_write(str(tmp_path / "a" / "b"), b"1")
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]

    def test_mode_holds_whatever_the_umask(self, tmp_path):
        before = os.umask(0o077)
        try:
            atomic_write(str(tmp_path / "open"), b"", mode=0o644)
        finally:
            os.umask(before)
        atomic_write(str(tmp_path / "secret"), b"", mode=0o600)
        assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o644
        assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600

    def test_a_replaced_file_keeps_its_mode(self, tmp_path):
        path = tmp_path / "secret"
        atomic_write(str(path), b"1", mode=0o600)
        atomic_write(str(path), b"2")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_new_file_has_the_usual_mode(self, tmp_path):
        atomic_write(str(tmp_path / "a"), b"1")
        (tmp_path / "b").write_bytes(b"1")
        assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode

    def test_what_the_system_refuses_keeps_the_old_file_and_its_errno(self, tmp_path, monkeypatch):
        path = tmp_path / "a"
        atomic_write(str(path), b"old")

        def full(descriptor):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left") as caught:
            atomic_write(str(path), b"new")
        assert caught.value.errno == errno.ENOSPC
        assert str(caught.value).startswith(str(path))
        assert path.read_bytes() == b"old"
        assert [entry.name for entry in tmp_path.iterdir()] == ["a"]

    def test_a_reader_sees_the_old_content_or_the_new(self, tmp_path):
        path = tmp_path / "a"
        contents = [b"a" * 200_000, b"b" * 100_000]
        atomic_write(str(path), contents[0])
        done = threading.Event()

        def write() -> None:
            for number in range(60):
                atomic_write(str(path), contents[number % 2])
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        while not done.is_set():
            assert path.read_bytes() in contents
        writer.join()

    def test_a_killed_writer_leaves_the_old_file_or_the_new(self, tmp_path):
        path = tmp_path / "a"
        atomic_write(str(path), b"0" * 300_000)
        code = (
            "import sys; from brevetti_keras.io.local import atomic_write\n"
            "print('go', flush=True)\n"
            "while True:\n"
            "    for mark in (b'0', b'1'):\n"
            "        atomic_write(sys.argv[1], mark * 300_000)\n"
        )
        for pause in (0.001, 0.004, 0.009, 0.02):
            with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
                process.stdout.readline()
                time.sleep(pause)
                process.send_signal(signal.SIGKILL)
                process.wait()
            content = path.read_bytes()
            assert len(content) == 300_000
            assert len(set(content)) == 1


def test_a_folder_without_permission_is_named(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()

    def refuse(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        list(LocalStorage(str(tmp_path)).walk())


def test_a_walk_leaves_no_folder_open(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "loop").symlink_to("a")
    list(LocalStorage(str(tmp_path)).walk())
    assert open_below(tmp_path) == []

    def refuse(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        list(LocalStorage(str(tmp_path)).walk())
    assert open_below(tmp_path) == []


def open_below(folder):
    """What this process holds open there; other threads may open and close things elsewhere."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return [path for path in found if path.startswith(str(folder))]


def test_the_system_root_is_walked_below_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").touch()
    below = str(tmp_path / "a").lstrip("/")
    assert [info.path for info in LocalStorage("/").walk(below)] == [f"{below}/1.png"]


def test_a_relative_root_does_not_move_with_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    storage = LocalStorage("data")
    monkeypatch.chdir("/")
    storage.write_bytes("a", b"1")
    assert (tmp_path / "data" / "a").read_bytes() == b"1"


def test_folder_lock_lets_one_in_and_leaves_no_file(tmp_path):
    folder = str(tmp_path / "new")
    inside: list[int] = []
    most = []

    def enter(number: int) -> None:
        with folder_lock(folder):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.01)
            inside.remove(number)

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 5
    assert list(Path(folder).iterdir()) == []


def test_removing_a_link_keeps_what_it_leads_to(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    LocalStorage(str(tmp_path)).remove("b")
    assert (tmp_path / "a").read_bytes() == b"1"
    with pytest.raises(NotFoundError):
        LocalStorage(str(tmp_path)).stat("b")
