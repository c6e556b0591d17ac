"""Vega-Lite charts as still pictures, for reports that need no script.

    svg = render_svg(vegalite_charts.roc(predictions, classes))
    light, dark = render_charts([Drawing(spec), Drawing(spec, dark=True)])

Specs may come from anywhere. They are drawn in a child process that is ended after a time, and no address in a spec
is ever fetched.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import InvalidInputError

_CHILD = str(Path(__file__).with_name("chart_child.py"))
# The renderer lays text out by the widths of the first two, which have the same; what shows the picture may lack both.
_FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"
_ROOM_FOR_WIDER_FONTS = {"left": 12, "top": 5, "right": 36, "bottom": 5}


@dataclass(frozen=True)
class Drawing:
    """One picture to draw.

    Attributes:
        spec: Vega-Lite as JSON text or a dict.
        dark: for a dark background.
    """

    spec: str | dict[str, Any]
    dark: bool = False


def render_charts(
    drawings: Sequence[Drawing], *, kind: Literal["svg", "png"] = "svg", timeout: float = 60.0
) -> list[str | InvalidInputError]:
    """Draws charts, all of them in one child process.

    Args:
        drawings: what to draw.
        kind: SVG text, or a PNG as base64 text at twice the size.
        timeout: seconds for all of them.

    Returns:
        For each drawing the picture, or the error that says why there is none.
    """
    if not drawings:
        return []
    parsed = [_parsed(drawing) for drawing in drawings]
    charts = [chart for chart in parsed if isinstance(chart, dict)]
    answers = iter(_run(to_json({"format": kind, "charts": charts}), timeout) if charts else [])
    return [chart if isinstance(chart, InvalidInputError) else _picture(next(answers, {})) for chart in parsed]


def render_svg(spec: str | dict[str, Any], *, dark: bool = False, timeout: float = 60.0) -> str:
    """Returns one chart as SVG.

    Raises:
        InvalidInputError: for a spec that cannot be drawn, names data outside of itself, or takes too long.
    """
    return _only(render_charts([Drawing(spec, dark)], timeout=timeout))


def render_png(spec: str | dict[str, Any], *, dark: bool = False, timeout: float = 60.0) -> bytes:
    """Returns one chart as a PNG file, two pixels to a point.

    Raises:
        InvalidInputError: see `render_svg`.
    """
    return base64.b64decode(_only(render_charts([Drawing(spec, dark)], kind="png", timeout=timeout)))


def _only(pictures: list[str | InvalidInputError]) -> str:
    (picture,) = pictures
    if isinstance(picture, InvalidInputError):
        raise picture
    return picture


def _parsed(drawing: Drawing) -> dict[str, Any] | InvalidInputError:
    try:
        spec = from_json(drawing.spec) if isinstance(drawing.spec, str) else drawing.spec
        if not isinstance(spec, dict):
            raise InvalidInputError(f"expected a Vega-Lite chart, a JSON object, received {type(spec).__name__}")
        return {"spec": spec, "config": _config(dark=drawing.dark)}
    except InvalidInputError as error:
        return error


def _run(request: str, timeout: float) -> list[dict[str, str]]:
    # -P: the script's own folder holds modules that bear other packages' names.
    command = [sys.executable, "-P", _CHILD]
    try:
        done = subprocess.run(command, input=request.encode(), capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return [{"error": f"it took longer than {timeout:g} s to draw: give it less data"}] * request.count('"spec"')
    try:
        answers = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["without a word"]
        return [{"error": f"the drawing process ended with {done.returncode}: {last[0][:300]}"}] * request.count(
            '"spec"'
        )
    return list(answers)


def _picture(answer: dict[str, str]) -> str | InvalidInputError:
    if "ok" in answer:
        return answer["ok"]
    # The renderer's text: a headline of its own, the reason, then where in its scripts.
    lines = answer.get("error", "there was no answer").strip().splitlines()
    return InvalidInputError(
        f"the chart cannot be drawn: {lines[min(1, len(lines) - 1)][:300] if lines else 'no reason'}"
    )


def _config(*, dark: bool) -> dict[str, Any]:
    text, line = ("#e8e6e3", "#4a4a4a") if dark else ("#1f2328", "#d9dce0")
    labels = {"labelFont": _FONT, "titleFont": _FONT, "labelColor": text, "titleColor": text}
    return {
        "background": "transparent",
        "padding": _ROOM_FOR_WIDER_FONTS,
        "font": _FONT,
        "axis": {**labels, "labelLimit": 240, "gridColor": line, "domainColor": line, "tickColor": line},
        "legend": {**labels, "labelLimit": 320, "titleLimit": 320},
        "header": labels,
        "title": {"font": _FONT, "color": text, "subtitleColor": text, "anchor": "start"},
        "view": {"stroke": line},
    }
