"""Artifacts: the files that a job leaves under its `artifacts/`.

    service.artifacts.write(job.id, "report.html", page)
    for entry in service.artifacts.list(job.id):
        service.artifacts.read(job.id, entry.path)

Paths are relative, in Unicode's composed form (NFC), and never leave the folder: not by `..`, not through a link.
"""

import contextlib
import datetime
import logging
import mimetypes
import os
import secrets
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO

from brevetti_keras.io.local import LocalStorage, os_errors
from brevetti_keras.io.storage import FileInfo, Storage
from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.job_folders import JobFolders
from brevetti_keras.server.store import Store
from brevetti_keras.utils.errors import AccessError, ConflictError, InvalidInputError, NotFoundError, StorageError
from brevetti_keras.wire.artifacts import TEMP_FOLDER
from brevetti_keras.wire.records import FileEntry

_log = logging.getLogger(__name__)

_LONGEST_PART = 255
# Python's table depends on the machine's files; these are fixed for what jobs write.
_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".log": "text/plain",
    ".png": "image/png",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".yaml": "text/plain",
}


class Artifacts:
    """The jobs' files.

    Args:
        store: tells which jobs there are.
        folders: where their files lie.
    """

    def __init__(self, store: Store, folders: JobFolders) -> None:
        self._store = store
        self._folders = folders

    def list(self, job_id: str, prefix: str = "") -> list[FileEntry]:
        """Returns the files below `prefix` (a folder), sorted by path; hidden ones are left out.

        Raises:
            NotFoundError: if there is no such job.
            InvalidInputError: if the prefix leaves the folder.
        """
        storage, folder = self._storage(job_id), clean_artifact_path(prefix) if prefix else ""
        found = {info.path: info for info in self._in_bucket(job_id, folder)}
        found |= {info.path: info for info in storage.walk(folder)}
        return [_entry(found[path]) for path in sorted(found)]

    def read(self, job_id: str, path: str) -> bytes:
        """Returns a file's content.

        Raises:
            NotFoundError: if there is no such job or file.
            InvalidInputError: if the path leaves the folder.
        """
        return self._holding(job_id, path).read_bytes(clean_artifact_path(path))

    def write(self, job_id: str, path: str, data: bytes) -> FileEntry:
        """Stores a file in one step: a reader sees the old content or the new.

        Raises:
            NotFoundError: if there is no such job.
            InvalidInputError: if the path leaves the folder.
            ConflictError: if a file stands there whose name differs only in case or in Unicode form.
            StorageError: if the disk refuses it.
        """
        storage = self._storage(job_id)
        clean = _writable(storage, path)
        storage.write_bytes(clean, data)
        return _entry(storage.stat(clean))

    @contextlib.contextmanager
    def receive(self, job_id: str, path: str) -> Iterator[BinaryIO]:
        """Stores a file that arrives piece by piece; nothing of it is seen unless the block ends well.

        Args:
            job_id: whose file.
            path: where it will stand.

        Yields:
            What to write the content to.
        """
        storage = self._storage(job_id)
        target = storage.resolve(_writable(storage, path))
        temporary = self._folders.path(job_id, TEMP_FOLDER, f".{secrets.token_hex(12)}.upload")
        with os_errors(target):
            os.makedirs(os.path.dirname(temporary), mode=0o700, exist_ok=True)
            try:
                with open(temporary, "xb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.replace(temporary, target)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)

    def stat(self, job_id: str, path: str) -> FileEntry:
        """Returns a file's facts.

        Raises:
            NotFoundError: if there is no such job or file.
            InvalidInputError: if the path leaves the folder.
        """
        return _entry(self._holding(job_id, path).stat(clean_artifact_path(path)))

    def local_path(self, job_id: str, path: str) -> str:
        """Returns the absolute path of a file, links resolved.

        Raises:
            NotFoundError: if there is no such job or file.
            InvalidInputError: if the path leaves the folder.
        """
        return os.path.realpath(self._holding(job_id, path).local_path(clean_artifact_path(path)))

    @property
    def has_bucket(self) -> bool:
        """Whether artifacts are brought to a bucket."""
        return self._folders.has_bucket

    def sync(self, job_id: str) -> tuple[str, ...]:
        """Brings a job's artifacts to the workspace's bucket, if it has one, and returns what has not arrived.

        Raises:
            NotFoundError: if there is no such job.
        """
        self._storage(job_id)
        mirror = self._folders.mirror(job_id)
        return () if mirror is None else tuple(mirror.push())

    def _holding(self, job_id: str, path: str) -> Storage:
        """The storage that has the file: the job's folder where it is there, else the bucket."""
        storage = self._storage(job_id)
        mirror = self._folders.mirror(job_id)
        return storage if mirror is None or storage.isfile(clean_artifact_path(path)) else mirror.storage

    def _in_bucket(self, job_id: str, folder: str) -> Iterator[FileInfo]:
        """What the bucket has of a job whose folder on this machine does not hold it all."""
        mirror = self._folders.mirror(job_id)
        if mirror is None or mirror.is_whole():
            return
        try:
            yield from mirror.storage.walk(folder)
        except (StorageError, NotFoundError, AccessError) as error:
            _log.warning("only the files on this machine are shown: %s", error)

    def _storage(self, job_id: str) -> LocalStorage:
        with self._store.read() as reader:
            if reader.get(tables.jobs, job_id) is None:
                raise NotFoundError(f"no job {job_id[:80]!r}")
        return self._folders.artifacts(job_id)


def clean_artifact_path(path: str) -> str:
    """Returns a path in the form in which artifacts are stored: NFC, `/` between its parts.

    Raises:
        InvalidInputError: if it is empty or absolute, has `.` or `..`, a backslash or a control character, or a part
            that is too long for a file's name.
    """
    clean = unicodedata.normalize("NFC", path)
    parts = clean.split("/")
    if not clean or any(part in {"", ".", ".."} for part in parts):
        raise InvalidInputError("expected a path below the job's artifacts, as folder/name")
    if any(character == "\\" or unicodedata.category(character) in {"Cc", "Cs"} for character in clean):
        raise InvalidInputError("expected a path without backslashes and control characters")
    if any(len(part.encode("utf-8")) > _LONGEST_PART for part in parts):
        raise InvalidInputError(f"expected names of at most {_LONGEST_PART} bytes")
    return clean


def media_type(path: str) -> str:
    """Returns the media type that a file's name stands for."""
    ending = os.path.splitext(path)[1].lower()
    return _MEDIA_TYPES.get(ending) or mimetypes.guess_type(path)[0] or "application/octet-stream"


def _writable(storage: LocalStorage, path: str) -> str:
    """Checks each part against its folder, so that two files never differ in ways that some systems do not tell."""
    clean = clean_artifact_path(path)
    if any(part.startswith(".") for part in clean.split("/")):
        raise InvalidInputError("expected a path without hidden parts (names that start with a dot)")
    folder = storage.resolve("")
    for part in clean.split("/"):
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            if name != part and _folded(name) == _folded(part):
                raise ConflictError("expected a path that differs in more than case from those there")
        folder = os.path.join(folder, part)
    if clean != path and os.path.exists(folder):
        raise ConflictError(
            "expected a path in Unicode's composed form (NFC), received another form of one that is there"
        )
    return clean


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _entry(info: FileInfo) -> FileEntry:
    seconds = info.modified
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return FileEntry(
        path=info.path,
        size=info.size,
        modified=moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        media_type=media_type(info.path),
    )
