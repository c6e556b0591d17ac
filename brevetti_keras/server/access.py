"""`AccessMiddleware`: who may do what. One gate before every route, which refuses what it does not know to be allowed.

In this order: the host is ours (421), no other site sends it (403), no secret stands in the URL (400), the content type
is right (415), a valid key or session comes with it (401), a job's key asks for that job only (404), the body is
bounded and strict (413, 408, 400). Every answer leaves with the security headers.
"""

import logging
import time
from collections.abc import Collection

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from brevetti_keras.server.answers import NO_KEY, Refused, error_answer, status_of
from brevetti_keras.server.bodies import BodyLimits, checked_body
from brevetti_keras.server.headers import with_security_headers
from brevetti_keras.server.page_responses import error_page, login_page
from brevetti_keras.server.principal import Principal
from brevetti_keras.server.request_checks import (
    COMPATIBLE,
    LOGIN,
    OF_A_JOB,
    check_content_type,
    check_cookie_use,
    check_host,
    check_origin,
    take_key,
)
from brevetti_keras.server.service import Service
from brevetti_keras.server.sessions import Sessions
from brevetti_keras.utils.errors import BrevettiError
from brevetti_keras.wire.routes import COMPLETE, DOWNLOAD, JOB_EVENTS, JOB_START, JOB_STOP, ROOT_TAGS

_LOG = logging.getLogger(__name__)


class AccessMiddleware:
    """The gate.

    Args:
        app: what stands behind it.
        service: knows the keys.
        sessions: knows the browsers' sessions.
        allowed_hosts: the names under which the server may be called, in lower case, without ports.
        limits: of the bodies.
    """

    def __init__(
        self,
        app: ASGIApp,
        service: Service,
        sessions: Sessions,
        allowed_hosts: Collection[str],
        limits: BodyLimits | None = None,
    ) -> None:
        self._app = app
        self._service = service
        self._sessions = sessions
        self._hosts = frozenset(allowed_hosts)
        self._limits = limits or BodyLimits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or answers it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        begin, statuses = time.monotonic(), list[int]()
        secured = with_security_headers(send, statuses.append)
        refusal = await self._answered(scope, receive, secured, statuses)
        if refusal is not None and not statuses:
            await _for_people(scope, refusal)(scope, receive, secured)
        status = statuses[0] if statuses else 0
        # The path alone: what stands behind a question mark may be secret.
        _LOG.info("%s %r %d %.0f ms", scope["method"], scope["path"], status, 1000 * (time.monotonic() - begin))

    async def _answered(self, scope: Scope, receive: Receive, send: Send, statuses: list[int]) -> Response | None:
        try:
            receive = await self._checked(scope, receive)
            await self._app(scope, receive, send)
        except Refused as refused:
            return error_answer(refused.status, refused.reason)
        except BrevettiError as error:
            return error_answer(status_of(error), str(error))
        except Exception:
            # The edge of the process: whatever a route fails of, the caller gets one line and the log the rest.
            _LOG.exception("%s %r failed", scope["method"], scope["path"])
            if statuses:
                raise
            return error_answer(500, "the server failed on this request; its log says why")
        return None

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        headers = Headers(scope=scope)
        check_host(headers, self._hosts)
        check_origin(scope, headers)
        key = take_key(scope)
        media_type = check_content_type(scope, headers)
        if scope["path"] != LOGIN or scope["method"] != "GET":
            principal = await self._principal(scope, headers, key)
            scope.setdefault("state", {})["principal"] = principal
            if principal.kind == "ended" and not _ends(principal.job_id, scope):
                raise Refused(401, NO_KEY)
            if principal.kind == "job" and not _opens(principal.job_id, scope):
                raise Refused(404, "no such job, or none that this key opens")
        return await checked_body(scope, receive, media_type, self._limits)

    async def _principal(self, scope: Scope, headers: Headers, key: str) -> Principal:
        authorization = headers.get("authorization", "")
        scheme, _, bearer = authorization.partition(" ")
        if authorization and scheme.lower() != "bearer":
            raise Refused(401, NO_KEY)
        if bearer or key:
            principal = await to_thread.run_sync(self._of_key, bearer.strip() or key, not bearer)
        else:
            cookie = cookie_parser(headers.get("cookie", "")).get(self._sessions.cookie, "")
            principal = Principal("user", "browser") if cookie and self._sessions.is_open(cookie) else None
            if principal is not None:
                check_cookie_use(scope, headers)
        if principal is None:
            raise Refused(401, NO_KEY)
        return principal

    def _of_key(self, key: str, jobs_only: bool) -> Principal | None:
        user = None if jobs_only else self._service.access.authenticate(key)
        if user is not None:
            return Principal("user", user.name)
        found = self._service.jobs.of_key(key)
        return Principal("ended" if found.ended else "job", found.job_id, found.job_id) if found is not None else None


def _for_people(scope: Scope, refusal: Response) -> Response:
    """The refusal as a page, for a browser that asked for one."""
    asks = scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")
    if not asks or scope["path"].startswith("/api/"):
        return refusal
    return login_page() if refusal.status_code == 401 else error_page(refusal.status_code)


def _ends(job_id: str, scope: Scope) -> bool:
    """Tells whether a request is of the two that end a job; whether it says the same again, its route finds out."""
    return scope["method"] == "POST" and scope["path"] in {JOB_EVENTS.format(id=job_id), COMPLETE.format(id=job_id)}


def _opens(job_id: str, scope: Scope) -> bool:
    """Tells whether a job's key opens what is asked for: its own parts, and what it may download."""
    path = scope["path"]
    if path in {JOB_START.format(id=job_id), JOB_STOP.format(id=job_id)}:
        # Users alone have processes started here; and a job told us its process itself, and could name any to stop.
        return False
    match = OF_A_JOB.fullmatch(path) or COMPATIBLE.fullmatch(path)
    # The route of the root tags compares the id itself: it stands in the query there.
    return path in {DOWNLOAD, ROOT_TAGS} or (match is not None and match.groupdict().get("id") == job_id)
