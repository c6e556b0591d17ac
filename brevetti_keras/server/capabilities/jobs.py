"""Jobs: made, found, watched and stopped.

    config = service.jobs.create("first try", model_type="image-classification", dataset_ids=[vials.id])
    service.jobs.get(config.id).state            # "created"
    service.jobs.start(config.id).state          # "queued", until the server's launcher starts its process

What a job reports arrives as events; `get` and `list` first take what is new in the jobs' own logs, and show a
running job whose process is gone as failed.
"""

import datetime
import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Unpack

from pydantic import SecretStr

from brevetti_keras.io.local import atomic_write
from brevetti_keras.io.open import file_url
from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.datasets import Datasets
from brevetti_keras.server.capabilities.events import Events, log_has_grown
from brevetti_keras.server.capabilities.job_folders import JobFolders
from brevetti_keras.server.capabilities.job_records import job_record, job_row, job_secrets, read_config, row_of
from brevetti_keras.server.capabilities.keys import key_hash, matches, new_key
from brevetti_keras.server.capabilities.model_types import ModelTypes
from brevetti_keras.server.capabilities.queue import JobQueue
from brevetti_keras.server.capabilities.tags import Tags, check_tag_ids, flat, trees
from brevetti_keras.server.capabilities.texts import checked_name
from brevetti_keras.server.last_words import gone as gone_message
from brevetti_keras.server.processes import is_alive, terminate
from brevetti_keras.server.session import Reader, Row
from brevetti_keras.server.store import Store
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import (
    AccessError,
    BrevettiError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
)
from brevetti_keras.wire.events import Event, status_body
from brevetti_keras.wire.job_arguments import JobArguments
from brevetti_keras.wire.records import FINAL_STATES, Job, JobConfig, JobState, Tag, utc_now
from brevetti_keras.wire.routes import job_urls

_LOG = logging.getLogger(__name__)
# Inside the class, `list` is its method.
_Trees = list[Tag]
_Jobs = list[Job]
_LIVE: tuple[JobState, ...] = ("created", "queued", "running")


class KeyHolder(NamedTuple):
    """Whose key it is: the job's id, and whether the key has ended."""

    job_id: str
    ended: bool


