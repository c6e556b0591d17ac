"""A workspace whose storage root is a bucket: artifacts lie there, the platform shows them, an outage delays them."""

import json
import shutil
from pathlib import Path

import pytest

from brevetti_keras.io import Files, open_storage
from brevetti_keras.io.google_client import Patience
from brevetti_keras.io.open import split_url
from brevetti_keras.platform import Job
from brevetti_keras.platform.embedded_platform import EmbeddedPlatform
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError
from tests.support.gcs_fake import Fault

ROOT = "gs://bucket/results"


class Writing(Job):
    def run(self):
        Path(self.artifact_path("deep", "plain.txt")).write_text("by open()")
        self.io.write_file(self.artifact_path("table.csv"), "a,b\n")
        self.upload_artifact("report.html", "<p>report</p>")
        self.upload_chart("loss", {"mark": "line"})
        self.add_output_metric("accuracy", 0.5)
        model = self.temp_path("model.tar.gz")
        Path(model).write_bytes(b"the model")
        return model


class Failing(Job):
    def run(self):
        self.upload_artifact("half.txt", "half")
        raise ValueError("no more")


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("BREVETTI_HOME", str(home))
    monkeypatch.setenv("BREVETTI_STORAGE_ROOT", f"{ROOT}/")
    return home


def in_bucket(fake_bucket, job):
    start = f"results/jobs/{job.id}/artifacts/"
    return {name.removeprefix(start): stored.data for name, stored in fake_bucket.objects.items()}


def on_disk(home, job):
    folder = home / "jobs" / job.id / "artifacts"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def done(fake_bucket, home):
    job = Writing.init(argv=[])
    job.start()
    return job


def test_all_artifacts_lie_in_the_bucket_and_nothing_else_does(fake_bucket, home, done):
    found = in_bucket(fake_bucket, done)
    assert found == on_disk(home, done)
    assert {"deep/plain.txt", "table.csv", "report.html", "charts/loss.json", "output.json", "log.txt"} < set(found)
    assert any(name.startswith("model.") for name in found)
    secret = done.api_key.get_secret_value().encode()
    assert not any(secret in data for data in found.values())
    assert not any("info.json" in name or "events.log" in name for name in fake_bucket.objects)
    # Each state of a file was written once, and what is on this machine costs no request.
    written = [name.rpartition("/")[2] for name in fake_bucket.written]
    assert all(written.count(name) == 1 for name in ("plain.txt", "table.csv", "report.html", "loss.json"))
    before = fake_bucket.count("GET", "/o")
    with EmbeddedPlatform() as platform:
        platform.artifacts.list(done.id)
        platform.artifacts.read(done.id, "output.json")
    assert fake_bucket.count("GET", "/o") == before


def test_the_platform_shows_all_of_it_without_the_folder_too(fake_bucket, home, done):
    with EmbeddedPlatform() as platform:
        before = [(entry.path, entry.size, entry.media_type) for entry in platform.artifacts.list(done.id)]
    shutil.rmtree(home / "jobs" / done.id / "artifacts")
    with EmbeddedPlatform() as platform:
        job = platform.jobs.get(done.id)
        after = [(entry.path, entry.size, entry.media_type) for entry in platform.artifacts.list(done.id)]
        model = Path(platform.artifacts.local_path(done.id, str(job.model_path)))
        assert platform.artifacts.read(done.id, "deep/plain.txt") == b"by open()"
        assert platform.artifacts.stat(done.id, "table.csv").size == 4
        assert [entry.path for entry in platform.artifacts.list(done.id, "deep")] == ["deep/plain.txt"]
        assert platform.charts.list(done.id) == ["loss"]
        with pytest.raises(NotFoundError):
            platform.artifacts.read(done.id, "none.txt")
        for leaving in ("../x", "/etc/passwd", "a/../../x"):
            with pytest.raises(InvalidInputError):
                platform.artifacts.read(done.id, leaving)
    assert after == before
    assert model.read_bytes() == b"the model"
    assert job.metrics == {"accuracy": 0.5}


