"""A SQLite file that several processes use as a cache: opened for one action at a time, never needed.

    cache = SqliteCache("/cache/hashes.sqlite3", schema, of="hashes", without="files are read each time")
    cache.use(lambda connection: connection.execute("DELETE FROM hashes"))      # False if it could not be used

Where its folder cannot be written nothing is kept, which is said once. A damaged file is removed and starts anew.
"""

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_log = logging.getLogger(__name__)

_WAIT_SECONDS = 30.0
_PAUSE_SECONDS = 0.005


class SqliteCache:
    """The file, and what is said when it cannot be used.

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

    def use(self, action: Callable[[sqlite3.Connection], object]) -> bool:
        """Runs an action on the open file; twice, if the file was damaged at first.

        Args:
            action: gets a connection that commits each statement unless it begins a transaction.

        Returns:
            Whether it ran to its end. What goes wrong costs the cache, not the caller.
        """
        for attempt in range(2):
            try:
                with self._connection() as connection:
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
        Path(self.path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None)) as connection:
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(self._schema)
            yield connection

    def _tell(self, error: Exception) -> None:
        if not self._told:
            _log.warning("%s are not remembered, %s: %s: %s", self._of, self._without, self.path, error)
        self._told = True


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