class Jobs:
    """The platform's jobs.

    Args:
        store: the platform's database.
        folders: where the jobs' files lie.
        datasets: looks up what a job runs on.
        tags: the tags' trees.
        events: takes what jobs report.
        model_types: check the settings of jobs that are made for them.
        queue: the jobs that wait to be started.
        home: the workspace's absolute path, which its own jobs report to.
    """

    def __init__(
        self,
        store: Store,
        folders: JobFolders,
        datasets: Datasets,
        tags: Tags,
        events: Events,
        model_types: ModelTypes,
        queue: JobQueue,
        home: str,
    ) -> None:
        self._store = store
        self._folders = folders
        self._datasets = datasets
        self._tags = tags
        self._events = events
        self._model_types = model_types
        self._queue = queue
        self._home = home

    def create(self, name: str, **arguments: Unpack[JobArguments]) -> JobConfig:
        """Makes a job and its folder with `info.json`; nothing is started.

        Args:
            name: for people; need not be unique.
            **arguments: see `JobArguments`; it reports to the workspace itself, `file://…`, by default.

        Returns:
            What the job needs to run; its key in clear stands here and in `info.json` only.

        Raises:
            NotFoundError: if a dataset, the parent, a model's job or the model type is not there.
            SettingsError: if the model type does not take the settings; its `errors` name each wrong one.
            InvalidInputError: if the name, a tag or a model cannot be used.
            StorageError: if the disk refuses it.
        """
        given = self._checked(arguments)
        settings, tag_ids, parent = given.get("settings"), given.get("tag_ids", ()), given.get("parent")
        job_id, key = str(uuid.uuid4()), new_key()
        with self._store.read() as reader:
            check_tag_ids(reader, tuple(tag_ids))
            known = flat(reader)
            if parent is not None:
                job_row(reader, parent)
        config = JobConfig(
            id=job_id,
            run_id=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H%M%S"),
            name=checked_name(name, "job"),
            datasets=tuple(self._datasets.get(dataset_id) for dataset_id in given.get("dataset_ids", ())),
            models=tuple(self._model(model) for model in given.get("models", ())),
            settings=dict(settings or {}),
            tags=tuple(known[tag_id] for tag_id in dict.fromkeys(tag_ids)),
            api_key=SecretStr(key),
            host_name=given.get("host_name") or file_url(self._home),
            model_type=given.get("model_type", ""),
            model_type_version=given.get("model_type_version", ""),
            job_class=given.get("job_class", ""),
            parent=parent,
            **job_urls(job_id, key),
        )
        # The folder first: a job that the database knows must be able to run.
        self._folders.make(job_id)
        atomic_write(self._folders.info(job_id), to_json(config.info(), indent=2).encode("utf-8"), mode=0o600)
        with self._store.write() as writer:
            number = writer.highest(tables.jobs, "number") + 1
            kind = given.get("kind", "model")
            row = row_of(config, kind=kind, created=utc_now(), key_hash=key_hash(key), number=number)
            writer.insert(tables.jobs, row)
        return config

    def _model(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A model as the job that tests it gets it: where its package lies (`path`), and whose it is."""
        if "bucket" in given:
            return dict(given)
        job = self.get(str(given.get("id", "")))
        if job.state != "completed" or not job.model_path:
            raise InvalidInputError(
                f"expected finished jobs with a model to test, received {job.name!r}, which is none"
            )
        artifacts = self._folders.artifacts(job.id)
        found = {"id": job.id, "name": job.name, "run_id": job.run_id, "model_type": job.model_type}
        return {**found, "bucket": artifacts.root, "path": artifacts.resolve(job.model_path)}

    def reports_on(self, job_id: str, limit: int = 100) -> _Jobs:
        """Returns the test reports on the model of a job, newest first.

        Raises:
            NotFoundError: if there is no such job.
        """
        with self._store.read() as reader:
            job_row(reader, job_id)
            rows = reader.find(tables.jobs, {"kind": "report"}, order=("number",), descending=True)
        found = [row["id"] for row in rows if any(one.get("id") == job_id for one in from_json(row["models"]))]
        return [self.get(one) for one in found[:limit]]

    def _checked(self, arguments: JobArguments) -> JobArguments:
        """The arguments, completed by what the model type knows."""
        strangers = set(arguments) - set(JobArguments.__annotations__)
        if strangers:
            known, given = ", ".join(JobArguments.__annotations__), ", ".join(sorted(strangers))
            raise TypeError(f"expected {known}, received {given}")
        model_type = arguments.get("model_type")
        if not model_type or arguments.get("job_class"):
            return arguments
        found = self._model_types.check(model_type, arguments.get("settings") or {})
        version = arguments.get("model_type_version") or found.version
        return {**arguments, "kind": found.kind, "model_type_version": version}

    def get(self, id_or_prefix_or_name: str) -> Job:
        """Returns a job by its id, a unique beginning of one, or its name.

        Raises:
            NotFoundError: if there is none.
            ConflictError: if several fit.
        """
        with self._store.read() as reader:
            row = _find(reader, id_or_prefix_or_name)
        self._refresh([row])
        with self._store.read() as reader:
            return job_record(job_row(reader, row["id"]), self._queue.positions(reader).get(row["id"]))

    def list(self, state: JobState | None = None, limit: int = 100, offset: int = 0) -> list[Job]:
        """Returns jobs, newest first.

        Args:
            state: only those in it.
            limit: at most so many.
            offset: skip so many.
        """
        self._refresh_live()
        rows = self._rows(state, limit, offset)
        # One that had ended may have gone on; looked at only when it is shown, as there may be very many.
        if self._refresh([row for row in rows if row["state"] not in _LIVE]):
            rows = self._rows(state, limit, offset)
        with self._store.read() as reader:
            places = self._queue.positions(reader)
        return [job_record(row, places.get(row["id"])) for row in rows]

    def _rows(self, state: JobState | None, limit: int, offset: int) -> Sequence[Row]:
        with self._store.read() as reader:
            where = _in_state(state)
            return reader.find(tables.jobs, where, order=("number",), descending=True, limit=limit, offset=offset)

    def count(self, state: JobState | None = None) -> int:
        """Returns how many jobs there are, or how many are in `state`."""
        self._refresh_live()
        with self._store.read() as reader:
            return reader.count(tables.jobs, _in_state(state))

    def config(self, job_id: str) -> JobConfig:
        """Returns what a job needs to run, its key included.

        Raises:
            NotFoundError: if there is no such job, or its `info.json` is gone.
        """
        with self._store.read() as reader:
            job_row(reader, job_id)
        return read_config(self._folders.info(job_id))

    def start(self, job_id: str) -> Job:
        """Puts a job into the queue, from which a running server starts it in a process of its own. One that was
        stopped or has failed goes on from its last checkpoint; one that waits already keeps its place.

        Raises:
            NotFoundError: if there is no such job.
            ConflictError: if it is running or completed.
            InvalidInputError: if it has neither a model type nor a class that another process can find.
        """
        job = self.get(job_id)
        self._queue.enqueue(job.id)
        return self.get(job.id)

    def stop(self, job_id: str) -> Job:
        """Asks a job's process to end; it then reports *stopped* itself. A job in the queue leaves it, and one without
        a living process is marked as stopped. One that has ended is left as it is.

        Raises:
            NotFoundError: if there is no such job.
            ConflictError: if it runs on another machine.
            AccessError: if its process belongs to another user.
        """
        job = self.get(job_id)
        if job.state in FINAL_STATES:
            return job
        with _own_process(job.pid):
            if self._queue.withdraw(job.id):
                return self.get(job.id)
        with self._store.read() as reader:
            row = job_row(reader, job.id)
        if row["pid"] and is_alive(row) is None:
            where = str(row["machine"]).split("|")[0] or "another machine"
            raise ConflictError(f"expected a job that runs on this machine, received one on {where}: stop it there")
        with _own_process(row["pid"]):
            asked = bool(row["pid"]) and terminate(row)
        if not asked:
            body = status_body("stopped", "marked as stopped: it has no process that is known here")
            self._events.append(job.id, [Event(key=f"stop-{uuid.uuid4()}", kind="status", body=body)])
        return self.get(job.id)

    def root_tags(self, job_id: str) -> _Trees:
        """Returns the trees of tags that a job's pivot fields are made from.

        Raises:
            NotFoundError: if there is no such job.
        """
        with self._store.read() as reader:
            job_row(reader, job_id)
            return trees(reader)

    def authenticate(self, job_id: str, key: str) -> bool:
        """Tells whether `key` is the job's and still in force."""
        with self._store.read() as reader:
            row = reader.get(tables.jobs, job_id)
        return row is not None and matches(row["key_hash"], key) and not row["key_ended"]

    def of_key(self, key: str) -> KeyHolder | None:
        """Returns the job whose key this is, and whether the key has ended with it."""
        with self._store.read() as reader:
            row = reader.first(tables.jobs, {"key_hash": key_hash(key)})
        if row is None or not matches(row["key_hash"], key):
            return None
        return KeyHolder(row["id"], bool(row["key_ended"]))

    def _refresh_live(self) -> None:
        with self._store.read() as reader:
            rows = reader.find(tables.jobs, {"state": list(_LIVE)})
        self._refresh(rows)

    def _refresh(self, rows: Sequence[Row]) -> int:
        """Brings rows up to date and returns how many changed; a failure to write must not keep anyone from reading
        what is known."""
        changed = 0
        for row in rows:
            try:
                changed += self._reconcile(row)
            except BrevettiError as error:
                _LOG.warning("the state of job %s may be out of date: %s", row["id"], error)
        return changed

    def _reconcile(self, row: Row) -> bool:
        # Whether it lives is asked before its log is read: what it wrote before it ended is then in the log.
        gone = row["state"] == "running" and is_alive(row) is False
        grown = row["state"] != "completed" and log_has_grown(self._folders.event_log(row["id"]), row)
        if grown:
            self._events.sync(row["id"])
        if not gone and not grown:
            return False
        with self._store.read() as reader:
            now = job_row(reader, row["id"])
        if not gone:
            # The log may just have told which process it is; whether that one lives is asked in turn.
            if now["state"] == "running" and now["pid"] != row["pid"]:
                self._reconcile(now)
            return True
        if (now["state"], now["pid"], now["pid_started"]) == ("running", row["pid"], row["pid_started"]):
            folders, job_id = self._folders, row["id"]
            secrets = job_secrets(folders.info(job_id))
            body = status_body("failed", gone_message(folders.process_output(job_id), row["pid"], secrets=secrets))
            event = Event(key=f"gone-{row['pid']}-{row['pid_started']}", kind="status", body=body)
            self._events.append(row["id"], [event])
        return True


@contextmanager
def _own_process(pid: int | None) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise AccessError(f"expected a job of your own, received one whose process {pid or ''} is another's") from error


def _in_state(state: JobState | None) -> dict[str, Any]:
    return {} if state is None else {"state": state}


def _find(reader: Reader, text: str) -> Row:
    exact = reader.get(tables.jobs, text)
    if exact is not None:
        return exact
    found = reader.find(tables.jobs, {"name": text}, order=("number",), limit=2)
    if not found and text:
        found = reader.find(tables.jobs, order=("number",), limit=2, starts_with=("id", text))
    if not found:
        raise NotFoundError(f"no job {text[:80]!r}: see the list of jobs")
    if len(found) > 1:
        raise ConflictError(f"expected one job, received {text[:80]!r}, which several are called: give more of its id")
    return found[0]
