"""`LatestWorker`, a background thread for work of which only the latest counts.

worker = LatestWorker()
worker.submit(lambda: upload(chart_of_epoch_7))     # returns at once; an older chart that still waits is dropped
worker.wait(5.0)
"""

import threading
from collections.abc import Callable

from brevetti_keras.interfaces.keras_hooks import unharmed


class LatestWorker:
    """Runs one task at a time; of those that come meanwhile, the last. What a task raises becomes a warning."""

    def __init__(self) -> None:
        self._state = threading.Condition()
        self._task: Callable[[], object] | None = None
        self._running = False

    def submit(self, task: Callable[[], object]) -> None:
        """Runs a task soon, in place of one that has not begun."""
        with self._state:
            self._task = task
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="latest-worker", daemon=True).start()

    def wait(self, timeout: float) -> bool:
        """Waits until nothing is left to do, `timeout` seconds at most, and returns whether that is so."""
        with self._state:
            return self._state.wait_for(lambda: not self._running, timeout)

    def _run(self) -> None:
        while True:
            with self._state:
                task, self._task = self._task, None
                if task is None:
                    self._running = False
                    self._state.notify_all()
                    return
            with unharmed("work in the background failed"):
                task()
