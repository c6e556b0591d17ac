"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def workspace_option(command: _Command) -> _Command:
    """Adds `--workspace PATH`; None leaves the choice to $BREVETTI_HOME, else ./brevetti-workspace."""
    return click.option(
        "--workspace",
        metavar="PATH",
        default=None,
        help="The workspace folder.  [default: $BREVETTI_HOME, else ./brevetti-workspace]",
    )(command)


def json_option(command: _Command) -> _Command:
    """Adds `--json`, for machines that read the answer."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(command)
