"""`ChartUpload`, charts on the job's page that grow with the training.

    model.fit(x, callbacks=[ChartUpload(job, charts=["training_history"], every=1)])
    ChartUpload(job, charts=["split_overview"], samples=samples)()                      # now
    ChartUpload(job, charts={"mistakes": lambda: my_chart(model)}, every=5)             # any chart of your own

The charts are made and sent in the background, so that a slow platform does not hold up an epoch, and two seconds
apart, so that short epochs do not make many; of charts that could not be sent yet only the latest is.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from brevetti_keras.interfaces.charts_data import dataset_summary, split_overview
from brevetti_keras.interfaces.charts_training import training_history
from brevetti_keras.interfaces.job_like import JobLike
from brevetti_keras.interfaces.keras_hooks import KerasHooks, Logs, unharmed
from brevetti_keras.interfaces.latest_worker import LatestWorker
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.wire.events import epoch_body

_LOGGER = logging.getLogger(__name__)
_HISTORY = "training_history"
_OF_SAMPLES: dict[str, Callable[[pd.DataFrame], str]] = {
    "dataset_summary": dataset_summary,
    "split_overview": split_overview,
}
_END_OF_FIT = 10.0
_PAUSE = 2.0
Spec = str | Mapping[str, Any]


class ChartUpload(KerasHooks):
    """Uploads charts after every so many epochs, and when training ends.

    Args:
        job: on whose page they are shown.
        charts: names of `training_history`, `dataset_summary`, `split_overview`; or a mapping of names to functions
            that return Vega-Lite, or to Vega-Lite itself.
        every: epochs between two uploads.
        samples: one row a sample, for the charts of samples.

    Raises:
        InvalidInputError: for an unknown chart, one that needs samples and has none, or `every` below 1.
    """

    def __init__(
        self,
        job: JobLike,
        charts: Iterable[str] | Mapping[str, Spec | Callable[[], Spec]] = (_HISTORY,),
        every: int = 1,
        samples: pd.DataFrame | None = None,
    ) -> None:
        super().__init__()
        if type(every) is not int or every < 1:
            raise InvalidInputError(f"expected every as a number of epochs from 1 on, received {every!r}")
        self._job = job
        self._every = every
        self._history: list[dict[str, Any]] = []
        self._due = False
        self._worker = LatestWorker(_PAUSE)
        if isinstance(charts, Mapping):
            self._charts = dict(charts)
        else:
            names = [charts] if isinstance(charts, str) else list(charts)
            self._charts = {name: _chart(name, samples) for name in names}

    def __call__(self, history: Any = None) -> bool:
        """Uploads the charts now and returns whether that worked; if not, a warning tells why.

        Args:
            history: what `training_history` takes; by default the epochs that this callback has seen.
        """
        return self._upload(list(self._history) if history is None else history)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Uploads the charts where it is their turn."""
        with unharmed("the charts were not uploaded"):
            self._history.append(epoch_body(epoch, logs or {}))
            self._due = (len(self._history) % self._every) != 0
            if not self._due:
                self._submit()

    def on_train_end(self, logs: Logs = None) -> None:
        """Uploads what the last turn did not show, and waits for it a bounded time."""
        if self._due:
            self._submit()
        if not self._worker.wait(_END_OF_FIT):
            _LOGGER.warning("the charts were not uploaded: the platform took longer than %g s", _END_OF_FIT)

    def _submit(self) -> None:
        history = list(self._history)
        self._worker.submit(lambda: self._upload(history))

    def _upload(self, history: Any) -> bool:
        good = True
        for name, chart in self._charts.items():
            with unharmed(f"the chart {name} was not uploaded") as report:
                spec = training_history(history) if chart == _HISTORY else chart() if callable(chart) else chart
                self._job.upload_chart(name, spec)
            good = good and report.good
        return good


def _chart(name: str, samples: pd.DataFrame | None) -> Spec | Callable[[], Spec]:
    if name == _HISTORY:
        return _HISTORY
    if name not in _OF_SAMPLES:
        known = ", ".join([_HISTORY, *_OF_SAMPLES])
        raise InvalidInputError(f"expected charts among {known}, received {name!r}: give a mapping for one of your own")
    if samples is None:
        raise InvalidInputError(f"expected samples for the chart {name}, received none: give samples=…")
    make, frame = _OF_SAMPLES[name], samples
    return lambda: make(frame)
