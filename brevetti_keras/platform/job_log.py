"""Writes what a job logs, and its warnings, to `log.txt`, without secrets.

    with captured_log("/data/jobs/3f2a/artifacts/log.txt", redactor):
        logging.getLogger(__name__).info("100 images")        # also lands in the file

What would reach the screen still does; a full disk silences the file and nothing else.
"""

import contextlib
import logging
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from brevetti_keras.utils.redact import RedactingFilter, Redactor

_FORMAT = "%(asctime)sZ %(levelname)s %(name)s: %(message)s"


class _JobLogHandler(logging.FileHandler):
    """Appends lines; a line that cannot be written is lost rather than the job."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line; the file is opened with the first."""
        with contextlib.suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Says nothing: the file's absence is the message, and the job's own writes report a full disk."""


@contextmanager
def captured_log(path: str, redactor: Redactor) -> Iterator[None]:
    """Appends what is logged in this process, and its warnings, to a file until the block ends.

    Args:
        path: of the log file.
        redactor: what must not stand in it, nor in what other handlers show meanwhile.
    """
    root, own = logging.getLogger(), logging.getLogger("brevetti_keras")
    handlers: list[logging.Handler] = [_JobLogHandler(path, encoding="utf-8", delay=True)]
    formatter = logging.Formatter(_FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handlers[0].setFormatter(formatter)
    if not root.handlers:
        # Without a handler Python shows warnings and errors on the screen; with only ours it would no more.
        screen = logging.StreamHandler(sys.stderr)
        screen.setLevel(logging.WARNING)
        handlers.append(screen)
    clean = RedactingFilter(redactor)
    filtered = [*handlers, *root.handlers]
    previous_level, previous_factory = own.level, warnings.showwarning
    for handler in filtered:
        handler.addFilter(clean)
    for handler in handlers:
        root.addHandler(handler)
    if own.level == logging.NOTSET:
        own.setLevel(logging.INFO)
    warnings.showwarning = _noting(handlers[0], previous_factory)
    try:
        yield
    finally:
        warnings.showwarning = previous_factory
        own.setLevel(previous_level)
        for handler in filtered:
            handler.removeFilter(clean)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


def _noting(handler: logging.Handler, show: Callable[..., None]) -> Callable[..., None]:
    """Returns a `warnings.showwarning` that writes to the log first and then does what `show` did."""
    busy = threading.local()

    def showwarning(message: Any, category: type[Warning], filename: str, lineno: int, *rest: Any) -> None:
        if not getattr(busy, "writing", False):
            busy.writing = True
            try:
                text = f"{category.__name__}: {message} ({filename}:{lineno})"
                handler.handle(logging.LogRecord("warnings", logging.WARNING, filename, lineno, text, (), None))
            finally:
                busy.writing = False
        show(message, category, filename, lineno, *rest)

    return showwarning
