import subprocess
import sys
from pathlib import Path

import pytest

from brevetti_keras.io import GoogleStorage, open_storage
from brevetti_keras.io.google_client import Patience, emulator_host, open_client
from brevetti_keras.utils.errors import AccessError, InvalidInputError, NotFoundError


@pytest.fixture
def no_credentials(monkeypatch, tmp_path):
    """A machine that has none, and that is not one of Google's."""
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


def test_missing_credentials_are_one_clear_line(no_credentials):
    with pytest.raises(AccessError, match=r"^expected credentials to reach gs://vials, found none: run '[^\n]*$"):
        open_storage("gs://vials/good").read_bytes("1.png")


def test_at_an_emulator_nobodys_credentials_are_needed(no_credentials):
    client = open_client("vials", "http://127.0.0.1:9")
    assert client._credentials.token is None


@pytest.mark.parametrize(
    ("given", "host"),
    [("", ""), ("127.0.0.1:9023", "http://127.0.0.1:9023"), ("https://storage.test/", "https://storage.test")],
)
def test_the_emulators_address_may_lack_its_scheme(monkeypatch, given, host):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", given)
    assert emulator_host() == host


def test_the_deadline_is_a_setting(monkeypatch):
    assert Patience.from_environment() == Patience()
    monkeypatch.setenv("BREVETTI_STORAGE_DEADLINE", "7.5")
    assert Patience.from_environment() == Patience(deadline=7.5, timeout=7.5)


@pytest.mark.parametrize("given", ["0", "-1", "soon", "nan", "inf"])
def test_a_wrong_deadline_is_refused(monkeypatch, given):
    monkeypatch.setenv("BREVETTI_STORAGE_DEADLINE", given)
    with pytest.raises(InvalidInputError, match="expected BREVETTI_STORAGE_DEADLINE as a number of seconds"):
        Patience.from_environment()


@pytest.mark.parametrize("url", ["gs://", "gs:///x", "gs://Vials", "gs://a", "gs://a b/c"])
def test_a_url_without_a_bucket_is_refused(url):
    with pytest.raises(InvalidInputError, match="expected gs://bucket/prefix"):
        open_storage(url)


def test_a_bucket_that_is_not_there_is_one_clear_line(bucket_url):
    storage = open_storage("gs://no-such-bucket/x")
    with pytest.raises(NotFoundError, match="no bucket gs://no-such-bucket"):
        list(storage.walk())
    with pytest.raises(NotFoundError, match="no bucket gs://no-such-bucket"):
        storage.write_bytes("a", b"1")


def test_a_bucket_is_opened_once_and_prefixes_share_it(fake_bucket):
    open_storage("gs://bucket/a").write_bytes("x", b"1")
    list(open_storage("gs://bucket").walk())
    assert isinstance(open_storage("gs://bucket/a/"), GoogleStorage)
    looks = fake_bucket.count("GET", "/o/a%2Fx?projection")
    assert Path(open_storage("gs://bucket/a").known_path("x")).read_bytes() == b"1"
    assert fake_bucket.sent == ["a/x"]
    assert fake_bucket.count("GET", "/o/a%2Fx?projection") == looks


def test_nothing_of_googles_is_loaded_before_a_request():
    code = (
        "import sys; from brevetti_keras.io import open_storage; open_storage('gs://vials/x').resolve('y');"
        "print([name for name in sys.modules if name.startswith(('google.', 'requests', 'urllib3'))])"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
