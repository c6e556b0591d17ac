"""`EventDelivery`, how events travel to a host: as batches to our own server, one form post an epoch to any other.

    delivery = EventDelivery("https://host", "/api/models/7f/remotemonitor?key=K")
    outcome = delivery.send(events)                 # sent, later, refused or rejected

It sends and judges the answer; when to send, and again after what pause, is the sender's part (`event_sender`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
from pydantic import SecretStr

from brevetti_keras.io.http import RETRYABLE, HttpClient
from brevetti_keras.utils.encode import to_json
from brevetti_keras.utils.errors import InvalidInputError, PlatformError
from brevetti_keras.wire.events import Event
from brevetti_keras.wire.routes import IDEMPOTENCY_HEADER, JOB_EVENTS, REMOTE

_PREFIX, _, _SUFFIX = REMOTE.partition("{id}")
_NO_SUCH_ROUTE = frozenset({404, 405})
_NO_ACCESS = frozenset({401, 403, 404, 405})
_BATCH = 500
_SINGLE = 20


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery.

    Attributes:
        count: how many of the events, from the first on, are done with.
        verdict: `sent` when all arrived; `later` when the rest may be sent again; `refused` when the host takes
            nothing from us; `rejected` when it will never take the event at `count`.
        reason: one line; empty when sent.
        pause: seconds that the host asked to wait, if it did.
    """

    count: int
    verdict: Literal["sent", "later", "refused", "rejected"]
    reason: str = ""
    pause: float | None = None


def job_of(path: str) -> str | None:
    """Returns the job's id in a path of the form `/api/models/{id}/remotemonitor…`, else None."""
    route = urlsplit(path).path
    if not (route.startswith(_PREFIX) and route.endswith(_SUFFIX) and len(route) > len(_PREFIX) + len(_SUFFIX)):
        return None
    job = unquote(route[len(_PREFIX) : -len(_SUFFIX)])
    return None if "/" in job or job in {".", ".."} or "\0" in job else job


class EventDelivery:
    """Sends events to one host.

    Args:
        root: scheme, host and port.
        path: where epochs are posted. If it has the form of a job's `remote` route, batches to the job's events route
            are tried first, with the `key` of its query as the bearer's; a host without that route answers 404 or 405.
        field: the form's field that carries an epoch as JSON.
        headers: besides our own.
        send_as_json: an epoch is the request's body itself, not a form.
        timeout: seconds to connect, and between two bytes of an answer.
        transport: httpx transport in the network's place.

    Raises:
        InvalidInputError: if `root` is not an http or https address.
    """

    def __init__(
        self,
        root: str,
        path: str,
        *,
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
        timeout: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        address = urlsplit(root)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise InvalidInputError(
                f"expected http://host, https://host or file:///workspace, received {address.scheme or 'no scheme'!r}"
            )
        self._path = path if path.startswith("/") or not path else f"/{path}"
        self._field = field
        self._headers = dict(headers or {})
        self._send_as_json = send_as_json
        job = job_of(self._path)
        self._batches = JOB_EVENTS.format(id=job) if job is not None else None
        self._most = _BATCH
        key = parse_qs(urlsplit(self._path).query).get("key", [""])[0]
        token = SecretStr(key) if job is not None and key else None
        self._client = HttpClient(root, token=token, timeout=timeout, retries=0, transport=transport)
        port = f":{address.port}" if address.port else ""
        self.target = f"{address.scheme}://{address.hostname}{port}{urlsplit(self._path).path}"

    @property
    def most(self) -> int:
        """How many events are best sent at a time."""
        return self._most if self._batches is not None else _SINGLE

    @property
    def takes_batches(self) -> bool:
        """Whether events of all kinds arrive, as far as the host's answers have told; else epochs alone."""
        return self._batches is not None

    def send(self, events: Sequence[Event]) -> Outcome:
        """Sends events in their order, until one of them does not arrive.

        Args:
            events: at least one, at most `most`.
        """
        if self._batches is None:
            return self._send_epochs(events)
        content = to_json({"events": [event.model_dump() for event in events]})
        answer = self._post(self._batches, {"Content-Type": "application/json"}, content=content)
        if isinstance(answer, Outcome):
            return answer
        if answer.status_code in _NO_SUCH_ROUTE:
            self._batches = None
            return self._send_epochs(events)
        if answer.is_success:
            self._most = min(2 * self._most, _BATCH)
            return Outcome(len(events), "sent")
        outcome = self._judged(answer)
        if outcome.verdict == "rejected" and len(events) > 1:
            # One of them is too big, or differs from what the host has: smaller parts find out which.
            self._most = len(events) // 2
            return Outcome(0, "later", outcome.reason, pause=0.0)
        return outcome

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def _send_epochs(self, events: Sequence[Event]) -> Outcome:
        for count, event in enumerate(events):
            if event.kind != "epoch":
                continue  # the route of other hosts takes epochs alone
            content = to_json(event.body)
            headers = {IDEMPOTENCY_HEADER: event.key}
            if self._send_as_json:
                headers["Content-Type"] = "application/json"
                answer = self._post(self._path, headers, content=content)
            else:
                answer = self._post(self._path, headers, data={self._field: content})
            outcome = answer if isinstance(answer, Outcome) else self._judged(answer)
            if outcome.verdict != "sent":
                return Outcome(count, outcome.verdict, outcome.reason, outcome.pause)
        return Outcome(len(events), "sent")

    def _post(self, path: str, headers: Mapping[str, str], **content: Any) -> httpx.Response | Outcome:
        try:
            return self._client.request(
                "POST", path, headers={**headers, **self._headers}, retry=False, check=False, **content
            )
        except PlatformError as error:
            return Outcome(0, "later", str(error))

    def _judged(self, answer: httpx.Response) -> Outcome:
        if answer.is_success:
            return Outcome(0, "sent")
        reason = f"POST {self.target}: {answer.status_code} {answer.reason_phrase}".strip()
        if answer.status_code in RETRYABLE or answer.status_code >= 500:
            asked = answer.headers.get("retry-after", "")
            return Outcome(0, "later", reason, float(asked[:6]) if asked.isdecimal() else None)
        if answer.is_redirect:
            return Outcome(0, "refused", f"{reason}: give the address that it leads to")
        return Outcome(0, "refused" if answer.status_code in _NO_ACCESS else "rejected", reason)
