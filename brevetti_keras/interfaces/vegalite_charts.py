"""The charts, each a function from samples, a history or predictions to Vega-Lite JSON text.

    job.upload_chart("dataset_summary", vegalite_charts.dataset_summary(samples))
    HtmlReport("Vials").chart(vegalite_charts.confusion_matrix(predictions, classes))

They leave what they are given alone, hold all that they show, and may be put into a page as they are.
"""

from brevetti_keras.interfaces.charts_classification import confusion_matrix, precision_recall, roc
from brevetti_keras.interfaces.charts_data import dataset_summary, split_overview
from brevetti_keras.interfaces.charts_scores import calibration, score_histogram, security_level
from brevetti_keras.interfaces.charts_training import training_history

__all__ = [
    "calibration",
    "confusion_matrix",
    "dataset_summary",
    "precision_recall",
    "roc",
    "score_histogram",
    "security_level",
    "split_overview",
    "training_history",
]
