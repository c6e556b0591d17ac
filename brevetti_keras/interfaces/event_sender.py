"""`EventSender`, the background thread that mirrors an event log to a host.

    sender = EventSender(log, delivery)
    log.append("epoch", {...}); sender.notify()     # sent soon, in the background
    sender.flush(5.0)                               # True when all has arrived

log → what stands after the watermark → delivery → watermark. News are gathered for a moment, unless somebody waits, so
that many small ones take little of the training's time. The watermark (`<log>.sent`) is the last sequence that
the host took, so that the next sender on the log goes on there; what was sent and not yet marked is sent again, which
its key makes harmless. An outage delays; nothing is dropped but what the host says it will never take.
"""

import itertools
import logging
import threading
import time
from collections import deque
from pathlib import Path

from brevetti_keras.interfaces.event_delivery import EventDelivery, Outcome
from brevetti_keras.io.event_log import EventLog
from brevetti_keras.io.local import atomic_write
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import BrevettiError
from brevetti_keras.utils.scatter import scattered
from brevetti_keras.wire.events import Event

_LOGGER = logging.getLogger(__name__)
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_GATHERING = 0.2


class EventSender:
    """Sends what stands in a log, in order, each event once.

    Args:
        log: the log; others may append to it.
        delivery: where to.
    """

    def __init__(self, log: EventLog, delivery: EventDelivery) -> None:
        self._log = log
        self._delivery = delivery
        self._mark = Path(f"{log.path}.sent")
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._state = threading.Condition()
        self._news = threading.Event()  # something was appended
        self._hurry = threading.Event()  # somebody waits: no pause now
        self._closed = False
        self._idle = False
        self._tries = 0
        self._failed_try = 0
        self._failures = 0
        self._refused = False
        self._warned = False
        self._reason = ""
        self._rejected: list[Event] = []
        self._sent = self._read_mark()
        self._offset = 0
        self._waiting: deque[Event] = deque()

    @property
    def undelivered(self) -> tuple[Event, ...]:
        """The events that have not reached the host: those that it refused, and those that still wait."""
        waiting = self._log.read(after=self._sent, on_damage="skip")
        return (*self._rejected, *waiting)

    @property
    def reason(self) -> str:
        """Why the last failed try failed; empty if none did."""
        return self._reason

    def start(self) -> None:
        """Starts the thread, once; what an earlier process left unsent goes first."""
        with self._start_lock:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="event-sender", daemon=True)
                self._thread.start()

    def notify(self) -> None:
        """Tells that something was appended; costs the caller next to nothing."""
        if not self._news.is_set():
            with self._state:
                self._idle = False
                self._news.set()
        if self._thread is None:
            self.start()

    def flush(self, timeout: float = 10.0) -> bool:
        """Waits until everything has arrived, or the host refused it, or `timeout` seconds passed.

        Returns:
            Whether all has arrived.
        """
        return self._wait(timeout, patient=True)

    def settle(self, timeout: float) -> bool:
        """Waits like `flush`, but no longer than until one more try has failed: for the end of a `fit`."""
        return self._wait(timeout, patient=False)

    def close(self, timeout: float = 5.0) -> None:
        """Settles and ends the thread; what could not be sent stays in the log."""
        if self._thread is not None:
            self.settle(timeout)
        with self._start_lock:
            self._closed = True
        self._news.set()
        self._hurry.set()
        if self._thread is not None:
            self._thread.join(min(timeout, 0.5))
        else:
            self._delivery.close()

    def _wait(self, timeout: float, *, patient: bool) -> bool:
        self.start()
        deadline = time.monotonic() + timeout
        before = self._tries
        with self._state:
            # Others may have appended to the log without a word.
            self._idle = False
            self._news.set()
            while not (self._idle or self._refused or self._closed):
                remaining = deadline - time.monotonic()
                if remaining <= 0 or (not patient and self._failed_try > before):
                    break
                self._hurry.set()
                self._state.wait(min(remaining, 0.2))
        return not self.undelivered

    def _run(self) -> None:
        try:
            while not self._closed and not self._refused:
                if self._news.is_set():
                    self._hurry.wait(_GATHERING)
                    self._news.clear()
                try:
                    self._round()
                except (BrevettiError, OSError) as error:
                    self._failed(f"{self._log.path}: {error}", None)
        finally:
            self._delivery.close()
            with self._state:
                self._state.notify_all()

    def _round(self) -> None:
        """Sends one part of what waits, or waits for news."""
        events, self._offset = self._log.read_from(self._offset)
        self._waiting.extend(event for event in events if event.sequence > self._sent)
        if not self._waiting:
            with self._state:
                self._idle = not self._news.is_set()
                if self._idle:
                    self._hurry.clear()
                self._state.notify_all()
            self._news.wait()
            return
        self._tries += 1
        events = list(itertools.islice(self._waiting, self._delivery.most))
        outcome = self._delivery.send(events)
        self._done(events[: outcome.count])
        if outcome.verdict == "rejected":
            self._reject(events[outcome.count], outcome)
        elif outcome.verdict == "refused":
            self._reason, self._refused = outcome.reason, True
            self._warn(f"{outcome.reason}: nothing more is sent; the events stay in {self._log.path}")
        elif outcome.verdict == "later" and outcome.pause != 0.0:
            self._failed(outcome.reason, outcome.pause)
        else:
            self._failures = 0

    def _done(self, events: list[Event]) -> None:
        if events:
            for _ in events:
                self._waiting.popleft()
            self._sent = max(self._sent, events[-1].sequence)
            content = {"target": self._delivery.target, "sequence": self._sent}
            atomic_write(str(self._mark), to_json(content).encode())

    def _reject(self, event: Event, outcome: Outcome) -> None:
        self._rejected.append(event)
        self._reason = outcome.reason
        self._warn(
            f"{outcome.reason}: event {event.sequence} ({event.kind}) is not taken; it stays in {self._log.path}"
        )
        self._done([event])

    def _failed(self, reason: str, asked: float | None) -> None:
        self._reason = reason
        self._warn(f"{reason}; events wait in {self._log.path} and are sent once it answers")
        with self._state:
            self._failed_try = self._tries
            self._state.notify_all()
        pause = scattered(min(_FIRST_PAUSE * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE))
        self._failures += 1
        # Cleared first: who waits has this try's answer by now, and asks anew for the next.
        self._hurry.clear()
        self._hurry.wait(pause if asked is None else min(asked, _LONGEST_PAUSE))

    def _warn(self, text: str) -> None:
        # Once: an outage of hours is one line, not one an epoch.
        (_LOGGER.debug if self._warned else _LOGGER.warning)("%s", text)
        self._warned = True

    def _read_mark(self) -> int:
        try:
            mark = from_json(self._mark.read_bytes())
        except (OSError, BrevettiError):
            return 0
        known = isinstance(mark, dict) and mark.get("target") == self._delivery.target
        return int(mark["sequence"]) if known and isinstance(mark.get("sequence"), int) else 0
