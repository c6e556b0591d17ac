"""`Target`: the new folder of this machine that an export fills.

target = Target("/tmp/parts")
target.write_bytes("data.yaml", b"...")

Its files are written plainly: nobody reads a folder before its export has ended, and flushing each of thousands of
small files to the disk takes minutes.
"""

import contextlib
import os
import posixpath
import shutil

from brevetti_keras.io.local import LocalStorage, os_errors
from brevetti_keras.io.local_copies import local_copy
from brevetti_keras.io.open import local_path_of
from brevetti_keras.io.paths import clean_path
from brevetti_keras.utils.errors import NotFoundError


class Target:
    """A folder.

    Args:
        folder: its path.
        by_link: whether images are linked to rather than copied, as for a folder that is sent elsewhere.
    """

    def __init__(self, folder: str, *, by_link: bool = False) -> None:
        self._storage = LocalStorage(folder)
        self._by_link = by_link
        self._folders: set[str] = set()
        self._linked: set[tuple[int, int]] = set()

    def write_bytes(self, path: str, data: bytes) -> None:
        """Writes a file; folders on the way are made.

        Raises:
            StorageError: for what the system refuses.
        """
        full = self._place(path)
        with os_errors(full), open(full, "wb") as file:
            file.write(data)

    def copy(self, source: str, path: str) -> None:
        """Copies a file, given by its path or URL.

        Raises:
            NotFoundError: if there is none.
            StorageError: for what the system refuses.
        """
        local = os.path.abspath(local_copy(source))
        is_copy = local_path_of(source) is None
        full = self._place(path)
        with os_errors(full):
            if not os.path.isfile(local):
                raise NotFoundError(f"no file {source}")
            if not (self._by_link and self._link(local, full, is_copy)):
                shutil.copyfile(local, full)

    def _link(self, local: str, full: str, is_copy: bool) -> bool:
        facts = os.stat(local)
        # A walk lists a file once, however many links lead to it.
        if (facts.st_dev, facts.st_ino) in self._linked:
            return False
        self._linked.add((facts.st_dev, facts.st_ino))
        if not is_copy:
            os.symlink(local, full)
            return True
        with contextlib.suppress(OSError):  # another disk
            # A cache may let its name of a copy go; a second name holds the content.
            os.link(local, full)
            return True
        return False

    def _place(self, path: str) -> str:
        clean = clean_path(path)
        folder = posixpath.dirname(clean)
        if folder not in self._folders:
            # Where it leads is asked once a folder: to follow the links on the way is as much work as to write a file.
            full = self._storage.resolve(folder)
            with os_errors(full):
                os.makedirs(full, exist_ok=True)
            self._folders.add(folder)
        return f"{self._storage.root}/{clean}"
