"""`HtmlReport`, a page of one file: text, figures, tables, charts and pictures that anyone can open and keep.

    HtmlReport("Vials", "trained on 1,200 images") \\
        .section("Result").facts({"accuracy": 0.98}).chart(vegalite_charts.confusion_matrix(predictions, classes)) \\
        .section("Worst mistakes").images([("a.png", "crack, predicted good")]) \\
        .write(job.artifact_path("report.html"))

Parts are added in reading order; `write` draws the charts (each for light and for dark, in one child process) and puts
everything into the file. Text of any origin stays text, the page runs no script and refers to nothing outside itself.
"""

import base64
import hashlib
import html
import json
import logging
import math
import numbers
import os
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from brevetti_keras.interfaces.chart_rendering import Drawing, render_charts
from brevetti_keras.interfaces.html_style import STYLE
from brevetti_keras.interfaces.pictures import data_uri
from brevetti_keras.io.local import atomic_write
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import DataError, InvalidInputError

_LOGGER = logging.getLogger(__name__)
Image = str | os.PathLike[str] | npt.NDArray[Any]


class HtmlReport:
    """Builds one self-contained HTML page; every method but the last two adds a part and returns the report.

    Args:
        title: the page's heading and title.
        subtitle: a line below it.
        language: of the text, as HTML names it.
    """

    def __init__(self, title: str, subtitle: str = "", *, language: str = "en") -> None:
        self._title = title
        self._subtitle = subtitle
        self._language = language
        self._sections: list[str] = []
        # Markup, or a chart that is drawn when the page is written.
        self._parts: list[str | tuple[str | dict[str, Any], str]] = []

    def section(self, title: str) -> Self:
        """Starts a section, which the list at the page's top leads to."""
        self._sections.append(title)
        self._parts.append(f'<h2 id="section-{len(self._sections)}">{_text(title)}</h2>')
        return self

    def text(self, text: str) -> Self:
        """Adds paragraphs; an empty line parts them."""
        self._parts += [f"<p>{_text(part.strip())}</p>" for part in text.split("\n\n") if part.strip()]
        return self

    def note(self, text: str, *, warning: bool = False) -> Self:
        """Adds a remark that stands out."""
        kind = "note warning" if warning else "note"
        self._parts.append(f'<p class="{kind}" role="note">{_text(text)}</p>')
        return self

    def facts(self, values: Mapping[str, Any], *, digits: int = 4) -> Self:
        """Adds single figures side by side.

        Args:
            values: names to numbers or text.
            digits: significant digits of fractional numbers.
        """
        cells = (f"<div><dt>{_text(name)}</dt><dd>{_value(value, digits)}</dd></div>" for name, value in values.items())
        self._parts.append(f"<dl>{''.join(cells)}</dl>")
        return self

    def table(
        self,
        frame: pd.DataFrame,
        caption: str = "",
        *,
        digits: int = 4,
        index: bool | None = None,
        max_rows: int = 1000,
    ) -> Self:
        """Adds a table.

        Args:
            frame: its rows and columns.
            caption: a line above it.
            digits: significant digits of fractional numbers.
            index: whether the index is shown as the first column; by default where it is more than a count.
            max_rows: rows beyond are counted, not shown.
        """
        self._parts.append(_table(frame, caption, digits, index, max_rows))
        return self

    def chart(self, spec: str | dict[str, Any], caption: str = "") -> Self:
        """Adds a Vega-Lite chart, drawn as a still picture when the page is written.

        Args:
            spec: JSON text, as `vegalite_charts` returns it, or a dict.
            caption: a line below it.
        """
        self._parts.append((spec, caption))
        return self

    def images(self, images: Iterable[Image | tuple[Image, str]], *, side: int = 128) -> Self:
        """Adds pictures side by side, small copies of them inside the page.

        Args:
            images: files' paths or arrays (height, width, channels), each alone or with its caption.
            side: pixels of the longer side at most.
        """
        items = []
        for entry in images:
            image, caption = entry if isinstance(entry, tuple) else (entry, "")
            items.append(f"<li><figure>{_image(image, caption, side)}{_caption(caption)}</figure></li>")
        self._parts.append(f'<ul class="images">{"".join(items)}</ul>')
        return self

    def html(self) -> str:
        """Returns the page."""
        drawn = iter(_drawn([part for part in self._parts if isinstance(part, tuple)]))
        body = "\n".join(next(drawn) if isinstance(part, tuple) else part for part in self._parts)
        style = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
        policy = f"default-src 'none'; img-src data:; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
        subtitle = f'<p class="subtitle">{_text(self._subtitle)}</p>' if self._subtitle else ""
        return (
            f'<!DOCTYPE html>\n<html lang="{_text(self._language)}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{_text(self._title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"<header><h1>{_text(self._title)}</h1>{subtitle}{self._contents()}</header>\n{body}\n"
            "</main>\n</body>\n</html>\n"
        )

    def write(self, path: str | os.PathLike[str]) -> str:
        """Writes the page in one step and returns its path.

        Raises:
            StorageError: if the file cannot be written.
        """
        target = os.fspath(path)
        # A lone surrogate, as in the name of a file that is not UTF-8, becomes a question mark.
        atomic_write(target, self.html().encode("utf-8", errors="replace"))
        return target

    def _contents(self) -> str:
        if len(self._sections) < 2:
            return ""
        links = (
            f'<li><a href="#section-{number}">{_text(title)}</a></li>'
            for number, title in enumerate(self._sections, start=1)
        )
        return f'<nav aria-label="Contents"><ul>{"".join(links)}</ul></nav>'


