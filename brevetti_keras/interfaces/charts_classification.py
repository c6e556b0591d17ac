"""Charts of what a classifier gets right: confusion matrix, ROC, precision and recall.

    predictions = pd.DataFrame(predict_dataset(model, generator))
    roc(predictions, classes)

What they take is told in `predictions`; samples that cannot be judged are left out and counted in the subtitle.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from brevetti_keras.interfaces.chart_text import altair, chart_text, colours, thinned, values
from brevetti_keras.interfaces.predictions import Predictions, Scored, read_outcomes, read_predictions
from brevetti_keras.utils.lazy import lazy_import

metrics = lazy_import("sklearn.metrics", install="scikit-learn")

_SIDE = 320
_LARGEST_WITH_FIGURES = 40


def confusion_matrix(predictions: Predictions, classes: Sequence[str], label: str = "category") -> str:
    """Returns a table of how often each class was predicted as which; rows are what it is.

    Args:
        predictions: see `read_outcomes`. A sample of several labels counts in the row of each.
        classes: the classes, in the order of the scores.
        label: the column of the labels.

    Returns:
        Vega-Lite JSON text; the colour is the share of the row.

    Raises:
        InvalidInputError: see `read_predictions`.
    """
    scored = read_outcomes(predictions, classes, label)
    counts = np.zeros((len(scored.classes), len(scored.classes)), np.int64)
    rows, labels = np.nonzero(scored.truth)
    np.add.at(counts, (labels, scored.predicted[rows]), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cells = [
        {"actual": actual, "predicted": predicted, "samples": int(counts[i, j]), "share": float(shares[i, j])}
        for i, actual in enumerate(scored.classes)
        for j, predicted in enumerate(scored.classes)
    ]
    side = min(max(40 * len(scored.classes), 120), 640)
    base = altair.Chart(values(cells), width=side, height=side).encode(
        x=altair.X("predicted:N", title="Predicted", sort=list(scored.classes), axis=altair.Axis(labelAngle=-45)),
        y=altair.Y("actual:N", title="Actual", sort=list(scored.classes)),
        tooltip=["actual:N", "predicted:N", "samples:Q", altair.Tooltip("share:Q", format=".1%")],
    )
    scale = altair.Scale(scheme="blues", domain=[0, 1])
    chart = base.mark_rect().encode(color=altair.Color("share:Q", title="Share of row", scale=scale))
    if len(scored.classes) <= _LARGEST_WITH_FIGURES:
        light = altair.condition("datum.share > 0.5", altair.value("white"), altair.value("#1f2328"))
        chart += base.mark_text().encode(text=altair.Text("samples:Q", format=",d"), color=light)
    right, total = int(scored.correct.sum()), len(scored.truth)
    share = f"{right:,} of {total:,} right ({right / total:.1%})" if total else ""
    return chart_text(
        chart.properties(title=altair.Title("Confusion matrix", subtitle=scored.told(share))), "confusion_matrix"
    )


def roc(predictions: Predictions, classes: Sequence[str], label: str = "category") -> str:
    """Returns each class' ROC curve, one class against the rest, with its area.

    Args:
        predictions: see `read_predictions`.
        classes: the classes, in the order of the scores.
        label: the column of the labels.

    Returns:
        Vega-Lite JSON text. A class that all or none of the samples have is left out.

    Raises:
        InvalidInputError: see `read_predictions`.
    """
    scored = read_predictions(predictions, classes, label)
    rows, names = [], []
    for name, truth, scores in _judged(scored):
        false, true, thresholds = metrics.roc_curve(truth, scores)
        names.append(f"{name} ({metrics.auc(false, true):.3f})")
        rows += _points(names[-1], false, true, thresholds)
    chart = _curves(rows, names, "False positive rate", "True positive rate", "Class (area)")
    chance = altair.Chart(values([{"x": 0, "y": 0}, {"x": 1, "y": 1}])).mark_line(strokeDash=[4, 4], color="#8c959f")
    chart = chance.encode(x="x:Q", y="y:Q") + chart
    return chart_text(chart.properties(title=altair.Title("ROC curves", subtitle=scored.told())), "roc")


def precision_recall(predictions: Predictions, classes: Sequence[str], label: str = "category") -> str:
    """Returns each class' precision over its recall, with the average precision.

    Args:
        predictions: see `read_predictions`.
        classes: the classes, in the order of the scores.
        label: the column of the labels.

    Returns:
        Vega-Lite JSON text. A class that all or none of the samples have is left out.

    Raises:
        InvalidInputError: see `read_predictions`.
    """
    scored = read_predictions(predictions, classes, label)
    rows, names = [], []
    for name, truth, scores in _judged(scored):
        precision, recall, thresholds = metrics.precision_recall_curve(truth, scores)
        names.append(f"{name} ({metrics.average_precision_score(truth, scores):.3f})")
        rows += _points(names[-1], recall, precision, np.append(thresholds, np.inf))
    chart = _curves(rows, names, "Recall", "Precision", "Class (average precision)")
    return chart_text(
        chart.properties(title=altair.Title("Precision and recall", subtitle=scored.told())), "precision_recall"
    )


def _judged(scored: Scored) -> list[tuple[str, npt.NDArray[np.bool_], npt.NDArray[np.float64]]]:
    """Name, truth and scores of each class that some samples have and some have not."""
    columns = zip(scored.classes, scored.truth.T, scored.scores.T, strict=True)
    return [(name, truth, scores) for name, truth, scores in columns if truth.any() and not truth.all()]


def _points(name: str, x: Any, y: Any, thresholds: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "x": float(x[place]),
            "y": float(y[place]),
            "threshold": float(thresholds[place]),
            "order": place,
        }
        for place in thinned(len(x))
    ]


def _curves(rows: list[dict[str, Any]], names: list[str], x: str, y: str, legend: str) -> Any:
    share = altair.Scale(domain=[0, 1])
    return (
        altair.Chart(values(rows), width=_SIDE, height=_SIDE)
        .mark_line(interpolate="linear")
        .encode(
            x=altair.X("x:Q", title=x, scale=share),
            y=altair.Y("y:Q", title=y, scale=share),
            color=altair.Color("name:N", title=legend, scale=colours(names), legend=altair.Legend(symbolLimit=0)),
            order="order:Q",
            tooltip=["name:N", *(altair.Tooltip(f"{field}:Q", format=".4f") for field in ("x", "y", "threshold"))],
        )
    )
