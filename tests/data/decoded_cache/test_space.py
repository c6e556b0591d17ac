import os
import shutil
from collections import namedtuple

import pytest

from brevetti_keras.data.decoded_cache.space import CacheSpace, remove, show_size
from brevetti_keras.utils.errors import InvalidInputError

GB = 10**9
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def disk(monkeypatch):
    """Sets how much of the disk is free."""

    def free(count):
        monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**15, 0, count))

    return free


@pytest.mark.parametrize("text", ["much", "-1", "20GB", "1e9", "nan"])
def test_what_is_no_number_of_gigabytes_is_told_in_one_line(text, monkeypatch):
    monkeypatch.setenv("BREVETTI_DECODED_GB", text)
    with pytest.raises(InvalidInputError, match="expected BREVETTI_DECODED_GB as a number of gigabytes"):
        _ = CacheSpace("/nowhere").limit


def test_sizes_are_shown_as_people_say_them():
    assert [show_size(count) for count in (0, 999, 1500, 2.5e6, 12.34e9)] == [
        "0 bytes", "999 bytes", "1.5 kB", "2.5 MB", "12.3 GB",
    ]  # fmt: skip


def test_it_takes_a_quarter_of_the_disk_and_at_most_100_gb(tmp_path, disk, monkeypatch):
    monkeypatch.delenv("BREVETTI_DECODED_GB", raising=False)
    disk(40 * GB)
    assert CacheSpace(str(tmp_path)).limit == 10 * GB
    disk(4000 * GB)
    assert CacheSpace(str(tmp_path)).limit == 100 * GB
    monkeypatch.setenv("BREVETTI_DECODED_GB", "300")
    assert CacheSpace(str(tmp_path)).limit == 300 * GB


def test_a_nearly_full_disk_is_left_alone(tmp_path, disk, monkeypatch):
    monkeypatch.setenv("BREVETTI_DECODED_GB", "20")
    space = CacheSpace(str(tmp_path / "not" / "there" / "yet"))
    disk(2 * GB)
    assert space.make_room(10**6)
    disk(GB)
    assert not space.make_room(10**6)


def test_a_nearly_full_disk_is_not_taken_for_a_limit(folder, open_cache, disk, monkeypatch, caplog):
    monkeypatch.setenv("BREVETTI_DECODED_GB", "20")
    disk(GB // 2)
    cache = open_cache()
    cache.load(folder.fill(3))
    assert len(cache.reader.decoded) == 3
    assert caplog.text.count("the disk is nearly full, 500 MB are free") == 1
    assert "no room within" not in caplog.text


def test_its_default_place_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path))
    assert CacheSpace().root == str(tmp_path / "decoded")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert CacheSpace("~/mine").root == str(tmp_path / "home" / "mine")


def test_more_than_it_may_ever_take_removes_nothing(folder, open_cache, monkeypatch):
    cache = open_cache()
    cache.load(folder.fill(3))
    del cache
    monkeypatch.setenv("BREVETTI_DECODED_GB", "1e-5")
    space = CacheSpace(open_cache().root)
    assert not space.make_room(20_000)
    assert space.used > 500
    assert space.make_room(10_000)
    assert space.used == 0


def test_clearing_leaves_what_a_job_uses(folder, open_cache):
    paths = folder.fill(3)
    open_cache(side=5).load(paths)
    running = open_cache()
    running.load(paths)
    space = CacheSpace(running.root)
    removed, kept = space.clear()
    assert removed > 0
    assert kept == space.used > 0
    running.load(paths)
    assert len(running.reader.decoded) == 3
    del running
    assert space.clear() == (kept, 0)
    assert os.listdir(space.root) == []
    assert space.clear() == (0, 0)


def test_a_shard_without_its_index_can_be_removed(tmp_path):
    folder = tmp_path / ("0a" * 12)
    folder.mkdir()
    (folder / "1.pixels").write_bytes(b"x")
    space = CacheSpace(str(tmp_path))
    assert [shard.images for shard in space.shards()] == [0]
    assert remove(str(folder / "1"))
    assert space.shards() == []


def test_what_others_keep_in_its_folder_stays(folder, open_cache):
    cache = open_cache()
    cache.load(folder.fill(3))
    space = CacheSpace(cache.root)
    used = space.used
    del cache
    os.mkdir(f"{space.root}/empty class")
    os.mkdir(f"{space.root}/others")
    with open(f"{space.root}/others/photo.pixels", "wb") as file:
        file.write(b"of somebody else")
    assert space.used == used
    assert space.clear() == (used, 0)
    assert sorted(os.listdir(space.root)) == ["empty class", "others"]
    assert os.listdir(f"{space.root}/others") == ["photo.pixels"]
