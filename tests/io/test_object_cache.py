"""Copies of objects on this machine (fault B18: a damaged, half-written or stale copy is fetched again)."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from brevetti_keras.io import open_storage
from brevetti_keras.io.google_bucket import ObjectFacts
from brevetti_keras.io.object_cache import ObjectCache
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError, StorageError
from tests.support.gcs_fake import checksum


def copies(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


def keep(cache, data, number=0):
    facts = ObjectFacts(f"{number}", len(data), number, checksum(data))
    with cache.incoming() as incoming:
        incoming.file.write(data)
        return facts, incoming.keep(facts, f"gs://bucket/{number}.png")


@pytest.fixture
def storage(fake_bucket):
    fake_bucket.put("good/1.png", b"one")
    return open_storage("gs://bucket")


def test_equal_content_is_kept_once_by_its_md5(fake_bucket, storage):
    fake_bucket.put("bad/2.png", b"one")
    assert storage.local_path("good/1.png") == storage.local_path("bad/2.png")
    assert Path(storage.local_path("good/1.png")).name == "f97c5d29941bfb1b2fdab0874906ab82-3.png"


def test_an_object_without_md5_is_known_by_its_crc32c(fake_bucket, storage):
    fake_bucket.put("composed.png", b"parts", has_md5=False)
    path = Path(storage.local_path("composed.png"))
    assert path.read_bytes() == b"parts"
    path.write_bytes(b"pXrts")
    assert Path(storage.known_path("composed.png")).read_bytes() == b"parts"
    assert storage.stat("composed.png").md5 == ""


@pytest.mark.parametrize("damage", [b"onE", b"on", b"", b"one more"])
def test_b18_a_damaged_copy_is_fetched_again(fake_bucket, storage, damage):
    path = Path(storage.known_path("good/1.png"))
    path.write_bytes(damage)
    assert Path(storage.known_path("good/1.png")).read_bytes() == b"one"
    path.write_bytes(damage)
    assert Path(storage.local_path("good/1.png")).read_bytes() == b"one"


def test_b18_damage_from_before_this_process_is_seen(tmp_path):
    facts, path = keep(ObjectCache(str(tmp_path)), b"content")
    Path(path).write_bytes(b"cOntent")
    assert ObjectCache(str(tmp_path)).find(facts, "gs://bucket/0.png") is None
    assert not Path(path).exists()


def test_b18_a_copy_of_what_was_replaced_is_not_handed_out(fake_bucket, storage):
    storage.local_path("good/1.png")
    fake_bucket.put("good/1.png", b"two")
    assert Path(storage.local_path("good/1.png")).read_bytes() == b"two"
    fake_bucket.put("good/1.png", b"three")
    list(storage.walk())
    assert Path(storage.known_path("good/1.png")).read_bytes() == b"three"


def test_what_was_written_again_between_listing_and_fetching_is_said(fake_bucket, storage, caplog):
    fake_bucket.put("good/2.png", b"two")
    list(storage.walk())
    fake_bucket.put("good/1.png", b"another")
    fake_bucket.put("good/2.png", b"two")
    for _ in range(2):
        assert Path(storage.known_path("good/1.png")).read_bytes() == b"another"
        assert Path(storage.known_path("good/2.png")).read_bytes() == b"two"
    assert [record.getMessage() for record in caplog.records] == [
        "gs://bucket/good/1.png was written again after it was listed: what is read is not what its hash tells of"
    ]


def test_what_was_seen_costs_no_request_and_what_is_asked_anew_costs_one(fake_bucket, storage):
    list(storage.walk())
    for _ in range(3):
        storage.known_path("good/1.png")
    assert fake_bucket.count("GET", "alt=media") == 1
    storage.local_path("good/1.png")
    assert fake_bucket.count("GET", "alt=media") == 2
    assert fake_bucket.sent == ["good/1.png"]


def test_a_missing_object_leaves_nothing_behind(storage):
    with pytest.raises(NotFoundError, match=r"gs://bucket/none\.png"):
        storage.local_path("none.png")
    assert not copies(os.environ["BREVETTI_CACHE"])


def test_b18_a_process_that_was_killed_while_fetching_leaves_nothing_that_is_taken_for_a_copy(tmp_path):
    code = (
        "import os, sys; from brevetti_keras.io.object_cache import ObjectCache\n"
        "with ObjectCache(sys.argv[1]).incoming() as incoming:\n"
        "    incoming.file.write(b'half'); incoming.file.flush(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (left,) = copies(tmp_path)
    os.utime(left, (0, 0))
    facts, path = keep(ObjectCache(str(tmp_path)), b"whole")
    assert ObjectCache(str(tmp_path)).find(facts, "gs://bucket/0.png") == path
    assert [str(copy) for copy in copies(tmp_path)] == [path]


def test_what_was_used_last_goes_last(tmp_path):
    cache = ObjectCache(str(tmp_path), limit=100)
    kept = [keep(cache, bytes([number]) * 30, number) for number in range(3)]
    for age, (_, path) in zip((300, 900, 600), kept, strict=True):
        os.utime(path, (time.time() - age, os.stat(path).st_mtime))
    assert cache.find(kept[1][0], "gs://bucket/1.png") is not None
    cache._scanned = None
    _, newest = keep(cache, b"x" * 30, 9)
    assert [str(copy) for copy in copies(tmp_path)] == sorted([kept[0][1], kept[1][1], newest])


@pytest.mark.parametrize("refused", [PermissionError, OSError])
def test_a_whole_copy_is_handed_out_where_its_use_cannot_be_noted(tmp_path, monkeypatch, refused):
    facts, path = keep(ObjectCache(str(tmp_path)), b"one")
    os.utime(path, (1e9, 1e9))

    def refuse(*_, **__):
        raise refused(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", refuse)
    assert ObjectCache(str(tmp_path)).find(facts, "gs://bucket/0.png") == path


def test_what_was_just_handed_out_stays_even_beyond_the_limit(tmp_path):
    cache = ObjectCache(str(tmp_path), limit=10)
    kept = [keep(cache, bytes([number]) * 30, number)[1] for number in range(3)]
    assert [str(copy) for copy in copies(tmp_path)] == sorted(kept)


@pytest.mark.parametrize("given", ["-1", "much", "nan"])
def test_a_wrong_limit_is_refused(monkeypatch, given):
    monkeypatch.setenv("BREVETTI_OBJECTS_GB", given)
    with pytest.raises(InvalidInputError, match="expected BREVETTI_OBJECTS_GB as a number of gigabytes"):
        ObjectCache()


def test_a_cache_that_cannot_be_written_is_one_clear_line(fake_bucket, monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "file"))
    fake_bucket.put("a", b"1")
    with pytest.raises((StorageError, NotFoundError), match="file"):
        open_storage("gs://bucket").local_path("a")
    assert open_storage("gs://bucket").read_bytes("a") == b"1"


def test_folders_are_for_their_owner_alone(storage):
    path = Path(storage.local_path("good/1.png"))
    assert path.parent.stat().st_mode & 0o077 == 0
