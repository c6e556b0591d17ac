import os

import pytest

from brevetti_keras.io import Files, open_storage
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError


@pytest.fixture(params=["path", "file", "memory"])
def place(request, tmp_path):
    """The same calls must work on each; the memory lasts as long as its storage is held."""
    memory = open_storage("memory://files")
    yield {"path": str(tmp_path), "file": tmp_path.as_uri(), "memory": "memory://files"}[request.param]
    del memory


@pytest.fixture
def files():
    return Files()


def test_reads_what_it_wrote(files, place):
    path = files.resolve(place, "a", "b.txt")
    files.write_file(path, "grün")
    assert files.read_file(path) == "grün".encode()
    files.write_file(path, b"\x00")
    assert files.read_file(path) == b"\x00"
    assert files.isfile(path)


def test_copies_and_removes(files, place):
    source, target = files.resolve(place, "a"), files.resolve(place, "b/c")
    files.write_file(source, "1")
    files.copy(source, target)
    files.remove(source)
    assert files.read_file(target) == b"1"
    assert not files.isfile(source)
    for call in (files.read_file, files.remove):
        with pytest.raises(NotFoundError):
            call(source)


def test_copies_between_kinds(files, place, tmp_path):
    files.write_file(files.resolve(place, "a"), "1")
    files.copy(files.resolve(place, "a"), str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == b"1"


def test_walks_as_os_walk_does(files, place):
    for name in ["b.txt", "a.txt", "d/c.txt", "d/e/f.txt", "x/y/z.txt", ".hidden"]:
        files.write_file(files.resolve(place, name), "")
    root = files.resolve(place)
    assert list(files.walk(place)) == [
        (root, ["d", "x"], [".hidden", "a.txt", "b.txt"]),
        (f"{root}/d", ["e"], ["c.txt"]),
        (f"{root}/d/e", [], ["f.txt"]),
        (f"{root}/x", ["y"], []),
        (f"{root}/x/y", [], ["z.txt"]),
    ]
    assert [folder for folder, _, _ in files.walk(files.resolve(place, "d"))] == [f"{root}/d", f"{root}/d/e"]


def test_walking_what_is_not_there_yields_nothing(files, place):
    assert list(files.walk(files.resolve(place, "missing"))) == []


def test_walking_may_leave_folders_out(files, tmp_path):
    for name in ["a/1", "b/2"]:
        files.write_file(str(tmp_path / name), "")
    seen = []
    for folder, folders, names in files.walk(str(tmp_path)):
        folders[:] = [name for name in folders if name != "a"]
        seen.append((os.path.basename(folder), names))
    assert ("b", ["2"]) in seen
    assert len(seen) == 2


def test_resolve_joins_and_tidies(files, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert files.resolve("a", "../b") == str(tmp_path / "b")
    assert files.resolve("/a", "b", "c.txt") == "/a/b/c.txt"
    assert files.resolve("file:///a%20b", "c") == "/a b/c"
    assert files.resolve("memory://m", "a//b") == "memory://m/a/b"


def test_relative_paths_start_at_the_working_folder(files, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    files.write_file("a.txt", "1")
    assert (tmp_path / "a.txt").read_text() == "1"


def test_an_unknown_kind_is_refused(files):
    with pytest.raises(InvalidInputError, match="received 's3://bucket/a'"):
        files.read_file("s3://bucket/a")


def test_a_bucket_is_like_any_folder(bucket_url, tmp_path):
    io = Files()
    io.write_file(f"{bucket_url}/a/b.txt", "text")
    io.write_file(str(tmp_path / "c.txt"), b"local")
    io.copy(str(tmp_path / "c.txt"), f"{bucket_url}/a/d/c.txt")
    io.copy(f"{bucket_url}/a/b.txt", f"{bucket_url}/e.txt")
    io.copy(f"{bucket_url}/a/d/c.txt", str(tmp_path / "back.txt"))
    assert io.read_file(f"{bucket_url}/e.txt") == b"text"
    assert (tmp_path / "back.txt").read_bytes() == b"local"
    assert list(io.walk(bucket_url)) == [
        (bucket_url, ["a"], ["e.txt"]),
        (f"{bucket_url}/a", ["d"], ["b.txt"]),
        (f"{bucket_url}/a/d", [], ["c.txt"]),
    ]
    assert list(io.walk(f"{bucket_url}/a/d")) == [(f"{bucket_url}/a/d", [], ["c.txt"])]
    assert io.resolve(bucket_url, "a", "./b.txt") == f"{bucket_url}/a/b.txt"
    io.remove(f"{bucket_url}/e.txt")
    assert not io.isfile(f"{bucket_url}/e.txt")
    assert io.isfile(f"{bucket_url}/a/b.txt")
