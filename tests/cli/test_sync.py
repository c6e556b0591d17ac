import pytest

from brevetti_keras.io.google_client import Patience
from brevetti_keras.io.open import split_url
from brevetti_keras.platform.embedded_platform import EmbeddedPlatform


@pytest.fixture
def job(workspace):
    with EmbeddedPlatform() as platform:
        config = platform.jobs.create("vials-3")
        platform.artifacts.write(config.id, "report.html", b"<p>")
    return config.id


def test_without_a_bucket_it_is_done_at_once(command, job):
    assert command("sync").out == "1 job is where it belongs\n"


def test_it_brings_what_an_outage_kept_back(command, job, fake_bucket, monkeypatch, workspace):
    monkeypatch.setenv("BREVETTI_STORAGE_ROOT", "gs://bucket")
    split_url("gs://bucket/x")[0]._bucket._attempts.patience = Patience(deadline=0.2, first_wait=0.01)
    fake_bucket.down = True
    result = command("sync", "vials-3")
    assert result.status == 1
    assert "1 artifact has not arrived and stays in the workspace" in result.out + result.err
    fake_bucket.down = False
    assert command("sync").out == "1 job is where it belongs\n"
    assert list(fake_bucket.objects) == [f"jobs/{job}/artifacts/report.html"]


def test_an_unknown_job_is_said(command, workspace):
    result = command("sync", "none")
    assert result.status == 1
    assert "none" in result.out + result.err
