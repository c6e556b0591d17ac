"""Datasets: references to folders, buckets or CSV files of samples, and folders that were uploaded.

vials = service.datasets.add("/data/vials", tags=["line=3"])        # nothing is copied
service.datasets.find_or_add("/data/vials") == vials
service.datasets.upload("/data/vials", name="copy")                 # copied into the workspace
"""

import os
import shutil
import uuid
from collections.abc import Sequence
from typing import Any

from brevetti_keras.io.local import LocalStorage
from brevetti_keras.io.open import local_path_of
from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.places import check_address
from brevetti_keras.server.capabilities.tags import Tags, check_tag_ids, flat
from brevetti_keras.server.capabilities.texts import checked_name, checked_text
from brevetti_keras.server.capabilities.upload_folders import UploadFolders
from brevetti_keras.server.session import Reader, Row, Writer
from brevetti_keras.server.store import Store
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError
from brevetti_keras.wire.records import Dataset, Tag, utc_now


class Datasets:
    """The platform's datasets.

    Args:
        store: the platform's database.
        tags: makes the tags that `add` names.
        uploads: where the files of uploaded datasets lie.
    """

    def __init__(self, store: Store, tags: Tags, uploads: UploadFolders) -> None:
        self._store = store
        self._tags = tags
        self._uploads = uploads

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
        row = self._new_row(str(uuid.uuid4()), name, tags, reference, notes)
        with self._store.write() as writer:
            return _inserted(writer, {**row, "bucket": place}, os.path.basename(place.rstrip("/")))

    def check_free(self, name: str) -> None:
        """Checks that a new dataset may have a name.

        Raises:
            ConflictError: if another has it.
            InvalidInputError: if it is none.
        """
        with self._store.read() as reader:
            _refuse_taken(reader, checked_name(name, "dataset"))

    def upload(
        self, folder: str, name: str | None = None, tags: Sequence[str] = (), reference: str = "", notes: str = ""
    ) -> Dataset:
        """Copies a folder into the workspace and adds it as a dataset.

        Args:
            folder: on this machine; its hidden files stay behind.
            name, tags, reference, notes: as for `add`.

        Raises:
            NotFoundError: if there is no such folder.
            InvalidInputError: if it has no file, or one whose path is too long.
            ConflictError: if another dataset has the name, or two files differ only in case.
            StorageError: if the disk refuses it. In all cases nothing stays.
        """
        storage = LocalStorage(os.path.expanduser(folder), follow_links=True)
        if not os.path.isdir(storage.root):
            raise NotFoundError(f"expected a folder to upload, received {storage.root}, which is none")
        if name is not None:
            self.check_free(name)
        upload_id = self._uploads.begin()
        try:
            for info in storage.walk():
                with self._uploads.receive(upload_id, info.path) as (file, _), storage.open_read(info.path) as source:
                    shutil.copyfileobj(source, file)
            return self.add_upload(upload_id, name, tags, reference, notes, os.path.basename(storage.root))
        except BaseException:
            self._uploads.forget(upload_id)
            raise

    def add_upload(
        self,
        upload_id: str,
        name: str | None = None,
        tags: Sequence[str] = (),
        reference: str = "",
        notes: str = "",
        folder: str = "",
    ) -> Dataset:
        """Makes a dataset of the files of an upload, see `Uploads.finish`."""
        row = self._new_row(upload_id, name, tags, reference, notes)
        place = ""
        try:
            with self._store.write() as writer:
                bucket = self._uploads.place(upload_id)
                added = _inserted(writer, {**row, "bucket": bucket}, folder or "upload")
                # Last, so that whatever is refused leaves the upload as it was.
                place = self._uploads.commit(upload_id)
        except BaseException:
            if place:
                self._uploads.withdraw(upload_id)
            raise
        self._uploads.forget(upload_id)
        return added

    def is_upload(self, dataset: Dataset) -> bool:
        """Tells whether a dataset's files were uploaded, so that they go when it goes."""
        return self._uploads.owns(dataset.id, dataset.bucket)

    def original_name(self, dataset: Dataset, path: str) -> str:
        """Returns what an uploaded file was called where it came from, if that differs from `path`; else ""."""
        return self._uploads.original_name(dataset.bucket, path) if self.is_upload(dataset) else ""

    def _new_row(
        self, dataset_id: str, name: str | None, tags: Sequence[str], reference: str, notes: str
    ) -> dict[str, Any]:
        chosen = checked_name(name, "dataset") if name is not None else ""
        texts = {"reference": checked_text(reference, "reference"), "notes": checked_text(notes, "notes")}
        tag_ids = list(dict.fromkeys(self._tags.ensure(tag).id for tag in tags))
        made = {"id": dataset_id, "created": utc_now(), "locked": 0, "tag_ids": to_json(tag_ids)}
        return {**made, **texts, "name": chosen}

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
        """Forgets a dataset that no job used; its files stay, but for those that were uploaded.

        Raises:
            NotFoundError: if there is no such dataset.
            ConflictError: if a job used it: what that job was made from must stay known.
            StorageError: if the uploaded files cannot be removed.
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
        if self._uploads.owns(row["id"], row["bucket"]):
            self._uploads.remove(row["id"])

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


def _inserted(writer: Writer, row: dict[str, Any], stem: str) -> Dataset:
    """Adds a row; one without a name gets a free one that begins with `stem`."""
    if row["name"]:
        _refuse_taken(writer, row["name"])
    row = {**row, "name": row["name"] or _free_name(writer, stem)}
    writer.insert(tables.datasets, row)
    return _dataset(row, flat(writer))


def _free_name(reader: Reader, stem: str) -> str:
    printable = "".join(character if character.isprintable() else "_" for character in stem or "dataset")
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
