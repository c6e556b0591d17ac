"""`Reader` and `Writer`: the statements that the platform's capabilities are made of.

A writer keeps the log of changes: each row it stores gets its checksum, and each change one entry, linked to the
entry before it. Statements are generic over the tables, so that no table can be written past the log.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, func, insert, literal, select, update
from sqlalchemy import delete as delete_from

from brevetti_keras.server.row_checks import change_hash, row_checksum
from brevetti_keras.server.tables import chain, changes
from brevetti_keras.utils.errors import IntegrityError
from brevetti_keras.wire.records import utc_now

Row = dict[str, Any]
# SQLite takes at most 32,766 parameters a statement, older builds 999.
_CHUNK = 500


class Reader:
    """Reads within one transaction: all answers show the same moment.

    Args:
        connection: an open connection inside a transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, table: Table, row_id: str) -> Row | None:
        """Returns the row of that id."""
        return self.first(table, {"id": row_id})

    def first(self, table: Table, where: Mapping[str, Any]) -> Row | None:
        """Returns the first row, by id, whose columns equal `where`."""
        found = self.find(table, where, order=("id",), limit=1)
        return found[0] if found else None

    def find(
        self,
        table: Table,
        where: Mapping[str, Any] | None = None,
        *,
        order: Sequence[str] = ("id",),
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        after: Mapping[str, Any] | None = None,
        starts_with: tuple[str, str] | None = None,
    ) -> list[Row]:
        """Returns rows.

        Args:
            table: which table.
            where: column to value, or to a list of values of which one must match.
            order: columns to sort by.
            descending: last first.
            limit: at most so many rows.
            offset: skip so many.
            after: column to value that it must exceed.
            starts_with: column and the text that it must start with.
        """
        columns = [table.c[name].desc() if descending else table.c[name] for name in order]
        query = _where(select(table), table, where).order_by(*columns)
        for name, value in (after or {}).items():
            query = query.where(table.c[name] > value)
        if starts_with is not None:
            query = query.where(table.c[starts_with[0]].startswith(starts_with[1], autoescape=True))
        if limit is not None:
            query = query.limit(limit)
        if offset:
            query = query.offset(offset)
        return [dict(row) for row in self._connection.execute(query).mappings()]

    def find_among(self, table: Table, where: Mapping[str, Any], column: str, values: Sequence[Any]) -> list[Row]:
        """Returns the rows equal to `where` whose `column` is one of `values`, however many these are."""
        found: list[Row] = []
        for start in range(0, len(values), _CHUNK):
            found += self.find(table, {**where, column: list(values[start : start + _CHUNK])}, order=(column,))
        return found

    def count(self, table: Table, where: Mapping[str, Any] | None = None) -> int:
        """Returns how many rows equal `where`."""
        query = _where(select(func.count()).select_from(table), table, where)
        return int(self._connection.execute(query).scalar_one())

    def highest(self, table: Table, column: str, where: Mapping[str, Any] | None = None) -> int:
        """Returns the greatest value of a whole-number column, 0 without rows."""
        query = _where(select(func.max(table.c[column])), table, where)
        return int(self._connection.execute(query).scalar_one() or 0)

    def latest_per(self, table: Table, group: str, column: str, where: Mapping[str, Any]) -> list[tuple[int, int]]:
        """Returns, sorted by `group`, each of its values with the greatest `column` of its rows."""
        query = _where(select(table.c[group], func.max(table.c[column])), table, where)
        query = query.where(table.c[group].is_not(None)).group_by(table.c[group]).order_by(table.c[group])
        return [(int(value), int(top)) for value, top in self._connection.execute(query)]

    def latest_spread(
        self, table: Table, group: str, column: str, where: Mapping[str, Any], count: int
    ) -> list[tuple[int, int]]:
        """Returns what `latest_per` does, but only for at most `count` values of `group`, spread evenly from the least
        to the greatest. Where an index has the columns of `where`, `group` and `column` in this order, it takes the
        same time however many rows there are.
        """
        low = self._connection.execute(_where(select(func.min(table.c[group])), table, where)).scalar_one()
        if low is None:
            return []
        span = self.highest(table, group, where) - low
        steps = select(literal(0).label("step")).cte(recursive=True)
        steps = steps.union_all(select(steps.c.step + 1).where(steps.c.step + 1 < count))
        target = literal(low) + steps.c.step * literal(span) // literal(max(1, count - 1))
        next_one = _where(select(func.min(table.c[group])), table, where).where(table.c[group] >= target)
        found = select(next_one.correlate(steps).scalar_subquery().label("value")).select_from(steps).distinct().cte()
        top = _where(select(func.max(table.c[column])), table, where).where(table.c[group] == found.c.value)
        query = select(found.c.value, top.correlate(found).scalar_subquery()).order_by(found.c.value)
        return [(int(value), int(highest)) for value, highest in self._connection.execute(query)]


