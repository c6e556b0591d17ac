"""Where uploaded images lie: `datasets/<id>/`, and `datasets/.uploads/<id>/` while they arrive.

    upload = folders.begin()
    with folders.receive(upload, "crack/1.png") as (file, stored):
        file.write(data)
    folders.commit(upload)                      # the whole folder appears at once
    folders.original_name("/data/platform/datasets/7f3c…", "crack/a_b-95d9de75.png")         # "a\\nb.png"

What is not committed is seen by nobody, and removed after a day.
"""

import contextlib
import os
import re
import secrets
import shutil
import threading
import time
import unicodedata
import uuid
from collections.abc import Iterator
from typing import BinaryIO

from brevetti_keras.io.local import os_errors
from brevetti_keras.server.capabilities.upload_names import stored_path
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STAGING = ".uploads"
_FILES, _PARTS = "files", "parts"
_NAMES = ".names.jsonl"
_STALE_SECONDS = 24 * 3600.0


class _Taken:
    """The paths of one upload, in the form in which no system could tell two of them apart."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.folders: dict[str, str] = {}
        self.arriving = 0
        self.closed = False

    def add(self, path: str) -> None:
        """Takes a path, or raises ConflictError."""
        parts = path.split("/")
        folders = ["/".join(parts[: end + 1]) for end in range(len(parts) - 1)]
        for folder in folders:
            if _folded(folder) in self.files or self.folders.get(_folded(folder), folder) != folder:
                raise ConflictError(f"expected a folder that differs in more than case, received {folder!r}")
        if _folded(path) in self.files or _folded(path) in self.folders:
            raise ConflictError(f"expected names that differ in more than case, received a second {path!r}")
        self.files[_folded(path)] = path
        self.folders.update({_folded(folder): folder for folder in folders})


class UploadFolders:
    """The folders of uploads.

    Args:
        root: the workspace's `datasets/`.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._staging = os.path.join(root, _STAGING)
        self._lock = threading.Lock()
        # Of the uploads that this process receives; read from the disk for those that another began.
        self._taken: dict[str, _Taken] = {}

    def place(self, upload_id: str) -> str:
        """Returns the folder in which a committed upload lies."""
        return os.path.join(self.root, upload_id)

    def begin(self) -> str:
        """Makes an upload and returns its id; forgets those that have not moved for a day."""
        upload_id = str(uuid.uuid4())
        with os_errors(self._staging):
            self._remove_stale()
            for part in (_FILES, _PARTS):
                _make_folders(self.root, os.path.join(_STAGING, upload_id, part))
        return upload_id

    @contextlib.contextmanager
    def receive(self, upload_id: str, path: str) -> Iterator[tuple[BinaryIO, str]]:
        """Stores a file that arrives piece by piece; nothing of it stays unless the block ends well.

        Args:
            upload_id: of an upload that is not committed.
            path: as it was called: folders, of which the last is the class, and name.

        Yields:
            What to write the content to, and the path under which it will be stored.

        Raises:
            NotFoundError: if there is no such upload.
            InvalidInputError: if the path has no name or is too long.
            ConflictError: if a path was received that differs only in case or Unicode form.
            StorageError: if the disk refuses it.
        """
        stored = stored_path(path)
        top = self._open(upload_id)
        taken = self._reserve(upload_id, stored)
        temporary = os.path.join(top, _PARTS, secrets.token_hex(12))
        received = False
        try:
            with os_errors(stored):
                with open(temporary, "xb") as file:
                    yield file, stored
                    file.flush()
                    os.fsync(file.fileno())
                _make_folders(top, os.path.dirname(os.path.join(_FILES, stored)))
                self._note_name(top, stored, path)
                os.rename(temporary, os.path.join(top, _FILES, stored))
                os.utime(top)
            received = True
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            with self._lock:
                taken.arriving -= 1
                if not received:
                    del taken.files[_folded(stored)]

    def commit(self, upload_id: str) -> str:
        """Lets an upload appear as a folder of its own, and returns that.

        Raises:
            NotFoundError: if there is no such upload.
            ConflictError: if files of it are still arriving.
            InvalidInputError: if it holds no file.
        """
        top = self._open(upload_id)
        with self._lock:
            taken = self._known(upload_id)
            if taken.arriving:
                raise ConflictError(f"expected an upload that is complete, received one of which {taken.arriving} "
                                    "file(s) still arrive")  # fmt: skip
            if not taken.files:
                raise InvalidInputError("expected an upload with at least one file, received one without")
            taken.closed = True
        with os_errors(self.place(upload_id)):
            os.rename(os.path.join(top, _FILES), self.place(upload_id))
        return self.place(upload_id)

    def withdraw(self, upload_id: str) -> None:
        """Takes a commit back."""
        with os_errors(self.place(upload_id)):
            os.rename(self.place(upload_id), os.path.join(self._staging, upload_id, _FILES))
        with self._lock:
            self._known(upload_id).closed = False

    def forget(self, upload_id: str) -> None:
        """Removes what an upload that is cancelled or committed left in the staging folder.

        Raises:
            NotFoundError: if there is no such upload.
        """
        top = self._open(upload_id)
        with self._lock:
            self._known(upload_id).closed = True
        shutil.rmtree(top, ignore_errors=True)
        with self._lock:
            self._taken.pop(upload_id, None)

    def owns(self, dataset_id: str, bucket: str) -> bool:
        """Tells whether a dataset's place is a folder that was uploaded for it."""
        return bool(_ID.fullmatch(dataset_id)) and bucket == self.place(dataset_id)

    def remove(self, upload_id: str) -> None:
        """Removes the files of a committed upload.

        Raises:
            StorageError: if the disk refuses it.
        """
        hidden = os.path.join(self.root, f".removed-{upload_id}")
        with os_errors(self.place(upload_id)), contextlib.suppress(FileNotFoundError):
            os.rename(self.place(upload_id), hidden)
            shutil.rmtree(hidden)

    def original_name(self, bucket: str, path: str) -> str:
        """Returns what an uploaded file was called where it came from, if it is stored under another name; else ""."""
        try:
            with open(os.path.join(bucket, _NAMES), encoding="utf-8") as file:
                for line in file:
                    noted = from_json(line)
                    if noted["stored"] == path:
                        return str(noted["original"])
        except (OSError, InvalidInputError, KeyError, TypeError):
            return ""
        return ""

    def _open(self, upload_id: str) -> str:
        top = os.path.join(self._staging, upload_id)
        if not _ID.fullmatch(upload_id) or not os.path.isdir(os.path.join(top, _PARTS)):
            raise NotFoundError("no such upload: it was finished, cancelled, or is more than a day old")
        return top

    def _reserve(self, upload_id: str, stored: str) -> _Taken:
        with self._lock:
            taken = self._known(upload_id)
            if taken.closed:
                raise NotFoundError("no such upload: it was finished or cancelled")
            taken.add(stored)
            taken.arriving += 1
            return taken

    def _known(self, upload_id: str) -> _Taken:
        if upload_id not in self._taken:
            taken = self._taken[upload_id] = _Taken()
            files = os.path.join(self._staging, upload_id, _FILES)
            for folder, _, names in os.walk(files):
                for name in names:
                    if name != _NAMES:
                        taken.add(os.path.relpath(os.path.join(folder, name), files))
        return self._taken[upload_id]

    def _note_name(self, top: str, stored: str, path: str) -> None:
        original = unicodedata.normalize("NFC", path)
        if original == stored:
            return
        line = to_json({"stored": stored, "original": original.encode("utf-8", "replace").decode("utf-8")})
        with self._lock, open(os.path.join(top, _FILES, _NAMES), "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _remove_stale(self) -> None:
        limit = time.time() - _STALE_SECONDS
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self._staging):
                if entry.stat(follow_symlinks=False).st_mtime < limit:
                    shutil.rmtree(entry.path, ignore_errors=True)


def _make_folders(top: str, below: str) -> None:
    """Makes the folders of a relative path, each for its owner alone."""
    path = top
    for part in below.split("/"):
        path = os.path.join(path, part)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
