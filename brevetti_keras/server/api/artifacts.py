"""`/api/jobs/{id}/artifacts` and `/api/jobs/{id}/charts`."""

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from brevetti_keras.server.api.parameters import JobId
from brevetti_keras.server.api.streams import stream_into
from brevetti_keras.server.files import file_answer
from brevetti_keras.server.service import Service
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError, StorageError
from brevetti_keras.wire.records import FileEntry
from brevetti_keras.wire.routes import JOB_ARTIFACT, JOB_ARTIFACTS, JOB_CHART, JOB_CHARTS


def artifacts_router(service: Service) -> APIRouter:
    """Returns the routes of the jobs' files."""
    router = APIRouter(tags=["artifacts"])

    @router.get(JOB_ARTIFACTS)
    def list_artifacts(job_id: JobId, prefix: str = "") -> list[FileEntry]:
        """The files below a folder."""
        return service.artifacts.list(job_id, prefix)

    @router.get(JOB_ARTIFACT, response_class=Response)
    def get_artifact(job_id: JobId, path: str) -> Response:
        """A file; HTML in a sandbox."""
        return artifact_answer(service, job_id, path)

    @router.put(JOB_ARTIFACT, status_code=201, openapi_extra=_BINARY)
    async def put_artifact(job_id: JobId, path: str, request: Request) -> FileEntry:
        """Stores a file in one step; one that is there is replaced."""
        await stream_into(service.artifacts.receive(job_id, path), request, lambda file: file)
        return await to_thread.run_sync(service.artifacts.stat, job_id, path)

    @router.get(JOB_CHARTS)
    def list_charts(job_id: JobId) -> list[str]:
        """The names of a job's charts."""
        return service.charts.list(job_id)

    @router.get(JOB_CHART, response_class=Response)
    def get_chart(job_id: JobId, name: str) -> Response:
        """A chart's Vega-Lite JSON."""
        return Response(service.charts.get(job_id, name), media_type="application/json")

    @router.put(JOB_CHART, status_code=204)
    def put_chart(job_id: JobId, name: str, body: dict[str, Any]) -> None:
        """Stores a chart, replacing one of the same name."""
        service.charts.put(job_id, name, body)

    return router


def artifact_answer(service: Service, job_id: str, path: str) -> Response:
    """Returns a file; one fixed answer for all paths that lead to none, which tells nothing of what lies around."""
    try:
        return file_answer(service.artifacts.local_path(job_id, path))
    except (InvalidInputError, NotFoundError, StorageError) as error:
        raise NotFoundError("no such artifact") from error


_BINARY = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}
