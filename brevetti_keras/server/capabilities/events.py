"""Events: what jobs report, stored once each, in order.

service.events.append(job.id, [Event(key="7f-1", kind="epoch", body={"epoch": 0, "loss": 0.5})])
service.events.sync(job.id)              # takes what is new in the job's own log
service.events.curve(job.id)             # {"epoch": [0], "series": {"loss": [0.5]}}
"""

import datetime
import os
from collections.abc import Sequence
from typing import Any

from brevetti_keras.io.event_log import EventLog
from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.artifacts import clean_artifact_path
from brevetti_keras.server.capabilities.job_folders import JobFolders
from brevetti_keras.server.capabilities.job_progress import epoch_of, progress
from brevetti_keras.server.processes import machine, started
from brevetti_keras.server.session import Reader, Row, Writer
from brevetti_keras.server.store import Store
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError
from brevetti_keras.wire.events import Event, EventKind

MAX_KEY = 200
# Events of a job of which all are looked at for its curve.
_FEW = 20_000
_NOT_SERIES = frozenset({"epoch", "nonfinite"})


class Events:
    """The jobs' events.

    Args:
        store: the platform's database.
        folders: where the jobs' own logs lie.
    """

    def __init__(self, store: Store, folders: JobFolders) -> None:
        self._store = store
        self._folders = folders

    def append(self, job_id: str, events: Sequence[Event]) -> int:
        """Stores events in one transaction; those that are stored already are passed over.

        Args:
            job_id: whose events.
            events: in their order; each gets the job's next sequence, whatever its own says.

        Returns:
            The job's highest sequence.

        Raises:
            NotFoundError: if there is no such job.
            ConflictError: if a key is stored with another body; then nothing of the batch is.
            InvalidInputError: if a key has no length that can be stored, or a model lies outside the job's artifacts.
        """
        _check_models(events)
        with self._store.write() as writer:
            row = _job(writer, job_id)
            new, refused = _not_stored(writer, job_id, events)
            if refused:
                raise ConflictError(
                    f"expected event {refused[0].key[:80]!r} as it was stored, received another body under its key"
                )
            return self._append(writer, row, new, {})

    def completed_with(self, job_id: str, events: Sequence[Event]) -> int | None:
        """Returns the job's highest sequence if exactly these events are stored and the job's end, within the last
        day, is among them; else None. So a job whose answer was lost may ask again when its key opens nothing more.

        Args:
            job_id: whose events.
            events: as they were sent.

        Raises:
            NotFoundError: if there is no such job.
        """
        ends = [event.key for event in events if event.kind == "complete"]
        with self._store.read() as reader:
            _job(reader, job_id)
            new, refused = _not_stored(reader, job_id, events)
            if not ends or new or refused or not _is_recent(reader, job_id, ends[0]):
                return None
            return reader.highest(tables.events, "sequence", {"job_id": job_id})

    def put(self, writer: Writer, row: Row, event: Event) -> None:
        """Stores one new event within a transaction of the caller's.

        Args:
            writer: of the transaction.
            row: the job as it is stored.
            event: its key must be new.
        """
        self._append(writer, row, [event], {})

    def sync(self, job_id: str) -> int:
        """Takes what is new in the job's own log; damaged lines are passed over and counted.

        Returns:
            The job's highest sequence.

        Raises:
            NotFoundError: if there is no such job.
        """
        path = self._folders.event_log(job_id)
        with self._store.read() as reader:
            row = _job(reader, job_id)
            start = row["log_offset"]
            if not log_has_grown(path, row) or _read_log(path, start)[1] == start:
                return reader.highest(tables.events, "sequence", {"job_id": job_id})
        with self._store.write() as writer:
            row = _job(writer, job_id)
            events, offset, damaged = _read_log(path, row["log_offset"])
            new, refused = _not_stored(writer, job_id, [_with_machine(event) for event in events])
            more = {"log_offset": offset, "log_damaged": row["log_damaged"] + damaged + len(refused)}
            return self._append(writer, row, new, more)

    def _append(self, writer: Writer, row: Row, new: Sequence[Event], more: Row) -> int:
        job_id = row["id"]
        top = writer.highest(tables.events, "sequence", {"job_id": job_id})
        writer.insert_many(tables.events, [_to_row(job_id, top + index, event) for index, event in enumerate(new, 1)])
        writer.update(tables.jobs, job_id, {**progress(row, new), **more})
        return top + len(new)

    def list(
        self, job_id: str, after: int = 0, kinds: Sequence[EventKind] | None = None, limit: int = 1000
    ) -> list[Event]:
        """Returns a job's events in their order.

        Args:
            job_id: whose events.
            after: only those with a higher sequence.
            kinds: only these.
            limit: at most so many.

        Raises:
            NotFoundError: if there is no such job.
        """
        where: dict[str, Any] = {"job_id": job_id, **({"kind": list(kinds)} if kinds is not None else {})}
        with self._store.read() as reader:
            _job(reader, job_id)
            rows = reader.find(tables.events, where, order=("sequence",), limit=limit, after={"sequence": after})
        return [_event(row) for row in rows]

    def curve(self, job_id: str, max_points: int = 1000) -> dict[str, Any]:
        """Returns a job's metrics by epoch; of an epoch that was reported again, the last report.

        Args:
            job_id: whose metrics.
            max_points: a longer curve is thinned out evenly, keeping its first and last epoch; a very long one by the
                epochs' numbers rather than by their count.

        Returns:
            `{"epoch": [int, …], "series": {<metric>: [float | None, …], …}}`, all lists of one length.

        Raises:
            NotFoundError: if there is no such job.
            InvalidInputError: if `max_points` is below 2.
        """
        if max_points < 2:
            raise InvalidInputError(f"expected max_points of 2 or more, received {max_points}")
        where = {"job_id": job_id, "kind": "epoch"}
        with self._store.read() as reader:
            _job(reader, job_id)
            # The bodies are read of those alone that are shown.
            chosen = _chosen(reader, where, max_points)
            rows = reader.find_among(tables.events, {"job_id": job_id}, "sequence", [top for _, top in chosen])
        bodies = {row["sequence"]: from_json(row["body"]) for row in rows}
        ordered = [bodies[top] for _, top in chosen]
        names = dict.fromkeys(name for body in ordered for name in body if name not in _NOT_SERIES)
        return {
            "epoch": [epoch for epoch, _ in chosen],
            "series": {name: [_number(body.get(name)) for body in ordered] for name in names},
        }


