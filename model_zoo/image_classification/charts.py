"""The report's own charts, as Vega-Lite."""

from collections.abc import Sequence
from typing import Any

from brevetti_keras.utils.encode import to_json
from model_zoo.image_classification.metrics import ClassificationFigures

_CELL = 36
_LARGEST = 640


def confusion_chart(figures: ClassificationFigures, classes: Sequence[str], title: str) -> str:
    """Returns the confusion matrix, rows what it is, columns what was predicted, shaded by the share of the row.

    Args:
        figures: of the samples that are shown.
        classes: in their order.
        title: of the chart, also its name.
    """
    rows = figures.confusion.sum(axis=1)
    values = [
        {
            "actual": actual,
            "predicted": predicted,
            "samples": int(figures.confusion[i, j]),
            "share": float(figures.confusion[i, j] / rows[i]) if rows[i] else 0.0,
        }
        for i, actual in enumerate(classes)
        for j, predicted in enumerate(classes)
    ]
    side = min(_LARGEST, _CELL * len(classes))
    axes = {
        "x": {"field": "predicted", "type": "nominal", "sort": list(classes), "title": "predicted"},
        "y": {"field": "actual", "type": "nominal", "sort": list(classes), "title": "actual"},
    }
    scale = {"domain": [0, 1], "scheme": "blues"}
    shade = {"field": "share", "type": "quantitative", "title": "of the row", "scale": scale, "legend": {"format": "%"}}
    layers: list[dict[str, Any]] = [{"mark": "rect", "encoding": {"color": shade}}]
    # Numbers are left out where the cells become too small for them.
    if side == _CELL * len(classes):
        ink = {"condition": {"test": "datum.share > 0.5", "value": "white"}, "value": "black"}
        numbers = {"text": {"field": "samples", "type": "quantitative"}, "color": ink}
        layers.append({"transform": [{"filter": "datum.samples > 0"}], "mark": "text", "encoding": numbers})
    return to_json(
        {
            "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
            "title": title,
            "width": side,
            "height": side,
            "data": {"values": values},
            "encoding": axes,
            "layer": layers,
        }
    )
