"""What the charts of classification read: predictions of any form as labels and scores.

    scored = read_predictions(predict_dataset(model, generator), classes)
    scored.truth, scored.scores                     # bool and float64, (samples, classes)

Scores are found where there is one vector a sample (`prediction`, or a model's output of any name), or one column a
class (named as the class, or `score_<class>`, `prob_<class>`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from brevetti_keras.interfaces.chart_text import as_frame, labels_of
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import InvalidInputError

Predictions = pd.DataFrame | Iterable[Mapping[str, Any]]
_PREFIXES = ("", "score_", "prob_")


@dataclass(frozen=True)
class Scored:
    """Samples with a label among the classes.

    Attributes:
        classes: the classes.
        truth: bool (samples, classes): which labels a sample has.
        scores: float64 (samples, classes).
        left_out: how many samples have none of the classes as label, or a score that is no number.
    """

    classes: tuple[str, ...]
    truth: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]
    left_out: int

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """The class of the highest score, int64 (samples,)."""
        return self.scores.argmax(axis=1) if len(self.scores) else np.zeros(0, np.int64)

    @property
    def confidence(self) -> npt.NDArray[np.float64]:
        """The highest score, float64 (samples,)."""
        return self.scores.max(axis=1) if len(self.scores) else np.zeros(0)

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether the class of the highest score is one of the sample's, bool (samples,)."""
        return self.truth[np.arange(len(self.truth)), self.predicted]

    def told(self, what: str = "") -> str:
        """Returns a chart's subtitle: how many samples there are, or `what`, and how many were left out."""
        count = len(self.truth)
        left_out = f"{self.left_out:,} of other classes or without scores left out" if self.left_out else ""
        return ", ".join(text for text in (what or counted(count, "sample"), left_out) if text)


def read_predictions(predictions: Predictions, classes: Sequence[str], label: str = "category") -> Scored:
    """Reads labels and scores.

    Args:
        predictions: one row a sample: a frame, or what `predict_dataset` yields. With two classes a single score is
            that of the second.
        classes: the classes, in the order of the scores.
        label: the column of the labels: text, or tuples of it.

    Raises:
        InvalidInputError: if there are no classes, no such column, or no scores.
    """
    frame, names = _checked(predictions, classes, label)
    scores = _scores(frame, names, label)
    return _kept(frame, names, label, scores)


def read_outcomes(predictions: Predictions, classes: Sequence[str], label: str = "category") -> Scored:
    """Reads labels and predicted classes: like `read_predictions`, but a column of class names will do for scores."""
    frame, names = _checked(predictions, classes, label)
    for column in ("prediction", "predicted"):
        if column in frame.columns and frame[column].map(lambda value: isinstance(value, str)).all() and len(frame):
            places = {name: place for place, name in enumerate(names)}
            chosen = np.array([places.get(value, -1) for value in frame[column]])
            scores = np.full((len(frame), len(names)), np.nan)
            known = np.flatnonzero(chosen >= 0)
            scores[known] = 0.0
            scores[known, chosen[known]] = 1.0
            return _kept(frame, names, label, scores)
    return _kept(frame, names, label, _scores(frame, names, label))


def _checked(predictions: Predictions, classes: Sequence[str], label: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    names = tuple(str(name) for name in classes)
    if not names or len(set(names)) != len(names):
        raise InvalidInputError(f"expected classes, each once, received {list(names)}")
    frame = as_frame(predictions)
    if not len(frame):
        frame = pd.DataFrame(columns=pd.Index([label, *names], dtype=object), dtype=object)
    if label not in frame.columns:
        raise InvalidInputError(
            f"expected a column {label!r} with the labels, received {', '.join(map(str, frame.columns))}"
        )
    return frame, names


def _kept(frame: pd.DataFrame, names: tuple[str, ...], label: str, scores: npt.NDArray[np.float64]) -> Scored:
    places = {name: place for place, name in enumerate(names)}
    truth = np.zeros((len(frame), len(names)), np.bool_)
    for row, value in enumerate(frame[label]):
        for one in labels_of(value):
            if one in places:
                truth[row, places[one]] = True
    usable = truth.any(axis=1) & np.isfinite(scores).all(axis=1)
    return Scored(names, truth[usable], scores[usable], int(len(frame) - usable.sum()))


def _scores(frame: pd.DataFrame, names: tuple[str, ...], label: str) -> npt.NDArray[np.float64]:
    for prefix in _PREFIXES:
        columns = [f"{prefix}{name}" for name in names]
        if set(columns) <= set(frame.columns):
            return frame[columns].to_numpy(dtype=np.float64, na_value=np.nan)
    order = sorted(frame.columns, key=lambda column: column != "prediction")
    for column in order:
        vectors = _vectors(frame[column], len(names)) if column != label else None
        if vectors is not None:
            return vectors
    raise InvalidInputError(
        f"expected a column with {len(names)} scores a sample, or one column a class, "
        f"received {', '.join(map(str, frame.columns))}"
    )


def _vectors(column: "pd.Series[Any]", count: int) -> npt.NDArray[np.float64] | None:
    """A column of score vectors as an array; None if it holds something else."""
    first = np.asarray(column.iloc[0])
    if first.dtype.kind not in "fiu" or (first.ndim == 0 and column.name != "prediction"):
        return None
    try:
        vectors = np.stack([np.asarray(value, np.float64).reshape(-1) for value in column])
    except (TypeError, ValueError):
        return None
    if vectors.shape[1] == 1 and count == 2:
        return np.concatenate([1.0 - vectors, vectors], axis=1)
    return vectors if vectors.shape[1] == count else None
