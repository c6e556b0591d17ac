"""The routes of the hosted platform's existing clients: remote monitor, charts, complete, root tags, `/download`.

    POST /api/models/{id}/remotemonitor?key=K   form data={"epoch": 4, "loss": 0.5}, or the object as JSON

The key stands in the query, where those clients put it; the access middleware has checked it and taken it out. They may
send the bare words NaN and Infinity, which become null with their names kept.
"""

import logging
import uuid
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from brevetti_keras.server.api.jobs import told_again
from brevetti_keras.server.api.parameters import JobId
from brevetti_keras.server.download import readable_file
from brevetti_keras.server.files import file_answer
from brevetti_keras.server.service import Service
from brevetti_keras.utils.encode import from_json, to_jsonable
from brevetti_keras.utils.errors import BrevettiError, InvalidInputError, NotFoundError
from brevetti_keras.wire.artifacts import ARTIFACTS_FOLDER, OUTPUT, Output
from brevetti_keras.wire.events import Event, epoch_body
from brevetti_keras.wire.records import Tag
from brevetti_keras.wire.routes import CHARTS, COMPLETE, DOWNLOAD, IDEMPOTENCY_HEADER, REMOTE, ROOT_TAGS

_LOG = logging.getLogger(__name__)
_FORM = "application/x-www-form-urlencoded"
_MONITORED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object"}},
            _FORM: {"schema": {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}},
        },
    }
}


def compatible_router(service: Service) -> APIRouter:
    """Returns the routes of existing clients."""
    router = APIRouter(tags=["existing clients"])

    @router.post(REMOTE, status_code=204, openapi_extra=_MONITORED)
    async def remote_monitor(job_id: JobId, request: Request) -> None:
        """Stores one epoch's metrics."""
        logs = await _posted(request)
        key = request.headers.get(IDEMPOTENCY_HEADER) or f"remote-{uuid.uuid4()}"
        event = Event(key=key, kind="epoch", body=epoch_body(logs.pop("epoch"), logs))
        await to_thread.run_sync(service.events.append, job_id, [event])

    @router.post(CHARTS, status_code=204)
    def charts(job_id: JobId, name: str, body: dict[str, Any]) -> None:
        """Stores a chart, replacing one of the same name."""
        service.charts.put(job_id, name, body)

    @router.post(COMPLETE, status_code=204)
    def complete(job_id: JobId, request: Request, modelPath: str = "") -> None:  # noqa: N803 - the clients' word
        """Ends the job, and its key; its output metrics are those of its output.json, unless it reported some."""
        body = {"model_path": _among_artifacts(job_id, modelPath) or None}
        end = Event(key="complete", kind="complete", body=body)
        if request.state.principal.kind == "ended":
            told_again(service, job_id, [end])
            return
        metrics = _written_metrics(service, job_id)
        output = [Event(key="output.json", kind="output", body=metrics)] if metrics else []
        service.events.append(job_id, [*output, end])

    @router.get(ROOT_TAGS)
    def root_tags(job_id: Annotated[str, Query(alias="id")], request: Request) -> list[Tag]:
        """The trees of tags that the job's pivot fields are made from."""
        principal = request.state.principal
        if principal.kind == "job" and principal.job_id != job_id:
            raise NotFoundError("no such job, or none that this key opens")
        return service.jobs.root_tags(job_id)

    @router.get(DOWNLOAD, response_class=Response)
    def download(path: str, request: Request) -> Response:
        """A sample of a dataset, or a job's artifact."""
        return file_answer(readable_file(service, request.state.principal, path))

    return router


def _among_artifacts(job_id: str, path: str) -> str:
    """The model's path below the job's artifacts; clients name it from the job's folder, or from the root."""
    return path.rpartition(f"/{job_id}/{ARTIFACTS_FOLDER}/")[2].removeprefix(f"{ARTIFACTS_FOLDER}/")


def _written_metrics(service: Service, job_id: str) -> dict[str, Any]:
    """The output metrics that a client wrote into the job's folder, which is all that it tells of them."""
    try:
        if service.jobs.get(job_id).metrics:
            return {}
        output = Output.model_validate(from_json(service.artifacts.read(job_id, OUTPUT), allow_nan=True))
    except (BrevettiError, ValidationError) as error:
        _LOG.info("job %s completes without output metrics: %s", job_id, error)
        return {}
    return dict(to_jsonable(output.output))


async def _posted(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        text: Any = await request.body()
    else:
        async with request.form(max_files=0, max_fields=10) as form:
            text = form.get("data")
    if not isinstance(text, (str, bytes)):
        raise InvalidInputError("expected the form's field 'data'")
    logs = from_json(text, allow_nan=True)
    epoch = logs.get("epoch") if isinstance(logs, dict) else None
    if not isinstance(epoch, int) or isinstance(epoch, bool):
        raise InvalidInputError("expected an object with a whole number 'epoch'")
    return dict(logs)
