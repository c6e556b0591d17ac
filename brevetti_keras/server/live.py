"""A job's events as they happen, as server-sent events for its page.

    event: backlog   {"epoch": [0, 1], "series": {"loss": [0.5, 0.4]}}     once, the curve so far, thinned out
    event: epochs    [{"epoch": 2, "loss": 0.3}]
    event: changed   ["status", "chart"]                                   kinds of other events that came
    event: done      {"state": "completed"}                                the last one

Each but `done` has the highest sequence that it covers as its id, so a browser that was cut off goes on where it was.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

from brevetti_keras.server.service import Service
from brevetti_keras.utils.encode import to_json
from brevetti_keras.utils.errors import NotFoundError
from brevetti_keras.wire.records import FINAL_STATES

MEDIA_TYPE = "text/event-stream"
MAX_POINTS = 2000
_BATCH = 1000
_QUIET_SECONDS = 15.0


async def job_stream(
    service: Service,
    job_id: str,
    last_id: str | None,
    is_gone: Callable[[], Awaitable[bool]],
    poll_seconds: float = 0.3,
) -> AsyncIterator[str]:
    """Yields a job's events in their order until the job ends or the reader leaves.

    Args:
        service: the platform.
        job_id: an existing job.
        last_id: what the browser saw last (its `Last-Event-ID` header), or None for all.
        is_gone: tells whether the reader left.
        poll_seconds: pause between two looks.
    """
    seen = int(last_id) if last_id and last_id.isdecimal() and len(last_id) < 16 else None
    if seen is None:
        # The sequence is read first: what comes in between is then sent twice rather than never, and the page takes
        # an epoch that it has already as a replacement.
        seen = await run_in_threadpool(service.events.sync, job_id)
        yield _message("backlog", await run_in_threadpool(service.events.curve, job_id, MAX_POINTS), seen)
    spoken = time.monotonic()
    while not await is_gone():
        try:
            job = await run_in_threadpool(service.jobs.get, job_id)
            events = await run_in_threadpool(service.events.list, job_id, seen, None, _BATCH)
        except NotFoundError:
            return
        if events:
            seen = events[-1].sequence
            for message in _messages([(event.kind, event.body) for event in events], seen):
                yield message
            spoken = time.monotonic()
        elif job.state in FINAL_STATES:
            yield _message("done", {"state": job.state})
            return
        elif time.monotonic() - spoken > _QUIET_SECONDS:
            # Proxies and browsers drop a connection that says nothing.
            yield ": still here\n\n"
            spoken = time.monotonic()
        if len(events) < _BATCH:
            await asyncio.sleep(poll_seconds)


def _messages(events: list[tuple[str, dict[str, Any]]], seen: int) -> list[str]:
    epochs = [body for kind, body in events if kind == "epoch"]
    others = sorted({kind for kind, _ in events if kind != "epoch"})
    messages = [_message("epochs", epochs, seen)] if epochs else []
    return [*messages, _message("changed", others, seen)] if others else messages


def _message(name: str, data: Any, sequence: int | None = None) -> str:
    identity = "" if sequence is None else f"id: {sequence}\n"
    return f"{identity}event: {name}\ndata: {to_json(data)}\n\n"
