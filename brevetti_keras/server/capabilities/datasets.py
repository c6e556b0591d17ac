"""Datasets: references to folders, buckets or CSV files of samples; nothing is copied.

vials = service.datasets.add("/data/vials", tags=["line=3"])
service.datasets.find_or_add("/data/vials") == vials
"""

import os
import uuid
from collections.abc import Sequence
from typing import Any

from brevetti_keras.io.open import local_path_of
from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.places import check_address
from brevetti_keras.server.capabilities.tags import Tags, check_tag_ids, flat
from brevetti_keras.server.capabilities.texts import checked_name, checked_text
from brevetti_keras.server.session import Reader, Row
from brevetti_keras.server.store import Store
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError
from brevetti_keras.wire.records import Dataset, Tag, utc_now


class Datasets:
    """The platform's datasets.

    Args:
        store: the platform's database.
        tags: makes the tags that `add` names.
    """

    def __init__(self, store: Store, tags: Tags) -> None:
        self._store = store
        self._tags = tags

    def add(
        self, bucket: str, name: str | None = None, tags: Sequence[str] = (), reference: str = "", notes: str = ""
    ) -> Dataset:
        """Adds a dataset by reference.

        Args:
            bucket: a folder, a CSV of samples, or a URL such as `gs://bucket/prefix`.
            name: unique; by default the folder's own, with a number where that is taken.
            tags: as `"key=value"`; made if need be.
            reference: what stands in its samples' `reference` column.
            notes: free text.

        Raises:
            NotFoundError: if there is no such folder or file.
            ConflictError: if another dataset has the name.
        """
        place = _checked_bucket(bucket)
        row = {
            "id": str(uuid.uuid4()),
            "bucket": place,
            "reference": checked_text(reference, "reference"),
            "notes": checked_text(notes, "notes"),
            "created": utc_now(),
        }
        chosen = checked_name(name, "dataset") if name is not None else None
        tag_ids = list(dict.fromkeys(self._tags.ensure(tag).id for tag in tags))
        with self._store.write() as writer:
            if chosen is not None:
                _refuse_taken(writer, chosen)
            row |= {"name": chosen or _free_name(writer, place), "tag_ids": to_json(tag_ids)}
            writer.insert(tables.datasets, {"locked": 0, **row})
            return _dataset({"locked": 0, **row}, flat(writer))

    def get(self, id_or_name: str) -> Dataset:
        """Returns a dataset by its id or name.

        Raises:
            NotFoundError: if there is none.
        """
        with self._store.read() as reader:
            return _dataset(_row(reader, id_or_name), flat(reader))

    def list(self) -> list[Dataset]:
        """Returns all datasets by name."""
        with self._store.read() as reader:
            known = flat(reader)
            return [_dataset(row, known) for row in reader.find(tables.datasets, order=("name",))]

    def update(
        self,
        dataset_id: str,
        name: str | None = None,
        notes: str | None = None,
        reference: str | None = None,
        tag_ids: Sequence[str] | None = None,
    ) -> Dataset:
        """Changes what is given and leaves the rest.

        Raises:
            NotFoundError: if there is no such dataset.
            ConflictError: if another dataset has the name.
            InvalidInputError: if a tag's id is unknown.
        """
        values: dict[str, Any] = {}
        if notes is not None:
            values["notes"] = checked_text(notes, "notes")
        if reference is not None:
            values["reference"] = checked_text(reference, "reference")
        if name is not None:
            values["name"] = checked_name(name, "dataset")
        with self._store.write() as writer:
            row = _row(writer, dataset_id)
            if values.get("name", row["name"]) != row["name"]:
                _refuse_taken(writer, values["name"])
            if tag_ids is not None:
                check_tag_ids(writer, tuple(tag_ids))
                values["tag_ids"] = to_json(list(dict.fromkeys(tag_ids)))
            return _dataset(writer.update(tables.datasets, row["id"], values), flat(writer))

    def remove(self, dataset_id: str) -> None:
        """Forgets a dataset that no job used; its files stay.

        Raises:
            NotFoundError: if there is no such dataset.
            ConflictError: if a job used it: what that job was made from must stay known.
        """
        with self._store.write() as writer:
            row = _row(writer, dataset_id)
            for job in writer.find(tables.jobs, order=("number",), descending=True):
                if any(used.get("id") == row["id"] for used in from_json(job["datasets"])):
                    raise ConflictError(
                        f"expected a dataset that no job used, received {row['name']!r}, which job {job['name']!r} "
                        "used: it stays, so that the job can be traced to its data"
                    )
            writer.remove(tables.datasets, row["id"])

    def find_or_add(self, path_or_name: str) -> Dataset:
        """Returns the dataset of that id, name or place; a place that is new is added.

        Raises:
            NotFoundError: if it is none of these.
        """
        with self._store.read() as reader:
            row = reader.get(tables.datasets, path_or_name) or reader.first(tables.datasets, {"name": path_or_name})
            row = row or reader.first(tables.datasets, {"bucket": _place(path_or_name)})
            if row is not None:
                return _dataset(row, flat(reader))
        try:
            return self.add(path_or_name)
        except NotFoundError as error:
            raise NotFoundError(
                f"expected a dataset's name or a folder, received {path_or_name[:200]!r}, which is neither: "
                "see the list of datasets, or check the path"
            ) from error


def _place(bucket: str) -> str:
    if "://" in bucket and not bucket.startswith("file://"):
        return bucket.rstrip("/")
    return local_path_of(os.path.expanduser(bucket)) or bucket


def _checked_bucket(bucket: str) -> str:
    if not checked_text(bucket, "dataset's place", 4096).strip():
        raise InvalidInputError("expected a folder, a CSV of samples or a URL, received an empty text")
    if "://" in bucket and not bucket.lower().startswith("file://"):
        check_address(bucket)
    place = _place(bucket)
    if "://" in place:
        return place
    if not os.path.exists(place):
        raise NotFoundError(f"expected a folder or a CSV of samples, received {place}, which is not there")
    if os.path.isfile(place) and not place.lower().endswith(".csv"):
        raise InvalidInputError(f"expected a folder or a CSV of samples, received the file {place}")
    return place


def _free_name(reader: Reader, place: str) -> str:
    stem = os.path.basename(place.rstrip("/")) or "dataset"
    printable = "".join(character if character.isprintable() else "_" for character in stem)
    base = checked_name(printable.encode("utf-8", "replace").decode("utf-8")[:180], "dataset")
    number, name = 1, base
    while reader.first(tables.datasets, {"name": name}) is not None:
        number += 1
        name = f"{base}-{number}"
    return name


def _refuse_taken(reader: Reader, name: str) -> None:
    if reader.first(tables.datasets, {"name": name}) is not None:
        raise ConflictError(f"expected a name that is free, received {name!r}: that dataset exists")


def _row(reader: Reader, id_or_name: str) -> Row:
    row = reader.get(tables.datasets, id_or_name) or reader.first(tables.datasets, {"name": id_or_name})
    if row is None:
        raise NotFoundError(f"no dataset {id_or_name[:80]!r}: see the list of datasets")
    return row


def _dataset(row: Row, known: dict[str, Tag]) -> Dataset:
    tag_ids = tuple(from_json(row["tag_ids"]))
    return Dataset(
        **{name: row[name] for name in ("id", "name", "bucket", "reference", "notes", "created")},
        locked=bool(row["locked"]),
        tagIds=tag_ids,
        tags=tuple(known[tag_id] for tag_id in tag_ids if tag_id in known),
    )
