"""Security headers: on every answer, whatever made it.

No answer is read as another type than it says, framed or loaded by another site, or kept by a cache. A page or file
that may do more says so itself.
"""

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

# For answers that are not pages: they need nothing, and nothing may frame them. Pages and files bring their own.
ANSWER_POLICY = "default-src 'none'; frame-ancestors 'none'"
FILE_POLICY = "sandbox; default-src 'none'; frame-ancestors 'self'"

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_UNLESS_SET = {
    "Content-Security-Policy": ANSWER_POLICY,
    "Cache-Control": "no-store",
    # Not "no-referrer": a browser would then send the forms of our own pages with the Origin "null".
    "Referrer-Policy": "same-origin",
}


def with_security_headers(send: Send, started: Callable[[int], None]) -> Send:
    """Returns a `send` that adds the headers to the answer.

    Args:
        send: the server's.
        started: told the status once the answer begins.
    """

    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _ALWAYS.items():
                headers[name] = value
            for name, value in _UNLESS_SET.items():
                headers.setdefault(name, value)
            started(message["status"])
        await send(message)

    return secured
