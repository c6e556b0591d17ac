"""A job's command line: reserved names and settings by their dotted names.

    read_arguments(Settings, ["--dataset", "vials", "--epochs", "3", "--image_pipeline.target_size", "[64, 64]"])

`--name value` and `--name=value` are the same (the value may hold `=`), a switch needs no value, later ones win.
`--help` shows all names and ends the program.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from brevetti_keras.platform.argument_help import help_text
from brevetti_keras.platform.settings_sources import Source, text_source
from brevetti_keras.platform.settings_types import annotation_at, dotted_names, members, nearest_name
from brevetti_keras.utils.errors import InvalidInputError, SettingsError

RESERVED = ("job_id", "api_key", "info_file", "config", "platform", "dataset", "name", "resume")


@dataclass(frozen=True)
class Arguments:
    """What a command line said.

    Attributes:
        reserved: the reserved names given, each once.
        datasets: paths or names, in their order.
        source: the settings.
    """

    reserved: dict[str, str]
    datasets: tuple[str, ...]
    source: Source


def is_interactive() -> bool:
    """Tells whether somebody works in this process step by step: a Python shell, IPython or a notebook."""
    return hasattr(sys, "ps1") or bool(sys.flags.interactive) or "ipykernel" in sys.modules


def present_arguments() -> list[str]:
    """Returns this program's arguments, or none in an interactive session, where they are the shell's own."""
    return [] if is_interactive() else sys.argv[1:]


def read_arguments(settings: type[BaseModel], argv: Sequence[str]) -> Arguments:
    """Reads a command line.

    Args:
        settings: the job's settings class.
        argv: the words after the program's name.

    Raises:
        SettingsError: for an unknown name (the nearest known one is named), a missing value, or a stray word.
        SystemExit: with status 0, after `--help` or `-h` was answered on standard output.
    """
    if isinstance(argv, str):
        raise InvalidInputError(f"expected argv as a list of words, received the text {argv!r}")
    words = [str(word) for word in argv]
    if words[:1] in (["--help"], ["-h"]) and "help" not in settings.model_fields:
        sys.stdout.write(help_text(settings, os.path.basename(sys.argv[0])))
        raise SystemExit(0)
    known = [*RESERVED, *dotted_names(settings)]
    reserved: dict[str, str] = {}
    datasets: list[str] = []
    given: list[tuple[str, Any, str]] = []
    position = 0
    while position < len(words):
        name, value, position = _next(settings, words, position, known)
        if name == "dataset":
            datasets.append(value)
        elif name in RESERVED:
            reserved[name] = value
        else:
            given.append((name, value, f"--{name}"))
    return Arguments(reserved, tuple(datasets), text_source(settings, given, "the command line", known))


def _next(settings: type[BaseModel], words: list[str], position: int, known: list[str]) -> tuple[str, str, int]:
    word = words[position]
    if not word.startswith("--") or len(word) == 2:
        raise SettingsError(f"expected --name value, received {word!r}")
    name, equals, value = word[2:].partition("=")
    found = annotation_at(settings, name.split(".")) if name not in RESERVED else (str,)
    if not found:
        raise SettingsError(f"--{name}: unknown argument{nearest_name(name, known)}")
    if equals:
        return name, value, position + 1
    following = words[position + 1] if position + 1 < len(words) else None
    if following is not None and not following.startswith("--"):
        return name, following, position + 2
    if any(member is bool for annotation in found for member in members(annotation)):
        return name, "true", position + 1
    raise SettingsError(
        f"--{name}: expected a value, received none (a value that starts with -- is given as --{name}=…)"
    )
