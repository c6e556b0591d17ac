"""Finds damage and changes made by other hands: each row against its checksum, the log of changes against its chain.

What each check sees:
    the log's own links: an entry that was edited, removed from the middle, or put in;
    the chain's head: entries cut off at the end;
    rows against their checksum: any changed byte of a row;
    rows against the log: a row with a checksum made anew, removed, put in or put back.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, func, select

from brevetti_keras.server.migrations import REVISION
from brevetti_keras.server.row_checks import FIRST_HASH, change_hash, row_checksum
from brevetti_keras.server.tables import CHECKED, chain, changes

MOST_PROBLEMS = 1000
_BATCH = 1000


def verify_database(connection: Connection) -> list[str]:
    """Returns the problems found, at most `MOST_PROBLEMS`, one line each.

    Args:
        connection: an open connection inside a reading transaction. Rows are streamed, so memory stays flat.
    """
    problems: list[str] = []
    for problem in _problems(connection):
        problems.append(problem)
        if len(problems) == MOST_PROBLEMS:
            problems.append(f"stopped after {MOST_PROBLEMS} problems")
            break
    return problems


def _problems(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql("PRAGMA integrity_check").scalars()
        yield from (f"SQLite: {line}" for line in found if line != "ok")
    yield from _check_revision(connection)
    yield from _check_chain(connection)
    for table in CHECKED:
        yield from _check_rows(connection, table)
        yield from _check_against_log(connection, table)


def _check_revision(connection: Connection) -> Iterator[str]:
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    if list(found) != [REVISION]:
        yield f"alembic_version: expected {REVISION!r}, received {list(found)!r}"


def _check_chain(connection: Connection) -> Iterator[str]:
    previous, expected = FIRST_HASH, 0
    rows = connection.execution_options(yield_per=_BATCH).execute(select(changes).order_by(changes.c.sequence))
    for row in rows.mappings():
        expected += 1
        if row["sequence"] != expected:
            yield f"changes: expected entry {expected}, received {row['sequence']}: entries are missing"
            expected = row["sequence"]
        if change_hash(previous, dict(row)) != row["hash"]:
            yield f"changes: entry {row['sequence']} differs from what its link was made of"
        previous = row["hash"]
    heads = connection.execute(select(chain)).mappings().all()
    if len(heads) != 1 or (heads[0]["sequence"], heads[0]["hash"]) != (expected, previous):
        yield f"chain: the log's head does not stand at its last entry, {expected}"


def _check_rows(connection: Connection, table: Table) -> Iterator[str]:
    rows = connection.execution_options(yield_per=_BATCH).execute(select(table))
    for row in rows.mappings():
        if row_checksum(table.name, dict(row)) != row["checksum"]:
            yield f"{table.name}: row {row['id']!r} differs from its checksum"


def _check_against_log(connection: Connection, table: Table) -> Iterator[str]:
    named = changes.c.table_name == table.name
    last = select(changes.c.row_id, func.max(changes.c.sequence).label("top")).where(named)
    latest = last.group_by(changes.c.row_id).subquery()
    entry = changes.join(latest, changes.c.sequence == latest.c.top)
    columns = (changes.c.row_id, changes.c.action, changes.c.row_checksum, table.c.id, table.c.checksum)
    joined = entry.outerjoin(table, table.c.id == changes.c.row_id)
    for row_id, action, checksum, present, stored in _stream(connection, select(*columns).select_from(joined)):
        if action == "remove" and present is not None:
            yield f"{table.name}: row {row_id!r} was removed and is there again"
        elif action != "remove" and present is None:
            yield f"{table.name}: row {row_id!r} is missing"
        elif action != "remove" and stored != checksum:
            yield f"{table.name}: row {row_id!r} was changed past the log"
    unlogged = select(table.c.id).select_from(table.outerjoin(latest, latest.c.row_id == table.c.id))
    for (row_id,) in _stream(connection, unlogged.where(latest.c.row_id.is_(None))):
        yield f"{table.name}: row {row_id!r} was put in past the log"


def _stream(connection: Connection, query: Any) -> Iterator[Any]:
    yield from connection.execution_options(yield_per=_BATCH).execute(query)
