"""Error answers: `{"error": "one line"}` with the status that the kind of error stands for.

400 not understood · 401 no valid key · 403 not from here · 404 not there · 409 in conflict · 413 too large
415 wrong content type · 421 wrong host · 422 a value that cannot be used · 503 busy · 507 disk full
"""

import errno
import json

from starlette.responses import Response

from brevetti_keras.utils.errors import (
    AccessError,
    BrevettiError,
    ConflictError,
    DataError,
    IntegrityError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    PlatformError,
    SettingsError,
    StorageError,
)

NO_KEY = "expected a key ('Authorization: Bearer KEY') or the session that the server's one-time link opens"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_STATUS: tuple[tuple[type[BrevettiError], int], ...] = (
    (SettingsError, 422),
    (InvalidInputError, 422),
    (DataError, 422),
    (NotFoundError, 404),
    (ConflictError, 409),
    (AccessError, 403),
    (PlatformError, 503),
    (MissingDependencyError, 501),
    (IntegrityError, 500),
    (StorageError, 500),
)


class Refused(Exception):  # noqa: N818 - an answer more than an error
    """A request that is answered with an error before any route sees it.

    Args:
        status: of the answer.
        reason: one line that repeats nothing of the request.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def error_answer(status: int, reason: str) -> Response:
    """Returns an error answer; `reason` is cut to one line."""
    # Escaped, so that no reader takes what a reason names for markup, and no half of a character stops it.
    text = json.dumps({"error": " ".join(reason.split())}, separators=(",", ":")).replace("<", "\\u003c")
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(text, status, headers, "application/json")


def status_of(error: BrevettiError) -> int:
    """Returns the HTTP status that an error of ours stands for."""
    if isinstance(error, StorageError) and error.errno in _FULL:
        return 507
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
