"""The chart of a training: each metric over the epochs, training and validation side by side.

training_history(model.fit(...))                                    # Keras' History
training_history([event.body for event in log.read()])              # what was reported
training_history("training.csv")                                    # what keras.callbacks.CSVLogger wrote
"""

import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from brevetti_keras.interfaces.chart_text import chart_text, thinned
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError
from brevetti_keras.wire.events import Event

_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_VALIDATION = "val_"
_NO_METRIC = frozenset({"epoch", "nonfinite"})


def training_history(history: Any) -> str:
    """Returns a panel for each metric, a line for training and a dashed one for validation.

    Args:
        history: Keras' History or its `history` dict; a frame with a column `epoch`, or one row an epoch; events, or
            the bodies of epoch events; the path of a CSV. Of an epoch that is told several times the last counts.

    Returns:
        Vega-Lite JSON text. Values that are no finite numbers are left out.

    Raises:
        InvalidInputError: for anything else.
        NotFoundError: if there is no such CSV.
    """
    frame = read_history(history)
    rows = []
    for column in (name for name in frame.columns if name not in _NO_METRIC):
        name = str(column)
        metric = name.removeprefix(_VALIDATION)
        of = "validation" if name.startswith(_VALIDATION) else "training"
        points = [
            {"epoch": int(epoch) + 1, "metric": metric, "of": of, "value": value}
            for epoch, value in zip(frame["epoch"], _numbers(frame[column]), strict=True)
            if value is not None
        ]
        rows += [points[place] for place in thinned(len(points))]
    return chart_text(_panels(rows), "training_history")


def _panels(rows: list[dict[str, Any]]) -> dict[str, Any]:
    # Written out, unlike the other charts: it is made again and again while a model trains, in a tenth of the time that
    # altair takes, and spares the training altair's import.
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    kinds = [name for name in ("training", "validation") if any(row["of"] == name for row in rows)]
    dashes = [[1, 0] if kind == "training" else [5, 3] for kind in kinds]
    of = {"field": "of", "type": "nominal", "title": None}
    epoch = {"field": "epoch", "type": "quantitative"}
    value = {"field": "value", "type": "quantitative"}
    encoding = {
        "x": {**epoch, "title": "Epoch", "axis": {"format": "d", "tickMinStep": 1}},
        "y": {**value, "title": None, "scale": {"zero": False}, "axis": {"format": ".4~g"}},
        "color": {**of, "scale": {"domain": kinds, "scheme": "tableau10"}},
        "strokeDash": {**of, "scale": {"domain": kinds, "range": dashes}},
        "tooltip": [
            {"field": "metric", "type": "nominal"},
            {"field": "of", "type": "nominal"},
            epoch,
            {**value, "format": ".5g"},
        ],
    }
    line = {"type": "line", "point": {"size": 22}}
    header = {"labelFontWeight": "bold"}
    return {
        "$schema": _SCHEMA,
        "title": "Metrics of each epoch",
        "data": {"values": rows},
        "facet": {"field": "metric", "type": "nominal", "title": None, "sort": metrics, "header": header},
        "columns": 2,
        "spec": {"width": 300, "height": 180, "mark": line, "encoding": encoding},
        "resolve": {"scale": {"x": "shared", "y": "independent"}, "axis": {"x": "independent"}},
    }


def read_history(history: Any) -> pd.DataFrame:
    """Returns a history with one row an epoch, in order, and a column `epoch` from 0.

    Args:
        history: see `training_history`, and what it raises.
    """
    epochs = getattr(history, "epoch", None) if not isinstance(history, pd.DataFrame) else None
    content = getattr(history, "history", history)
    if isinstance(content, (str, os.PathLike)):
        frame = _from_csv(os.fspath(content))
    elif isinstance(content, pd.DataFrame):
        frame = content
    elif isinstance(content, Mapping):
        frame = _from_columns(content)
    elif isinstance(content, Iterable):
        frame = _from_events(content)
    else:
        raise InvalidInputError(
            f"expected a history of training (Keras' History, a dict, a frame, events or a CSV's path), "
            f"received {type(history).__name__}"
        )
    if "epoch" not in frame.columns:
        listed = isinstance(epochs, list) and len(epochs) == len(frame)
        frame = frame.assign(epoch=epochs if listed else range(len(frame)))
    epochs = pd.to_numeric(frame["epoch"], errors="coerce")
    wrong = frame["epoch"][~np.isfinite(epochs.to_numpy(dtype=float, na_value=math.nan))]
    if len(wrong):
        raise InvalidInputError(f"expected a number in each 'epoch', received {wrong.iloc[0]!r}")
    frame = frame.assign(epoch=epochs)
    return frame.drop_duplicates("epoch", keep="last").sort_values("epoch")


def _from_csv(path: str) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except FileNotFoundError as error:
        raise NotFoundError(f"no file {path}") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"{path}: expected a CSV of metrics, received one that cannot be read: {error}"
        ) from error


def _from_columns(columns: Mapping[str, Any]) -> pd.DataFrame:
    # A metric that was added later has fewer values than there were epochs.
    for name, column in columns.items():
        if isinstance(column, str) or not isinstance(column, Iterable):
            raise InvalidInputError(f"expected a list of values of the metric {name!r}, received {column!r}")
    return pd.DataFrame({name: pd.Series(list(column), dtype=object) for name, column in columns.items()})


def _from_events(events: Iterable[Any]) -> pd.DataFrame:
    bodies = []
    for event in events:
        if isinstance(event, Event):
            if event.kind != "epoch":
                continue
            event = event.body
        if not isinstance(event, Mapping) or "epoch" not in event:
            raise InvalidInputError(f"expected epochs as mappings with 'epoch', received {str(event)[:80]}")
        bodies.append(dict(event))
    return pd.DataFrame(bodies, columns=None if bodies else ["epoch"])


def _numbers(column: "pd.Series[Any]") -> list[float | None]:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=math.nan)
    return [float(number) if math.isfinite(number) else None for number in numbers]
