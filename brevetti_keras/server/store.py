"""`Store`: the platform's database, SQLite or PostgreSQL, and its transactions.

    store = Store("sqlite:////data/platform.sqlite3")
    with store.write() as writer:
        writer.insert(tables.tags, {"id": "1", "name": "line"})
    with store.read() as reader:
        reader.get(tables.tags, "1")

Every write is one transaction with its entries in the log of changes; writers take turns, readers never wait. An
answer given after `write` is on the disk (SQLite runs in WAL mode with `synchronous=FULL`). A query that takes too long
is ended, so that no request holds the others up.
"""

import errno
import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, NoResultFound, SQLAlchemyError

from brevetti_keras.server.session import Reader, Writer
from brevetti_keras.server.verification import verify_database
from brevetti_keras.utils.errors import BrevettiError, IntegrityError, InvalidInputError, PlatformError, StorageError

_BUSY_SECONDS = 30
QUERY_SECONDS = 20.0
# SQLite asks whether to go on once in so many steps of a query, about a millisecond.
_STEPS = 20_000
_ENDS = "brevetti_query_ends"


class Store:
    """The database behind one platform; safe to use from several threads and processes at once.

    Args:
        url: SQLAlchemy's database URL, for example `sqlite:////data/platform.sqlite3` or `postgresql+psycopg://…`.
        query_seconds: the longest that one query may take; migrations and `verify` take what they need.

    Raises:
        InvalidInputError: if the URL names no database that is known here.
    """

    def __init__(self, url: str | URL, query_seconds: float = QUERY_SECONDS) -> None:
        self._engine = _engine(url)
        self._query_seconds = query_seconds

    @property
    def engine(self) -> Engine:
        """The engine, for migrations and checks."""
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """A transaction that reads.

        Raises:
            StorageError, PlatformError, IntegrityError: as the database fails, or a query takes too long.
        """
        with _one_line(), self._reading() as connection, connection.begin():
            yield Reader(self._limited(connection))

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """A transaction that writes; nothing of it is stored if the block raises.

        Raises:
            StorageError: if the disk is full or may not be written.
            PlatformError, IntegrityError: as the database fails.
        """
        with _one_line(), self._engine.connect() as connection:
            connection = connection.execution_options(brevetti_write=True)
            with connection.begin():
                # Waiting for another writer's turn is not the query's time.
                writer = Writer(connection)
                self._limited(connection)
                yield writer
                writer.finish()

    def verify(self) -> list[str]:
        """Returns what is wrong with the stored data, one line each; empty when every row and change is as written."""
        try:
            with _one_line(), self._reading() as connection, connection.begin():
                return verify_database(connection)
        except BrevettiError as error:
            return [f"the database cannot be read: {error}"]

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turns the database's failures inside the block into errors of ours, each one line."""
        with _one_line():
            yield

    def _reading(self) -> Connection:
        connection = self._engine.connect()
        if connection.dialect.name == "sqlite":
            return connection
        # SQLite's readers see one moment by themselves; writers must not ask for it, or waiting would fail them.
        return connection.execution_options(isolation_level="REPEATABLE READ")

    def _limited(self, connection: Connection) -> Connection:
        """Ends each query of the present transaction that takes too long."""
        if connection.dialect.name == "sqlite":
            return connection.execution_options(brevetti_query_seconds=self._query_seconds)
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, round(1000 * self._query_seconds))}")
        return connection

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()


def _engine(url: str | URL) -> Engine:
    try:
        if make_url(url).get_backend_name() == "sqlite":
            # The driver's wait covers the moments before a connection's own pragma is set.
            engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            event.listen(engine, "before_cursor_execute", _begin_query)
            event.listen(engine, "commit", _end_queries)
            return engine
        return create_engine(url, pool_pre_ping=True)
    except (SQLAlchemyError, ImportError) as error:
        raise InvalidInputError(
            f"expected a database URL as sqlite:///FILE or postgresql+psycopg://HOST/NAME (with its driver installed: "
            f"pip install 'brevetti-keras[postgresql]'), received one that cannot be used: {_short(error)}"
        ) from error


def _prepare_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    ends = record.info
    connection.set_progress_handler(lambda: time.monotonic() > ends.get(_ENDS, math.inf), _STEPS)
    # None leaves the start of transactions to us: the driver would begin them late, as readers.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("brevetti_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_query(connection: Connection, _: Any, __: str, ___: Any, context: Any, many: bool) -> None:
    # Rows that are stored in one go are as many as the caller has, and no scan.
    seconds = math.inf if many else connection.get_execution_options().get("brevetti_query_seconds", math.inf)
    connection.info[_ENDS] = time.monotonic() + seconds


def _end_queries(connection: Connection) -> None:
    connection.info[_ENDS] = math.inf


@contextmanager
def _one_line() -> Iterator[None]:
    """Turns the database's failures into errors of ours, each one line."""
    try:
        yield
    except BrevettiError:
        raise
    except DBAPIError as error:
        raise _translated(error) from error
    except NoResultFound as error:
        raise IntegrityError("the head of the log of changes is missing from the database: restore a backup") from error


def _translated(error: DBAPIError) -> BrevettiError:
    text = _short(error.orig or error)
    lowered = text.lower()
    if "is full" in lowered or "no space left" in lowered:
        full = StorageError(
            f"expected room for the platform's database, received a full disk ({text}): free some space"
        )
        full.errno = errno.ENOSPC
        return full
    if "readonly" in lowered or "read-only" in lowered or "unable to open" in lowered:
        return StorageError(f"expected a database that can be opened and written, received: {text}; check permissions")
    if "malformed" in lowered or "not a database" in lowered or "decode" in lowered:
        return IntegrityError(f"the platform's database is damaged ({text}): restore a backup")
    if lowered == "interrupted" or "statement timeout" in lowered:
        return PlatformError(
            "expected a query that the database answers in time, received one that takes too long: ask for less at once"
        )
    if "locked" in lowered:
        return PlatformError(f"the platform's database was busy for {_BUSY_SECONDS} s ({text}): try again")
    return PlatformError(f"the platform's database failed: {text}")


def _short(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
