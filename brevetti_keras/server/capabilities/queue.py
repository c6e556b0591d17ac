"""The queue as people use it: put a job in, take it out, see its place.

queue.enqueue(job_id)       # created, stopped, failed -> queued
queue.withdraw(job_id)      # queued -> stopped
"""

import uuid

from brevetti_keras.io.local import atomic_write
from brevetti_keras.io.open import file_url
from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.events import Events
from brevetti_keras.server.capabilities.job_folders import JobFolders
from brevetti_keras.server.capabilities.job_records import job_row, read_config
from brevetti_keras.server.launches import CLAIMED, WAITING
from brevetti_keras.server.processes import terminate
from brevetti_keras.server.session import Reader, Row, Writer
from brevetti_keras.server.store import Store
from brevetti_keras.utils.encode import to_json
from brevetti_keras.utils.errors import ConflictError, InvalidInputError
from brevetti_keras.wire.events import Event, status_body
from brevetti_keras.wire.records import FINAL_STATES

_NO_PROCESS = {"pid": 0, "pid_started": 0, "machine": ""}


class JobQueue:
    """The jobs that wait to be started.

    Args:
        store: the platform's database.
        folders: where the jobs' files lie.
        events: takes the jobs' new states.
        home: the workspace's absolute path, which started jobs report to.
    """

    def __init__(self, store: Store, folders: JobFolders, events: Events, home: str) -> None:
        self._store = store
        self._folders = folders
        self._events = events
        self._host_name = file_url(home)

    def enqueue(self, job_id: str) -> None:
        """Puts a job at the queue's end; one that waits already keeps its place.

        Raises:
            NotFoundError: if there is no such job.
            ConflictError: if it is running or completed.
            InvalidInputError: if nothing tells which class it is of.
        """
        with self._store.read() as reader:
            row = job_row(reader, job_id)
            _check(row)
        if row["host_name"] != self._host_name:
            self._bring_home(job_id)
        with self._store.write() as writer:
            row = job_row(writer, job_id)
            _check(row)
            present = writer.get(tables.launches, job_id)
            if row["state"] == "queued" and present is not None:
                return
            resumes = row["state"] in FINAL_STATES
            self._insert(writer, row, present, resumes)
            body = status_body("queued", resumed=True) if resumes else status_body("queued")
            self._events.put(writer, row, Event(key=f"start-{uuid.uuid4()}", kind="status", body=body))
            home = {"host_name": self._host_name, "pid": None, "pid_started": 0, "machine": ""}
            writer.update(tables.jobs, job_id, home)

    def withdraw(self, job_id: str) -> bool:
        """Takes a job out of the queue and marks it as stopped, also while it is starting.

        Returns:
            Whether it was in the queue.

        Raises:
            PermissionError: if its process belongs to another user.
        """
        with self._store.write() as writer:
            row, launch = job_row(writer, job_id), writer.get(tables.launches, job_id)
            if row["state"] != "queued" or launch is None:
                return False
            waits = launch["phase"] == WAITING
            body = status_body("stopped", "stopped while it waited" if waits else "stopped while it was starting")
            self._events.put(writer, row, Event(key=f"stop-{uuid.uuid4()}", kind="status", body=body))
            writer.remove(tables.launches, job_id)
        # A claim that names the server itself has no process yet; the one that comes is turned away.
        if launch["phase"] not in {WAITING, CLAIMED}:
            terminate(launch)
        return True

    def positions(self, reader: Reader) -> dict[str, int]:
        """Returns the places of the jobs in the queue by their ids: 1 is the next, 0 is starting or running."""
        rows = reader.find(tables.launches, order=("number",))
        waiting = [row["id"] for row in rows if row["phase"] == WAITING]
        return {**{row["id"]: 0 for row in rows}, **{job_id: place for place, job_id in enumerate(waiting, 1)}}

    def _insert(self, writer: Writer, row: Row, present: Row | None, resumes: bool) -> None:
        # Who ran it last is kept, since that process may not be quite gone; its start waits for that.
        last = present if present is not None and present["phase"] != WAITING else row
        launch = {
            "id": row["id"],
            "number": writer.highest(tables.launches, "number") + 1,
            "phase": WAITING,
            "token": "",
            "resumes": int(resumes),
            **{name: last[name] or empty for name, empty in _NO_PROCESS.items()},
        }
        if present is None:
            writer.insert(tables.launches, launch)
        else:
            writer.update(tables.launches, row["id"], launch)

    def _bring_home(self, job_id: str) -> None:
        """Lets a job report to the workspace itself: it runs here, and must outlive the server that it was made by."""
        path = self._folders.info(job_id)
        config = read_config(path).model_copy(update={"host_name": self._host_name})
        atomic_write(path, to_json(config.info(), indent=2).encode("utf-8"), mode=0o600)


def _check(row: Row) -> None:
    if row["state"] in {"running", "completed"}:
        raise ConflictError(
            f"expected a job that is new, stopped or failed, received {row['id']}, which is {row['state']}"
        )
    if not row["model_type"] and (not row["job_class"] or row["job_class"].startswith("__main__:")):
        raise InvalidInputError(
            f"expected a job of a model type, or of a class in a module, received {row['id']}, which "
            f"{'is of a class in a script' if row['job_class'] else 'names none'}: run it from your own code"
        )
