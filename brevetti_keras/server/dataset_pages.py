"""The pages of datasets and tags: what there is to choose from, and its names, notes and tags edited.

    add_dataset_pages(router, service, environment)

Everything is changed through the REST interface by the page's script; the routes here only show.
"""

import datetime
import os
from collections import Counter
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from jinja2 import Environment

from brevetti_keras.server.dataset_images import DatasetImages, ImageFile
from brevetti_keras.server.download import file_of_dataset
from brevetti_keras.server.job_view import LONG_LIST, SHORT_LIST, listing
from brevetti_keras.server.page_responses import page
from brevetti_keras.server.repeat_command import command_for_workspace
from brevetti_keras.server.service import Service
from brevetti_keras.server.tag_names import tag_names
from brevetti_keras.server.thumbnails import Thumbnails, etag_of
from brevetti_keras.utils.errors import BrevettiError, DecodeError, NotFoundError
from brevetti_keras.wire.records import Dataset
from brevetti_keras.wire.routes import download_url

_GRID = 60
_MOST_PAGES = 1_000_000
_SIZES = (192, 1024)

# In a grey that light and dark pages both show.
_NO_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" fill="none" stroke="#88929c" stroke-width="2">'
    '<rect x="14" y="18" width="36" height="28" rx="3"/><path d="M16 42l10-10 8 7 6-5 8 7M12 52l40-40"/></svg>'
)

PageNumber = Annotated[int, Query(alias="page", ge=1, le=_MOST_PAGES)]


def add_dataset_pages(router: APIRouter, service: Service, environment: Environment) -> None:
    """Adds the routes of the datasets' and the tags' pages.

    Args:
        router: of all pages.
        service: the platform that they show.
        environment: of the templates.
    """
    images, thumbnails = DatasetImages(), Thumbnails()
    _add_lists(router, service, environment)
    _add_dataset(router, service, environment, images)
    _add_image(router, service, environment, images, thumbnails)
    _add_thumbnails(router, service, thumbnails)


def _add_lists(router: APIRouter, service: Service, environment: Environment) -> None:
    @router.get("/datasets")
    def datasets(page_number: PageNumber = 1) -> Response:
        return page(
            environment,
            "datasets.html",
            here="datasets",
            listing=listing(service.datasets.list(), page_number, LONG_LIST),
            names=tag_names(service.tags.list()),
            add_command=command_for_workspace(service, "dataset", "add", "PATH"),
        )

    @router.get("/tags")
    def tags() -> Response:
        return page(environment, "tags.html", here="tags", trees=service.tags.list())


def _add_dataset(router: APIRouter, service: Service, environment: Environment, images: DatasetImages) -> None:
    @router.get("/datasets/{dataset_id}")
    def dataset(
        dataset_id: str,
        label: Annotated[str | None, Query(alias="class")] = None,
        page_number: PageNumber = 1,
        quarantine_page: Annotated[int, Query(alias="quarantined", ge=1, le=_MOST_PAGES)] = 1,
    ) -> Response:
        found = service.datasets.get(dataset_id)
        files, problem = _files(images, found)
        shown = files if label is None else [file for file in files if file.label == label]
        return page(
            environment,
            "dataset.html",
            here="datasets",
            dataset=found,
            names=tag_names(service.tags.list()),
            classes=sorted(Counter(file.label for file in files).items()),
            label=label,
            # Where this class' pages stand: the list of pages appends to it.
            address="?" if label is None else f"?{urlencode({'class': label})}&",
            listing=listing(shown, page_number, _GRID),
            total=len(files),
            size=sum(file.size for file in files),
            problem=problem,
            quarantined=listing(service.quarantine.of_dataset(found.id), quarantine_page, SHORT_LIST),
            elsewhere="://" in found.bucket and not found.bucket.startswith("gs://"),
            uploaded=service.datasets.is_upload(found),
        )


def _add_image(
    router: APIRouter, service: Service, environment: Environment, images: DatasetImages, thumbnails: Thumbnails
) -> None:
    @router.get("/datasets/{dataset_id}/image")
    def image(dataset_id: str, path: str) -> Response:
        found = service.datasets.get(dataset_id)
        files = images.of(found)
        index = next((index for index, file in enumerate(files) if file.path == path), None)
        if index is None:
            raise NotFoundError("no such image in the dataset")
        real = file_of_dataset(found.bucket, path)
        problem, sides = "", (0, 0)
        try:
            _, sides = thumbnails.jpeg(real, _SIZES[0])
        except DecodeError as error:
            problem = error.reason
        return page(
            environment,
            "image.html",
            here="datasets",
            dataset=found,
            file=files[index],
            place=os.path.relpath(path, _folder_of(found)),
            sides=sides,
            problem=problem,
            quarantined=[one for one in service.quarantine.of_dataset(found.id) if one.path == path],
            original=service.datasets.original_name(found, os.path.relpath(path, _folder_of(found))),
            modified=datetime.datetime.fromtimestamp(os.stat(real).st_mtime, datetime.UTC).isoformat(),
            number=index + 1,
            total=len(files),
            before=files[index - 1] if index else None,
            after=files[index + 1] if index + 1 < len(files) else None,
            download=download_url(path),
        )


def _add_thumbnails(router: APIRouter, service: Service, thumbnails: Thumbnails) -> None:
    @router.get("/datasets/{dataset_id}/thumbnail")
    def thumbnail(dataset_id: str, path: str, request: Request, size: int = _SIZES[0]) -> Response:
        real = file_of_dataset(service.datasets.get(dataset_id).bucket, path)
        side = next((known for known in _SIZES if known >= size), _SIZES[-1])
        headers = {"ETag": etag_of(real, side), "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        try:
            data, _ = thumbnails.jpeg(real, side)
        except DecodeError:
            # A missing picture would be an error of the page, and show less.
            return Response(_NO_PICTURE, media_type="image/svg+xml", headers=headers)
        return Response(data, media_type="image/jpeg", headers=headers)


def _files(images: DatasetImages, dataset: Dataset) -> tuple[list[ImageFile], str]:
    try:
        return images.of(dataset), ""
    except BrevettiError as error:
        return [], str(error)


def _folder_of(dataset: Dataset) -> str:
    return os.path.dirname(dataset.bucket) if dataset.bucket.lower().endswith(".csv") else dataset.bucket
