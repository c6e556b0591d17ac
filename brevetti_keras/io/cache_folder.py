"""Where caches lie on this machine, and what their limits say."""

import os

from brevetti_keras.utils.errors import InvalidInputError

_GB = 10**9


def cache_folder() -> str:
    """Returns the absolute path of where caches are kept: `$BREVETTI_CACHE`, else `~/.cache/brevetti-keras`."""
    return os.path.abspath(os.path.expanduser(os.environ.get("BREVETTI_CACHE") or "~/.cache/brevetti-keras"))


def given_limit(variable: str) -> int | None:
    """Returns the bytes that an environment variable allows, None if it is not set.

    Args:
        variable: its name; it holds a number of gigabytes (10⁹ bytes), as `20` or `0.5`.

    Raises:
        InvalidInputError: for anything else.
    """
    given = os.environ.get(variable)
    if not given:
        return None
    try:
        limit = float(given)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < _GB:
        raise InvalidInputError(f"expected {variable} as a number of gigabytes, as 20 or 0.5, received {given!r}")
    return round(limit * _GB)