class Writer(Reader):
    """Reads and writes within one transaction, which excludes all other writers.

    Args:
        connection: an open connection inside a transaction that has locked out other writers.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        # On PostgreSQL this row's lock is what keeps writers apart; SQLite's transaction already has.
        head = connection.execute(select(chain).where(chain.c.id == 1).with_for_update()).mappings().one()
        self._sequence: int = head["sequence"]
        self._hash: str = head["hash"]
        self._entries: list[Row] = []

    def insert(self, table: Table, row: Mapping[str, Any]) -> None:
        """Stores a new row; columns not given take their empty value."""
        self.insert_many(table, [row])

    def insert_many(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Stores new rows of one table."""
        empty = _empty(table)
        complete = [_complete(table, empty, row) for row in rows]
        if complete:
            self._connection.execute(insert(table), complete)
        now = utc_now()
        for row in complete:
            self._record("insert", table, row["id"], row["checksum"], now)

    def update(self, table: Table, row_id: str, values: Mapping[str, Any]) -> Row:
        """Changes columns of a row and returns the row as it is then.

        Raises:
            IntegrityError: if the stored row differs from its checksum; a new checksum would hide the damage.
        """
        row = self.get(table, row_id)
        if row is None or row_checksum(table.name, row) != row["checksum"]:
            raise IntegrityError(
                f"expected row {row_id!r} of {table.name} as it was stored, received one that differs from its "
                "checksum: run the verify command and restore a backup"
            )
        changed = {**row, **values}
        if changed == row:
            return row
        changed["checksum"] = row_checksum(table.name, changed)
        self._connection.execute(update(table).where(table.c.id == row_id).values(changed))
        self._record("update", table, row_id, changed["checksum"])
        return changed

    def remove(self, table: Table, row_id: str) -> None:
        """Removes a row; the log keeps that it was there."""
        self._connection.execute(delete_from(table).where(table.c.id == row_id))
        self._record("remove", table, row_id, "")

    def finish(self) -> None:
        """Writes the log's new entries and its head; called once, before the commit."""
        if not self._entries:
            return
        self._connection.execute(insert(changes), self._entries)
        self._connection.execute(update(chain).where(chain.c.id == 1).values(sequence=self._sequence, hash=self._hash))

    def _record(self, action: str, table: Table, row_id: str, checksum: str, time: str | None = None) -> None:
        self._sequence += 1
        entry: Row = {
            "sequence": self._sequence,
            "time": time or utc_now(),
            "action": action,
            "table_name": table.name,
            "row_id": row_id,
            "row_checksum": checksum,
        }
        self._hash = entry["hash"] = change_hash(self._hash, entry)
        self._entries.append(entry)


def _empty(table: Table) -> Row:
    """What stands in the columns that are not given."""
    return {
        column.name: None if column.nullable else ("" if column.type.python_type is str else 0) for column in table.c
    }


def _complete(table: Table, empty: Row, row: Mapping[str, Any]) -> Row:
    complete = {**empty, **row}
    if len(complete) > len(empty):
        raise KeyError(f"{table.name} has no column {sorted(set(row) - set(empty))}")
    complete["checksum"] = row_checksum(table.name, complete)
    return complete


def _where(query: Select[Any], table: Table, where: Mapping[str, Any] | None) -> Select[Any]:
    conditions = [
        table.c[name].in_(value) if isinstance(value, (list, tuple)) else table.c[name] == value
        for name, value in (where or {}).items()
    ]
    return query.where(and_(*conditions)) if conditions else query
