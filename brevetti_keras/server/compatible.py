"""The routes of the hosted platform's existing clients: remote monitor, charts, complete, root tags, `/download`.

    POST /api/models/{id}/remotemonitor?key=K   form data={"epoch": 4, "loss": 0.5}, or the object as JSON

The key stands in the query, where those clients put it; the access middleware has checked it and taken it out. They may
send the bare words NaN and Infinity, which become null with their names kept.
"""

import uuid
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from brevetti_keras.server.api.parameters import JobId
from brevetti_keras.server.download import readable_file
from brevetti_keras.server.files import file_answer
from brevetti_keras.server.service import Service
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError
from brevetti_keras.wire.events import Event, epoch_body
from brevetti_keras.wire.records import Tag
from brevetti_keras.wire.routes import CHARTS, COMPLETE, DOWNLOAD, IDEMPOTENCY_HEADER, REMOTE, ROOT_TAGS

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
    def complete(job_id: JobId, modelPath: str = "") -> None:  # noqa: N803 - the clients' word
        """Ends the job, and its key."""
        event = Event(key="complete", kind="complete", body={"model_path": modelPath or None})
        service.events.append(job_id, [event])

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