def log_has_grown(path: str, row: Row) -> bool:
    """Tells whether a job's own log holds what the database does not."""
    try:
        size = os.stat(path).st_size
    except OSError:
        return False
    return bool(size > row["log_offset"])


def _check_models(events: Sequence[Event]) -> None:
    for event in events:
        path = event.body.get("model_path") if event.kind == "complete" else None
        if path:
            clean_artifact_path(str(path))


def _read_log(path: str, offset: int) -> tuple[list[Event], int, int]:
    log = EventLog(path)
    events, reached = log.read_from(offset)
    return events, reached, len(log.damaged)


def _with_machine(event: Event) -> Event:
    """Completes what a status says of its process: a job that writes to the workspace's log runs on this machine."""
    body = event.body
    pid = body.get("pid")
    if event.kind != "status" or not isinstance(pid, int) or body.get("machine"):
        return event
    return event.model_copy(update={"body": {**body, "pid_started": started(pid) or 0, "machine": machine()}})


def _not_stored(reader: Reader, job_id: str, events: Sequence[Event]) -> tuple[list[Event], list[Event]]:
    """The events that are new, and those whose key is stored with another body."""
    stored = {
        row["key"]: (row["kind"], row["body"])
        for row in reader.find_among(tables.events, {"job_id": job_id}, "key", [event.key for event in events])
    }
    new: dict[str, Event] = {}
    refused = []
    for event in events:
        if not 0 < len(event.key) <= MAX_KEY:
            raise InvalidInputError(f"expected an event's key of 1 to {MAX_KEY} characters, received {len(event.key)}")
        if event.key not in stored and event.key not in new:
            new[event.key] = event
        elif _content(event) != (stored.get(event.key) or _content(new[event.key])):
            refused.append(event)
    return list(new.values()), refused


def _content(event: Event) -> tuple[str, str]:
    return event.kind, to_json(event.body)


def _is_recent(reader: Reader, job_id: str, key: str) -> bool:
    """Tells whether an event was stored within the last day, by the log of changes: its own time is the job's word."""
    row = reader.first(tables.events, {"job_id": job_id, "key": key})
    where = {"table_name": tables.events.name, "row_id": row["id"] if row is not None else ""}
    stored = reader.find(tables.changes, where, order=("sequence",), limit=1)
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    return bool(stored) and datetime.datetime.fromisoformat(stored[0]["time"]) > yesterday


def _to_row(job_id: str, sequence: int, event: Event) -> Row:
    return {
        "id": f"{job_id}:{sequence:012d}",
        "job_id": job_id,
        "sequence": sequence,
        "key": event.key,
        "kind": event.kind,
        "epoch": epoch_of(event),
        "time": event.time,
        "body": to_json(event.body),
    }


def _event(row: Row) -> Event:
    return Event(
        key=row["key"], kind=row["kind"], time=row["time"], sequence=row["sequence"], body=from_json(row["body"])
    )


def _job(reader: Reader, job_id: str) -> Row:
    row = reader.get(tables.jobs, job_id)
    if row is None:
        raise NotFoundError(f"no job {job_id[:80]!r}")
    return row


def _chosen(reader: Reader, where: Row, most: int) -> list[tuple[int, int]]:
    """The epochs that are shown, each with the sequence of its last report."""
    job = {"job_id": where["job_id"]}
    if reader.highest(tables.events, "sequence", job) <= _FEW:
        return _thinned(reader.latest_per(tables.events, "epoch", "sequence", where), most)
    # Reading even the numbers alone of a million epochs takes longer than a page may.
    return reader.latest_spread(tables.events, "epoch", "sequence", where, most)


def _thinned(points: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    if len(points) <= most:
        return points
    step = (len(points) - 1) / (most - 1)
    return [points[round(index * step)] for index in range(most)]


def _number(value: Any) -> float | int | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
