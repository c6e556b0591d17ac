"""A job's reports as Keras callbacks: none ever raises into `fit`, each can be called by hand too.

    model.fit(x, callbacks=[job.get_remote_monitor(), FacetsReport(job, generator), ChartUpload(job),
                            PivotReport(job, samples), TensorBoard(job)])

What a report cannot do becomes a logged warning with its cause.
"""

from brevetti_keras.interfaces.chart_upload import ChartUpload
from brevetti_keras.interfaces.facets_report import FacetsReport
from brevetti_keras.interfaces.pivot_report import PivotReport
from brevetti_keras.interfaces.remote_monitor import RemoteMonitor
from brevetti_keras.interfaces.tensorboard_callback import TensorBoard

__all__ = ["ChartUpload", "FacetsReport", "PivotReport", "RemoteMonitor", "TensorBoard"]
