"""`TensorBoard`, a training for TensorBoard in a job's artifacts.

model.fit(x, callbacks=[TensorBoard(job)])                       # metrics and learning rate of each epoch
model.fit(x, callbacks=[TensorBoard(job, histogram_freq=1)])     # whatever Keras' own callback can write
TensorBoard(job)({"loss": [0.9, 0.5]})                           # a history that is there already
"""

from collections.abc import Mapping
from typing import Any

from brevetti_keras.interfaces.charts_training import read_history
from brevetti_keras.interfaces.job_like import JobLike
from brevetti_keras.interfaces.keras_hooks import KerasHooks, Logs, unharmed
from brevetti_keras.interfaces.tensorboard_scalars import EpochScalars, ScalarEvents
from brevetti_keras.utils.lazy import lazy_import
from brevetti_keras.wire.artifacts import TENSORBOARD_FOLDER

keras = lazy_import("keras")

_WARNING = "TensorBoard's files were not written"


class TensorBoard(KerasHooks):
    """Writes event files while the model trains; after a first failure it leaves the training alone.

    Args:
        job: whose artifact they are.
        **options: those of `keras.callbacks.TensorBoard` but `log_dir`, for example `histogram_freq=1`; with any, that
            callback writes the files.

    Attributes:
        async_safe: tells Keras that nothing here looks at a batch, so that it may run batches ahead of the callbacks.
    """

    def __init__(self, job: JobLike, **options: Any) -> None:
        super().__init__()
        self._job = job
        self._options = options
        self.async_safe = not options
        self._inner: Any = None

    def __call__(self, history: Any = None) -> bool:
        """Writes a history and returns whether that worked; if not, a warning tells why.

        Args:
            history: what `training_history` takes; by default the one of the model that was trained last.
        """
        with unharmed(_WARNING) as report:
            self._write(getattr(self.model, "history", None) if history is None else history)
        return report.good

    def set_model(self, model: Any) -> None:
        """Makes what writes the files, which needs the model."""
        super().set_model(model)
        with unharmed(_WARNING):
            folder = self._folder()
            inner: Any = EpochScalars(folder)
            if self._options:
                inner = keras.callbacks.TensorBoard(folder, **{"write_graph": False, **self._options})
            inner.set_params(self.params)
            inner.set_model(model)
            self._inner = inner

    def set_params(self, params: Mapping[str, Any] | None) -> None:
        """Passes them on."""
        super().set_params(params)
        self._pass_on("set_params", self.params)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Passes it on."""
        self._pass_on("on_train_begin", logs)

    def on_train_end(self, logs: Logs = None) -> None:
        """Passes it on, and closes the files."""
        self._pass_on("on_train_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Passes it on."""
        self._pass_on("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Passes it on."""
        self._pass_on("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Passes it on to Keras' callback."""
        if self._options:
            self._pass_on("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Passes it on to Keras' callback."""
        if self._options:
            self._pass_on("on_train_batch_end", batch, logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        """Passes it on."""
        self._pass_on("on_test_begin", logs)

    def on_test_end(self, logs: Logs = None) -> None:
        """Passes it on."""
        self._pass_on("on_test_end", logs)

    def _pass_on(self, hook: str, *arguments: Any) -> None:
        if self._inner is None:
            return
        with unharmed(_WARNING) as report:
            getattr(self._inner, hook)(*arguments)
        if not report.good:
            self._inner = None

    def _folder(self) -> str:
        return self._job.artifact_path(TENSORBOARD_FOLDER, dir=True)

    def _write(self, history: Any) -> None:
        folder = self._folder()
        if history is None:
            return
        frame = read_history(history)
        for prefix, part in (("", "train"), ("val_", "validation")):
            columns = {
                str(name): f"epoch_{str(name).removeprefix('val_')}"
                for name in frame.columns
                if name not in {"epoch", "nonfinite"} and str(name).startswith("val_") == bool(prefix)
            }
            if not columns:
                continue
            events = ScalarEvents(f"{folder}/{part}")
            for row in frame.to_dict("records"):
                values = {tag: row[name] for name, tag in columns.items() if row[name] == row[name]}
                if values:
                    events.write(int(row["epoch"]), values)
            events.close()
