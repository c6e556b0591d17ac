"""Checksums of files, remembered so that an unchanged file is read once.

    hashes = HashMemory()
    etags = hashes.etags(paths, sizes, modified_ns)     # md5 in hex, "" for a file that cannot be read

Paths with their size and time → what the memory knows of exactly these → the others are read, in threads → the memory.
The memory is a cache and nothing more: where its folder cannot be written, or its file is damaged, files are read.
"""

import concurrent.futures
import contextlib
import hashlib
import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

_log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_QUERY = 500
_SAVE_EVERY = 5000
# A file written this recently may be written again within one tick of the clock that its time is read from, and would
# then look unchanged.
_SETTLED_NS = 2_000_000_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS hashes (
    path BLOB PRIMARY KEY, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL, md5 TEXT NOT NULL,
    row_crc INTEGER NOT NULL
) WITHOUT ROWID
"""

_Key = tuple[str, int, int]


def cache_folder() -> str:
    """Returns where caches are kept: `$BREVETTI_CACHE`, else `~/.cache/brevetti-keras`."""
    return os.environ.get("BREVETTI_CACHE") or str(Path("~/.cache/brevetti-keras").expanduser())


def md5_of(path: str) -> str:
    """Returns the md5 of a file's content in hex.

    Raises:
        OSError: if it cannot be read.
    """
    return _hash_file(path)[0]


def _hash_file(path: str) -> tuple[str, os.stat_result]:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest(), before


class HashMemory:
    """The md5 of files, remembered by (path, size, modification time); processes may share it.

    Args:
        path: of the SQLite file; by default `hashes.sqlite3` in `cache_folder()`.
        workers: threads that read files; by default two a processor, at most 16.
    """

    def __init__(self, path: str | None = None, workers: int | None = None) -> None:
        self._path = path or str(Path(cache_folder()) / "hashes.sqlite3")
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
        keys = list(zip(paths, map(int, sizes), map(int, modified_ns), strict=True))
        with self._open() as connection:
            found = self._recall(connection, keys)
            missing = [index for index, etag in enumerate(found) if etag is None]
            with tqdm(total=len(missing), desc="Hashing", unit="file", disable=None if progress else True) as bar:
                for start in range(0, len(missing), _SAVE_EVERY):
                    batch = missing[start : start + _SAVE_EVERY]
                    settled = []
                    for index, (etag, key) in zip(batch, self._read([paths[i] for i in batch]), strict=True):
                        found[index] = etag
                        bar.update()
                        if key is not None:
                            settled.append((key, etag))
                    self._remember(connection, settled)
        return [etag or "" for etag in found]

    def _read(self, paths: list[str]) -> Iterator[tuple[str, _Key | None]]:
        """Yields each file's md5 and the key to remember it by, None if it cannot be remembered."""
        if not paths:
            return
        with concurrent.futures.ThreadPoolExecutor(min(self._workers, len(paths))) as pool:
            yield from pool.map(_read_one, paths)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection | None]:
        connection = self._connect()
        try:
            yield connection
        finally:
            if connection is not None:
                connection.close()

    def _connect(self) -> sqlite3.Connection | None:
        for attempt in range(2):
            connection = None
            try:
                Path(self._path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.execute(_SCHEMA)
            except (sqlite3.Error, OSError) as error:
                if connection is not None:
                    connection.close()
                if attempt or not _is_damage(error):
                    _log.warning("hashes are not remembered, files are read each time: %s: %s", self._path, error)
                    return None
                self._discard(error)
            else:
                return connection
        return None

    def _discard(self, error: Exception) -> None:
        _log.warning("the memory of hashes is damaged and starts anew: %s: %s", self._path, error)
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                Path(f"{self._path}{ending}").unlink()

    def _recall(self, connection: sqlite3.Connection | None, keys: list[_Key]) -> list[str | None]:
        found: list[str | None] = [None] * len(keys)
        if connection is None:
            return found
        known: dict[bytes, tuple[int, int, str]] = {}
        names = [os.fsencode(path) for path, _, _ in keys]
        try:
            for start in range(0, len(names), _QUERY):
                asked = names[start : start + _QUERY]
                marks = ",".join("?" * len(asked))
                rows = connection.execute(
                    f"SELECT path, size, modified_ns, md5, row_crc FROM hashes WHERE path IN ({marks})", asked
                )
                for name, size, modified, etag, row_crc in rows:
                    # SQLite does not notice a flipped bit in a value; a wrong hash would go unseen for good.
                    if row_crc == _row_crc(name, size, modified, etag):
                        known[name] = (size, modified, etag)
        except sqlite3.Error as error:
            self._discard(error)
        for index, (name, (_, size, modified)) in enumerate(zip(names, keys, strict=True)):
            match = known.get(name)
            if match is not None and match[:2] == (size, modified):
                found[index] = match[2]
        return found

    def _remember(self, connection: sqlite3.Connection | None, entries: list[tuple[_Key, str]]) -> None:
        if connection is None or not entries:
            return
        rows = []
        for (path, size, modified), etag in entries:
            name = os.fsencode(path)
            rows.append((name, size, modified, etag, _row_crc(name, size, modified, etag)))
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            _log.warning("%d hashes could not be remembered: %s: %s", len(rows), self._path, error)


def _read_one(path: str) -> tuple[str, _Key | None]:
    try:
        etag, before = _hash_file(path)
        after = os.stat(path)
    except OSError as error:
        _log.debug("%s cannot be read: %s", path, error)
        return "", None
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    settled = abs(time.time_ns() - before.st_mtime_ns) > _SETTLED_NS
    return etag, (path, before.st_size, before.st_mtime_ns) if same and settled else None


def _row_crc(*values: object) -> int:
    return zlib.crc32(repr(values).encode())


def _is_damage(error: Exception) -> bool:
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
