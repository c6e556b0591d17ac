"""Keys with which programs use the platform over HTTP, one for each program or person.

record, key = service.access.create("night run")      # the key is shown this once
connect("https://platform.example", api_key=key)
service.access.revoke(record.id)
"""

import uuid

from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.keys import key_hash, matches, new_key
from brevetti_keras.server.session import Row
from brevetti_keras.server.store import Store
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError
from brevetti_keras.wire.records import AccessKey, utc_now


class AccessKeys:
    """The users' keys.

    Args:
        store: the platform's database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, name: str) -> tuple[AccessKey, str]:
        """Makes a key.

        Args:
            name: says what it is for.

        Returns:
            Its record, and the key itself, which cannot be had again.
        """
        if not name.strip():
            raise InvalidInputError("expected a name that says what the key is for, received an empty one")
        key = new_key()
        row = {"id": str(uuid.uuid4()), "name": name.strip(), "key_hash": key_hash(key), "created": utc_now()}
        with self._store.write() as writer:
            writer.insert(tables.access_keys, row)
        return _record(row), key

    def list(self) -> list[AccessKey]:
        """Returns all keys' records, revoked ones too, oldest first."""
        with self._store.read() as reader:
            return [_record(row) for row in reader.find(tables.access_keys, order=("created", "id"))]

    def revoke(self, key_id: str) -> AccessKey:
        """Ends a key at once.

        Raises:
            NotFoundError: if there is none of that id.
        """
        with self._store.write() as writer:
            row = writer.get(tables.access_keys, key_id)
            if row is None:
                raise NotFoundError(f"no key {key_id[:80]!r}: list the keys to see their ids")
            if not row["revoked"]:
                row = writer.update(tables.access_keys, key_id, {"revoked": utc_now()})
        return _record(row)

    def authenticate(self, key: str) -> AccessKey | None:
        """Returns the record of a key that is in force, else None."""
        with self._store.read() as reader:
            row = reader.first(tables.access_keys, {"key_hash": key_hash(key)})
        valid = row is not None and matches(row["key_hash"], key) and not row["revoked"]
        return _record(row) if row is not None and valid else None


def _record(row: Row) -> AccessKey:
    return AccessKey.model_validate(row)
