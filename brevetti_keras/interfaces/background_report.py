"""`BackgroundReport`, a report that is written once, beside the first epochs.

    class SizesReport(BackgroundReport):
        what = "the sizes"

        def __call__(self) -> bool:
            ...

The first epoch does not wait for thousands of tiles or rows; `fit` ends when they are written, or a bounded time later.
"""

import logging
from abc import ABC, abstractmethod

from brevetti_keras.interfaces.keras_hooks import KerasHooks, Logs
from brevetti_keras.interfaces.latest_worker import LatestWorker

_LOGGER = logging.getLogger(__name__)


class BackgroundReport(KerasHooks, ABC):
    """A callback that calls itself when training begins, in a thread of its own.

    Args:
        patience: seconds that the end of training waits for it.
    """

    what = "the report"

    def __init__(self, patience: float = 60.0) -> None:
        super().__init__()
        self._patience = patience
        self._worker = LatestWorker()

    @abstractmethod
    def __call__(self) -> bool:
        """Writes it now and returns whether that worked; if not, a warning tells why."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begins to write it."""
        self._worker.submit(self)

    def on_train_end(self, logs: Logs = None) -> None:
        """Waits a bounded time until it is written."""
        if not self._worker.wait(self._patience):
            _LOGGER.warning("%s took longer than the training and %g s: not yet written", self.what, self._patience)
