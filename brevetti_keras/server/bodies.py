"""Bodies of requests: bounded in size and time, and JSON only in the strict form that all readers agree on.

A body is read whole before its route runs, except an uploaded file's content, which streams through a counter.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from brevetti_keras.server.answers import Refused
from brevetti_keras.server.request_checks import COMPATIBLE, UPLOAD
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import InvalidInputError

SECONDS = 30.0
SMALL = 1 << 20
LARGE = 16 << 20
HUGE = 8 << 30
_LARGE = re.compile(r"/api/jobs/[^/]+/(events|charts/[^/]+)|/api/models/[^/]+/(charts|remotemonitor)")
_INLINE = 1 << 16


class BodyLimits:
    """How much a request may carry, and how long it may take to arrive.

    Args:
        small: bytes of an ordinary body.
        large: of a batch of events, or a chart.
        upload: of an artifact, or an uploaded image.
        seconds: without a single byte, and for the whole of a body that is not an upload.
    """

    def __init__(self, small: int = SMALL, large: int = LARGE, upload: int = HUGE, seconds: float = SECONDS) -> None:
        self.small = small
        self.large = large
        self.upload = upload
        self.seconds = seconds

    def of(self, scope: Scope) -> int:
        """Returns the most bytes that a request's body may have."""
        if scope["method"] == "PUT" and UPLOAD.fullmatch(scope["path"]):
            return self.upload
        return self.large if _LARGE.fullmatch(scope["path"]) else self.small


async def checked_body(scope: Scope, receive: Receive, media_type: str, limits: BodyLimits) -> Receive:
    """Returns a `receive` that gives the checked body.

    Refuses a body that is too large (413), too slow (408), or JSON that is not strict (400).
    """
    most = limits.of(scope)
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdigit() or int(declared) > most:
        raise Refused(413, f"expected a body of at most {most} bytes")
    if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
        return receive
    counted = _counted(receive, most, limits.seconds)
    if scope["method"] == "PUT" and UPLOAD.fullmatch(scope["path"]):
        return counted
    try:
        async with asyncio.timeout(limits.seconds):
            body = await _whole(counted)
    except TimeoutError as error:
        raise Refused(408, f"expected the body within {limits.seconds:g} s") from error
    if media_type == "application/json":
        await _check_json(body, allow_nan=bool(COMPATIBLE.fullmatch(scope["path"])))
    elif not media_type and body:
        raise Refused(415, "expected a body of type application/json in UTF-8")
    return _replayed(body, receive)


def _counted(receive: Receive, most: int, seconds: float) -> Receive:
    received = 0

    async def counted() -> Message:
        nonlocal received
        try:
            async with asyncio.timeout(seconds):
                message = await receive()
        except TimeoutError as error:
            raise Refused(408, f"expected more of the body within {seconds:g} s") from error
        received += len(message.get("body", b""))
        if received > most:
            raise Refused(413, f"expected a body of at most {most} bytes")
        return message

    return counted


async def _whole(receive: Callable[[], Awaitable[Message]]) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the body ended early")
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _check_json(body: bytes, *, allow_nan: bool) -> None:
    try:
        if len(body) <= _INLINE:
            from_json(body, allow_nan=allow_nan)
        else:
            await to_thread.run_sync(lambda: from_json(body, allow_nan=allow_nan))
    except InvalidInputError as error:
        raise Refused(400, str(error)) from error


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
