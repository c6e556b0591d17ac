"""`Attempts`: a request to Google Cloud Storage again and again while its failure may pass, then one clear line.

    facts = Attempts(Patience()).run("gs://vials/1.png", lambda again: …)

Retries are ours rather than the client's, since only who knows that a try went before can tell one's own write whose
acknowledgement was lost from another's.
"""

import http.client
import re
import time
from collections.abc import Callable
from typing import TypeVar

from brevetti_keras.io.google_client import DEADLINE, Patience
from brevetti_keras.utils.errors import (
    AccessError,
    BrevettiError,
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    StorageError,
)
from brevetti_keras.utils.lazy import lazy_import
from brevetti_keras.utils.scatter import scattered

api_errors = lazy_import("google.api_core.exceptions", install="google-api-core")
auth_errors = lazy_import("google.auth.exceptions", install="google-auth")
storage_errors = lazy_import("google.cloud.storage.exceptions", install="google-cloud-storage")
requests_errors = lazy_import("requests.exceptions", install="requests")
urllib3_errors = lazy_import("urllib3.exceptions", install="urllib3")

_Answer = TypeVar("_Answer")
_SAID = re.compile(r'"message": "((?:[^"\\]|\\.)*)"')
_SYSTEM = re.compile(r"\[Errno -?\d+\] ([\w ,]+)")
_ADDRESS = re.compile(r"^[A-Z]+ \S+: ")
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_MOST_CORRUPT = 3
_KINDS: dict[int, type[BrevettiError]] = {
    400: InvalidInputError,
    401: AccessError,
    403: AccessError,
    404: NotFoundError,
    409: ConflictError,
    412: ConflictError,
}


class CorruptionError(Exception):
    """What arrived differs from its checksum; the text says how."""


class Attempts:
    """Runs requests.

    Args:
        patience: how long.
        sleep: waits so many seconds.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        patience: Patience,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.patience = patience
        self._sleep = sleep
        self._clock = clock

    def run(self, url: str, request: Callable[[bool], _Answer]) -> _Answer:
        """Returns what `request` returns.

        Args:
            url: what it is about, named in errors.
            request: sends it; is told whether an earlier try may have had its effect.

        Raises:
            StorageError: if there was no sound answer within the deadline.
            IntegrityError: if content arrived damaged again and again.
            AccessError, NotFoundError, ConflictError, InvalidInputError: by the answer's status.
        """
        end = self._clock() + self.patience.deadline
        wait, corrupt, again = self.patience.first_wait, 0, False
        while True:
            try:
                return request(again)
            except _failures() as error:
                if isinstance(error, (CorruptionError, storage_errors.DataCorruption)):
                    corrupt += 1
                    if corrupt == _MOST_CORRUPT:
                        raise _damaged(url, error) from error
                elif not _passes(error):
                    raise _translated(url, error) from error
                if self._clock() + wait > end:
                    raise self._late(url, error) from error
            again = True
            self._sleep(scattered(wait))
            wait = min(2 * wait, self.patience.longest_wait)

    def _late(self, url: str, error: BaseException) -> StorageError:
        return StorageError(
            f"{url}: expected an answer from Google Cloud Storage within {self.patience.deadline:g} s, the last was "
            f"{_reason(error)}: try again later, or raise {DEADLINE}"
        )


def _failures() -> tuple[type[BaseException], ...]:
    return (
        CorruptionError,
        api_errors.GoogleAPIError,
        auth_errors.GoogleAuthError,
        storage_errors.InvalidResponse,
        storage_errors.DataCorruption,
        requests_errors.RequestException,
        urllib3_errors.HTTPError,
        http.client.HTTPException,
        ConnectionError,
        TimeoutError,
    )


def _status(error: BaseException) -> int | None:
    code = getattr(error, "code", None)
    if code is None and isinstance(error, storage_errors.InvalidResponse):
        code = error.response.status_code
    return int(code) if code is not None else None


def _passes(error: BaseException) -> bool:
    status = _status(error)
    if status is not None:
        return status in _PASSING
    if isinstance(error, auth_errors.GoogleAuthError):
        return bool(getattr(error, "retryable", False)) or isinstance(error, auth_errors.TransportError)
    # What else ends without a status never reached the service, or its answer never reached us.
    return not isinstance(error, (requests_errors.InvalidURL, requests_errors.InvalidSchema))


def _translated(url: str, error: BaseException) -> BrevettiError:
    status = _status(error)
    if isinstance(error, auth_errors.GoogleAuthError) or status == 401:
        return AccessError(
            f"{url}: expected credentials that Google Cloud Storage takes, it refused these ({_reason(error)}): run "
            "'gcloud auth application-default login' again"
        )
    if status == 403:
        return AccessError(f"{url}: expected the right to do this, the credentials have it not ({_reason(error)})")
    kind = _KINDS.get(status or 0, StorageError)
    return kind(f"no file {url}" if kind is NotFoundError else f"{url}: {_reason(error)}")


def _damaged(url: str, error: BaseException) -> IntegrityError:
    return IntegrityError(
        f"{url}: expected content that fits its crc32c, received damaged content {_MOST_CORRUPT} times "
        f"({_reason(error)}): compare it with its source"
    )


def _reason(error: BaseException) -> str:
    """What went wrong, as the service says it, without the address and the client's own words around it."""
    text = " ".join(str(getattr(error, "message", "") or error).split())
    status = _status(error)
    if status is None:
        if not isinstance(error, (requests_errors.RequestException, urllib3_errors.HTTPError)):
            return text[:200] or type(error).__name__
        # Theirs is a long text of addresses around what the system said.
        system = _SYSTEM.search(text)
        return system.group(1) if system is not None else f"no answer ({type(error).__name__})"
    said = _SAID.search(text)
    text = said.group(1) if said is not None else _ADDRESS.sub("", text)
    return f"{status}: {text[:200]}"
