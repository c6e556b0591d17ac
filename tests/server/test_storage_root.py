"""A workspace remembers its storage root: no two commands put jobs in different places."""

import json
import os
import stat
from pathlib import Path

import pytest

from brevetti_keras.server.storage_root import storage_places
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.errors import IntegrityError, InvalidInputError


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv("BREVETTI_STORAGE_ROOT", raising=False)


def test_without_one_nothing_is_recorded(home):
    open_service(home).close()
    open_service(home, storage_root=home).close()
    assert not os.path.exists(f"{home}/storage.json")
    assert storage_places(home) == (home, "")


@pytest.mark.usefixtures("fake_bucket")
def test_a_bucket_is_used_by_whoever_comes_later(home, fake_bucket):
    open_service(home, storage_root="gs://bucket/results/").close()
    assert json.loads(Path(home, "storage.json").read_text()) == {"root": "gs://bucket/results"}
    assert stat.S_IMODE(os.stat(f"{home}/storage.json").st_mode) == 0o600
    assert storage_places(home) == (home, "gs://bucket/results")
    with open_service(home) as service:
        job = service.jobs.create("first")
        service.artifacts.write(job.id, "a.txt", b"1")
        assert service.artifacts.sync(job.id) == ()
    assert fake_bucket.written == [f"results/jobs/{job.id}/artifacts/a.txt"]


@pytest.mark.usefixtures("fake_bucket")
def test_another_one_is_one_clear_line(home, tmp_path, monkeypatch):
    open_service(home, storage_root="gs://bucket/results").close()
    for other in ("gs://bucket/others", str(tmp_path / "disk")):
        with pytest.raises(InvalidInputError, match=f"storage root, gs://bucket/results, received {other}:") as caught:
            open_service(home, storage_root=other)
        assert "\n" not in str(caught.value)
    monkeypatch.setenv("BREVETTI_STORAGE_ROOT", "gs://bucket/others")
    with pytest.raises(InvalidInputError, match="gs://bucket/others by BREVETTI_STORAGE_ROOT: leave it out"):
        storage_places(home)
    monkeypatch.setenv("BREVETTI_STORAGE_ROOT", "gs://bucket/results/")
    open_service(home).close()
    assert not (tmp_path / "disk").exists()


def test_a_folder_with_an_odd_name_comes_back_as_it_was(home, tmp_path, monkeypatch):
    disk = str(tmp_path / "gro\u00df 100% \udcff")
    open_service(home, storage_root=disk).close()
    assert storage_places(home) == (disk, "")
    with open_service(home) as service:
        job = service.jobs.create("first")
    assert os.path.isdir(os.path.join(disk, "jobs", job.id))


def test_the_variable_is_recorded_as_the_option_is(home, tmp_path, monkeypatch):
    monkeypatch.setenv("BREVETTI_STORAGE_ROOT", str(tmp_path / "disk"))
    open_service(home).close()
    monkeypatch.delenv("BREVETTI_STORAGE_ROOT")
    assert storage_places(home) == (str(tmp_path / "disk"), "")


@pytest.mark.usefixtures("fake_bucket")
def test_jobs_that_are_there_are_not_lost_sight_of(home, tmp_path):
    with open_service(home) as service:
        job = service.jobs.create("first")
    with pytest.raises(InvalidInputError, match="expected a workspace without jobs for another storage root"):
        open_service(home, storage_root=str(tmp_path / "disk"))
    assert storage_places(home) == (home, "")
    with open_service(home, storage_root="gs://bucket") as service:  # artifacts go there as well, jobs stay
        assert service.jobs.get(job.id).state


@pytest.mark.parametrize("content", ["", "{}", '{"root": ""}', '["gs://bucket"]', '{"root": 1}', "\x00"])
def test_a_damaged_record_is_one_clear_line(home, content):
    open_service(home).close()
    Path(home, "storage.json").write_text(content)
    with pytest.raises(IntegrityError, match=r"storage\.json, which is damaged"):
        open_service(home)


def test_another_kind_of_url_is_one_clear_line(home):
    with pytest.raises(InvalidInputError, match="expected the storage root as a folder, file:// or gs:// URL"):
        open_service(home, storage_root="s3://bucket")
    assert not os.path.exists(home)
