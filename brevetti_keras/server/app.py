"""`build_app`: the platform as an ASGI application, a pure function of its parts.

    app = build_app(service, Sessions())

Behind one gate (`AccessMiddleware`) stand the pages, the REST interface under `/api`, and existing clients' routes.
"""

from collections.abc import Collection
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from brevetti_keras import __version__
from brevetti_keras.server.access import AccessMiddleware
from brevetti_keras.server.answers import error_answer, status_of
from brevetti_keras.server.api.artifacts import artifacts_router
from brevetti_keras.server.api.datasets import datasets_router, tags_router
from brevetti_keras.server.api.jobs import events_router, jobs_router
from brevetti_keras.server.api.platform import platform_router
from brevetti_keras.server.api.uploads import uploads_router
from brevetti_keras.server.bodies import BodyLimits
from brevetti_keras.server.compatible import compatible_router
from brevetti_keras.server.login import login_router
from brevetti_keras.server.openapi import PlatformApi
from brevetti_keras.server.pages import page_router
from brevetti_keras.server.request_checks import LOCAL_HOSTS
from brevetti_keras.server.service import Service
from brevetti_keras.server.sessions import Sessions
from brevetti_keras.utils.errors import BrevettiError

_REASONS = {404: "there is nothing at this address", 405: "this address does not take that method"}


def build_app(
    service: Service,
    sessions: Sessions | None = None,
    *,
    allowed_hosts: Collection[str] = LOCAL_HOSTS,
    limits: BodyLimits | None = None,
) -> FastAPI:
    """Returns the application.

    Args:
        service: the platform.
        sessions: the browsers' one-time links and sessions.
        allowed_hosts: the names under which it may be called, in lower case, without ports.
        limits: of the requests' bodies.
    """
    app = PlatformApi(
        title="brevetti-keras",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            BrevettiError: _refused,
            RequestValidationError: _invalid,
            HTTPException: _missing,
        },
    )
    sessions = sessions or Sessions()
    for router in (
        datasets_router(service),
        uploads_router(service),
        tags_router(service),
        platform_router(service),
        jobs_router(service),
        events_router(service),
        artifacts_router(service),
        compatible_router(service),
        login_router(sessions),
        page_router(service),
    ):
        app.include_router(router)
    app.add_middleware(AccessMiddleware, service=service, sessions=sessions, allowed_hosts=allowed_hosts, limits=limits)
    return app


async def _refused(_: Request, error: Any) -> Response:
    return error_answer(status_of(error), str(error))


async def _invalid(_: Request, error: Any) -> Response:
    """Names each wrong field and what was expected there; what was received stays out of the answer."""
    found = error.errors()
    lines = [f"{'.'.join(str(part) for part in item['loc'][1:]) or item['loc'][0]}: {item['msg']}" for item in found]
    return error_answer(422, "; ".join(lines[:10]))


async def _missing(_: Request, error: Any) -> Response:
    return error_answer(error.status_code, _REASONS.get(error.status_code, "the request could not be used"))
