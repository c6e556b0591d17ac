"""What a bucket and the way to it do wrong, and what comes of it (faults B12, B15 to B17)."""

import io

import pytest

from brevetti_keras.io import GoogleStorage
from brevetti_keras.io.google_attempts import Attempts
from brevetti_keras.io.google_bucket import GoogleBucket
from brevetti_keras.io.google_client import Patience
from brevetti_keras.utils.errors import (
    AccessError,
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    StorageError,
)
from tests.support.gcs_fake import Fault

BIG = 9_000_000
"""Bytes beyond which the client uploads in pieces."""


def storage_with(deadline=60.0, timeout=30.0):
    patience = Patience(deadline=deadline, timeout=timeout, first_wait=0.01, longest_wait=0.05)
    return GoogleStorage(GoogleBucket("bucket", attempts=Attempts(patience)))


@pytest.fixture
def storage(fake_bucket):
    return storage_with()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_b15_what_may_pass_is_tried_again(fake_bucket, storage, status):
    fake_bucket.put("a", b"there")
    for method in ("GET", "POST", "DELETE"):
        fake_bucket.faults.append(Fault(method, status=status, times=2))
    assert storage.read_bytes("a") == b"there"
    storage.write_bytes("b", b"1")
    storage.copy("a", "c")
    assert [info.path for info in storage.walk()] == ["a", "b", "c"]
    storage.remove("a")
    assert sorted(fake_bucket.objects) == ["b", "c"]
    assert fake_bucket.written == ["b"]


def test_b15_a_service_that_stays_down_is_one_clear_line_within_the_deadline(fake_bucket):
    storage = storage_with(deadline=0.3)
    fake_bucket.down = True
    for call in (
        lambda: storage.read_bytes("a"),
        lambda: storage.write_bytes("a", b"1"),
        lambda: list(storage.walk()),
        lambda: storage.stat("a"),
        lambda: storage.remove("a"),
    ):
        with pytest.raises(StorageError, match=r"^gs://bucket[^\n]*within 0\.3 s, the last was 503[^\n]*$"):
            call()


def test_b15_a_connection_that_is_cut_or_stands_still_is_tried_again(fake_bucket):
    storage = storage_with(timeout=0.5)
    fake_bucket.put("a", b"there")
    fake_bucket.faults += [Fault("GET", kind="lose", times=1), Fault("GET", kind="hang", seconds=600, times=1)]
    assert storage.read_bytes("a") == b"there"


