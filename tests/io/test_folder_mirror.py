"""A folder that is brought to a bucket: each state of each file once, and nothing lost in an outage (B15, B16)."""

import os
import threading

import pytest

from brevetti_keras.io.folder_mirror import FolderMirror
from brevetti_keras.io.google_client import Patience
from brevetti_keras.io.open import split_url
from brevetti_keras.utils.errors import InvalidInputError
from tests.support.gcs_fake import Fault

TARGET = "gs://bucket/jobs/7/artifacts"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "job" / "artifacts"
    for name in ("output.json", "pivot/summary.json", "tensorboard/train/events"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


@pytest.fixture
def mirror(fake_bucket, folder):
    return FolderMirror(str(folder), TARGET, str(folder.parent / "mirrored.json"))


def again(mirror, folder):
    """As another process would open it."""
    return FolderMirror(str(folder), TARGET, str(folder.parent / "mirrored.json"))


def there(fake_bucket):
    return {
        name.removeprefix("jobs/7/artifacts/"): stored.data.decode() for name, stored in fake_bucket.objects.items()
    }


def here(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_everything_arrives_once(fake_bucket, mirror, folder):
    assert sorted(mirror.pending()) == sorted(here(folder))
    assert mirror.push() == []
    assert there(fake_bucket) == here(folder)
    assert mirror.pending() == []
    before = fake_bucket.count("GET", "/o?")
    assert again(mirror, folder).push() == []
    assert fake_bucket.count("GET", "/o?") == before
    assert len(fake_bucket.written) == 3


def test_what_changed_arrives_anew_and_what_is_removed_here_stays_there(fake_bucket, mirror, folder):
    mirror.push()
    (folder / "output.json").write_text("more of it")
    (folder / "pivot" / "summary.json").unlink()
    assert mirror.push() == []
    assert there(fake_bucket)["output.json"] == "more of it"
    assert "pivot/summary.json" in there(fake_bucket)
    assert len(fake_bucket.written) == 4
    assert not mirror.is_whole()


def test_hidden_files_and_links_that_lead_out_stay_here(fake_bucket, mirror, folder, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / ".half.tmp").write_text("half")
    assert mirror.push() == []
    assert sorted(there(fake_bucket)) == ["output.json", "pivot/summary.json", "tensorboard/train/events"]


def test_b15_what_an_outage_keeps_back_goes_later_and_from_another_process(fake_bucket, mirror, folder, caplog):
    mirror.push()
    fake_bucket.down = True
    (folder / "report.html").write_text("<p>")
    (folder / "output.json").write_text("new")
    quick = split_url("gs://bucket/x")[0]._bucket._attempts
    quick.patience = Patience(deadline=0.2, first_wait=0.01)
    assert sorted(mirror.push()) == ["output.json", "report.html"]
    assert "not yet in gs://bucket/jobs/7/artifacts: 2 of 2 files" in caplog.text
    assert here(folder)["output.json"] == "new"
    fake_bucket.down = False
    assert again(mirror, folder).push() == []
    assert there(fake_bucket) == here(folder)


def test_b16_lost_acknowledgements_write_nothing_twice(fake_bucket, mirror, folder):
    fake_bucket.faults.append(Fault("POST", kind="lose", times=2))
    assert mirror.push() == []
    assert sorted(fake_bucket.written) == sorted(fake_bucket.objects)


@pytest.mark.parametrize("ledger", [b"", b"{", b'{"arrived": 7}', b'{"arrived": {"output.json": [1]}}', None])
def test_without_its_ledger_it_compares_and_writes_nothing_twice(
    fake_bucket, mirror, folder, ledger, monkeypatch, tmp_path
):
    mirror.push()
    # With another cache the bucket is opened anew, as in a process that has seen nothing of it.
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "another"))
    path = folder.parent / "mirrored.json"
    if ledger is None:
        path.unlink()
    else:
        path.write_bytes(ledger)
    assert again(mirror, folder).push() == []
    assert len(fake_bucket.written) == 3


def test_a_name_that_no_bucket_takes_is_said_and_the_rest_arrives(fake_bucket, mirror, folder, caplog):
    (folder / "two\nlines").write_text("x")
    assert mirror.push() == ["two\nlines"]
    assert "in one line, as a bucket takes it" in caplog.text
    assert len(fake_bucket.written) == 3


def test_a_large_file_arrives_as_it_is(fake_bucket, mirror, folder):
    with open(folder / "model.tar.gz", "wb") as file:
        file.truncate(17 << 20)
    assert mirror.push() == []
    assert len(fake_bucket.objects["jobs/7/artifacts/model.tar.gz"].data) == 17 << 20


def test_two_that_push_at_once_write_each_file_once(fake_bucket, mirror, folder):
    threads = [threading.Thread(target=again(mirror, folder).push) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fake_bucket.written) == 3


def test_a_missing_bucket_is_said_and_nothing_is_lost(folder, bucket_url, caplog):
    mirror = FolderMirror(str(folder), "gs://no-such-bucket/x", str(folder.parent / "mirrored.json"))
    assert len(mirror.push()) == 3
    assert "not yet in gs://" in caplog.text
    assert len(here(folder)) == 3


def test_only_a_bucket_can_be_brought_to(tmp_path):
    with pytest.raises(InvalidInputError, match="expected gs://bucket/prefix to bring files to"):
        FolderMirror(str(tmp_path), str(tmp_path / "other"), str(tmp_path / "ledger"))
    assert os.listdir(tmp_path) == []
