"""The command line that runs a job again.

    repeat_command(service, job)    # "brevetti-keras train image-classification --dataset /data/vials --set epochs=3"

Settings that equal the defaults of the very version that ran are left out; all others are given.
"""

import shlex
from collections.abc import Mapping
from typing import Any

from brevetti_keras.server.service import Service
from brevetti_keras.utils.encode import to_json
from brevetti_keras.utils.errors import NotFoundError
from brevetti_keras.wire.records import Job


def repeat_command(service: Service, job: Job) -> str | None:
    """Returns the command that runs `job` again, ready for a POSIX shell.

    Returns:
        The text, or None for a job whose class the platform knows no name of, and for a test report, whose models no
        command takes.
    """
    what = _trainable(job)
    if what is None or job.kind == "report":
        return None
    words = ["train", what]
    for dataset in job.datasets:
        words += ["--dataset", dataset.bucket]
    defaults = dict(flat(_defaults(service, job)))
    for name, value in flat(job.settings):
        if name not in defaults or defaults[name] != value:
            words += ["--set", f"{name}={_argument(value)}"]
    return command_for_workspace(service, *words)


def resume_command(service: Service, job: Job) -> str | None:
    """Returns the command that goes on with a job from its last checkpoint, or None, as `repeat_command`."""
    what = _trainable(job)
    return None if what is None else command_for_workspace(service, "train", what, "--resume", job.id)


def command_for_workspace(service: Service, *words: str) -> str:
    """Returns a command of ours that works on this workspace, from whatever folder it is called."""
    return shlex.join(["brevetti-keras", *words, "--workspace", service.home])


def flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Returns nested mappings as one list of dotted names and values; lists and empty mappings stay values."""
    result: list[tuple[str, Any]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        result += flat(value, f"{name}.") if isinstance(value, Mapping) and value else [(name, value)]
    return result


def _trainable(job: Job) -> str | None:
    # A class of a script is known there as __main__, which no other process can find.
    what = job.model_type or job.job_class
    return what if what and not what.startswith("__main__") else None


def _argument(value: Any) -> str:
    # Text is taken as it stands by settings that take text, so it needs no quotes of JSON's.
    return value if isinstance(value, str) else to_json(value)


def _defaults(service: Service, job: Job) -> dict[str, Any]:
    if not job.model_type:
        return {}
    try:
        model_type = service.model_types.get(job.model_type)
    except NotFoundError:
        return {}
    if model_type.version != job.model_type_version:
        return {}
    schema = model_type.settings_schema
    return _schema_defaults(schema, schema.get("$defs", {}))


def _schema_defaults(schema: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a JSON Schema's objects take when nothing is given, references followed."""
    result: dict[str, Any] = {}
    for name, field in schema.get("properties", {}).items():
        nested = parts.get(str(field.get("$ref", "")).rpartition("/")[2], field)
        inner = _schema_defaults(nested, parts) if "properties" in nested else {}
        given = field.get("default")
        if isinstance(given, Mapping) or (given is None and inner):
            result[name] = {**inner, **(given or {})}
        elif "default" in field:
            result[name] = given
    return result
