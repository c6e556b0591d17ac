"""Checksums of rows, and the hash that links one change to the one before it.

    checksum = row_checksum("tags", {"id": "1", "name": "line"})
    link = change_hash(previous_link, entry)

A row's checksum covers its table's name and every column but the checksum itself, with their types: a bit that turns
a number into text is seen too.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FIRST_HASH = hashlib.sha256(b"brevetti-keras").hexdigest()
# A damaged value can come back as bytes, which only repr can show.
_AS_TEXT = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=repr).encode
_LINKED = ("sequence", "time", "action", "table_name", "row_id", "row_checksum")


def row_checksum(table: str, row: Mapping[str, Any]) -> str:
    """Returns the SHA-256 of a row, in hex; an entry called `checksum` is left out."""
    return _digest([table, {name: value for name, value in row.items() if name != "checksum"}])


def change_hash(previous: str, entry: Mapping[str, Any]) -> str:
    """Returns the link of one entry of the log of changes.

    Args:
        previous: the link of the entry before it, `FIRST_HASH` for the first.
        entry: the entry's columns; its own `hash` is left out.
    """
    return _digest([previous, [entry[name] for name in _LINKED]])


def _digest(value: Any) -> str:
    return hashlib.sha256(_AS_TEXT(value).encode("ascii")).hexdigest()
