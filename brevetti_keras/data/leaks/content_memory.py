"""`ContentMemory`: small results, remembered in the cache folder by what they were computed from.

    memory = ContentMemory()
    known = memory.recall(["signature-1:" + etag])      # {key: bytes} of those that are known
    memory.remember({"signature-1:" + etag: value})

It is a cache and nothing more: where its folder cannot be written, or its file is damaged, results are computed anew.
A picture takes 1.3 KB, so the file stays small; beyond 2 GB it is emptied, and its space used again.
"""

import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from brevetti_keras.io.cache_folder import cache_folder
from brevetti_keras.io.sqlite_cache import SqliteCache

_QUERY = 500
_MOST_BYTES = 2 << 30
_SCHEMA = """
CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID
"""


class ContentMemory:
    """Results by key; processes may share it.

    Args:
        path: of the SQLite file; by default `contents.sqlite3` in `cache_folder()`.
        most_bytes: what is remembered is forgotten, all of it, rather than let the file grow much beyond this.
    """

    def __init__(self, path: str | None = None, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        place = path or str(Path(cache_folder()) / "contents.sqlite3")
        self._cache = SqliteCache(place, _SCHEMA, of="results", without="they are computed each time")

    def recall(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Returns what is known of `keys`."""
        found: dict[str, bytes] = {}

        def read(connection: sqlite3.Connection) -> None:
            for start in range(0, len(keys), _QUERY):
                asked = keys[start : start + _QUERY]
                marks = ",".join("?" * len(asked))
                rows = connection.execute(f"SELECT key, value, crc FROM results WHERE key IN ({marks})", asked)
                # SQLite does not notice a flipped bit in a value.
                found.update((key, value) for key, value, crc in rows if crc == _crc(key, value))

        self._cache.use(read)
        return found

    def remember(self, results: Mapping[str, bytes]) -> None:
        """Keeps results for this and later processes."""
        rows = [(key, value, _crc(key, value)) for key, value in results.items()]

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            if _used_bytes(connection) > self._most_bytes:
                connection.execute("DELETE FROM results")
            connection.executemany("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")

        if rows:
            self._cache.use(write)


def _crc(key: str, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(key.encode()))


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
