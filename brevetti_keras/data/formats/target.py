"""`Target`: the new folder that an export fills.

target = Target("/tmp/parts")               # ConflictError if there are files in it
target.write_bytes("data.yaml", b"...")

On this machine its files are written plainly: nobody reads a folder before its export has ended, and flushing each of
thousands of small files to the disk takes minutes.
"""

import os
import shutil

from brevetti_keras.io.files import Files
from brevetti_keras.io.local import LocalStorage, os_errors
from brevetti_keras.io.open import open_storage, split_url
from brevetti_keras.utils.errors import ConflictError


class Target:
    """A folder that is new or empty.

    Args:
        folder: a path or URL.

    Raises:
        ConflictError: if there is something in it.
    """

    def __init__(self, folder: str) -> None:
        self._storage = open_storage(folder)
        if next(iter(self._storage.walk(hidden=True)), None) is not None:
            raise ConflictError(f"expected a folder that is new or empty, received {folder}, where there are files")

    def write_bytes(self, path: str, data: bytes) -> None:
        """Writes a file; folders on the way are made.

        Raises:
            StorageError: for what the system refuses.
        """
        if not isinstance(self._storage, LocalStorage):
            self._storage.write_bytes(path, data)
            return
        full = self._place(path)
        with os_errors(full), open(full, "wb") as file:
            file.write(data)

    def copy(self, source: str, path: str) -> None:
        """Copies a file, given by its path or URL.

        Raises:
            NotFoundError: if there is none.
            StorageError: for what the system refuses.
        """
        storage, inner = split_url(source, follow_links=True)
        if not isinstance(self._storage, LocalStorage):
            Files().copy(source, self._storage.resolve(path))
            return
        local = storage.local_path(inner)
        full = self._place(path)
        with os_errors(full):
            shutil.copyfile(local, full)

    def _place(self, path: str) -> str:
        full = self._storage.resolve(path)
        with os_errors(full):
            os.makedirs(os.path.dirname(full), exist_ok=True)
        return full
