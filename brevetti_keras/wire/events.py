"""What a job reports while it runs: one envelope, a typed body each kind.

    Event(key="7f…-12", kind="epoch", time="2026-01-01T00:00:00.000000Z", body={"epoch": 4, "loss": 0.5})

`key` makes sending twice harmless: the same key with the same body is taken once, with another body it is refused.
`sequence` is the event's place in its job, given where it is stored; it decides the order, clocks do not.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from brevetti_keras.utils.encode import split_nonfinite
from brevetti_keras.wire.records import JobState, Record, utc_now

EventKind = Literal["epoch", "status", "output", "chart", "system", "complete"]


class Event(Record):
    """One thing that a job reported.

    The bodies by kind:
        epoch: `{"epoch": int, <metric>: float | None, …, "nonfinite"?: {<metric>: "NaN"}}`
        status: `{"state": JobState, "message": str, "pid"?: int, "epochs"?: int}`
        output: `{<metric>: value, …}`, the job's output metrics so far
        chart: `{"name": str, "path": str}`, where the chart lies among the artifacts
        system: measurements of the machine, `{<name>: float}`
        complete: `{"model_path": str | None}`, the last entry of a job
    """

    key: str
    kind: EventKind
    body: dict[str, Any] = Field(default_factory=dict)
    time: str = Field(default_factory=utc_now)
    sequence: int = 0


def epoch_body(epoch: int, logs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the body of an epoch event: `epoch` and the logs, nothing else.

    Args:
        epoch: 0-based.
        logs: metric names to numbers; a non-finite one becomes null, its name and kind stand under `nonfinite`.
    """
    values, nonfinite = split_nonfinite(logs)
    return {"epoch": int(epoch), **values, **({"nonfinite": nonfinite} if nonfinite else {})}


def status_body(state: JobState, message: str = "", **more: Any) -> dict[str, Any]:
    """Returns the body of a status event."""
    return {"state": state, "message": message, **more}
