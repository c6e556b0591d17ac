"""`Launches`: the queue's rows while jobs start and run; each step is one transaction that checks what it builds on.

    launch = launches.claim(workers=1)             # a server takes the oldest job that waits
    launches.record(launch, identity)              # and notes the process that it started for it
    launches.check_in(job_id, token)               # the process itself: may it run the job?
    launches.settle(launch, status)                # its process is gone

A row goes through the phases *waiting*, *claimed* (by a server), *started* (the child's process is known) and *running*
(the child has checked in). A claim carries a token that is drawn anew each time, and only the process with the present
token may check in. So whatever server dies at whatever moment, at most one process runs the job: a claim whose server
is gone is given back, and a child of it that comes late is turned away.
"""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.events import Events
from brevetti_keras.server.capabilities.job_folders import JobFolders
from brevetti_keras.server.capabilities.job_records import job_secrets
from brevetti_keras.server.last_words import gone
from brevetti_keras.server.processes import is_alive, machine, process_identity
from brevetti_keras.server.session import Row, Writer
from brevetti_keras.server.store import Store
from brevetti_keras.wire.events import Event, status_body
from brevetti_keras.wire.records import FINAL_STATES

WAITING = "waiting"
CLAIMED = "claimed"
STARTED = "started"
RUNNING = "running"
_ACTIVE = (CLAIMED, STARTED, RUNNING)
_IDENTITY = ("pid", "pid_started", "machine")


@dataclass(frozen=True)
class Launch:
    """One start of a job.

    Attributes:
        job_id: the job.
        token: tells this start from any other of the same job.
        resumes: whether the job goes on from its last checkpoint.
    """

    job_id: str
    token: str
    resumes: bool


class Launches:
    """The starts of jobs in one workspace.

    Args:
        store: the platform's database.
        folders: where the jobs' files lie.
        events: takes what is reported for a job that cannot do so itself.
    """

    def __init__(self, store: Store, folders: JobFolders, events: Events) -> None:
        self._store = store
        self._folders = folders
        self._events = events

    def waiting(self) -> list[str]:
        """Returns the ids of the jobs that wait, the next one first."""
        with self._store.read() as reader:
            rows = reader.find(tables.launches, {"phase": WAITING}, order=("number",))
        return [row["id"] for row in rows]

    def active(self) -> list[Row]:
        """Returns the rows of the jobs that are starting or running."""
        with self._store.read() as reader:
            return reader.find(tables.launches, {"phase": list(_ACTIVE)})

    def claim(self, workers: int) -> Launch | None:
        """Takes the oldest job that may start, for this process to start it.

        Args:
            workers: how many may run on this machine at once, whoever started them.

        Returns:
            None if none waits, or no worker is free.
        """
        with self._store.write() as writer:
            rows = writer.find(tables.launches, order=("number",))
            here = machine()
            busy = [row for row in rows if row["phase"] in _ACTIVE and row["machine"] == here]
            if len(busy) >= workers:
                return None
            for row in rows:
                # The process of an earlier run may still be winding down in the job's folder.
                if row["phase"] != WAITING or is_alive(row):
                    continue
                job = writer.get(tables.jobs, row["id"])
                if job is None or job["state"] != "queued":
                    # It was run by other hands meanwhile.
                    writer.remove(tables.launches, row["id"])
                    continue
                token = secrets.token_hex(8)
                writer.update(
                    tables.launches, row["id"], {"phase": CLAIMED, "token": token, **_columns(process_identity())}
                )
                return Launch(row["id"], token, bool(row["resumes"]))
        return None

    def record(self, launch: Launch, identity: Mapping[str, Any]) -> bool:
        """Notes the process that was started for a claim; False if the job was stopped meanwhile."""
        with self._store.write() as writer:
            row = _of(writer, launch.job_id, launch.token)
            if row is not None and row["phase"] == CLAIMED:
                writer.update(tables.launches, launch.job_id, {"phase": STARTED, **_columns(identity)})
            return row is not None

    def check_in(self, job_id: str, token: str) -> Launch | None:
        """Lets this process run a job; None if the job was stopped meanwhile, or is another process' to run."""
        with self._store.write() as writer:
            row = _of(writer, job_id, token)
            if row is None or row["phase"] not in {CLAIMED, STARTED}:
                return None
            writer.update(tables.launches, job_id, {"phase": RUNNING, **_columns(process_identity())})
            return Launch(job_id, token, bool(row["resumes"]))

    def settle(self, row: Row, status: int | None = None) -> None:
        """Ends a launch whose process is gone: a claim is given back, a job that left no report has failed.

        Args:
            row: as `active` gave it.
            status: what the process ended with, if that is known.
        """
        job_id, token = row["id"], row["token"]
        if row["phase"] == CLAIMED:
            with self._store.write() as writer:
                now = _of(writer, job_id, token)
                if now is not None and now["phase"] == CLAIMED:
                    back = {"phase": WAITING, "token": "", "pid": 0, "pid_started": 0, "machine": ""}
                    writer.update(tables.launches, job_id, back)
            return
        # What it wrote before it ended counts.
        self._events.sync(job_id)
        output = self._folders.process_output(job_id)
        self.fail(job_id, token, gone(output, row["pid"], status, job_secrets(self._folders.info(job_id))))

    def fail(self, job_id: str, token: str, reason: str) -> None:
        """Ends a launch; the job has failed for this reason, unless it reported its end itself."""
        with self._store.write() as writer:
            row = _of(writer, job_id, token)
            job = writer.get(tables.jobs, job_id)
            if row is None or job is None:
                return
            if job["state"] not in FINAL_STATES:
                body = status_body("failed", reason)
                self._events.put(writer, job, Event(key=f"launch-{uuid.uuid4()}", kind="status", body=body))
            writer.remove(tables.launches, job_id)


def _of(writer: Writer, job_id: str, token: str) -> Row | None:
    row = writer.get(tables.launches, job_id)
    return row if row is not None and token and row["token"] == token else None


def _columns(identity: Mapping[str, Any]) -> Row:
    return {name: identity[name] for name in _IDENTITY}
