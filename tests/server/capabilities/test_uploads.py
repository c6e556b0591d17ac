"""Uploads become datasets when all is there, and leave nothing when it is not."""

import errno
import os
import stat
import threading
import time
import unicodedata
from pathlib import Path

import pytest

from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError, StorageError

NOWHERE = "00000000-0000-4000-8000-000000000000"


def send(service, upload, path, data=b"image"):
    with service.uploads.receive(upload.id, path) as (file, stored):
        file.write(data)
    return stored


def files(service):
    """Everything below `datasets/`, by path."""
    root = Path(service.home, "datasets")
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_an_upload_becomes_a_dataset_at_once(service):
    upload = service.uploads.begin("bottles")
    assert send(service, upload, "good/1.png") == "good/1.png"
    send(service, upload, "bad/2.png", b"other")
    assert service.datasets.list() == []
    assert os.listdir(os.path.join(service.home, "datasets")) == [".uploads"]
    added = service.uploads.finish(upload.id, "bottles", ["line=3"], "lot 7", "notes")
    assert (added.id, added.name, added.reference, added.notes) == (upload.id, "bottles", "lot 7", "notes")
    assert added.bucket == os.path.join(service.home, "datasets", upload.id)
    assert [tag.name for tag in added.tags] == ["3"]
    assert service.datasets.list() == [added]
    assert service.datasets.is_upload(added)
    assert files(service) == {f"{upload.id}/good/1.png": b"image", f"{upload.id}/bad/2.png": b"other"}
    for top, folders, _ in os.walk(added.bucket):
        for folder in folders:
            assert stat.S_IMODE(os.stat(os.path.join(top, folder)).st_mode) == 0o700


def test_without_a_name_it_is_called_after_its_folder(service):
    names = []
    for folder in ("vials", "vials", ""):
        upload = service.uploads.begin()
        send(service, upload, "a/1.png")
        names.append(service.uploads.finish(upload.id, folder=folder).name)
    assert names == ["vials", "vials-2", "upload"]


def test_a_hostile_name_is_only_told(service):
    upload = service.uploads.begin()
    original = "good/../CON/<img>\n" + "x" * 300 + ".png"
    stored = send(service, upload, original)
    send(service, upload, "good/plain.png")
    added = service.uploads.finish(upload.id)
    assert os.path.isfile(os.path.join(added.bucket, stored))
    assert len(stored.encode()) < 200
    assert service.datasets.original_name(added, stored) == original
    assert service.datasets.original_name(added, "good/plain.png") == ""
    Path(added.bucket, ".names.jsonl").write_text("no json\n")
    assert service.datasets.original_name(added, stored) == ""


@pytest.mark.parametrize(
    "second",
    [
        "caf\u00e9/a.png",
        unicodedata.normalize("NFD", "caf\u00e9/a.png"),
        "CAF\u00c9/b.png",
        "caf\u00e9/A.PNG",
        "caf\u00e9/a.png/b.png",
        "caf\u00e9",
    ],
)
def test_names_that_some_systems_do_not_tell_apart_are_in_conflict(service, second):
    upload = service.uploads.begin()
    send(service, upload, "caf\u00e9/a.png", b"1")
    with pytest.raises(ConflictError):
        send(service, upload, second, b"2")
    # Another process, which knows of the first by the disk alone, finds the same.
    with open_service(service.home) as other:
        with pytest.raises(ConflictError):
            send(other, upload, second, b"2")
        send(other, upload, "caf\u00e9/c.png")
    assert {path.partition("/files/")[2]: data for path, data in files(service).items()} == {
        "caf\u00e9/a.png": b"1",
        "caf\u00e9/c.png": b"image",
    }


def test_a_file_that_breaks_off_leaves_nothing_and_may_come_again(service):
    def break_off():
        with service.uploads.receive(upload.id, "a/1.png") as (file, _):
            file.write(b"half")
            raise ValueError("gone")

    upload = service.uploads.begin()
    with pytest.raises(ValueError, match="gone"):
        break_off()
    assert files(service) == {}
    send(service, upload, "a/1.png", b"whole")
    assert Path(service.uploads.finish(upload.id).bucket, "a", "1.png").read_bytes() == b"whole"


