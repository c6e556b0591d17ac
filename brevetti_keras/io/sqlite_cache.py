"""A SQLite file that several processes use as a cache: never needed, and open from its first use on.

    cache = SqliteCache("/cache/hashes.sqlite3", schema, of="hashes", without="files are read each time")
    cache.use(lambda connection: connection.execute("DELETE FROM hashes"))      # False if it could not be used

Where its folder cannot be written nothing is kept, which is said once. A damaged file is removed and starts anew.
"""

import contextlib
import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)

_WAIT_SECONDS = 30.0
_PAUSE_SECONDS = 0.005


@dataclass
class _Opened:
    """A connection, the file that it is of, and the process that may use it."""

    connection: sqlite3.Connection
    file: tuple[int, int]
    process: int


# SQLite's connections may not even be closed in a process that was forked after they were opened.
_OF_THE_PARENT: list[sqlite3.Connection] = []


class SqliteCache:
    """The file, and what is said when it cannot be used. Threads may share it.

    Args:
        path: of the file; its folder is made when it is first needed.
        schema: the statement that makes its table unless it exists.
        of: what it keeps, in the plural, as the first words of a message.
        without: what happens without it, as the end of that sentence.
    """

    def __init__(self, path: str, schema: str, *, of: str, without: str) -> None:
        self.path = path
        self._schema = schema
        self._of = of
        self._without = without
        self._told = False
        # One a process: a fork may come while a thread of the parent holds the lock.
        self._locks: dict[int, threading.Lock] = {}
        self._opened: list[_Opened] = []
        weakref.finalize(self, _close, self._opened)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, or what another process receives, opens the file for itself."""
        return _make, (self.path, self._schema, self._of, self._without)

    def use(self, action: Callable[[sqlite3.Connection], object]) -> bool:
        """Runs an action on the open file; twice, if the file was damaged at first.

        Args:
            action: gets a connection that commits each statement unless it begins a transaction.

        Returns:
            Whether it ran to its end. What goes wrong costs the cache, not the caller.
        """
        for attempt in range(2):
            try:
                with self._locks.setdefault(os.getpid(), threading.Lock()), self._connection() as connection:
                    action(connection)
            except (sqlite3.Error, OSError) as error:
                if attempt or not is_damage(error):
                    self._tell(error)
                    return False
                _log.warning("the memory of %s is damaged and starts anew: %s: %s", self._of, self.path, error)
                remove_database(self.path)
            else:
                return True
        return False

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Yields the open connection: opening takes as long as a hundred questions, and closing writes the log back."""
        # A fork's, or of a file that was removed since, as by clearing the cache.
        if [(one.process, one.file) for one in self._opened] != [(os.getpid(), _file_at(self.path))]:
            _close(self._opened)
        if not self._opened:
            self._opened.append(self._open())
        with contextlib.ExitStack() as failing:
            # With it goes a transaction that was begun.
            failing.callback(_close, self._opened)
            yield self._opened[0].connection
            failing.pop_all()

    def _open(self) -> _Opened:
        Path(self.path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        with contextlib.ExitStack() as failing:
            failing.callback(connection.close)
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(self._schema)
            opened = _Opened(connection, _file_at(self.path), os.getpid())
            failing.pop_all()
        return opened

    def _tell(self, error: Exception) -> None:
        if not self._told:
            _log.warning("%s are not remembered, %s: %s: %s", self._of, self._without, self.path, error)
        self._told = True


def _make(path: str, schema: str, of: str, without: str) -> SqliteCache:
    return SqliteCache(path, schema, of=of, without=without)


def _close(opened: list[_Opened]) -> None:
    while opened:
        one = opened.pop()
        if one.process == os.getpid():
            one.connection.close()
        else:
            _OF_THE_PARENT.append(one.connection)


def _file_at(path: str) -> tuple[int, int]:
    """Returns what tells a file from another one at its path."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def is_damage(error: Exception) -> bool:
    """Tells whether an error speaks of the file's content, rather than of access to it."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)


def database_files(path: str) -> list[str]:
    """Returns the paths that a SQLite file with a write-ahead log may take."""
    return [path, f"{path}-wal", f"{path}-shm"]


def remove_database(path: str) -> None:
    """Removes a file and its log, as far as they may be removed."""
    for name in database_files(path):
        with contextlib.suppress(OSError):
            os.unlink(name)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switches to a write-ahead log, in its turn.

    The switch of a new file needs it for itself, and is refused at once, whatever the timeout, while another process is
    about the same.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_SECONDS)
