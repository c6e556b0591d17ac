"""Draws charts in a process of its own: JSON on standard input, JSON on standard output.

Run by `chart_rendering` as a plain script, so it imports nothing of this package. It refuses every address that a chart
names, and is ended from outside when a chart takes too long.

    {"format": "svg", "charts": [{"spec": {…}, "config": {…}}]}  →  [{"ok": "<svg…"}, {"error": "…"}]
"""

import base64
import json
import sys
from typing import Any


def draw(kind: str, chart: dict[str, Any]) -> dict[str, str]:
    """Returns `{"ok": text}`, SVG or base64 of a PNG, or `{"error": text}`."""
    # Here, so that importing this module loads nothing heavy; the package's lazy imports are not at hand in a script.
    import vl_convert

    try:
        if kind == "svg":
            return {"ok": vl_convert.vegalite_to_svg(chart["spec"], config=chart["config"], allowed_base_urls=[])}
        png = vl_convert.vegalite_to_png(chart["spec"], config=chart["config"], scale=2.0, allowed_base_urls=[])
        return {"ok": base64.b64encode(png).decode("ascii")}
    except ValueError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    request = json.load(sys.stdin)
    json.dump([draw(request["format"], chart) for chart in request["charts"]], sys.stdout)
