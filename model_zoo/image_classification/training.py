"""Keeps account of a training: a row an epoch, the best epoch's weights, and when to stop.

    record = TrainingRecord(history_path, best_folder, settings.early_stopping)
    first = record.resume(job.restore(model))
    model.fit(…, initial_epoch=first, callbacks=[record, …])
    record.restore_best(model)
    record.history                      # loss, accuracy, val_loss, … by epoch

All of it lies in files after each epoch, so a resumed job knows its first half.
"""

import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd

from brevetti_keras.data.tensor_errors import own_error
from brevetti_keras.interfaces.keras_hooks import KerasHooks, Logs
from brevetti_keras.io.local import atomic_write
from brevetti_keras.platform.checkpoints import Checkpoints
from brevetti_keras.utils.errors import DataError
from brevetti_keras.utils.lazy import lazy_import
from model_zoo.image_classification.model_type import EarlyStopping

tf = lazy_import("tensorflow")

_LOGGER = logging.getLogger("brevetti_keras.model_zoo.image_classification")
MONITORED = "val_loss"


@contextmanager
def plain_errors() -> Iterator[None]:
    """Raises an error of ours inside the data pipeline as itself, instead of TensorFlow's pages that hold it."""
    try:
        yield
    except tf.errors.OpError as error:
        own = own_error(error)
        if own is None:
            raise
        raise own from error


class TrainingRecord(KerasHooks):
    """Writes the history, keeps the best weights, stops when nothing improves.

    Unlike reports, it may stop `fit`: by early stopping, and with DataError when the loss is no number any more.

    Args:
        history_path: CSV of one row an epoch.
        best_folder: where the best epoch's weights lie.
        early_stopping: when to stop.
    """

    def __init__(self, history_path: str, best_folder: str, early_stopping: EarlyStopping) -> None:
        super().__init__()
        self._history_path = history_path
        self._best = Checkpoints(best_folder, keep=1)
        self._early_stopping = early_stopping
        self._began = time.monotonic()
        self.history = pd.DataFrame(columns=["epoch"])
        self.stopped_early = False

    @property
    def best_epoch(self) -> int | None:
        """The epoch (from 0) with the smallest devel loss; of equals the first. None before the first."""
        if self.history.empty:
            return None
        best, at = math.inf, 0
        for epoch, loss in zip(self.history["epoch"], self.history[MONITORED], strict=True):
            if loss < best - self._early_stopping.min_delta:
                best, at = loss, epoch
        return int(at)

    def resume(self, done: int) -> int:
        """Reads the account of earlier epochs.

        Args:
            done: how many are done.

        Returns:
            `done`, which is `fit`'s `initial_epoch`.
        """
        if done and os.path.isfile(self._history_path):
            found = pd.read_csv(self._history_path)
            self.history = found[found["epoch"] < done].reset_index(drop=True)
        return done

    @property
    def finished(self) -> bool:
        """Whether the patience is used up."""
        patience, best = self._early_stopping.patience, self.best_epoch
        return bool(patience) and best is not None and int(self.history["epoch"].iloc[-1]) - best >= patience

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Starts the epoch's clock."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Writes the epoch down.

        Raises:
            DataError: if a loss is not finite.
        """
        values = {name: float(value) for name, value in (logs or {}).items()}
        for name in ("loss", MONITORED):
            if not math.isfinite(values.get(name, 0.0)):
                raise DataError(
                    f"expected a finite {name}, received {values[name]} in epoch {epoch + 1}: lower learning_rate, "
                    "or check that image_pipeline.rescale gives the network values in a small range"
                )
        row = pd.DataFrame([{"epoch": epoch, **values, "seconds": time.monotonic() - self._began}])
        self.history = row if self.history.empty else pd.concat([self.history, row], ignore_index=True)
        atomic_write(self._history_path, self.history.to_csv(index=False).encode("utf-8"))
        if self._early_stopping.restore_best and self.best_epoch == epoch:
            self._best.save(self.model, epoch + 1)
        if self.finished:
            self.stopped_early = True
            self.model.stop_training = True

    def restore_best(self, model: Any) -> None:
        """Gives a model the best epoch's weights, if the settings ask for them."""
        if self._early_stopping.restore_best:
            self._best.restore(model)
            _LOGGER.info("kept the weights of epoch %d, whose devel loss was the smallest", (self.best_epoch or 0) + 1)
