"""The rules for paths inside a storage: relative, `/` between parts, never out of the root.

clean_path("a//b/./c.png")     # "a/b/c.png"
clean_path("../secret")        # InvalidInputError
shown_path(path)               # text, also of a path that is none
"""

import os

from brevetti_keras.utils.errors import InvalidInputError


def clean_path(path: str) -> str:
    """Returns `path` without empty and `.` parts; `""` is the root.

    Raises:
        InvalidInputError: for an absolute path, one with a `..` part or a NUL, or text that no file can be named.
    """
    if not isinstance(path, str):
        raise InvalidInputError(f"expected a path as text, received {type(path).__name__}")
    if "\0" in path:
        raise InvalidInputError(f"expected a path without NUL characters, received {path[:80]!r}")
    if path.startswith("/"):
        raise InvalidInputError(f"expected a path relative to its storage, received {path[:80]!r}")
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise InvalidInputError(f"expected a path inside its storage, received {path[:80]!r}: leave out '..'")
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"expected text that can name a file, received {path[:80]!r}") from error
    return "/".join(parts)


def is_hidden(path: str) -> bool:
    """Tells whether a clean path is hidden: its own name or a folder's on the way starts with a dot."""
    return path.startswith(".") or "/." in path


def is_text(path: str) -> bool:
    """Tells whether UTF-8 can hold a path; the bytes of a file's name need not be text."""
    if path.isascii():
        return True
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def shown_path(path: str) -> str:
    """Returns a path as text, bytes that are none as `\\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