def _text(value: Any) -> str:
    return html.escape(str(value), quote=True)


def _caption(caption: str) -> str:
    return f"<figcaption>{_text(caption)}</figcaption>" if caption else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (numbers.Number, np.number)) and not isinstance(value, (bool, np.bool_))


def _value(value: Any, digits: int) -> str:
    """One value as text: numbers rounded, what is missing as a dash."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return _text(", ".join(map(str, value)))
    if value is None or value is pd.NA or value is pd.NaT:
        return "–"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}"
    if isinstance(value, (float, np.floating)):
        return _fraction(float(value), digits)
    return _text(value)


def _fraction(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"


def _name(name: Any) -> str:
    return " / ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def _table(frame: pd.DataFrame, caption: str, digits: int, index: bool | None, max_rows: int) -> str:
    shown = frame.head(max_rows)
    if index is None:
        index = not isinstance(frame.index, pd.RangeIndex)
    names = [_name(name) for name in shown.columns]
    columns = [list(shown.iloc[:, position]) for position in range(shown.shape[1])]
    if index:
        levels = range(shown.index.nlevels)
        names = ["" if name is None else str(name) for name in shown.index.names] + names
        columns = [list(shown.index.get_level_values(level)) for level in levels] + columns
    classes = [' class="number"' if column and all(map(_is_number, column)) else "" for column in columns]
    head = "".join(f'<th scope="col"{kind}>{_text(name)}</th>' for name, kind in zip(names, classes, strict=True))
    rows = (
        "".join(f"<td{kind}>{_value(value, digits)}</td>" for value, kind in zip(row, classes, strict=True))
        for row in zip(*columns, strict=True)
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    label = f"<caption>{_text(caption)}</caption>" if caption else ""
    rest = len(frame) - len(shown)
    more = f'<p class="more">{counted(rest, "more row is", "more rows are")} not shown.</p>' if rest else ""
    return f'<div class="scroll"><table>{label}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'


def _image(image: Image, caption: str, side: int) -> str:
    try:
        return f'<img src="{data_uri(image, side)}" alt="{_text(caption)}">'
    except (DataError, InvalidInputError) as error:
        return f'<p class="missing">{_text(error)}</p>'


def _drawn(charts: list[tuple[str | dict[str, Any], str]]) -> list[str]:
    drawings = [Drawing(spec, dark) for spec, _ in charts for dark in (False, True)]
    pictures = render_charts(drawings)
    figures = []
    for position, (spec, caption) in enumerate(charts):
        light, dark = pictures[2 * position : 2 * position + 2]
        if isinstance(light, InvalidInputError) or isinstance(dark, InvalidInputError):
            reason = light if isinstance(light, InvalidInputError) else dark
            _LOGGER.warning("a chart is missing from the report: %s", reason)
            content = f'<p class="missing">{_text(reason)}</p>'
        else:
            content = (
                f'<picture><source media="(prefers-color-scheme: dark)" srcset="{_svg_uri(dark)}">'
                f'<img src="{_svg_uri(light)}" alt="{_text(_title_of(spec) or caption or "chart")}"></picture>'
            )
        figures.append(f'<figure class="chart"><div class="scroll">{content}</div>{_caption(caption)}</figure>')
    return figures


def _svg_uri(svg: str) -> str:
    # As an image, not as markup: nothing in it can run or be clicked.
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode('ascii')}"


def _title_of(spec: str | dict[str, Any]) -> str:
    title = (json.loads(spec) if isinstance(spec, str) else spec).get("title", "")
    title = title.get("text", "") if isinstance(title, dict) else title
    return " ".join(title) if isinstance(title, list) else str(title)
