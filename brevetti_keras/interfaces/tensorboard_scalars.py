"""TensorBoard's event files, as far as they hold numbers.

    events = ScalarEvents("artifacts/tensorboard/train")
    events.write(0, {"epoch_loss": 0.5})             # readable at once, also if the process is killed now
    events.close()

An event file is a file of TensorFlow's records, each an `Event` message. `EpochScalars` writes what
`keras.callbacks.TensorBoard` writes by default, at a small part of its cost, which is spent on the way through
`tf.summary`, made for graphs.
"""

import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from brevetti_keras.interfaces.keras_hooks import KerasHooks, Logs
from brevetti_keras.utils.lazy import lazy_import

keras = lazy_import("keras")
tf = lazy_import("tensorflow")

_VALIDATION = "val_"


class ScalarEvents:
    """One event file, made by the first `write`.

    Args:
        folder: where it lies; TensorBoard takes each folder for a line of its charts.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._writer: Any = None

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        """Adds one point to each of several charts.

        Args:
            step: where on the axis, an epoch from 0 or a batch.
            values: tags to numbers.

        Raises:
            TypeError, ValueError: for what is no number; the file is then as it was.
            tf.errors.OpError: if the file cannot be written.
        """
        event = tf.compat.v1.Event(wall_time=time.time(), step=step)
        for tag, value in values.items():
            scalar = event.summary.value.add(tag=tag)
            scalar.metadata.plugin_data.plugin_name = "scalars"
            scalar.tensor.dtype = tf.float32.as_datatype_enum
            scalar.tensor.tensor_shape.SetInParent()
            scalar.tensor.float_val.append(float(value))
        if self._writer is None:
            self._writer = self._opened()
        self._writer.write(event.SerializeToString())
        self._writer.flush()

    def close(self) -> None:
        """Ends the file; the next `write` begins another."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _opened(self) -> Any:
        now = time.time_ns()
        os.makedirs(self._folder, exist_ok=True)
        # TensorBoard reads what has `tfevents` in its name, several files of a folder in the order of their names.
        name = f"events.out.tfevents.{now // 10**9:010d}.{socket.gethostname()}.{os.getpid()}.{now % 10**9:09d}.v2"
        writer = tf.io.TFRecordWriter(os.path.join(self._folder, name))
        writer.write(tf.compat.v1.Event(wall_time=now / 1e9, file_version="brain.Event:2").SerializeToString())
        return writer


class EpochScalars(KerasHooks):
    """Writes each epoch's metrics and learning rate, and each evaluation's metrics, into `train` and `validation`.

    Args:
        folder: in which the two lie.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._train = ScalarEvents(os.path.join(folder, "train"))
        self._validation = ScalarEvents(os.path.join(folder, "validation"))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Writes the epoch's numbers."""
        if not logs:
            return
        parts: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for name, value in logs.items():
            parts[name.startswith(_VALIDATION)][f"epoch_{name.removeprefix(_VALIDATION)}"] = value
        training, validation = parts
        self._train.write(epoch, {**training, **_learning_rates(getattr(self.model, "optimizer", None))})
        if validation:
            self._validation.write(epoch, validation)

    def on_test_end(self, logs: Logs = None) -> None:
        """Writes an evaluation's numbers over the batches trained until then."""
        iterations = getattr(getattr(self.model, "optimizer", None), "iterations", None)
        if iterations is not None and logs:
            values = {f"evaluation_{name}_vs_iterations": value for name, value in logs.items()}
            self._validation.write(_number(iterations, int), values)

    def on_train_end(self, logs: Logs = None) -> None:
        """Closes the files."""
        self._train.close()
        self._validation.close()


def _learning_rates(optimizer: Any) -> dict[str, float]:
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    several = getattr(optimizer, "optimizers", None)
    if several is not None:
        return {f"epoch_learning_rate_{one.name}": _number(one.learning_rate, float) for one in several}
    rate = getattr(optimizer, "learning_rate", None)
    return {} if rate is None else {"epoch_learning_rate": _number(rate, float)}


def _number(value: Any, kind: Any) -> Any:
    return kind(keras.ops.convert_to_numpy(value))
