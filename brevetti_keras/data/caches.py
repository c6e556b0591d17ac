"""What jobs share on this machine, all that lies below the folder of caches: shown and cleared as a whole.

    for kind in cache_kinds():
        kind.name, kind.files, kind.bytes, kind.limit, kind.used
    clear_cache("objects")                 # (bytes removed, bytes kept)

Nothing here is needed: what was cleared is decoded, fetched, hashed or compared again. So `CLEARED_UNASKED` may be
cleared under a running job too. Images in use stay, and a memory is emptied through SQLite, in its turn among the jobs:
removing its file would take it from under those that have it open. The folders of datasets that Python read from other
tools' forms are made anew when it reads them again, but not under a job that reads them.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from brevetti_keras.data.decoded_cache import CacheSpace
from brevetti_keras.io.cache_folder import cache_folder
from brevetti_keras.io.object_cache import ObjectCache
from brevetti_keras.io.sqlite_cache import database_files, remove_database
from brevetti_keras.utils.errors import InvalidInputError

_MEMORIES = {
    "hashes": "hashes and verdicts of files, by path, size and time",
    "contents": "what was found out of pictures, by content",
}
_FOLDERS = {
    "imports": "tables and annotations of datasets read from other forms",
    "tfds": "images of datasets of TensorFlow Datasets",
}
CLEARED_UNASKED = ("decoded", "objects", *_MEMORIES)
"""The kinds that may be cleared under a running job."""
KINDS = (*CLEARED_UNASKED, *_FOLDERS)
_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class CacheKind:
    """One kind of what is kept.

    Attributes:
        name: as `clear_cache` takes it.
        holds: what it is, in a few words.
        path: its folder or file.
        files: how many there are.
        bytes: of all files.
        limit: bytes that it may take; None where nothing limits it.
        used: when it was last in use, in seconds since 1970; None if it is empty.
    """

    name: str
    holds: str
    path: str
    files: int
    bytes: int
    limit: int | None
    used: float | None


def cache_kinds() -> list[CacheKind]:
    """Returns every kind of cache, whether it holds something or not; no file is opened.

    Raises:
        InvalidInputError: if a limit in the environment is no number.
    """
    space, objects = CacheSpace(), ObjectCache()
    shards, copies = space.shards(), objects.copies()
    sizes = [shard.bytes for shard in shards]
    decoded = max((shard.used for shard in shards), default=None)
    fetched = max((used / 1e9 for used, _, _ in copies), default=None)
    return [
        CacheKind("decoded", "decoded, resized images", space.root, 2 * len(shards), sum(sizes), space.limit, decoded),
        CacheKind(
            "objects",
            "copies of what lies in buckets",
            objects.folder,
            len(copies),
            sum(size for _, size, _ in copies),
            objects.limit,
            fetched,
        ),
        *(_memory(name, holds) for name, holds in _MEMORIES.items()),
        *(_folder(name, holds) for name, holds in _FOLDERS.items()),
    ]


def clear_cache(name: str) -> tuple[int, int]:
    """Empties one kind of cache; of `CLEARED_UNASKED`, what running jobs have in use stays.

    Args:
        name: of the kind.

    Returns:
        The bytes removed and the bytes kept.

    Raises:
        InvalidInputError: if there is no such kind.
    """
    if name in _FOLDERS:
        return _remove_folder(os.path.join(cache_folder(), name))
    if name in _MEMORIES:
        return _empty_memory(_memory_path(name))
    kinds: dict[str, Callable[[], tuple[int, int]]] = {"decoded": CacheSpace().clear, "objects": ObjectCache().clear}
    if name not in kinds:
        raise InvalidInputError(f"expected a kind of cache ({', '.join(KINDS)}), received {name!r}")
    return kinds[name]()


def _folder(name: str, holds: str) -> CacheKind:
    path = os.path.join(cache_folder(), name)
    found = list(_statuses_below(path))
    used = max((status.st_mtime for status in found), default=None)
    return CacheKind(name, holds, path, len(found), sum(status.st_size for status in found), None, used)


def _statuses_below(folder: str) -> Iterable[os.stat_result]:
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                yield os.lstat(os.path.join(parent, name))


def _remove_folder(path: str) -> tuple[int, int]:
    before = sum(status.st_size for status in _statuses_below(path))
    shutil.rmtree(path, ignore_errors=True)
    kept = sum(status.st_size for status in _statuses_below(path))
    return max(0, before - kept), kept


def _memory_path(name: str) -> str:
    return os.path.join(cache_folder(), f"{name}.sqlite3")


def _memory(name: str, holds: str) -> CacheKind:
    path = _memory_path(name)
    found = list(_statuses(path))
    used = max((status.st_mtime for status in found), default=None)
    return CacheKind(name, holds, path, len(found), sum(status.st_size for status in found), None, used)


def _statuses(path: str) -> Iterable[os.stat_result]:
    for name in database_files(path):
        with contextlib.suppress(OSError):
            yield os.stat(name)


def _size(path: str) -> int:
    return sum(status.st_size for status in _statuses(path))


def _empty_memory(path: str) -> tuple[int, int]:
    """Deletes all rows, and gives their room back; what is left in bytes is an empty table, or a file in use."""
    before = _size(path)
    if not os.path.exists(path):
        return 0, 0
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)) as connection:
            rows = _delete_rows(connection)
    except sqlite3.OperationalError:  # others write all the time, or this may not be written
        return 0, before
    except sqlite3.DatabaseError:
        remove_database(path)  # damaged: whoever opens it next would remove it likewise
        return before - _size(path), _size(path)
    return (max(0, before - _size(path)) if rows else 0), 0


def _delete_rows(connection: sqlite3.Connection) -> int:
    connection.execute("BEGIN IMMEDIATE")
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = sum(connection.execute(f'DELETE FROM "{name}"').rowcount for name in tables)
    connection.execute("COMMIT")
    with contextlib.suppress(sqlite3.OperationalError):  # a reader; SQLite uses the room again later
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return rows
