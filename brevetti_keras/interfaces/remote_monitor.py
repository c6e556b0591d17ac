"""`RemoteMonitor`, the callback that reports each epoch: local log first, the network as its mirror.

    monitor = RemoteMonitor(root=job.host_name, path=job.api_endpoints["remote"])
    model.fit(x, callbacks=[monitor])

Keras' logs → one event in a checksummed log → a background thread sends it. With a `file://` root the log is the
job's own in that workspace, which the service reads, and nothing is sent. A dead, hanging or refusing host costs the
training nothing and loses nothing: what it did not take stays in the log.
"""

import logging
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from brevetti_keras.interfaces.event_delivery import EventDelivery, job_of
from brevetti_keras.interfaces.event_sender import EventSender
from brevetti_keras.interfaces.keras_hooks import KerasHooks, Logs, unharmed
from brevetti_keras.io.event_log import EventLog
from brevetti_keras.io.open import local_path_of
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.encode import to_jsonable
from brevetti_keras.utils.errors import BrevettiError, InvalidInputError
from brevetti_keras.wire.artifacts import EVENT_LOG
from brevetti_keras.wire.events import Event, epoch_body

_LOGGER = logging.getLogger(__name__)
_END_OF_FIT = 5.0
_END_OF_PROCESS = 2.0


class RemoteMonitor(KerasHooks):
    """Reports the metrics of training as they come.

    Args:
        root: `http(s)://host`, or `file:///workspace`.
        path: where epochs are posted, below the root: a job's `api_endpoints["remote"]`.
        field: the form's field that carries the epoch as JSON.
        headers: of the requests, besides our own.
        send_as_json: post the epoch as a JSON body, not as a form.
        every: `"epoch"`, or a number of batches after which the metrics so far are reported too.
        log: path of the log for a host; by default in a private temporary folder. What an earlier monitor left unsent
            in a log is sent by the next on it.
        transport: httpx transport in the network's place.

    Raises:
        InvalidInputError: for a root, path or `every` that cannot be used. Nothing is raised later on.
    """

    def __init__(
        self,
        root: str,
        path: str,
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
        every: Literal["epoch"] | int = "epoch",
        *,
        log: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__()
        self._every = _batches_between(every)
        # So that Keras runs batches ahead of the callbacks where this one looks at none.
        self.async_safe = self._every is None
        self._epoch = 0
        self._batches = 0
        self._sender: EventSender | None = None
        workspace = local_path_of(root) if root and root.startswith("file:") else None
        if workspace is not None:
            self._log = EventLog(_workspace_log(workspace, path))
            return
        delivery = EventDelivery(
            root, path, field=field, headers=headers, send_as_json=send_as_json, transport=transport
        )
        private = tempfile.mkdtemp(prefix="brevetti-keras-") if log is None else None
        self._log = EventLog(str(Path(private) / EVENT_LOG) if private is not None else str(log))
        self._sender = EventSender(self._log, delivery)
        weakref.finalize(self, _end, self._sender, private)

    def __call__(self, epoch: int, logs: Mapping[str, Any]) -> bool:
        """Reports one epoch by hand and returns whether it stands in the log.

        Args:
            epoch: from 0.
            logs: names to numbers.
        """
        return self._report(epoch, logs)

    @property
    def log_path(self) -> str:
        """Where the log lies."""
        return self._log.path

    @property
    def undelivered(self) -> tuple[Event, ...]:
        """The events that have not reached the host; those of a workspace are always there."""
        return self._sender.undelivered if self._sender is not None else ()

    def flush(self, timeout: float = 10.0) -> bool:
        """Waits until all events have arrived, or the host refused them, or `timeout` seconds passed.

        Returns:
            Whether all have arrived.
        """
        return self._sender is None or self._sender.flush(timeout)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Starts sending what an earlier monitor left in the log."""
        if self._sender is not None:
            self._sender.start()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Takes the epoch's number."""
        self._epoch = epoch
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Reports the metrics so far after each `every` batches."""
        if self._every is not None:
            self._batches += 1
            if self._batches % self._every == 0:
                self._report(self._epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Reports the epoch."""
        self._report(epoch, logs)

    def on_train_end(self, logs: Logs = None) -> None:
        """Waits a bounded time for what is under way, and tells once of what has not arrived."""
        if self._sender is None:
            return
        with unharmed("the metrics were not sent"):
            if not self._sender.settle(_END_OF_FIT):
                missing = len(self._sender.undelivered)
                _LOGGER.warning(
                    "%s not arrived (%s); the log is %s",
                    counted(missing, "reported event has", "reported events have"),
                    self._sender.reason or f"no answer in {_END_OF_FIT:g} s",
                    self._log.path,
                )

    def _report(self, epoch: int, logs: Logs) -> bool:
        with unharmed("the metrics were not logged") as report:
            self._log.append("epoch", _body(epoch, logs or {}))
            if self._sender is not None:
                self._sender.notify()
        return report.good


def _body(epoch: int, logs: Mapping[str, Any]) -> dict[str, Any]:
    """The event's body; what JSON cannot hold is left out rather than the whole epoch."""
    try:
        return epoch_body(epoch, logs)
    except InvalidInputError:
        usable = {name: value for name, value in logs.items() if _usable(value)}
        _LOGGER.warning("not reported, since they are no numbers: %s", ", ".join(sorted(set(logs) - set(usable))))
        return epoch_body(epoch, usable)


def _usable(value: Any) -> bool:
    try:
        to_jsonable(value)
    except InvalidInputError:
        return False
    return True


def _batches_between(every: Any) -> int | None:
    if every == "epoch":
        return None
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise InvalidInputError(f"expected every='epoch' or a number of batches from 1 on, received {every!r}")
    return every


def _workspace_log(workspace: str, path: str) -> str:
    job = job_of(path)
    if job is None:
        raise InvalidInputError(
            "expected a path like /api/models/JOB/remotemonitor below a file:// root, "
            f"received {urlsplit(path).path[:80]!r}: give the job's api_endpoints['remote']"
        )
    return str(Path(workspace) / "jobs" / job / EVENT_LOG)


def _end(sender: EventSender, private: str | None) -> None:
    """Runs when the monitor is no longer needed, at the latest when the process ends."""
    try:
        sender.close(_END_OF_PROCESS)
        if private is not None and not sender.undelivered:
            shutil.rmtree(private, ignore_errors=True)
    except BrevettiError as error:
        _LOGGER.warning("the metrics were not sent: %s", error)
