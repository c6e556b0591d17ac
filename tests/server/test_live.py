import asyncio
import json
from collections.abc import Callable

import pytest

from brevetti_keras.server.live import job_stream
from brevetti_keras.server.service import Service
from brevetti_keras.wire.events import Event, epoch_body, status_body
from tests.support.pages import add_job


def collect(
    service: Service,
    job_id: str,
    last_id: str | None = None,
    *,
    then: dict[int, Callable[[], object]] | None = None,
    most: int = 50,
) -> list[tuple[str | None, str, object]]:
    """Reads a stream to its end; `then` maps a count of messages to what happens once that many came."""

    async def read() -> list[tuple[str | None, str, object]]:
        messages: list[tuple[str | None, str, object]] = []
        stream = job_stream(service, job_id, last_id, lambda: asyncio.sleep(0, len(messages) >= most), 0.01)
        async for text in stream:
            fields = dict(line.split(": ", 1) for line in text.strip().split("\n"))
            messages.append((fields.get("id"), fields["event"], json.loads(fields["data"])))
            if then and len(messages) in then:
                await asyncio.to_thread(then[len(messages)])
        return messages

    return asyncio.run(asyncio.wait_for(read(), 120))


def finish(service: Service, job_id: str) -> None:
    service.events.append(job_id, [Event(key="end", kind="status", body=status_body("completed"))])


def test_a_finished_job_is_its_backlog_and_the_end(service: Service) -> None:
    job = add_job(service, "done", "completed", epochs=4)
    backlog, done = collect(service, job)
    assert backlog[0] == str(service.events.sync(job))
    assert backlog[1] == "backlog"
    assert backlog[2]["epoch"] == [0, 1, 2, 3]
    assert done == (None, "done", {"state": "completed"})


def test_what_happens_meanwhile_follows_in_order(service: Service) -> None:
    job = add_job(service, "running", "running", epochs=1)
    new = [Event(key=f"n{epoch}", kind="epoch", body=epoch_body(epoch, {"loss": float("nan")})) for epoch in (1, 2)]
    chart = Event(key="c", kind="chart", body={"name": "a", "path": "charts/a.json"})
    messages = collect(
        service,
        job,
        then={1: lambda: service.events.append(job, [*new, chart]), 3: lambda: finish(service, job)},
    )
    assert [name for _, name, _ in messages] == ["backlog", "epochs", "changed", "changed", "done"]
    assert messages[1][2] == [
        {"epoch": 1, "loss": None, "nonfinite": {"loss": "NaN"}},
        {"epoch": 2, "loss": None, "nonfinite": {"loss": "NaN"}},
    ]
    assert messages[2][2] == ["chart"]
    assert messages[3][2] == ["status"]


def test_a_reader_that_was_cut_off_gets_only_what_it_missed(service: Service) -> None:
    job = add_job(service, "done", "completed", epochs=5)
    messages = collect(service, job, last_id="3")
    assert [name for _, name, _ in messages] == ["epochs", "changed", "done"]
    assert [body["epoch"] for body in messages[0][2]] == [2, 3, 4]


@pytest.mark.parametrize("last_id", ["", "-1", "x", "1e9", "9" * 30, "٣"])
def test_an_odd_last_id_is_a_fresh_start_or_harmless(service: Service, last_id: str) -> None:
    job = add_job(service, "done", "completed", epochs=2)
    assert collect(service, job, last_id=last_id)[-1][1] == "done"


def test_the_stream_ends_when_the_reader_leaves(service: Service) -> None:
    job = add_job(service, "running", "running", epochs=1)
    assert [name for _, name, _ in collect(service, job, most=1)] == ["backlog"]


def test_text_in_events_cannot_break_the_stream(service: Service) -> None:
    job = add_job(service, "running", "running", epochs=1)
    hostile = Event(key="h", kind="epoch", body={"epoch": 1, "a\n\nevent: done\ndata: x": 1.0})
    messages = collect(
        service, job, then={1: lambda: service.events.append(job, [hostile]), 2: lambda: finish(service, job)}
    )
    assert messages[1][2] == [hostile.body]
