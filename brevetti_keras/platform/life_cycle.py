"""The life of a job around its `run()`: running, then completed, failed or stopped, whatever happens.

    result = LifeCycle(context, write_output).live(body)

An exception makes the job *failed* with its traceback as an artifact, and goes on up. Ctrl-C and SIGTERM make it
*stopped* and end the process with 130 and 143; what was saved stays, and `--resume` goes on from there.
"""

import logging
import os
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from brevetti_keras.io.local import atomic_write
from brevetti_keras.platform.arguments import is_interactive
from brevetti_keras.platform.interruption import Terminated, interruptible
from brevetti_keras.platform.job_context import JobContext
from brevetti_keras.platform.job_log import captured_log
from brevetti_keras.server.processes import process_identity
from brevetti_keras.utils.errors import BrevettiError
from brevetti_keras.wire import artifacts
from brevetti_keras.wire.events import status_body
from brevetti_keras.wire.records import JobState

_LOGGER = logging.getLogger(__name__)
_Result = TypeVar("_Result")
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
_MAX_MESSAGE = 500
_PATIENCE = 5.0


class LifeCycle:
    """Runs a job's body and reports how it went.

    Args:
        context: the job's parts.
        write_output: writes `output.json` as it is at the moment.
        again: whether the job has lived before, so that it may run although it ended.
    """

    def __init__(self, context: JobContext, write_output: Callable[[], object], *, again: bool = False) -> None:
        self._context = context
        self._write_output = write_output
        self._again = again or context.resumed

    def live(self, body: Callable[[], _Result]) -> _Result:
        """Runs `body` and returns what it returns.

        Raises:
            SystemExit: 130 after Ctrl-C (in an interactive session KeyboardInterrupt), 143 after SIGTERM.
            BaseException: whatever `body` raises, its text without secrets.
        """
        try:
            return self._lived(body)
        finally:
            self._context.reporter.ended()

    def _lived(self, body: Callable[[], _Result]) -> _Result:
        log = self._context.folder.path(artifacts.ARTIFACTS_FOLDER, artifacts.LOG)
        with captured_log(log, self._context.redactor), interruptible():
            try:
                self._begin()
                return body()
            except Terminated:
                self._stopped("SIGTERM")
                raise SystemExit(EXIT_TERMINATED) from None
            except KeyboardInterrupt:
                self._stopped("Ctrl-C")
                if is_interactive():
                    raise
                raise SystemExit(EXIT_INTERRUPTED) from None
            except BaseException as error:
                self._failed(error)
                raise

    def _begin(self) -> None:
        context = self._context
        epochs = getattr(context.settings, "epochs", None)
        more: dict[str, Any] = {"epochs": epochs} if isinstance(epochs, int) else {}
        if self._again:
            more["resumed"] = True
        context.reporter.report("status", status_body("running", **more, **process_identity()))
        _LOGGER.info("job %s (%s) is running in %s", context.config.id, context.config.name, context.folder.root)
        self._write_output()

    def _stopped(self, cause: str) -> None:
        message = f"stopped by {cause}"
        self._end("stopped", message)
        _LOGGER.warning("job %s %s; go on with --resume %s", self._context.config.id, message, self._context.config.id)

    def _failed(self, error: BaseException) -> None:
        self._context.redactor.exception(error)
        redact = self._context.redactor.text
        text = redact("".join(traceback.format_exception(error)))
        line = str(error) if isinstance(error, BrevettiError) else f"{type(error).__name__}: {error}"
        message = redact(line.strip().splitlines()[0] if line.strip() else type(error).__name__)[:_MAX_MESSAGE]
        try:
            path = os.path.join(self._context.folder.artifacts, artifacts.TRACEBACK)
            atomic_write(path, text.encode("utf-8", "backslashreplace"))
            self._context.reporter.artifact(artifacts.TRACEBACK, path)
        except BrevettiError as other:
            _LOGGER.warning("the traceback could not be kept: %s", other)
        _LOGGER.error("job %s failed: %s", self._context.config.id, message)
        self._end("failed", message)

    def _end(self, state: JobState, message: str) -> None:
        # What ended the job may also keep its end from being written, as a full disk does; the first cause counts.
        for step in (
            self._write_output,
            lambda: self._context.reporter.report("status", status_body(state, message)),
            self._send_log,
            lambda: self._context.reporter.flush(_PATIENCE),
        ):
            try:
                step()
            except BrevettiError as error:
                _LOGGER.warning("the job's end could not be recorded: %s", error)

    def _send_log(self) -> None:
        path = os.path.join(self._context.folder.artifacts, artifacts.LOG)
        self._context.reporter.artifact(artifacts.LOG, path)
