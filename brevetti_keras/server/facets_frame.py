"""The document that holds Facets Dive, for a sandboxed frame.

The element comes inside PyPI's `tensorboard-plugin-wit`: its page is taken with the What-If dashboard replaced by
`<facets-dive>`, and its script put inside, so that the frame needs no request. The page around it hands over the
records and the atlas in a message; `assets/facets_dive.js` sets them on the element.
"""

import importlib.util
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from brevetti_keras.server.page_responses import ASSETS, script_hash
from brevetti_keras.utils.errors import MissingDependencyError

_DASHBOARD = "<wit-dashboard></wit-dashboard>"
_SCRIPT = '<script src="wit_tb_bin.js"></script>'
# The plugin's page asks a TensorBoard for its fonts; the reader's own stand in.
_FONT_FACES = re.compile(r"@font-face\s*\{[^}]*\}")
_DIVE = '<facets-dive id="dive"></facets-dive><p id="said" role="status"></p>'


@dataclass(frozen=True)
class FacetsFrame:
    """The document and the hashes of its scripts, for its policy."""

    html: str
    script_hashes: list[str]


@lru_cache(maxsize=1)
def facets_frame() -> FacetsFrame:
    """Builds the document from the installed package; about 3 MB, built once.

    Raises:
        MissingDependencyError: if the package is not installed, or is not of the form that is known.
    """
    static = _static_folder()
    html = (static / "wit_tb_bin.html").read_text(encoding="utf-8")
    if html.count(_DASHBOARD) != 1 or html.count(_SCRIPT) != 1:
        raise MissingDependencyError(
            "expected the page of tensorboard-plugin-wit 1.8, received another: "
            "pip install 'tensorboard-plugin-wit==1.8.1'"
        )
    scripts = [_closed(static / "wit_tb_bin.js"), _closed(ASSETS / "facets_dive.js")]
    style = f"<style>{(ASSETS / 'facets_dive.css').read_text(encoding='utf-8')}</style>"
    inside = "".join(f"<script>{script}</script>" for script in scripts)
    html = _FONT_FACES.sub("", html)
    html = html.replace(_DASHBOARD, style + _DIVE).replace(_SCRIPT, inside)
    return FacetsFrame(html, [script_hash(script) for script in scripts])


def _static_folder() -> Path:
    spec = importlib.util.find_spec("tensorboard_plugin_wit")
    if spec is None or spec.origin is None:
        raise MissingDependencyError(
            "Facets Dive comes with tensorboard-plugin-wit, which is not installed: pip install tensorboard-plugin-wit"
        )
    return Path(spec.origin).parent / "static"


def _closed(path: Path) -> str:
    """A script that cannot end its element early; inside JavaScript's strings and patterns the two mean the same."""
    return path.read_text(encoding="utf-8").replace("</script", "<\\/script").replace("<!--", "<\\!--")
