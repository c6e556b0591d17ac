"""`ObjectCache`: verified copies of remote objects on this machine, which TensorFlow and OpenCV can open.

    cache = ObjectCache()                              # $BREVETTI_CACHE/objects
    path = cache.find(facts, url)                      # None: not there, or damaged and thrown away
    with cache.incoming() as incoming:
        bucket.read(name, incoming.file)
        path = incoming.keep(facts, url)

A copy is named by its content: `<md5>-<size>.png`, or without md5 by crc32c and a hash of its URL and generation. So
equal objects are kept once, a copy never goes stale, and its name alone tells whether it is whole: it is compared when
a process first opens it, and whenever its file changed since. A copy appears in one step. What was used last goes last
when the cache is full.
"""

import base64
import contextlib
import hashlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from brevetti_keras.io.cache_folder import cache_folder, given_limit
from brevetti_keras.io.local import os_errors
from brevetti_keras.utils.lazy import lazy_import

crc32c = lazy_import("google_crc32c", install="google-crc32c")

LIMIT = "BREVETTI_OBJECTS_GB"
_DEFAULT_LIMIT = 20 * 10**9
_CHUNK = 1 << 20
_ENDING = 16
# A path that was handed out is opened soon after; so long it is not removed.
_IN_USE_NS = 60 * 10**9
_TOUCH_NS = 30 * 10**9
_ABANDONED = 3600.0
_RESCAN_SECONDS = 60.0
_LOW_WATER = 0.9


class Content(Protocol):
    """What a copy is known by."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def generation(self) -> int:
        """Of the object's content."""
        ...

    @property
    def crc32c(self) -> str:
        """Base64, as Google writes it."""
        ...

    @property
    def md5(self) -> str:
        """Hex, or `""`."""
        ...


