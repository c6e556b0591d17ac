"""`MemoryStorage`: files in this process's memory, for tests and for what need not last.

storage = MemoryStorage("scratch")
storage.write_bytes("a/b.txt", b"hello")
"""

import contextlib
import hashlib
import io
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from brevetti_keras.io.local import atomic_write
from brevetti_keras.io.paths import clean_path, is_hidden
from brevetti_keras.io.storage import FileInfo
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError, StorageError


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    modified_ns: int
    md5: str


class MemoryStorage:
    """Files in memory as a Storage; threads may share it.

    Args:
        name: its root is `memory://<name>`.
        clock: nanoseconds since 1970.
    """

    def __init__(self, name: str, clock: Callable[[], int] = time.time_ns) -> None:
        self._root = f"memory://{name}"
        self._clock = clock
        self._files: dict[str, _File] = {}
        self._folders: Counter[str] = Counter()
        self._lock = threading.RLock()
        self._copies: str | None = None

    @property
    def root(self) -> str:
        """`memory://<name>`."""
        return self._root

    def resolve(self, path: str) -> str:
        """Returns the URL of `path`."""
        clean = clean_path(path)
        return f"{self._root}/{clean}" if clean else self._root

    def _get(self, path: str) -> _File:
        try:
            return self._files[clean_path(path)]
        except KeyError as error:
            raise NotFoundError(f"no file {self.resolve(path)}") from error

    def read_bytes(self, path: str) -> bytes:
        """Returns a file's whole content."""
        return self._get(path).data

    def open_read(self, path: str) -> BinaryIO:
        """Opens a file for reading; the caller closes it."""
        return io.BytesIO(self._get(path).data)

    def write_bytes(self, path: str, data: bytes, *, if_absent: bool = False, mode: int | None = None) -> None:
        """Writes a file in one step; memory has no permission bits, so `mode` changes nothing."""
        clean = clean_path(path)
        if not clean:
            raise InvalidInputError("expected the path of a file, received the storage's root")
        file = _File(bytes(data), self._clock(), hashlib.md5(data, usedforsecurity=False).hexdigest())
        with self._lock:
            if if_absent and clean in self._files:
                raise ConflictError(f"expected no file at {self.resolve(path)}, found one")
            if self._folders[clean] or any(folder in self._files for folder in _folders_of(clean)):
                raise StorageError(f"{self.resolve(path)}: a file and a folder cannot have one name")
            if clean not in self._files:
                self._folders.update(_folders_of(clean))
            self._files[clean] = file

    def isfile(self, path: str) -> bool:
        """Tells whether there is a file."""
        return clean_path(path) in self._files

    def stat(self, path: str) -> FileInfo:
        """Returns a file's facts without reading it."""
        file = self._get(path)
        return FileInfo(clean_path(path), len(file.data), file.modified_ns, file.md5)

    def walk(self, prefix: str = "", *, hidden: bool = False) -> Iterator[FileInfo]:
        """Yields all files below `prefix`, sorted by path."""
        folder = clean_path(prefix)
        start = f"{folder}/" if folder else ""
        with self._lock:
            names = sorted(name for name in self._files if name.startswith(start))
        for name in names:
            if hidden or not is_hidden(name[len(start) :]):
                with contextlib.suppress(NotFoundError):
                    yield self.stat(name)

    def remove(self, path: str) -> None:
        """Removes one file."""
        with self._lock:
            self._get(path)
            clean = clean_path(path)
            del self._files[clean]
            self._folders.subtract(_folders_of(clean))

    def copy(self, source: str, target: str) -> None:
        """Copies a file."""
        self.write_bytes(target, self.read_bytes(source))

    def local_path(self, path: str) -> str:
        """Returns the path of a copy in a private temporary folder, which is removed with this object."""
        file = self._get(path)
        with self._lock:
            if self._copies is None:
                self._copies = tempfile.mkdtemp(prefix="brevetti-memory-")
                weakref.finalize(self, shutil.rmtree, self._copies, ignore_errors=True)
        copy = os.path.join(self._copies, f"{file.md5}{os.path.splitext(clean_path(path))[1]}")
        if not os.path.exists(copy):
            atomic_write(copy, file.data)
        return copy


def _folders_of(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
