"""Tags: names in trees, by which datasets and jobs are grouped.

service.tags.ensure("line=3")        # the leaf `3` below the root `line`, made if need be
"""

import uuid

from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.texts import checked_name
from brevetti_keras.server.session import Reader, Row, Writer
from brevetti_keras.server.store import Store
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError
from brevetti_keras.wire.records import Tag, utc_now


class Tags:
    """The trees of tags.

    Args:
        store: the platform's database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, name: str, parent_id: str | None = None) -> Tag:
        """Makes a tag, at the root or below another.

        Raises:
            ConflictError: if its level has the name already.
            NotFoundError: if there is no such parent.
        """
        with self._store.write() as writer:
            if parent_id is not None:
                _row(writer, parent_id)
            return _tag(_insert(writer, checked_name(name, "tag"), parent_id or ""), {})

    def list(self) -> list[Tag]:
        """Returns the root tags by name, each with its tree."""
        with self._store.read() as reader:
            return trees(reader)

    def get(self, tag_id: str) -> Tag:
        """Returns a tag with what stands below it.

        Raises:
            NotFoundError: if there is none of that id.
        """
        with self._store.read() as reader:
            return _tag(_row(reader, tag_id), _by_parent(reader))

    def update(self, tag_id: str, name: str) -> Tag:
        """Renames a tag.

        Raises:
            ConflictError: if its level has the name already.
            NotFoundError: if there is none of that id.
        """
        name = checked_name(name, "tag")
        with self._store.write() as writer:
            row = _row(writer, tag_id)
            if name != row["name"]:
                _refuse_taken(writer, name, row["parent_id"])
                writer.update(tables.tags, tag_id, {"name": name})
        return self.get(tag_id)

    def remove(self, tag_id: str) -> None:
        """Removes a tag that nothing uses.

        Raises:
            ConflictError: if other tags stand below it, or datasets carry it.
            NotFoundError: if there is none of that id.
        """
        with self._store.write() as writer:
            name = _row(writer, tag_id)["name"]
            if writer.count(tables.tags, {"parent_id": tag_id}):
                raise ConflictError(f"expected a tag with none below it, received {name!r}: remove those first")
            users = [row["name"] for row in writer.find(tables.datasets) if tag_id in from_json(row["tag_ids"])]
            if users:
                raise ConflictError(
                    f"expected a tag that nothing uses, received {name!r}, which dataset {users[0]!r} has"
                )
            writer.remove(tables.tags, tag_id)

    def ensure(self, text: str) -> Tag:
        """Returns the tag that `"key=value"` names: the leaf `value` below the root `key`; makes what is missing.

        Args:
            text: `"key=value"`, or `"key"` for a root alone.
        """
        key, _, value = text.partition("=")
        names = [checked_name(part, "tag") for part in ((key, value) if "=" in text else (key,))]
        with self._store.write() as writer:
            parent = ""
            for name in names:
                found = writer.first(tables.tags, {"parent_id": parent, "name": name})
                row = found or _insert(writer, name, parent)
                parent = row["id"]
            return _tag(row, _by_parent(writer))


def trees(reader: Reader) -> list[Tag]:
    """Returns all root tags with their trees, by name."""
    below = _by_parent(reader)
    return [_tag(row, below) for row in below.get("", [])]


def flat(reader: Reader) -> dict[str, Tag]:
    """Returns all tags by id, without their children."""
    return {row["id"]: _tag(row, {}) for row in reader.find(tables.tags)}


def check_tag_ids(reader: Reader, tag_ids: tuple[str, ...]) -> None:
    """Checks that the tags are there.

    Raises:
        InvalidInputError: naming the first that is not.
    """
    known = flat(reader)
    for tag_id in tag_ids:
        if tag_id not in known:
            raise InvalidInputError(f"expected ids of tags, received {str(tag_id)[:80]!r}, which no tag has")


def _insert(writer: Writer, name: str, parent_id: str) -> Row:
    _refuse_taken(writer, name, parent_id)
    row = {"id": str(uuid.uuid4()), "name": name, "parent_id": parent_id, "created": utc_now()}
    writer.insert(tables.tags, row)
    return row


def _refuse_taken(reader: Reader, name: str, parent_id: str) -> None:
    if reader.first(tables.tags, {"parent_id": parent_id, "name": name}) is not None:
        raise ConflictError(f"expected a name that is free on its level, received {name!r}: that tag exists")


def _row(reader: Reader, tag_id: str) -> Row:
    row = reader.get(tables.tags, tag_id)
    if row is None:
        raise NotFoundError(f"no tag {tag_id[:80]!r}")
    return row


def _by_parent(reader: Reader) -> dict[str, list[Row]]:
    below: dict[str, list[Row]] = {}
    for row in reader.find(tables.tags, order=("name", "id")):
        below.setdefault(row["parent_id"], []).append(row)
    return below


def _tag(row: Row, below: dict[str, list[Row]]) -> Tag:
    return Tag(
        id=row["id"],
        name=row["name"],
        parentId=row["parent_id"] or None,
        created=row["created"],
        children=tuple(_tag(child, below) for child in below.get(row["id"], [])),
    )
