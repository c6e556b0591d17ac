"""`/login?token=…&next=…`: the one-time link, which becomes a session of this browser.

The cookie is sent by no other site's requests (SameSite=Strict) and cannot be read by scripts (HttpOnly).
"""

import re

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from brevetti_keras.server.page_responses import login_page
from brevetti_keras.server.request_checks import LOGIN
from brevetti_keras.server.sessions import SESSION_SECONDS, Sessions

_RELATIVE = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~=&?%+-]*")


def login_router(sessions: Sessions) -> APIRouter:
    """Returns the route of the one-time link.

    Args:
        sessions: knows the links, and opens the sessions.
    """
    router = APIRouter(include_in_schema=False)

    @router.get(LOGIN)
    def login(request: Request, token: str = "", next: str = "/") -> Response:  # noqa: A002 - the link's own word
        session = sessions.redeem(token)
        if session is None:
            # Opened twice in one browser, a link still leads in: the first time gave it its session.
            if sessions.is_open(request.cookies.get(sessions.cookie, "")):
                return RedirectResponse(_inside(next), 303)
            return login_page("This link was used before, or is too old." if token else "")
        answer = RedirectResponse(_inside(next), 303)
        answer.set_cookie(
            sessions.cookie,
            session,
            max_age=SESSION_SECONDS,
            path="/",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    return router


def _inside(target: str) -> str:
    """The target if it is a path of this server, else its home page: a link must not lead elsewhere."""
    return target if _RELATIVE.fullmatch(target) else "/"
