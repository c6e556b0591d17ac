"""`/api/jobs`: making, finding, starting and stopping jobs, their events and metrics."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from brevetti_keras.server.answers import NO_KEY, Refused
from brevetti_keras.server.api.parameters import JobId
from brevetti_keras.server.service import Service
from brevetti_keras.wire.events import Event, EventKind
from brevetti_keras.wire.records import Job, JobConfig, JobState, Tag
from brevetti_keras.wire.routes import (
    IDEMPOTENCY_HEADER,
    JOB,
    JOB_CONFIG,
    JOB_CURVE,
    JOB_EVENTS,
    JOB_ROOT_TAGS,
    JOB_START,
    JOB_STATUS,
    JOB_STOP,
    JOB_SYNC,
    JOBS,
    REPORTS,
)

_MOST = 10_000


class NewJob(BaseModel):
    """What `jobs.create` takes; `host_name` is this server unless it is given."""

    model_config = ConfigDict(extra="forbid")

    name: str
    model_type: str = ""
    model_type_version: str = ""
    job_class: str = ""
    kind: Literal["model", "report"] = "model"
    dataset_ids: list[str] = []
    models: list[dict[str, Any]] = []
    settings: dict[str, Any] = {}
    tag_ids: list[str] = []
    parent: str | None = None
    host_name: str | None = None


class JobList(BaseModel):
    """Some of the jobs, newest first, and how many there are in all."""

    items: list[Job]
    count: int


class Batch(BaseModel):
    """Events in their order."""

    events: list[Event]


class Acknowledged(BaseModel):
    """The job's highest sequence: all that was sent is stored."""

    sequence: int


class Status(BaseModel):
    """A job's state; further entries go into the event."""

    model_config = ConfigDict(extra="allow")

    state: JobState
    message: str = ""


class Curve(BaseModel):
    """Metrics by epoch, all lists of one length."""

    epoch: list[int]
    series: dict[str, list[float | None]]


def jobs_router(service: Service) -> APIRouter:
    """Returns the routes of the jobs themselves."""
    router = APIRouter(tags=["jobs"])

    @router.get(JOBS)
    def list_jobs(
        state: JobState | None = None,
        limit: Annotated[int, Query(ge=0, le=_MOST)] = 100,
        offset: Annotated[int, Query(ge=0, le=2**62)] = 0,
    ) -> JobList:
        """Jobs, newest first."""
        return JobList(items=service.jobs.list(state, limit, offset), count=service.jobs.count(state))

    @router.post(JOBS, status_code=201, response_model=JobConfig)
    def create_job(body: NewJob, request: Request) -> JSONResponse:
        """Makes a job; the answer holds its key."""
        arguments = body.model_dump()
        host = arguments.pop("host_name") or str(request.base_url).rstrip("/")
        config = service.jobs.create(arguments.pop("name"), host_name=host, **arguments)
        return JSONResponse(_in_clear(config), status_code=201)

    @router.get(REPORTS)
    def list_reports(model: Annotated[str, Query(max_length=200)]) -> list[Job]:
        """The test reports on the model of a job, newest first."""
        return service.jobs.reports_on(model)

    @router.get(JOB)
    def get_job(job_id: JobId) -> Job:
        """A job by its id, a unique beginning of one, or its name."""
        return service.jobs.get(job_id)

    @router.get(JOB_CONFIG, response_model=JobConfig)
    def get_config(job_id: JobId) -> JSONResponse:
        """What a job needs to run, its key included."""
        return JSONResponse(_in_clear(service.jobs.config(job_id)))

    @router.post(JOB_START)
    def start_job(job_id: JobId) -> Job:
        """Puts a job into the queue."""
        return service.jobs.start(job_id)

    @router.post(JOB_STOP)
    def stop_job(job_id: JobId) -> Job:
        """Asks a job to end."""
        return service.jobs.stop(job_id)

    @router.get(JOB_ROOT_TAGS)
    def get_root_tags(job_id: JobId) -> list[Tag]:
        """The trees of tags that the job's pivot fields are made from."""
        return service.jobs.root_tags(job_id)

    return router


def events_router(service: Service) -> APIRouter:
    """Returns the routes of what jobs report."""
    router = APIRouter(tags=["events"])

    @router.get(JOB_EVENTS)
    def list_events(
        job_id: JobId,
        after: Annotated[int, Query(ge=0, le=2**62)] = 0,
        kind: Annotated[list[EventKind] | None, Query()] = None,
        limit: Annotated[int, Query(ge=0, le=_MOST)] = 1000,
    ) -> list[Event]:
        """A job's events in their order."""
        return service.events.list(job_id, after, kind, limit)

    @router.post(JOB_EVENTS)
    def append_events(job_id: JobId, body: Batch, request: Request) -> Acknowledged:
        """Stores a batch in one transaction; what is stored already is passed over."""
        if request.state.principal.kind == "ended":
            return Acknowledged(sequence=told_again(service, job_id, body.events))
        return Acknowledged(sequence=service.events.append(job_id, body.events))

    @router.post(JOB_SYNC)
    def sync_events(job_id: JobId) -> Acknowledged:
        """Takes what is new in the job's own log in the workspace."""
        return Acknowledged(sequence=service.events.sync(job_id))

    @router.get(JOB_STATUS)
    def get_status(job_id: JobId) -> Status:
        """A job's state."""
        job = service.jobs.get(job_id)
        return Status(state=job.state, message=job.message)

    @router.post(JOB_STATUS)
    def post_status(job_id: JobId, body: Status, request: Request) -> Acknowledged:
        """Stores a job's new state."""
        key = request.headers.get(IDEMPOTENCY_HEADER) or f"status-{uuid.uuid4()}"
        event = Event(key=key, kind="status", body=body.model_dump(mode="json"))
        return Acknowledged(sequence=service.events.append(job_id, [event]))

    @router.get(JOB_CURVE)
    def get_curve(job_id: JobId, max_points: Annotated[int, Query(ge=2, le=100_000)] = 1000) -> Curve:
        """A job's metrics by epoch, thinned out evenly if there are more than `max_points`."""
        return Curve.model_validate(service.events.curve(job_id, max_points))

    return router


def told_again(service: Service, job_id: str, events: Sequence[Event]) -> int:
    """Returns the job's highest sequence to a job that has ended and says once more, word for word, what ended it.

    Raises:
        Refused: 401 for anything else that comes with its key.
    """
    sequence = service.events.completed_with(job_id, events)
    if sequence is None:
        raise Refused(401, NO_KEY)
    return sequence


def _in_clear(config: JobConfig) -> dict[str, Any]:
    """The record with its key, which a dump would show as asterisks."""
    return {**config.model_dump(mode="json"), "api_key": config.api_key.get_secret_value()}
