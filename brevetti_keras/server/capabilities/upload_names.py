"""Under which path an uploaded file is stored, whatever it was called where it came from.

    stored_path("crack/1.png")          # "crack/1.png": most names stay as they are
    stored_path("../CON/a\\nb.png")      # "CON-a3fba9d4/a_b-95d9de75.png"

A name that some system cannot hold, or that means something to one, is replaced by one made here. That one depends on
the original alone and differs for every two, so that classes (the folders' names) never run together.
"""

import hashlib
import os
import re
import unicodedata

from brevetti_keras.utils.errors import InvalidInputError

_MOST_PARTS = 8
_LONGEST_PATH = 1024
_LONGEST_NAME = 200
_KEPT_BYTES = 80
_NO_NAMES = {"", ".", ".."}
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}")
_NO_CHARACTERS = frozenset('\\/:*?"<>|')
# Controls, marks without a picture, halves of characters, private and unassigned ones, ends of lines.
_NO_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
)


def stored_path(path: str) -> str:
    """Returns the path, relative to the dataset, of a file that came as `path`.

    Args:
        path: folders and name with `/` between them; parts that lead elsewhere (`..`) or nowhere are left out.

    Raises:
        InvalidInputError: if there is no name in it, or it is too deep or too long.
    """
    parts = [part for part in unicodedata.normalize("NFC", path).split("/") if part not in _NO_NAMES]
    if not parts or path.endswith("/"):
        raise InvalidInputError("expected a file's path as folder/name, received one without a name")
    if len(parts) > _MOST_PARTS:
        raise InvalidInputError(f"expected at most {_MOST_PARTS - 1} folders in one another, received {len(parts) - 1}")
    stored = "/".join(safe_name(part) for part in parts)
    if len(stored.encode("utf-8")) > _LONGEST_PATH:
        raise InvalidInputError(f"expected a path of at most {_LONGEST_PATH} bytes, received a longer one")
    return stored


def safe_name(name: str) -> str:
    """Returns a name that every system can hold: the given one if it is such a name, else one made of it."""
    clean = "".join("_" if _is_unsafe(character) else character for character in name).strip(" .")
    reserved = clean.partition(".")[0].strip().lower() in _DEVICES
    if clean == name and not reserved and len(clean.encode("utf-8")) <= _LONGEST_NAME:
        return name
    stem, ending = os.path.splitext(clean)
    if not _ENDING.fullmatch(ending):
        stem, ending = clean, ""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    kept = stem.encode("utf-8")[:_KEPT_BYTES].decode("utf-8", "ignore").replace(".", "_").strip()
    return f"{kept or 'file'}-{digest}{ending}"


def _is_unsafe(character: str) -> bool:
    return character in _NO_CHARACTERS or unicodedata.category(character) in _NO_CATEGORIES
