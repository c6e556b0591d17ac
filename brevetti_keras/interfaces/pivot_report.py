"""`PivotReport`, the pivot table of a job as a callback.

model.fit(x, callbacks=[PivotReport(job, samples)])                      # from the training's beginning
PivotReport(job, samples, rows=["folder"], cols=["purpose"])()           # now
"""

from collections.abc import Sequence

import pandas as pd

from brevetti_keras.interfaces.background_report import BackgroundReport
from brevetti_keras.interfaces.job_like import JobLike
from brevetti_keras.interfaces.keras_hooks import unharmed
from brevetti_keras.interfaces.pivot import Aggregations, Fields, export_pivot_table
from brevetti_keras.wire.artifacts import PIVOT_FOLDER


class PivotReport(BackgroundReport):
    """Writes the pivot table of the samples, by their columns and their datasets' tags, when training begins.

    Args:
        job: whose artifact it is.
        samples: one row a sample.
        fields: see `export_pivot_table`, as the rest.
        rows: keys of the rows.
        cols: keys of the columns.
        agg: further columns.
    """

    what = "the pivot table"

    def __init__(
        self,
        job: JobLike,
        samples: pd.DataFrame,
        fields: Fields | None = None,
        rows: Sequence[str] | None = None,
        cols: Sequence[str] | None = None,
        agg: Aggregations | None = None,
    ) -> None:
        super().__init__()
        self._job = job
        self._samples = samples
        self._fields = fields
        self._rows = rows
        self._cols = cols
        self._agg = agg

    def __call__(self) -> bool:
        """Writes it now and returns whether that worked; if not, a warning tells why."""
        with unharmed("the pivot table was not written") as report:
            export_pivot_table(
                self._job.artifact_path(PIVOT_FOLDER, dir=True),
                self._samples,
                datasets=self._job.datasets,
                fields=self._fields,
                tags=self._job.get_root_tags(),
                rows=self._rows,
                cols=self._cols,
                agg=self._agg,
            )
        return report.good
