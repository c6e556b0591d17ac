import pytest

from brevetti_keras.server.capabilities.keys import key_hash, matches, new_key
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError


def test_a_key_is_shown_once_and_opens(service):
    record, key = service.access.create(" night run ")
    assert record.name == "night run"
    assert service.access.authenticate(key) == record
    assert service.access.list() == [record]
    assert key not in repr(record)


@pytest.mark.parametrize("wrong", ["", "x", "\ud800"])
def test_other_keys_open_nothing(service, wrong):
    _, key = service.access.create("a")
    assert service.access.authenticate(wrong) is None
    assert service.access.authenticate(key + "x") is None


def test_a_revoked_key_opens_nothing_and_stays_listed(service):
    record, key = service.access.create("a")
    other, other_key = service.access.create("b")
    revoked = service.access.revoke(record.id)
    assert revoked.revoked
    assert service.access.revoke(record.id) == revoked
    assert service.access.authenticate(key) is None
    assert service.access.authenticate(other_key) == other
    assert {found.id for found in service.access.list()} == {record.id, other.id}


def test_an_unknown_key_is_not_found_and_a_name_is_needed(service):
    with pytest.raises(NotFoundError):
        service.access.revoke("nobody")
    with pytest.raises(InvalidInputError):
        service.access.create(" ")


def test_keys_are_random_and_only_their_hash_is_stored(service, home):
    _, key = service.access.create("a")
    assert len({new_key() for _ in range(100)} | {key}) == 101
    service.close()
    for name in ("platform.sqlite3", "platform.sqlite3-wal"):
        try:
            with open(f"{home}/{name}", "rb") as file:
                assert key.encode() not in file.read()
        except FileNotFoundError:
            continue


def test_an_empty_hash_or_key_matches_nothing():
    assert matches(key_hash("a"), "a")
    assert not matches("", "")
    assert not matches(key_hash(""), "")
    assert not matches("", "a")
