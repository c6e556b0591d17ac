"""How answers look on a terminal: aligned tables, named values, times as people say them."""

import datetime
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from brevetti_keras.utils.encode import to_json

_NAME = "brevetti-keras"


def print_json(value: Any) -> None:
    """Prints `value` as indented JSON."""
    click.echo(to_json(value, indent=2))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Prints rows under headings; columns are as wide as their widest cell, numbers stand right."""
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max(len(heading), *(len(row[i]) for row in cells), 0) for i, heading in enumerate(headings)]
    numeric = [all(isinstance(row[i], (int, float)) for row in rows) for i in range(len(headings))]
    click.echo(
        "  ".join(
            _place(heading, width, right) for heading, width, right in zip(headings, widths, numeric, strict=True)
        ).rstrip()
    )
    for row in cells:
        click.echo(
            "  ".join(
                _place(text, width, right) for text, width, right in zip(row, widths, numeric, strict=True)
            ).rstrip()
        )


def print_values(values: Mapping[str, Any]) -> None:
    """Prints one `name  value` line each."""
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        click.echo(f"{name.ljust(width)}  {_text(value)}")


def local_time(text: str) -> str:
    """Returns an ISO 8601 time as `YYYY-MM-DD HH:MM:SS` in this machine's zone; '' stays ''."""
    if not text:
        return ""
    return datetime.datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def program() -> str:
    """Returns what to type to call this program again: its name where the shell finds it, else its path."""
    called = sys.argv[0]
    if os.path.basename(called) != _NAME or shutil.which(_NAME) == os.path.abspath(called):
        return _NAME
    relative = os.path.relpath(called)
    return called if relative.startswith("..") else relative


def _place(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value if isinstance(value, str) else to_json(value)
    # A name from disk may hold control characters, which must not steer the terminal.
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
