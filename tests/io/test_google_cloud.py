"""The storage contract at Google Cloud Storage, on the emulator and on the strict fake."""

import pytest

from brevetti_keras.io import open_storage
from brevetti_keras.utils.errors import InvalidInputError
from tests.contracts.storage import StorageContract

ODD = ["ünïcode", "e\u0301", " ", "a\\b", "%2e%2e", "-rf", "a?b#c&d=e"]


class GoogleContract(StorageContract):
    @pytest.mark.parametrize("name", ODD)
    def test_odd_names_are_names(self, storage, name):
        super().test_odd_names_are_names(storage, name)

    @pytest.mark.parametrize("name", ["new\nline", "bad\udcff", "x" * 1025])
    def test_refuses_names_that_no_bucket_takes(self, storage, name):
        with pytest.raises(InvalidInputError, match="expected a path"):
            storage.write_bytes(f"d/{name}", b"1")


class TestEmulator(GoogleContract):
    @pytest.fixture
    def storage(self, bucket_url):
        return open_storage(bucket_url)


class TestEmulatorBelowAPrefix(GoogleContract):
    @pytest.fixture
    def storage(self, bucket_url):
        outer = open_storage(bucket_url)
        outer.write_bytes("other/a", b"a neighbour")
        outer.write_bytes("some/prefixed", b"another")
        return open_storage(f"{bucket_url}/some/prefix/")


class TestStrictFake(GoogleContract):
    @pytest.fixture
    def storage(self, fake_bucket):
        return open_storage("gs://bucket")

    @pytest.mark.parametrize("name", [*ODD, "x" * 255])
    def test_odd_names_are_names(self, storage, name):
        StorageContract.test_odd_names_are_names(self, storage, name)