def test_a_failed_job_leaves_its_traceback_there(fake_bucket, home):
    job = Failing.init(argv=[])
    with pytest.raises(ValueError, match="no more"):
        job.start()
    found = in_bucket(fake_bucket, job)
    assert found == on_disk(home, job)
    assert b"no more" in found["traceback.txt"]
    assert found["half.txt"] == b"half"


@pytest.fixture
def impatient(fake_bucket):
    split_url("gs://bucket/x")[0]._bucket._attempts.patience = Patience(deadline=0.2, first_wait=0.01)


def test_b15_a_job_runs_through_an_outage_and_its_artifacts_go_later(fake_bucket, home, impatient, caplog):
    fake_bucket.down = True
    job = Writing.init(argv=[])
    job.start()
    with EmbeddedPlatform() as platform:
        assert platform.jobs.get(job.id).state == "completed"
        assert "report.html" in {entry.path for entry in platform.artifacts.list(job.id)}
        assert "report.html" in platform.artifacts.sync(job.id)
        assert fake_bucket.objects == {}
        fake_bucket.down = False
        assert platform.artifacts.sync(job.id) == ()
    assert in_bucket(fake_bucket, job) == on_disk(home, job)
    # A bucket that cannot be asked hides nothing that is here.
    fake_bucket.down = True
    (home / "jobs" / job.id / "artifacts" / "table.csv").unlink()
    with EmbeddedPlatform() as platform:
        shown = {entry.path for entry in platform.artifacts.list(job.id)}
    assert "report.html" in shown
    assert "table.csv" not in shown
    assert "not yet in gs://bucket/results/jobs/" in caplog.text


def test_b12_of_an_artifact_cut_while_it_is_sent_nothing_is_visible(fake_bucket, home, impatient):
    fake_bucket.faults.append(Fault("PUT", kind="status"))
    with EmbeddedPlatform() as platform:
        job = platform.jobs.create("one")
        platform.artifacts.write(job.id, "large.bin", b"x" * 9_000_000)
        assert "large.bin" in platform.artifacts.sync(job.id)
        assert "large.bin" not in in_bucket(fake_bucket, job)
        fake_bucket.faults.clear()
        assert platform.artifacts.sync(job.id) == ()
    assert in_bucket(fake_bucket, job)["large.bin"] == b"x" * 9_000_000


def test_without_a_bucket_there_is_nothing_to_bring(tmp_path, monkeypatch):
    monkeypatch.delenv("BREVETTI_STORAGE_ROOT", raising=False)
    with open_service(str(tmp_path / "home")) as service:
        config = service.jobs.create("one")
        assert service.artifacts.sync(config.id) == ()
        with pytest.raises(NotFoundError):
            service.artifacts.sync("none")


def test_another_folder_holds_the_jobs(tmp_path, monkeypatch):
    monkeypatch.setenv("BREVETTI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BREVETTI_STORAGE_ROOT", str(tmp_path / "large disk"))
    job = Writing.init(argv=[])
    model = job.start()
    assert Path(model).parent == tmp_path / "large disk" / "jobs" / job.id / "artifacts"
    with EmbeddedPlatform() as platform:
        assert platform.jobs.get(job.id).state == "completed"
        assert json.loads(platform.artifacts.read(job.id, "output.json"))["output"] == {"accuracy": 0.5}


@pytest.mark.parametrize("root", ["s3://bucket/x", "gs://", "gs://Not a bucket"])
def test_a_storage_root_of_another_kind_is_one_clear_line(tmp_path, root):
    with pytest.raises(InvalidInputError, match="expected"):
        open_service(str(tmp_path / "home"), storage_root=root)


def test_the_emulator_takes_a_whole_job(bucket_url, tmp_path, monkeypatch):
    monkeypatch.setenv("BREVETTI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BREVETTI_STORAGE_ROOT", bucket_url)
    job = Writing.init(argv=[])
    job.start()
    there = open_storage(f"{bucket_url}/jobs/{job.id}/artifacts")
    assert {info.path: there.read_bytes(info.path) for info in there.walk()} == on_disk(tmp_path / "home", job)
    assert Files().isfile(f"{bucket_url}/jobs/{job.id}/artifacts/log.txt")
