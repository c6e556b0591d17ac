"""How pages write numbers, sizes, times and links; each is a filter of the templates under its own name.

{{ 1834 | filesize }} → 1.8 kB        {{ job.created | moment }} → <time datetime="…">2026-01-01 12:00 UTC</time>
"""

import datetime
import math
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from brevetti_keras.server.job_view import JobView
from brevetti_keras.utils.encode import to_json
from brevetti_keras.wire.records import FINAL_STATES, Job, utc_now
from brevetti_keras.wire.routes import JOB_ARTIFACTS

_UNITS = ("B", "kB", "MB", "GB", "TB")
_HEADLINES = 2


def filters() -> dict[str, Callable[..., Any]]:
    """Returns the filters by name."""
    return {
        function.__name__: function
        for function in (
            artifact_url,
            behind,
            chart_url,
            filesize,
            first_line,
            headline_metrics,
            moment,
            number,
            plain,
            report_url,
            took,
        )
    }


def number(value: Any) -> str:
    """Returns a figure as people read it: four significant digits, thousands apart; other values as `plain` does."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return plain(value)
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    return f"{value:,.0f}" if value == round(value) and 1e3 <= abs(value) < 1e15 else f"{value:.4g}"


def plain(value: Any) -> str:
    """Returns any value as one text: text as it is, the rest as JSON; nothing is a dash."""
    if value is None or value == "":
        return "–"
    return value if isinstance(value, str) else to_json(value)


def filesize(size: int) -> str:
    """Returns bytes in the unit that suits."""
    value = float(size)
    for unit in _UNITS[:-1]:
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} {_UNITS[-1]}"


def first_line(text: str) -> str:
    """Returns the first line of a text, at most 200 characters of it."""
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 200 else f"{line[:199]}…"


def moment(time: str) -> Markup | str:
    """Returns a time of the records as an element that a script of the page turns into the reader's own zone."""
    when = _parsed(time)
    if when is None:
        return "–"
    return Markup('<time datetime="{}">{}</time>').format(time, f"{when:%Y-%m-%d %H:%M} UTC")


def took(job: Job) -> str:
    """Returns how long a job ran, or has been running."""
    start = _parsed(job.started)
    if start is None:
        return "–"
    end = _parsed(job.ended) or (None if job.state in FINAL_STATES else _parsed(utc_now()))
    if end is None:
        return "–"
    seconds = max(0, int((end - start).total_seconds()))
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def headline_metrics(job: Job) -> list[tuple[str, float]]:
    """Returns the first figures among a job's metrics, for its line in a list."""
    return [
        (key, value)
        for key, value in job.metrics.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    ][:_HEADLINES]


def artifact_url(path: str, job_id: str) -> str:
    """Returns the address that downloads an artifact."""
    return f"{JOB_ARTIFACTS.format(id=quote(job_id, safe=''))}/{quote(path)}"


def chart_url(name: str, job_id: str) -> str:
    """Returns the address of a chart's JSON."""
    return f"/api/jobs/{quote(job_id, safe='')}/charts/{quote(name, safe='')}"


def report_url(name: str, job_id: str) -> str:
    """Returns the address that shows an HTML report, shut off."""
    return f"/jobs/{quote(job_id, safe='')}/reports/{quote(name, safe='')}"


def behind(key: str, view: JobView) -> str:
    """Returns where a page shows what a metric was made from, or ""."""
    words = key.lower()
    targets: Mapping[str, tuple[bool, tuple[str, ...]]] = {
        "#quarantine": (view.quarantine.total > 0, ("quarantin",)),
        "#pivot": (view.has_pivot, ("sample", "accuracy", "precision", "recall", "f1", "listed", "used", "count")),
        "#reports": (bool(view.reports), ("",)),
        "#curve": (True, ("loss", "accuracy", "epoch")),
    }
    return next(
        (anchor for anchor, (there, parts) in targets.items() if there and any(part in words for part in parts)), ""
    )


def _parsed(time: str) -> datetime.datetime | None:
    if not time:
        return None
    try:
        return datetime.datetime.fromisoformat(time).astimezone(datetime.UTC)
    except ValueError:
        return None
