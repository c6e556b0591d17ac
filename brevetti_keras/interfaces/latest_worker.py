"""`LatestWorker`, a background thread for work of which only the latest counts.

worker = LatestWorker(pause=2.0)
worker.submit(lambda: upload(chart_of_epoch_7))     # returns at once; an older chart that still waits is dropped
worker.wait(5.0)                                    # ends the pause
"""

import threading
import time
from collections.abc import Callable

from brevetti_keras.interfaces.keras_hooks import unharmed


class LatestWorker:
    """Runs one task at a time; of those that come meanwhile, the last. What a task raises becomes a warning.

    Args:
        pause: seconds from one task's end to the next's beginning, at least, unless somebody waits. Short epochs make
            many tasks, and each takes processor time from the training.
    """

    def __init__(self, pause: float = 0.0) -> None:
        self._state = threading.Condition()
        self._task: Callable[[], object] | None = None
        self._running = False
        self._waiting = 0
        self._pause = pause
        self._rested = 0.0  # when the next task may begin

    def submit(self, task: Callable[[], object]) -> None:
        """Runs a task soon, in place of one that has not begun."""
        with self._state:
            self._task = task
            if not self._running:
                # Where the system has no thread to give, nothing runs, and nobody may wait for it.
                threading.Thread(target=self._run, name="latest-worker", daemon=True).start()
                self._running = True

    def wait(self, timeout: float) -> bool:
        """Waits until nothing is left to do, `timeout` seconds at most, and returns whether that is so."""
        with self._state:
            self._waiting += 1
            self._state.notify_all()
            try:
                return self._state.wait_for(lambda: not self._running, timeout)
            finally:
                self._waiting -= 1

    def _run(self) -> None:
        while (task := self._next()) is not None:
            with unharmed("work in the background failed"):
                task()
            # What it holds, perhaps a whole network, is not kept over the pause.
            del task
            self._rested = time.monotonic() + self._pause

    def _next(self) -> Callable[[], object] | None:
        """Returns the task whose turn it is, after the pause, or None when the thread may end."""
        with self._state:
            if self._task is not None:
                self._state.wait_for(lambda: self._waiting > 0, max(0.0, self._rested - time.monotonic()))
            task, self._task = self._task, None
            if task is None:
                self._running = False
                self._state.notify_all()
            return task