def test_a_full_disk_is_told_as_such_and_leaves_nothing(service):
    upload = service.uploads.begin()
    with pytest.raises(StorageError) as caught, service.uploads.receive(upload.id, "a/1.png"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC
    assert files(service) == {}


def test_a_cancelled_upload_leaves_nothing(service):
    upload = service.uploads.begin()
    send(service, upload, "a/1.png")
    service.uploads.cancel(upload.id)
    assert files(service) == {}
    for call in (
        lambda: service.uploads.cancel(upload.id),
        lambda: service.uploads.finish(upload.id),
        lambda: send(service, upload, "a/2.png"),
    ):
        with pytest.raises(NotFoundError, match="no such upload"):
            call()


@pytest.mark.parametrize("name", [NOWHERE, "..", "", "../../x", f"{NOWHERE}/..", "x" * 300])
def test_there_is_no_upload_of_another_name(service, name):
    for call in (
        lambda: service.uploads.cancel(name),
        lambda: service.uploads.finish(name),
        lambda: service.uploads.receive(name, "a.png").__enter__(),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert os.path.isdir(service.home)


def test_a_refused_end_leaves_the_upload_as_it_was(service, vials):
    service.datasets.add(vials, name="taken")
    with pytest.raises(ConflictError):
        service.uploads.begin("taken")
    upload = service.uploads.begin()
    with pytest.raises(InvalidInputError, match="at least one file"):
        service.uploads.finish(upload.id)
    send(service, upload, "a/1.png")
    with pytest.raises(ConflictError, match="'taken'"):
        service.uploads.finish(upload.id, "taken")
    with service.uploads.receive(upload.id, "a/2.png") as (file, _):
        file.write(b"x")
        with pytest.raises(ConflictError, match="still arrive"):
            service.uploads.finish(upload.id)
    assert [one.name for one in service.datasets.list()] == ["taken"]
    added = service.uploads.finish(upload.id, "free")
    assert sorted(os.listdir(os.path.join(added.bucket, "a"))) == ["1.png", "2.png"]


def test_an_end_that_the_database_refuses_is_taken_back(service, monkeypatch):
    upload = service.uploads.begin()
    send(service, upload, "a/1.png")

    def refuse(self):
        raise StorageError("the disk is full")

    monkeypatch.setattr("brevetti_keras.server.session.Writer.finish", refuse)
    with pytest.raises(StorageError, match="full"):
        service.uploads.finish(upload.id)
    monkeypatch.undo()
    assert service.datasets.list() == []
    assert not os.path.exists(os.path.join(service.home, "datasets", upload.id))
    send(service, upload, "a/2.png")
    assert len(os.listdir(os.path.join(service.uploads.finish(upload.id).bucket, "a"))) == 2


def test_files_arrive_at_the_same_time(service):
    upload = service.uploads.begin()
    threads = [
        threading.Thread(target=send, args=(service, upload, f"class {n % 3}/{n}.png", b"%d" % n)) for n in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bucket = service.uploads.finish(upload.id).bucket
    assert {path.name: path.read_bytes() for path in Path(bucket).rglob("*.png")} == {
        f"{n}.png": b"%d" % n for n in range(24)
    }


def test_an_upload_that_has_not_moved_for_a_day_is_removed(service):
    old, young = service.uploads.begin(), service.uploads.begin()
    for upload in (old, young):
        send(service, upload, "a/1.png")
    folder = os.path.join(service.home, "datasets", ".uploads", old.id)
    os.utime(folder, (time.time() - 25 * 3600,) * 2)
    service.uploads.begin()
    with pytest.raises(NotFoundError):
        send(service, old, "a/2.png")
    send(service, young, "a/2.png")


def test_the_files_of_a_removed_upload_go_and_others_stay(service, vials):
    uploaded = service.datasets.upload(vials, name="copy")
    referenced = service.datasets.add(vials)
    inside = service.datasets.add(os.path.dirname(uploaded.bucket), name="all")
    assert not service.datasets.is_upload(referenced)
    service.datasets.remove(inside.id)
    service.datasets.remove(referenced.id)
    assert os.path.isfile(os.path.join(vials, "good", "1.png"))
    assert os.path.isfile(os.path.join(uploaded.bucket, "good", "1.png"))
    service.jobs.create("user", dataset_ids=[uploaded.id])
    with pytest.raises(ConflictError):
        service.datasets.remove(uploaded.id)
    assert os.path.isfile(os.path.join(uploaded.bucket, "good", "1.png"))
    other = service.datasets.upload(vials, name="other")
    service.datasets.remove(other.id)
    assert not os.path.exists(other.bucket)
    assert sorted(os.listdir(os.path.dirname(other.bucket))) == [".uploads", uploaded.id]


def test_a_folder_that_cannot_be_uploaded_leaves_nothing(service, tmp_path):
    with pytest.raises(NotFoundError):
        service.datasets.upload(str(tmp_path / "gone"))
    (tmp_path / "two" / "a").mkdir(parents=True)
    for name in ("a/x.png", "a/X.png"):
        (tmp_path / "two" / name).write_bytes(b"x")
    with pytest.raises(ConflictError):
        service.datasets.upload(str(tmp_path / "two"))
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidInputError):
        service.datasets.upload(str(tmp_path / "none"))
    assert files(service) == {}
    assert service.datasets.list() == []
