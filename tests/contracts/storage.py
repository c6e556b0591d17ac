"""What every Storage must do: inherit `StorageContract` and give the fixtures `storage` and `fresh`."""

import threading
from pathlib import Path

import pytest

from brevetti_keras.io import FileInfo, Storage
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError, StorageError

LEAVING = ["../x", "a/../../x", "/etc/passwd", "//etc", "a/..", "..", "a\0b", "\ud800"]


class StorageContract:
    @pytest.fixture
    def storage(self) -> Storage:
        raise NotImplementedError

    def test_is_a_storage_with_a_root_without_a_slash_at_its_end(self, storage):
        assert isinstance(storage, Storage)
        assert not storage.root.endswith("/")

    def test_reads_what_was_written(self, storage):
        storage.write_bytes("a/b/c.bin", b"\x00\xff")
        assert storage.read_bytes("a/b/c.bin") == b"\x00\xff"
        with storage.open_read("a/b/c.bin") as file:
            assert file.read(1) == b"\x00"
            assert file.read() == b"\xff"

    def test_replaces_a_file(self, storage):
        storage.write_bytes("a", b"long content")
        storage.write_bytes("a", b"new")
        assert storage.read_bytes("a") == b"new"
        assert [info.path for info in storage.walk()] == ["a"]

    def test_writes_an_empty_file(self, storage):
        storage.write_bytes("a", b"")
        assert storage.isfile("a")
        assert storage.read_bytes("a") == b""

    def test_if_absent_keeps_the_first_content(self, storage):
        storage.write_bytes("a", b"first", if_absent=True)
        with pytest.raises(ConflictError, match="expected no file at"):
            storage.write_bytes("a", b"second", if_absent=True)
        assert storage.read_bytes("a") == b"first"
        assert [info.path for info in storage.walk(hidden=True)] == ["a"]

    def test_of_many_who_write_if_absent_one_wins(self, storage):
        won: list[int] = []

        def write(number: int) -> None:
            try:
                storage.write_bytes("a", b"%d" % number, if_absent=True)
            except ConflictError:
                return
            won.append(number)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert storage.read_bytes("a") == b"%d" % won[0]

    @pytest.mark.parametrize("path", LEAVING)
    @pytest.mark.parametrize("method", ["read_bytes", "open_read", "isfile", "stat", "remove", "local_path", "resolve"])
    def test_refuses_paths_that_leave_the_root(self, storage, method, path):
        with pytest.raises(InvalidInputError, match="expected"):
            getattr(storage, method)(path)

    @pytest.mark.parametrize("path", [*LEAVING, "", ".", "./"])
    def test_refuses_to_write_or_copy_outside_the_root(self, storage, path):
        storage.write_bytes("a", b"1")
        with pytest.raises(InvalidInputError):
            storage.write_bytes(path, b"x")
        with pytest.raises(InvalidInputError):
            storage.copy("a", path)
        if path in LEAVING:
            with pytest.raises(InvalidInputError):
                list(storage.walk(path))

    @pytest.mark.parametrize("method", ["read_bytes", "open_read", "stat", "remove", "local_path"])
    def test_a_missing_file_is_not_found(self, storage, method):
        with pytest.raises(NotFoundError, match="nothing/here"):
            getattr(storage, method)("nothing/here")
        assert not storage.isfile("nothing/here")
        with pytest.raises(NotFoundError):
            storage.copy("nothing/here", "b")
        assert not storage.isfile("b")

    @pytest.mark.parametrize("method", ["read_bytes", "open_read", "stat", "local_path"])
    def test_a_folder_is_not_a_file(self, storage, method):
        storage.write_bytes("a/b", b"1")
        assert not storage.isfile("a")
        with pytest.raises(NotFoundError):
            getattr(storage, method)("a")

    def test_a_file_and_a_folder_cannot_have_one_name(self, storage):
        storage.write_bytes("a/b", b"1")
        with pytest.raises(StorageError):
            storage.write_bytes("a", b"2")
        with pytest.raises(StorageError):
            storage.write_bytes("a/b/c", b"2")
        assert [info.path for info in storage.walk(hidden=True)] == ["a/b"]

    def test_parts_that_say_nothing_are_passed_over(self, storage):
        storage.write_bytes("./a//b", b"1")
        assert storage.read_bytes("a/./b/") == b"1"
        assert storage.resolve("a//b") == f"{storage.root}/a/b"
        assert storage.resolve("") == storage.root
        assert storage.stat("a//b").path == "a/b"

    def test_stat_tells_size_and_time(self, storage):
        storage.write_bytes("a/b", b"12345")
        info = storage.stat("a/b")
        assert (info.path, info.size) == ("a/b", 5)
        assert info.modified == pytest.approx(info.modified_ns / 1e9)
        assert [info] == list(storage.walk())

    def test_walk_is_sorted_by_path(self, storage):
        names = ["b/1", "a/2", "a-b/3", "a.png", "a/10", "c", "a/b/c/d", "ä/ö"]
        for name in names:
            storage.write_bytes(name, name.encode())
        found = list(storage.walk())
        assert [info.path for info in found] == sorted(names)
        assert all(isinstance(info, FileInfo) and info.size == len(info.path.encode()) for info in found)

    def test_walk_below_a_folder_keeps_paths_relative_to_the_root(self, storage):
        for name in ["a/1", "a/b/2", "ab/3", "c"]:
            storage.write_bytes(name, b"")
        assert [info.path for info in storage.walk("a")] == ["a/1", "a/b/2"]
        assert [info.path for info in storage.walk("a/b/")] == ["a/b/2"]
        assert list(storage.walk("missing")) == []

    def test_walk_leaves_out_what_is_hidden_unless_asked(self, storage):
        for name in [".x", "a/.y", ".h/z", "a/.h/z", "a/b.c"]:
            storage.write_bytes(name, b"")
        assert [info.path for info in storage.walk()] == ["a/b.c"]
        assert len(list(storage.walk(hidden=True))) == 5
        assert [info.path for info in storage.walk(".h")] == [".h/z"]

    def test_an_empty_storage_has_no_files(self, storage):
        assert list(storage.walk()) == []

    def test_remove(self, storage):
        storage.write_bytes("a/b", b"1")
        storage.remove("a/b")
        assert not storage.isfile("a/b")
        assert list(storage.walk()) == []

    def test_copy_is_of_the_content(self, storage):
        storage.write_bytes("a", b"x" * 3_000_000)
        storage.write_bytes("b/c", b"old")
        storage.copy("a", "b/c")
        storage.write_bytes("a", b"other")
        assert storage.read_bytes("b/c") == b"x" * 3_000_000

    def test_local_path_opens_as_any_file(self, storage):
        storage.write_bytes("a/b.png", b"1")
        path = Path(storage.local_path("a/b.png"))
        assert path.read_bytes() == b"1"
        assert path.suffix == ".png"
        storage.write_bytes("a/b.png", b"2")
        assert Path(storage.local_path("a/b.png")).read_bytes() == b"2"

    @pytest.mark.parametrize(
        "name", ["new\nline", "ünïcode", "e\u0301", "x" * 255, " ", "a\\b", "%2e%2e", "-rf", "bad\udcff"]
    )
    def test_odd_names_are_names(self, storage, name):
        storage.write_bytes(f"d/{name}", b"1")
        assert [info.path for info in storage.walk()] == [f"d/{name}"]
        assert storage.read_bytes(f"d/{name}") == b"1"
