"""Charts of samples: what there is, and how it was split.

dataset_summary(samples)      # samples of each dataset, by category
split_overview(samples)       # samples of each category, by purpose
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from brevetti_keras.interfaces.chart_text import (
    WIDTH,
    altair,
    as_frame,
    chart_text,
    colours,
    height_for,
    joined,
    values,
)
from brevetti_keras.wire.artifacts import MISSING

Samples = pd.DataFrame | Iterable[Mapping[str, Any]]
_PURPOSES = ("train", "devel", "test", "conflict", "unassigned")


def dataset_summary(samples: Samples) -> str:
    """Returns a bar for each dataset, its samples stacked by category.

    Args:
        samples: one row a sample, with `dataset` and `category` (labels are joined by `/`).

    Returns:
        Vega-Lite JSON text.
    """
    rows = _counted(as_frame(samples), ("dataset", "category"))
    categories = sorted({row["category"] for row in rows})
    return chart_text(
        _bars(rows, "dataset", "category", colours(categories), "Samples of each dataset"), "dataset_summary"
    )


def split_overview(samples: Samples) -> str:
    """Returns a bar for each category, its samples stacked by purpose.

    Args:
        samples: one row a sample, with `category` and `purpose`; a missing purpose is shown as unassigned.

    Returns:
        Vega-Lite JSON text.
    """
    rows = _counted(as_frame(samples), ("category", "purpose"))
    rows = [{**row, "purpose": "unassigned" if row["purpose"] == MISSING else row["purpose"]} for row in rows]
    there = {row["purpose"] for row in rows}
    # Ours in the order of use, others after them.
    purposes = [name for name in _PURPOSES if name in there] + sorted(there.difference(_PURPOSES))
    order = {name: place for place, name in enumerate(purposes)}
    rows = [{**row, "order": order[row["purpose"]]} for row in rows]
    chart = _bars(rows, "category", "purpose", colours(purposes), "Samples of each category, by purpose")
    return chart_text(chart.encode(order=altair.Order("order:Q")), "split_overview")


def _counted(samples: pd.DataFrame, fields: Sequence[str]) -> list[dict[str, Any]]:
    columns = {
        name: [joined(value) for value in samples[name]] if name in samples.columns else [MISSING] * len(samples)
        for name in fields
    }
    counts = pd.DataFrame(columns, dtype=object).groupby(list(fields), sort=True).size()
    return [
        {**dict(zip(fields, key, strict=True)), "samples": int(count)}
        for key, count in zip(counts.index.to_list(), counts.to_list(), strict=True)
    ]


def _bars(rows: list[dict[str, Any]], bar: str, part: str, scale: Any, title: str) -> Any:
    total = sum(row["samples"] for row in rows)
    return (
        altair.Chart(values(rows), width=WIDTH, height=height_for(len({row[bar] for row in rows})))
        .mark_bar()
        .encode(
            x=altair.X("samples:Q", title="Samples", axis=altair.Axis(format=",d", tickMinStep=1)),
            y=altair.Y(f"{bar}:N", title=bar.capitalize()),
            color=altair.Color(f"{part}:N", title=part.capitalize(), scale=scale),
            tooltip=[f"{bar}:N", f"{part}:N", "samples:Q"],
        )
        .properties(title=altair.Title(title, subtitle=f"{total:,} in all"))
    )
