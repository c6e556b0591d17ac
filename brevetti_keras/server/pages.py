"""The pages: HTML over the service, for browsers.

    app.include_router(page_router(service))

Who may see them is not decided here: the application's one middleware lets no request through without a session.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from brevetti_keras.server import live
from brevetti_keras.server.answers import status_of
from brevetti_keras.server.dataset_pages import PageNumber, add_dataset_pages
from brevetti_keras.server.facets_frame import facets_frame
from brevetti_keras.server.job_view import Listing, artifacts, is_report, job_view, quarantine
from brevetti_keras.server.page_responses import (
    ASSETS,
    STATIC_HEADERS,
    error_page,
    frame,
    page,
    page_environment,
    report,
)
from brevetti_keras.server.repeat_command import command_for_workspace
from brevetti_keras.server.service import Service
from brevetti_keras.server.start_pages import add_start_pages
from brevetti_keras.utils.errors import BrevettiError, InvalidInputError, NotFoundError
from brevetti_keras.wire.artifacts import FACETS_ATLAS, FACETS_DATA, LOG, PIVOT_DATA, PIVOT_FIELDS
from brevetti_keras.wire.records import JobState

_STATES: tuple[JobState, ...] = ("created", "queued", "running", "completed", "failed", "stopped")
_ACTIVE: tuple[JobState, ...] = ("running", "queued", "created")
_RECENT = 10
_PAGE = 50


class PageRoute(APIRoute):
    """A route whose errors are pages too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wraps the handler."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except BrevettiError as error:
                return error_page(status_of(error))
            except RequestValidationError:
                return error_page(400)
            except HTTPException as error:
                return error_page(error.status_code)

        return answer


def page_router(service: Service) -> APIRouter:
    """Returns the routes of all pages and of the files that they load.

    Args:
        service: the platform that they show.
    """
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    environment = page_environment(service.home)
    _add_lists(router, service, environment)
    add_dataset_pages(router, service, environment)
    # Before the jobs: `new` is no id of one.
    add_start_pages(router, service, environment)
    _add_job(router, service, environment)
    _add_frames(router, service)
    return router


def _add_lists(router: APIRouter, service: Service, environment: Environment) -> None:
    @router.get("/")
    def home() -> Response:
        counts = {state: service.jobs.count(state) for state in _STATES}
        recent = {state: service.jobs.list(state, limit=_RECENT) for state in _STATES}
        return page(
            environment,
            "home.html",
            here="home",
            empty=not sum(counts.values()),
            counts=counts,
            running=[job for state in _ACTIVE for job in recent[state]],
            completed=recent["completed"],
            failed=sorted(recent["failed"] + recent["stopped"], key=lambda job: job.created, reverse=True),
            demo=service.demo.offered(),
            demo_command=command_for_workspace(service, "demo"),
            train_command=command_for_workspace(service, "train", "image-classification", "--dataset", "PATH"),
        )

    @router.get("/jobs")
    def jobs(state: str = "", page_number: PageNumber = 1) -> Response:
        chosen = next((known for known in _STATES if known == state), None)
        total = service.jobs.count(chosen)
        pages = max(1, -(-total // _PAGE))
        number = min(page_number, pages)
        rows = service.jobs.list(chosen, limit=_PAGE, offset=(number - 1) * _PAGE)
        shown = Listing(rows, number, pages, total)
        return page(environment, "jobs.html", here="jobs", listing=shown, state=chosen or "", states=_STATES)


def _add_job(router: APIRouter, service: Service, environment: Environment) -> None:
    paths = {
        "pivot_fields": PIVOT_FIELDS,
        "pivot_data": PIVOT_DATA,
        "facets_data": FACETS_DATA,
        "facets_atlas": FACETS_ATLAS,
        "log_path": LOG,
    }

    @router.get("/jobs/{job_id}")
    def job(job_id: str) -> Response:
        return page(environment, "job.html", here="jobs", view=job_view(service, job_id), **paths)

    @router.get("/jobs/{job_id}/live")
    async def job_live(job_id: str, request: Request) -> Response:
        found = await run_in_threadpool(service.jobs.get, job_id)
        stream = live.job_stream(service, found.id, request.headers.get("last-event-id"), request.is_disconnected)
        return StreamingResponse(stream, media_type=live.MEDIA_TYPE, headers={"Cache-Control": "no-store"})

    @router.get("/jobs/{job_id}/artifacts")
    def job_artifacts(job_id: str, page_number: PageNumber = 1) -> Response:
        found = service.jobs.get(job_id)
        shown = artifacts(service, found.id, page_number)
        return page(environment, "listing.html", here="jobs", job=found, heading="Artifacts", listing=shown)

    @router.get("/jobs/{job_id}/quarantine")
    def job_quarantine(job_id: str, page_number: PageNumber = 1) -> Response:
        found = service.jobs.get(job_id)
        shown = quarantine(service, found.id, page_number)
        return page(environment, "listing.html", here="jobs", job=found, heading="Quarantined files", listing=shown)

    @router.get("/jobs/{job_id}/facets")
    def job_facets(job_id: str) -> Response:
        return page(environment, "facets.html", here="jobs", job=service.jobs.get(job_id), **paths)


def _add_frames(router: APIRouter, service: Service) -> None:
    static = StaticFiles(directory=ASSETS)

    @router.get("/jobs/{job_id}/reports/{name}")
    def job_report(job_id: str, name: str) -> Response:
        if not is_report(name):
            raise NotFoundError("no such report")
        try:
            return report(service.artifacts.read(service.jobs.get(job_id).id, name))
        except InvalidInputError as error:
            # One answer for all names that lead to none: another would tell what lies around.
            raise NotFoundError("no such report") from error

    @router.get("/frames/facets")
    def facets() -> Response:
        built = facets_frame()
        return frame(built.html, built.script_hashes)

    @router.get("/static/{path:path}")
    async def asset(path: str, request: Request) -> Response:
        response = await static.get_response(path, request.scope)
        # Asked for again each time, answered 304 while unchanged: an upgrade shows at once.
        response.headers.update(STATIC_HEADERS)
        return response
