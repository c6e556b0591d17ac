"""The one HTTP client: every request has a timeout, retries what may be retried, and fails with one line.

    client = HttpClient("https://platform.example", token=SecretStr("…"))
    client.request("GET", "/api/jobs").json()

The transport and the clock are passed in, so tests need no sockets. No redirect is followed, so that a key is never
handed on to another host. What is logged or raised never shows a query or a password.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from brevetti_keras.utils.errors import (
    AccessError,
    BrevettiError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PlatformError,
    StorageError,
)
from brevetti_keras.utils.redact import RedactingFilter, Redactor
from brevetti_keras.utils.scatter import scattered

RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_MAX_DELAY = 30.0
_ERRORS: dict[int, type[BrevettiError]] = {
    400: InvalidInputError,
    401: AccessError,
    403: AccessError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidInputError,
    415: InvalidInputError,
    422: InvalidInputError,
    507: StorageError,
}


class HttpClient:
    """Sends requests to one host.

    Args:
        base_url: scheme, host and port, put before each path.
        token: sent as `Authorization: Bearer`.
        timeout: seconds to connect, and between two bytes of an answer.
        retries: how often a request is repeated after a connection error or an answer that may pass (408, 429, 5xx).
        transport: httpx transport in the network's place.
        sleep: waits so many seconds between two tries.
    """

    def __init__(
        self,
        base_url: str = "",
        *,
        token: SecretStr | None = None,
        timeout: float = 10.0,
        retries: int = 3,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        _keep_queries_out_of_logs()
        self.base_url = base_url.rstrip("/")
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token is not None else {}
        self._redactor = Redactor([token.get_secret_value()] if token is not None else [])
        self._retries = retries
        self._sleep = sleep
        self._client = httpx.Client(
            base_url=self.base_url, headers=headers, timeout=timeout, transport=transport, follow_redirects=False
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        retry: bool | None = None,
        check: bool = True,
        **content: Any,
    ) -> httpx.Response:
        """Sends one request and returns the answer.

        Args:
            method: GET, POST, …
            path: below the base URL, its query included, or a whole URL.
            headers: besides the client's own.
            retry: whether it may be sent again; by default when the method repeats harmlessly or the headers carry
                an Idempotency-Key.
            check: raise for an answer of 400 and above.
            **content: httpx's own `params`, `json`, `data`, `content`.

        Raises:
            PlatformError: if the host cannot be reached, or fails.
            AccessError, NotFoundError, ConflictError, InvalidInputError, StorageError: by the answer's status.
        """
        if retry is None:
            retry = method.upper() in _REPEATABLE or "idempotency-key" in {name.lower() for name in headers or {}}
        attempts = 1 + (self._retries if retry else 0)
        response: httpx.Response | None = None
        for attempt in range(attempts):
            last = attempt == attempts - 1
            try:
                response = self._client.request(method, path, headers=dict(headers or {}), **content)
            except httpx.TransportError as error:
                if last:
                    raise PlatformError(self._unreachable(method, path, error)) from None
                self._sleep(_delay(attempt))
                continue
            except httpx.InvalidURL:
                raise InvalidInputError(f"expected a URL, received {self._where(path)!r}") from None
            if last or response.status_code not in RETRYABLE:
                break
            self._sleep(_delay(attempt, response.headers.get("retry-after")))
        if response is None:
            raise PlatformError(f"no answer to {method} {self._where(path)}")
        if check and response.status_code >= 300:
            raise self._failure(method, path, response)
        return response

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _where(self, path: str) -> str:
        url = urlsplit(path if "://" in path else f"{self.base_url}{path}")
        return self._redactor.text(f"{url.scheme}://{url.hostname or ''}{f':{url.port}' if url.port else ''}{url.path}")

    def _unreachable(self, method: str, path: str, error: httpx.TransportError) -> str:
        reason = str(error) or type(error).__name__
        return self._redactor.text(
            f"{method} {self._where(path)}: no answer ({reason}): is the platform running, and the address right?"
        )

    def _failure(self, method: str, path: str, response: httpx.Response) -> BrevettiError:
        kind = _ERRORS.get(response.status_code, PlatformError)
        return kind(self._redactor.text(f"{_detail(response)} ({method} {self._where(path)}: {response.status_code})"))


def _detail(response: httpx.Response) -> str:
    """The line that the answer carries, else the status in words."""
    try:
        body = response.json()
    except ValueError:
        body = None
    detail = body.get("detail", body.get("error")) if isinstance(body, dict) else None
    return detail[:500] if isinstance(detail, str) and detail else response.reason_phrase or "the platform refused"


def _delay(attempt: int, retry_after: str | None = None) -> float:
    """Seconds to wait: what the host asked for, else doubling from a half, spread so that clients scatter."""
    if retry_after is not None and retry_after.isdecimal():
        return min(float(retry_after), _MAX_DELAY)
    return scattered(min(0.5 * 2.0**attempt, _MAX_DELAY))


def _keep_queries_out_of_logs() -> None:
    # httpx logs each request's whole URL at INFO, a job's key in its query included.
    logger = logging.getLogger("httpx")
    if not any(isinstance(known, RedactingFilter) for known in logger.filters):
        logger.addFilter(RedactingFilter(Redactor()))
