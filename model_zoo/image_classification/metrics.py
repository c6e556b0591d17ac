"""The figures of a classifier, each one computed from the table of predictions that is written beside the report.

    table = prediction_table(samples, scores, classes)      # one row a sample: what is, what was said, how sure
    figures = classification_figures(table[table.purpose == "devel"], classes)
    figures.accuracy, figures.per_class, figures.confusion

Whoever has `predictions.csv` can compute every figure of the report again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class ClassificationFigures:
    """What a classifier reaches on some samples.

    Attributes:
        count: samples.
        correct: of them, predicted right.
        accuracy: correct / count, in [0, 1]; nan without samples.
        accuracy_low, accuracy_high: its 95 % interval after Wilson (1927), which holds for few samples too.
        balanced_accuracy: the mean of the classes' recalls, over the classes that have samples.
        per_class: one row a class: `class`, `samples`, `predicted`, `correct`, `precision`, `recall`, `f1`; a ratio of
            nothing by nothing is nan.
        confusion: (classes, classes) counts; row: what it is, column: what was predicted.
    """

    count: int
    correct: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced_accuracy: float
    per_class: pd.DataFrame
    confusion: npt.NDArray[np.int64]


def prediction_table(samples: pd.DataFrame, scores: npt.NDArray[Any], classes: Sequence[str]) -> pd.DataFrame:
    """Returns what the network says of each sample, beside what it is.

    Args:
        samples: n rows with path, label, purpose, dataset, dataset_id, etag, url.
        scores: (n, classes), in the samples' order.
        classes: the scores' meaning.

    Returns:
        One row a sample, in the given order: `path`, `etag`, `dataset`, `dataset_id`, `url`, `purpose`, `label`,
        `prediction`, `probability`, `correct` and `score_<class>` for each class.
    """
    best = scores.argmax(axis=1) if len(scores) else np.zeros(0, np.int64)
    known = [name for name in ("path", "etag", "dataset", "dataset_id", "url", "purpose", "label") if name in samples]
    table = samples[known].reset_index(drop=True)
    table["prediction"] = pd.Series([classes[index] for index in best], dtype="str")
    table["probability"] = scores[np.arange(len(best)), best].astype(float)
    table["correct"] = table["prediction"] == table["label"]
    for index, name in enumerate(classes):
        table[f"score_{name}"] = scores[:, index].astype(float)
    return table


def classification_figures(table: pd.DataFrame, classes: Sequence[str]) -> ClassificationFigures:
    """Returns the figures of a table of predictions.

    Args:
        table: with `label` and `prediction`, as `prediction_table` gives it.
        classes: in their order.
    """
    place = {name: index for index, name in enumerate(classes)}
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (table["label"].map(place).to_numpy(int), table["prediction"].map(place).to_numpy(int)), 1)
    hits, actual, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    precision, recall = _ratio(hits, predicted), _ratio(hits, actual)
    count, correct = int(confusion.sum()), int(hits.sum())
    low, high = wilson_interval(correct, count)
    per_class = pd.DataFrame(
        {
            "class": list(classes),
            "samples": actual,
            "predicted": predicted,
            "correct": hits,
            "precision": precision,
            "recall": recall,
            "f1": _ratio(2 * hits, actual + predicted),
        }
    )
    return ClassificationFigures(
        count=count,
        correct=correct,
        accuracy=correct / count if count else float("nan"),
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=float(recall[actual > 0].mean()) if count else float("nan"),
        per_class=per_class,
        confusion=confusion,
    )


def worst_mistakes(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """Returns the wrong predictions of which the network was surest, the surest first; ties by path."""
    wrong = table[~table["correct"].astype(bool)]
    return wrong.sort_values(["probability", "path"], ascending=[False, True], kind="stable").head(count)


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """Returns the 95 % score interval of a share (Wilson 1927, JASA 22, 209–212); (nan, nan) without samples."""
    if count == 0:
        return float("nan"), float("nan")
    share, squared = correct / count, _Z95**2
    centre = (share + squared / (2 * count)) / (1 + squared / count)
    half = _Z95 * np.sqrt(share * (1 - share) / count + squared / (4 * count**2)) / (1 + squared / count)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def _ratio(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    ratios: npt.NDArray[np.float64] = np.full(len(whole), np.nan)
    np.divide(part, whole, out=ratios, where=whole > 0)
    return ratios
