"""What was once found out about files, remembered by path, size and modification time; processes may share it.

    memory = StatMemory("/cache/hashes.sqlite3", "hashes", {"md5": "TEXT"})
    memory.remember([(("/data/1.png", 812, 1763900000000000000), ("d41d8c…",))])
    memory.recall([("/data/1.png", 812, 1763900000000000000)])      # [("d41d8c…",)], or [None] once the file differs

It is a cache and nothing more: where its folder cannot be written, or its file is damaged, nothing is remembered, and
it says so once.
"""

import os
import sqlite3
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from brevetti_keras.io.sqlite_cache import SqliteCache

_QUERY = 500
# A file written this recently may be written again within one tick of the clock that its time is read from, and would
# then look unchanged.
_SETTLED_NS = 2_000_000_000

FileKey = tuple[str, int, int]
"""A file's path, size in bytes and modification time in nanoseconds since 1970."""


def is_settled(modified_ns: int) -> bool:
    """Tells whether a file's time lies far enough back for the file to be known by it."""
    return abs(time.time_ns() - modified_ns) > _SETTLED_NS


class StatMemory:
    """A table of SQLite whose rows carry a checksum.

    Args:
        path: of the SQLite file.
        table: its table.
        columns: names and SQL types of what is remembered of a file.
    """

    def __init__(self, path: str, table: str, columns: Mapping[str, str]) -> None:
        self._table = table
        self._names = ", ".join(columns)
        schema = (
            f"CREATE TABLE IF NOT EXISTS {table} (path BLOB PRIMARY KEY, size INTEGER NOT NULL, "
            f"modified_ns INTEGER NOT NULL, {', '.join(f'{name} {kind} NOT NULL' for name, kind in columns.items())}, "
            "row_crc INTEGER NOT NULL) WITHOUT ROWID"
        )
        self._insert = f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * (len(columns) + 4))})"
        self._cache = SqliteCache(path, schema, of=table, without="files are read each time")

    def recall(self, keys: Sequence[FileKey]) -> list[tuple[Any, ...] | None]:
        """Returns what is remembered of each file, None where nothing is or the file has changed since."""
        found: list[tuple[Any, ...] | None] = [None] * len(keys)

        def read(connection: sqlite3.Connection) -> None:
            for start in range(0, len(keys), _QUERY):
                asked = keys[start : start + _QUERY]
                found[start : start + len(asked)] = self._ask(connection, asked)

        self._cache.use(read)
        return found

    def _ask(self, connection: sqlite3.Connection, keys: Sequence[FileKey]) -> list[tuple[Any, ...] | None]:
        names = [os.fsencode(path) for path, _, _ in keys]
        query = f"SELECT path, size, modified_ns, {self._names}, row_crc FROM {self._table}"
        known: dict[bytes, tuple[Any, ...]] = {}
        for *row, row_crc in connection.execute(f"{query} WHERE path IN ({','.join('?' * len(names))})", names):
            # SQLite does not notice a flipped bit in a value; a wrong one would go unseen for good.
            if row_crc == _row_crc(row):
                known[row[0]] = tuple(row[1:])
        return [
            _matching(known.get(name), size, modified) for name, (_, size, modified) in zip(names, keys, strict=True)
        ]

    def remember(self, entries: Sequence[tuple[FileKey, tuple[Any, ...]]]) -> None:
        """Keeps what was found out about files."""
        rows = [[os.fsencode(path), size, modified, *values] for (path, size, modified), values in entries]

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(self._insert, [[*row, _row_crc(row)] for row in rows])
            connection.execute("COMMIT")

        if rows:
            self._cache.use(write)


def _matching(row: tuple[Any, ...] | None, size: int, modified_ns: int) -> tuple[Any, ...] | None:
    return row[2:] if row is not None and row[:2] == (size, modified_ns) else None


def _row_crc(values: Sequence[Any]) -> int:
    return zlib.crc32(repr(tuple(values)).encode())
