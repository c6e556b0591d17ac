"""Where caches lie on this machine."""

import os


def cache_folder() -> str:
    """Returns where caches are kept: `$BREVETTI_CACHE`, else `~/.cache/brevetti-keras`."""
    return os.environ.get("BREVETTI_CACHE") or os.path.expanduser("~/.cache/brevetti-keras")
