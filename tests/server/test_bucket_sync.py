import threading
import time

import pytest

from brevetti_keras.io.google_client import Patience
from brevetti_keras.io.open import split_url
from brevetti_keras.server.bucket_sync import BucketSync
from brevetti_keras.server.workspace import open_service
from tests.support.served import Served


@pytest.fixture
def service(tmp_path, fake_bucket):
    split_url("gs://bucket/x")[0]._bucket._attempts.patience = Patience(deadline=0.2, first_wait=0.01)
    with open_service(str(tmp_path / "home"), storage_root="gs://bucket") as service:
        yield service


def arrives(fake_bucket, name):
    end = time.monotonic() + 60
    while name not in fake_bucket.objects and time.monotonic() < end:
        time.sleep(0.02)
    return name in fake_bucket.objects


def test_what_a_job_sends_by_http_arrives_after_an_outage(service, fake_bucket):
    config = service.jobs.create("one")
    served = Served(service)
    fake_bucket.down = True
    with BucketSync(service, every=0.05):
        answer = served.job(config).put(f"/api/jobs/{config.id}/artifacts/deep/report.html", content=b"<p>")
        assert answer.status_code < 300
        time.sleep(0.6)
        assert fake_bucket.objects == {}
        fake_bucket.down = False
        assert arrives(fake_bucket, f"jobs/{config.id}/artifacts/deep/report.html")
    served.close()
    assert len(fake_bucket.written) == 1


def test_nothing_is_written_again_at_each_look(service, fake_bucket):
    config = service.jobs.create("one")
    service.artifacts.write(config.id, "a.txt", b"1")
    with BucketSync(service, every=0.01):
        assert arrives(fake_bucket, f"jobs/{config.id}/artifacts/a.txt")
        time.sleep(0.3)
    assert fake_bucket.written == [f"jobs/{config.id}/artifacts/a.txt"]


def test_a_workspace_without_a_bucket_gets_no_thread(tmp_path, monkeypatch):
    monkeypatch.delenv("BREVETTI_STORAGE_ROOT", raising=False)
    with open_service(str(tmp_path / "home")) as service, BucketSync(service, every=0.01):
        assert "bucket-sync" not in {thread.name for thread in threading.enumerate()}
