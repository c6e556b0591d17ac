"""Checksums of files, remembered so that an unchanged file is read once.

    hashes = HashMemory()
    etags = hashes.etags(paths, sizes, modified_ns)     # md5 in hex, "" for a file that cannot be read

Paths with their size and time → what the memory knows of exactly these → the others are read, in threads → the memory.
"""

import concurrent.futures
import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from brevetti_keras.data.stat_memory import FileKey, StatMemory, is_settled
from brevetti_keras.io.cache_folder import cache_folder
from brevetti_keras.io.local import open_regular

__all__ = ["HashMemory", "cache_folder", "md5_of"]

_log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_SAVE_EVERY = 5000
# To hand one small file to a thread takes about as long as to read it.
_AT_ONCE = 32


def md5_of(path: str) -> str:
    """Returns the md5 of a file's content in hex.

    Raises:
        OSError: if it cannot be read.
    """
    return _hash_file(path)[0]


def _hash_file(path: str) -> tuple[str, os.stat_result]:
    digest = hashlib.md5(usedforsecurity=False)
    descriptor = open_regular(path)
    try:
        before = os.fstat(descriptor)
        # No more than the file holds: memory for so much is taken each time.
        size = min(_CHUNK, before.st_size + 1)
        while chunk := os.read(descriptor, size):
            digest.update(chunk)
    finally:
        os.close(descriptor)
    return digest.hexdigest(), before


class HashMemory:
    """The md5 of files, remembered by (path, size, modification time); processes may share it.

    Args:
        path: of the SQLite file; by default `hashes.sqlite3` in `cache_folder()`.
        workers: threads that read files; by default two a processor, at most 16.
    """

    def __init__(self, path: str | None = None, workers: int | None = None) -> None:
        self._memory = StatMemory(path or str(Path(cache_folder()) / "hashes.sqlite3"), "hashes", {"md5": "TEXT"})
        self._workers = workers or min(16, 2 * (os.cpu_count() or 1))

    def etags(
        self, paths: Sequence[str], sizes: Sequence[int], modified_ns: Sequence[int], *, progress: bool = False
    ) -> list[str]:
        """Returns the md5 of each file in hex, `""` for one that cannot be read.

        Args:
            paths: absolute local paths.
            sizes: bytes, as listed.
            modified_ns: nanoseconds since 1970, as listed.
            progress: show a bar on a terminal while files are read.
        """
        etags: list[str] = []
        with tqdm(total=len(paths), desc="Hashing", unit="file", disable=None if progress else True) as bar:
            # A window at a time, so that a million files do not stand as a million keys.
            for start in range(0, len(paths), _SAVE_EVERY):
                window = slice(start, start + _SAVE_EVERY)
                keys = zip(paths[window], map(int, sizes[window]), map(int, modified_ns[window]), strict=True)
                etags += self._settle(list(keys))
                bar.update(len(etags) - start)
        return etags

    def _settle(self, keys: list[FileKey]) -> list[str]:
        """Returns the md5 of each file: remembered, or read and from now on remembered."""
        found = self.recall(keys)
        missing = [index for index, etag in enumerate(found) if etag is None]
        settled = []
        for index, (etag, key) in zip(missing, self._read([keys[index][0] for index in missing]), strict=True):
            found[index] = etag
            if key is not None:
                settled.append((key, etag))
        self.remember(settled)
        return [etag or "" for etag in found]

    def recall(self, keys: Sequence[FileKey]) -> list[str | None]:
        """Returns the remembered md5 of each file, None where none is or the file has changed; no file is read."""
        return [None if row is None else row[0] for row in self._memory.recall(keys)]

    def remember(self, entries: Sequence[tuple[FileKey, str]]) -> None:
        """Keeps the md5 of files whose size and time were the same before and after they were read."""
        self._memory.remember([(key, (etag,)) for key, etag in entries])

    def _read(self, paths: list[str]) -> Iterator[tuple[str, FileKey | None]]:
        """Yields each file's md5 and the key to remember it by, None if it cannot be remembered."""
        if not paths:
            return
        count = max(1, min(_AT_ONCE, len(paths) // (4 * self._workers)))
        parts = [paths[start : start + count] for start in range(0, len(paths), count)]
        with concurrent.futures.ThreadPoolExecutor(min(self._workers, len(parts))) as pool:
            for read in pool.map(_read_all, parts):
                yield from read


def _read_all(paths: list[str]) -> list[tuple[str, FileKey | None]]:
    return [_read_one(path) for path in paths]


def _read_one(path: str) -> tuple[str, FileKey | None]:
    try:
        etag, before = _hash_file(path)
        after = os.stat(path)
    except OSError as error:
        _log.debug("%s cannot be read: %s", path, error)
        return "", None
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return etag, (path, before.st_size, before.st_mtime_ns) if same and is_settled(before.st_mtime_ns) else None