def test_b15_nobody_at_the_address_is_one_clear_line(monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:9")
    with pytest.raises(StorageError, match=r"^gs://bucket/a: .* within 0\.2 s, the last was Connection refused: try"):
        storage_with(deadline=0.2).read_bytes("a")


def test_b15_a_host_that_hangs_is_one_clear_line_within_the_deadline(fake_bucket):
    fake_bucket.faults.append(Fault("GET", kind="hang", seconds=600))
    with pytest.raises(StorageError, match=r"the last was no answer \(\w*Timeout\): try again later"):
        storage_with(deadline=0.5, timeout=0.2).read_bytes("a")


@pytest.mark.parametrize(("status", "kind"), [(401, AccessError), (403, AccessError), (400, InvalidInputError)])
def test_what_cannot_pass_is_not_tried_again(fake_bucket, storage, status, kind):
    fake_bucket.faults.append(Fault("GET", status=status))
    with pytest.raises(kind, match="gs://bucket/a"):
        storage.read_bytes("a")
    assert fake_bucket.count("GET", "/o/a") == 1


def test_b16_a_write_whose_acknowledgement_was_lost_counts_as_written(fake_bucket, storage):
    fake_bucket.faults.append(Fault("POST", kind="lose", times=1))
    storage.write_bytes("a", b"mine", if_absent=True)
    assert storage.read_bytes("a") == b"mine"
    assert fake_bucket.written == ["a"]
    assert fake_bucket.count("POST") == 2


def test_b16_replacing_with_a_lost_acknowledgement_writes_once(fake_bucket, storage):
    fake_bucket.put("a", b"old")
    fake_bucket.faults.append(Fault("POST", kind="lose", times=1))
    storage.write_bytes("a", b"new")
    assert storage.read_bytes("a") == b"new"
    assert fake_bucket.written == ["a"]


def test_b16_anothers_write_is_not_taken_for_ones_own(fake_bucket, storage):
    def replaced_by_another(_):
        if fake_bucket.written == ["a"]:
            fake_bucket.put("a", b"theirs")

    fake_bucket.faults += [Fault("POST", kind="lose", times=1), Fault("POST", times=1)]
    storage = GoogleStorage(GoogleBucket("bucket", attempts=Attempts(Patience(), sleep=replaced_by_another)))
    with pytest.raises(ConflictError, match="expected no file at gs://bucket/a"):
        storage.write_bytes("a", b"mine", if_absent=True)
    assert fake_bucket.objects["a"].data == b"theirs"


def test_b16_a_conflict_at_the_first_try_is_a_conflict_even_with_equal_content(fake_bucket, storage):
    fake_bucket.put("a", b"mine")
    with pytest.raises(ConflictError):
        storage.write_bytes("a", b"mine", if_absent=True)


def test_b16_a_removal_and_a_copy_whose_acknowledgement_was_lost_count_as_done(fake_bucket, storage):
    fake_bucket.put("a", b"1")
    fake_bucket.faults += [Fault("POST", kind="lose", times=1), Fault("DELETE", kind="lose", times=1)]
    storage.copy("a", "b")
    storage.remove("a")
    assert list(fake_bucket.objects) == ["b"]
    with pytest.raises(NotFoundError):
        storage.remove("a")


def test_a_version_replaces_only_what_was_read(fake_bucket, storage):
    storage.write_version("a", b"1", 0)
    content, version = storage.read_version("a")
    fake_bucket.put("a", b"theirs")
    with pytest.raises(ConflictError):
        storage.write_version("a", content + b"2", version)
    assert fake_bucket.objects["a"].data == b"theirs"


@pytest.mark.parametrize("kind", ["corrupt", "truncate"])
def test_b17_a_damaged_download_is_seen_and_fetched_again(fake_bucket, storage, kind):
    fake_bucket.put("a", b"0123456789" * 100)
    fake_bucket.faults.append(Fault("GET", kind=kind, path="alt=media", times=2))
    assert storage.read_bytes("a") == b"0123456789" * 100
    fake_bucket.faults.append(Fault("GET", kind=kind, path="alt=media", times=2))
    with storage.open_read("a") as file:
        assert file.read() == b"0123456789" * 100


def test_b17_what_stays_damaged_is_never_handed_out(fake_bucket, storage):
    fake_bucket.put("a", b"0123456789")
    fake_bucket.faults.append(Fault("GET", kind="corrupt", path="alt=media"))
    for read in (storage.read_bytes, storage.open_read, storage.local_path, storage.known_path):
        with pytest.raises(IntegrityError, match="gs://bucket/a: expected content that fits its crc32c"):
            read("a")


def test_b17_an_answer_without_a_checksum_is_compared_with_the_objects_own(fake_bucket, storage, monkeypatch):
    fake_bucket.put("a", b"0123456789")
    plain = fake_bucket._get

    def without(*arguments):
        status, headers, body = plain(*arguments)
        return status, {name: value for name, value in headers.items() if name != "X-Goog-Hash"}, body

    monkeypatch.setattr(fake_bucket, "_get", without)
    assert storage.read_bytes("a") == b"0123456789"
    fake_bucket.faults.append(Fault("GET", kind="corrupt", path="alt=media"))
    with pytest.raises(IntegrityError):
        storage.read_bytes("a")


def test_an_upload_that_was_damaged_on_the_way_does_not_stay(fake_bucket, storage, monkeypatch):
    plain, damaged = fake_bucket._store, []

    def spoil(query, described, data):
        if not damaged:
            damaged.append(data)
            described = {name: value for name, value in described.items() if name != "crc32c"}
            data = b"X" + data[1:]
        return plain(query, described, data)

    monkeypatch.setattr(fake_bucket, "_store", spoil)
    storage.write_bytes("a", b"0123456789")
    assert damaged
    assert fake_bucket.objects["a"].data == b"0123456789"


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_b12_of_a_partial_upload_nothing_is_visible(fake_bucket, storage, share):
    class Cut(io.BytesIO):
        def read(self, size=-1):
            if armed and self.tell() >= share * BIG:
                raise ConnectionResetError("the machine went away")
            return super().read(min(size, 1 << 18) if size >= 0 else size)

    armed = []
    content = Cut(b"x" * BIG)
    fake_bucket.faults.append(Fault("PUT", kind="lose", times=0))
    storage._writable("model.bin")
    armed.append(True)
    with pytest.raises((ConnectionResetError, StorageError)):
        storage_with(deadline=0.2).write_file("model.bin", content)
    assert list(storage.walk(hidden=True)) == []
    armed.clear()
    storage.write_file("model.bin", content)
    assert storage.stat("model.bin").size == BIG


def test_b12_a_large_upload_goes_on_where_it_was_cut(fake_bucket, storage):
    fake_bucket.faults += [Fault("PUT", times=2), Fault("PUT", kind="lose", times=1), Fault("POST", times=1)]
    storage.write_bytes("model.bin", b"x" * BIG, if_absent=True)
    assert fake_bucket.written == ["model.bin"]
    assert storage.read_bytes("model.bin") == b"x" * BIG
