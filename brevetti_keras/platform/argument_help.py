"""What a job's program says to `--help`: every setting by its dotted name, with its default and what it is for."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from brevetti_keras.platform.settings_types import members
from brevetti_keras.schema.fields import CODE_ONLY

_RESERVED = (
    ("dataset", "PATH_OR_NAME", "A dataset or a folder of images; may be given several times"),
    ("config", "FILE", "Settings in YAML or JSON"),
    ("name", "TEXT", "The job's name"),
    ("resume", "JOB", "Go on with this job from its last checkpoint"),
    ("job_id", "ID", "Run this job, which a platform made"),
    ("api_key", "KEY", "Its key"),
    ("info_file", "FILE", "The info.json of a job that a platform made"),
    ("platform", "PLACE", "The workspace's folder, or the address of a server"),
)
_WIDTH = 60


def help_text(settings: type[BaseModel], program: str) -> str:
    """Returns the text, one line for each name.

    Args:
        settings: the job's settings class.
        program: its name, as it stands before the arguments.
    """
    rows = [(f"--{name} {takes}", text) for name, takes, text in _RESERVED]
    rows += [(f"--{name} {default}".rstrip(), text) for name, default, text in _settings(settings)]
    width = min(_WIDTH, max(len(row[0]) for row in rows))
    reserved, own = (
        [f"  {name:<{width}}  {text}".rstrip() for name, text in part]
        for part in (rows[: len(_RESERVED)], rows[len(_RESERVED) :])
    )
    return "\n".join(
        [f"Usage: {program} [--NAME VALUE]...", "", *reserved, "", "Settings, each with its default:", *own, ""]
    )


def _settings(settings: type[BaseModel], prefix: str = "", default: Any = None) -> Iterator[tuple[str, str, str]]:
    for name, field in settings.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get(CODE_ONLY):
            continue
        value = getattr(default, name) if isinstance(default, settings) else _default(field)
        parts = [one for one in members(field.annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
        for part in parts:
            yield from _settings(part, f"{prefix}{name}.", value)
        if not parts:
            yield f"{prefix}{name}", _shown(value), field.description or ""


def _shown(value: Any) -> str:
    """The default as a command line takes it."""
    plain = to_jsonable_python(value, fallback=str)
    if isinstance(plain, str):
        return plain
    return "" if plain is None else json.dumps(plain, ensure_ascii=False)


def _default(field: FieldInfo) -> Any:
    return None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
