"""Which of the browser packages' files the pages load, and which of them are missing here.

`missing_assets()` is empty for every complete installation; `brevetti-keras doctor` shows what it returns.
"""

import re
from pathlib import Path

_FOLDER = Path(__file__).parent
_LOADED = re.compile(r"vendor/([\w.-]+\.(?:js|css))")


def missing_assets() -> list[str]:
    """Returns the names of files that a template or script of ours loads and that are not there, sorted."""
    sources = [*(_FOLDER / "templates").glob("*.html"), *(_FOLDER / "assets").glob("*.js")]
    loaded = {name for source in sources for name in _LOADED.findall(source.read_text(encoding="utf-8"))}
    return sorted(name for name in loaded if not (_FOLDER / "assets" / "vendor" / name).is_file())
