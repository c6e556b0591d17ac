"""`/api/uploads`: images sent file by file, which become a dataset when all are there."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from brevetti_keras.server.api.streams import stream_into
from brevetti_keras.server.service import Service
from brevetti_keras.wire.records import Dataset, Upload, UploadedFile
from brevetti_keras.wire.routes import UPLOAD, UPLOAD_FILES, UPLOAD_FINISH, UPLOADS

_BINARY = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}


class NewUpload(BaseModel):
    """What `uploads.begin` takes."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None


class FinishedUpload(BaseModel):
    """What `uploads.finish` takes."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    tags: list[str] = []
    reference: str = ""
    notes: str = ""
    folder: str = ""


def uploads_router(service: Service) -> APIRouter:
    """Returns the routes of uploads."""
    router = APIRouter(tags=["datasets"])

    @router.post(UPLOADS, status_code=201)
    def begin_upload(body: NewUpload) -> Upload:
        """Begins an upload."""
        return service.uploads.begin(body.name)

    @router.put(UPLOAD_FILES, status_code=201, openapi_extra=_BINARY)
    async def put_uploaded_file(
        upload_id: str, path: Annotated[str, Query(max_length=4096)], request: Request
    ) -> UploadedFile:
        """Stores a file of an upload; the last folder of its path is its class."""
        size, (_, stored) = await stream_into(
            service.uploads.receive(upload_id, path), request, lambda received: received[0]
        )
        return UploadedFile(path=stored, size=size)

    @router.post(UPLOAD_FINISH, status_code=201)
    def finish_upload(upload_id: str, body: FinishedUpload) -> Dataset:
        """Makes the dataset."""
        return service.uploads.finish(upload_id, body.name, body.tags, body.reference, body.notes, body.folder)

    @router.delete(UPLOAD, status_code=204)
    def cancel_upload(upload_id: str) -> None:
        """Removes an upload that is not finished."""
        service.uploads.cancel(upload_id)

    return router