class ObjectCache:
    """A folder of copies. Threads and processes may share it.

    Args:
        folder: by default `objects` in `cache_folder()`.
        limit: bytes; by default `$BREVETTI_OBJECTS_GB` (10⁹ bytes), else 20 GB, but no more than half of what is free
            on the disk and what the cache holds already.
    """

    def __init__(self, folder: str | None = None, limit: int | None = None) -> None:
        self.folder = folder or os.path.join(cache_folder(), "objects")
        given = given_limit(LIMIT) if limit is None else limit
        self._limit = _DEFAULT_LIMIT if given is None else given
        self._verified: dict[str, tuple[int, int, int]] = {}
        self._lock = threading.Lock()
        self._size = 0
        self._scanned: float | None = None

    def find(self, content: Content, url: str) -> str | None:
        """Returns the path of a copy, or None; one that is damaged is removed.

        Args:
            content: of the object.
            url: of the object; the copy's name ends as it does.
        """
        path = self._path(content, url)
        try:
            found = os.stat(path)
            key = (found.st_ino, found.st_size, found.st_mtime_ns)
            if self._verified.get(path) != key:
                if not _is_whole(path, content):
                    os.unlink(path)
                    return None
                self._verified[path] = key
            now = time.time_ns()
            if now - found.st_atime_ns > _TOUCH_NS:
                with contextlib.suppress(OSError):  # a cache on a read-only disk, or another user's
                    os.utime(path, ns=(now, found.st_mtime_ns))
        except OSError:
            return None
        return path

    @contextlib.contextmanager
    def incoming(self) -> Iterator["Incoming"]:
        """Yields a file to fetch into; what is not kept is gone after the block.

        Raises:
            StorageError: if the cache cannot be written.
        """
        folder = os.path.join(self.folder, "incoming")
        path = os.path.join(folder, secrets.token_hex(12))
        with os_errors(path):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            try:
                with open(path, "xb") as file:
                    yield Incoming(self, file)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)

    def add(self, file: BinaryIO, content: Content, url: str) -> str:
        """Takes a fetched file over; see `Incoming.keep`."""
        path = self._path(content, url)
        with os_errors(path):
            file.flush()
            found = os.fstat(file.fileno())
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            os.replace(file.name, path)
        self._verified[path] = (found.st_ino, found.st_size, found.st_mtime_ns)
        self._make_room(found.st_size)
        return path

    @property
    def limit(self) -> int:
        """Bytes that the copies may take now."""
        return self._allowed(sum(size for _, size, _ in self.copies()))

    def copies(self) -> list[tuple[int, int, str]]:
        """Returns the last use (nanoseconds since 1970), bytes and path of each copy, the longest unused first."""
        return sorted(self._entries())

    def clear(self) -> tuple[int, int]:
        """Removes all copies but those of the last minute, which may be about to be opened.

        Returns:
            The bytes removed and the bytes kept.
        """
        removed = kept = 0
        newest = time.time_ns() - _IN_USE_NS
        for used, size, path in self.copies():
            try:
                if used > newest:
                    kept += size
                    continue
                os.unlink(path)
                removed += size
            except FileNotFoundError:
                continue
            except OSError:
                kept += size
        return removed, kept

    def _path(self, content: Content, url: str) -> str:
        if content.md5:
            name = content.md5
        else:
            place = hashlib.sha256(f"{url}#{content.generation}".encode()).hexdigest()[:24]
            name = f"{base64.b64decode(content.crc32c).hex()}-{place}"
        ending = os.path.splitext(url)[1]
        # Programs tell a file's kind by its ending; what is longer is none.
        ending = ending if len(ending.encode()) <= _ENDING and "/" not in ending else ""
        return os.path.join(self.folder, name[:2], f"{name}-{content.size}{ending}")

    def _make_room(self, added: int) -> None:
        with self._lock:
            self._size += added
            now = time.monotonic()
            rescan = self._scanned is None or now - self._scanned > _RESCAN_SECONDS
            if not rescan and self._size <= self._limit:
                return
            # Other processes add and remove too, so that only a scan tells.
            entries = self._entries()
            self._size = sum(size for _, size, _ in entries)
            self._scanned = now
            with contextlib.suppress(OSError):
                self._remove(sorted(entries), self._allowed(self._size))

    def _allowed(self, held: int) -> int:
        folder = self.folder
        while not os.path.isdir(folder):
            folder = os.path.dirname(folder) or os.curdir
        return min(self._limit, (shutil.disk_usage(folder).free + held) // 2)

    def _remove(self, entries: list[tuple[int, int, str]], limit: int) -> None:
        if self._size <= limit:
            return
        newest = time.time_ns() - _IN_USE_NS
        for used, size, path in entries:
            if self._size <= _LOW_WATER * limit or used > newest:
                return
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            self._verified.pop(path, None)
            self._size -= size

    def _entries(self) -> list[tuple[int, int, str]]:
        """Returns (last use, bytes, path) of each copy; fetches that nobody ended are removed on the way."""
        found = []
        with contextlib.suppress(OSError), os.scandir(self.folder) as folders:
            for folder in folders:
                with contextlib.suppress(OSError), os.scandir(folder.path) as files:
                    for file in files:
                        status = file.stat(follow_symlinks=False)
                        if folder.name != "incoming":
                            found.append((status.st_atime_ns, status.st_size, file.path))
                        elif time.time() - status.st_mtime > _ABANDONED:
                            os.unlink(file.path)
        return found


class Incoming:
    """A file on its way into the cache.

    Attributes:
        file: open for writing.
    """

    def __init__(self, cache: ObjectCache, file: BinaryIO) -> None:
        self.file = file
        self._cache = cache

    def keep(self, content: Content, url: str) -> str:
        """Puts the file, whole and checked, into the cache, and returns its path there.

        Args:
            content: of the object as it arrived.
            url: of the object.

        Raises:
            StorageError: if the cache cannot be written.
        """
        return self._cache.add(self.file, content, url)


def _is_whole(path: str, content: Content) -> bool:
    digest = hashlib.md5(usedforsecurity=False) if content.md5 else crc32c.Checksum()
    size = 0
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    expected = bytes.fromhex(content.md5) if content.md5 else base64.b64decode(content.crc32c)
    return size == content.size and bool(digest.digest() == expected)
