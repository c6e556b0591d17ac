"""What all charts share: rows of plain values in, Vega-Lite JSON text out.

    rows = [{"epoch": 0, "value": 0.5}]
    chart = altair.Chart(values(rows)).mark_line().encode(x="epoch:Q", y="value:Q")
    text = chart_text(chart, "training_history")

The rows are inside the chart, so that it needs nothing else; names of classes and files stand in values only, never in
expressions; `<` is written as an escape, so that the text can be put into a page's script as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from brevetti_keras.utils.encode import to_json
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.utils.lazy import lazy_import
from brevetti_keras.wire.artifacts import MISSING

altair = lazy_import("altair")

WIDTH = 420
MOST_POINTS = 1000
_SMALL_PALETTE = 10


def values(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Returns rows as a chart's data; unlike a frame they may be any number."""
    return altair.Data(values=list(rows))


def chart_text(chart: Any, name: str) -> str:
    """Returns a chart as Vega-Lite JSON text.

    Args:
        chart: of altair, or Vega-Lite as a dict.
        name: what the chart is called among a job's charts.
    """
    spec = chart if isinstance(chart, dict) else chart.to_dict()
    return to_json({"name": name, **spec}).replace("<", "\\u003c")


def colours(names: Sequence[str]) -> Any:
    """Returns the colours of `names`, in their order, told apart as far as colours can be."""
    return altair.Scale(domain=list(names), scheme="tableau10" if len(names) <= _SMALL_PALETTE else "tableau20")


def height_for(bars: int) -> int:
    """Returns the height in pixels that so many bars or rows need."""
    return max(60, min(24 * bars, 2400))


def thinned(count: int) -> list[int]:
    """Returns the places of at most `MOST_POINTS` of `count` points, evenly, both ends among them."""
    if count <= MOST_POINTS:
        return list(range(count))
    return sorted({round(place * (count - 1) / (MOST_POINTS - 1)) for place in range(MOST_POINTS)})


def as_frame(samples: pd.DataFrame | Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Returns a frame of samples or predictions as it is, records as a frame.

    Raises:
        InvalidInputError: for anything else.
    """
    if isinstance(samples, pd.DataFrame):
        return samples
    if isinstance(samples, (str, bytes, Mapping)) or not isinstance(samples, Iterable):
        raise InvalidInputError(f"expected a frame or records, received {type(samples).__name__}")
    records = list(samples)
    for record in records:
        if not isinstance(record, Mapping):
            raise InvalidInputError(f"expected records as mappings, received {type(record).__name__}")
    return pd.DataFrame(records)


def labels_of(value: Any) -> tuple[str, ...]:
    """Returns a sample's labels as text: those of a tuple, the one of a text, none for what is missing."""
    if isinstance(value, (list, tuple, set, frozenset)) or hasattr(value, "tolist"):
        plain = value.tolist() if hasattr(value, "tolist") else list(value)
        parts = plain if isinstance(plain, list) else [plain]
        return tuple(label for part in parts for label in labels_of(part))
    if value is None or value is pd.NA or value is pd.NaT or value != value or value in {"", b""}:
        return ()
    return (value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value),)


def joined(value: Any) -> str:
    """Returns a sample's labels as one text, `/` between them, `N/A` if there are none."""
    return "/".join(labels_of(value)) or MISSING
