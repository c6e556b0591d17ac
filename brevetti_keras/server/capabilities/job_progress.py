"""What events do to their job: a pure function from a job's row and new events to the columns that change.

Rules:
    A first report of any kind makes a job that was created or queued *running*.
    *completed* is final whatever comes later. *failed* and *stopped* end too, but for a status *queued* or *running*
    whose body says `"resumed": true`: the job goes on from its last checkpoint.
    A `complete` event completes the job and ends its key.
    Durations come from the events' own times; their order from where they stand, never from clocks.
"""

from collections.abc import Iterable
from typing import Any

from brevetti_keras.server.session import Row
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.wire.events import Event
from brevetti_keras.wire.records import FINAL_STATES, JobState

_STATES: frozenset[str] = frozenset(JobState.__args__)  # type: ignore[attr-defined]
_WAITING = frozenset({"created", "queued"})


def progress(row: Row, events: Iterable[Event]) -> dict[str, Any]:
    """Returns the columns of a job that the events change.

    Args:
        row: the job as it is stored.
        events: new ones, in their order.
    """
    changed = dict(row)
    for event in events:
        if event.kind == "status":
            _status(changed, event)
            continue
        if changed["state"] in _WAITING:
            _enter(changed, "running", "", event.time)
        if event.kind == "epoch":
            _epoch(changed, event)
        elif event.kind == "output":
            changed["metrics"] = to_json({**from_json(changed["metrics"] or "{}"), **event.body})
        elif event.kind == "complete":
            _complete(changed, event)
    return {name: value for name, value in changed.items() if value != row[name]}


def _status(changed: dict[str, Any], event: Event) -> None:
    body = event.body
    state = body.get("state")
    if not isinstance(state, str) or state not in _STATES:
        return
    if not _may_enter(changed["state"], state, resumed=bool(body.get("resumed"))):
        return
    _enter(changed, state, str(body.get("message") or ""), event.time)
    if _whole(body.get("epochs")) is not None:
        changed["epochs"] = _whole(body.get("epochs"))
    if _whole(body.get("pid")) is not None:
        changed["pid"] = _whole(body.get("pid"))
        changed["pid_started"] = _whole(body.get("pid_started")) or 0
        changed["machine"] = str(body.get("machine") or "")


def _may_enter(present: str, state: str, *, resumed: bool) -> bool:
    if present == "completed":
        return False
    if present in FINAL_STATES:
        return resumed and state in {"queued", "running"}
    return not (state in _WAITING and present == "running")


def _enter(changed: dict[str, Any], state: str, message: str, time: str) -> None:
    changed["state"], changed["message"] = state, message
    if state in {"queued", "running"}:
        changed["ended"] = ""
    if state == "running":
        changed["started"] = changed["started"] or time
    if state in FINAL_STATES:
        # A clock that was set back must not make a job end before it started.
        changed["ended"] = max(time, changed["started"])


def _epoch(changed: dict[str, Any], event: Event) -> None:
    number = epoch_of(event)
    if number is not None:
        changed["epoch"] = max(number, changed["epoch"] if changed["epoch"] is not None else number)


def _complete(changed: dict[str, Any], event: Event) -> None:
    if changed["state"] not in FINAL_STATES:
        _enter(changed, "completed", "", event.time)
    path = event.body.get("model_path")
    if path:
        changed["model_path"] = str(path)
    changed["key_ended"] = 1


def epoch_of(event: Event) -> int | None:
    """Returns the number of an epoch event's epoch, None for other events."""
    return _whole(event.body.get("epoch")) if event.kind == "epoch" else None


def _whole(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62
    return value if fits else None
