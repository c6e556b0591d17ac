"""Where a job's settings come from, and how the sources become one instance.

    sources = [file_source("digits.yaml"), environment_source(Settings, os.environ), Source({"epochs": 3}, "argument")]
    settings = merge(Settings, sources)        # later wins, key by key over the class's default instances

Lists are replaced whole; a mapping that names another `kind` of a union starts afresh from that kind's defaults; a
component given as an instance replaces what was there. Each value remembers its origin for the message about it.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from brevetti_keras.platform.settings_files import read_settings_file
from brevetti_keras.platform.settings_types import annotation_at, dotted_names, from_text, members, nearest_name
from brevetti_keras.schema.settings import settings_error
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import InvalidInputError, SettingsError

ENVIRONMENT_PREFIX = "BREVETTI_SETTINGS__"
SAGEMAKER_FILE = "/opt/ml/input/config/hyperparameters.json"
MASKED = "**********"
_KIND = "kind"
_SettingsType = TypeVar("_SettingsType", bound=BaseModel)


@dataclass(frozen=True)
class Source:
    """Nested values from one place.

    Attributes:
        values: names to values, nested as the settings are.
        origin: how a message names the place.
        origins: the same for single dotted names, where they differ.
    """

    values: Mapping[str, Any]
    origin: str
    origins: Mapping[str, str] = field(default_factory=dict)


def file_source(path: str | os.PathLike[str]) -> Source:
    """Returns the settings in a YAML or JSON file.

    Raises:
        SettingsError: if it cannot be read, or is no mapping.
    """
    return Source(read_settings_file(path), f"file {os.fspath(path)}")


def platform_source(settings: type[BaseModel], values: Mapping[str, Any], origin: str = "the job's form") -> Source:
    """Returns what a form of the platform sent: fields that hold JSON arrive as text, masked secrets are left out.

    Raises:
        SettingsError: for text that cannot be read as the list or mapping that its setting takes.
    """
    return Source(_read_form(settings, values, ()), origin)


def _read_form(annotation: Any, value: Any, name: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        read = {}
        for key, item in value.items():
            found = annotation_at(annotation, [key]) if item != MASKED else ()
            if item != MASKED:
                read[key] = _read_form(found[0], item, (*name, str(key))) if len(found) == 1 else item
        return read
    if not isinstance(value, str):
        return value
    try:
        return from_text(value, annotation)
    except InvalidInputError as error:
        dotted = ".".join(name)
        raise SettingsError(f"{dotted}: {error}", {dotted: str(error)}) from error


def environment_source(settings: type[BaseModel], environment: Mapping[str, str]) -> Source:
    """Returns the settings among environment variables, as `BREVETTI_SETTINGS__IMAGE_PIPELINE__RESCALE`.

    Raises:
        SettingsError: for a variable that names no setting, or whose text cannot be read.
    """
    texts = {name: text for name, text in sorted(environment.items()) if name.startswith(ENVIRONMENT_PREFIX)}
    known = dotted_names(settings)
    by_case = {name.lower(): name for name in known}
    given = []
    for variable, text in texts.items():
        lower = variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
        given.append((by_case.get(lower, lower), text, f"environment {variable}"))
    return text_source(settings, given, "environment", known)


def sagemaker_source(settings: type[BaseModel], path: str | None = None, skip: Iterable[str] = ()) -> Source:
    """Returns the hyperparameters that SageMaker laid down: a flat JSON object, names dotted, values mostly text.

    Args:
        settings: the settings class.
        path: the file, by default where SageMaker puts it; a missing one gives nothing.
        skip: names that are no settings.

    Raises:
        SettingsError: for a damaged file, or a name that is no setting.
    """
    given = [
        (name, text, f"hyperparameter {name}") for name, text in hyperparameters(path).items() if name not in {*skip}
    ]
    return text_source(settings, given, "hyperparameters.json")


def hyperparameters(path: str | None = None) -> dict[str, Any]:
    """Returns SageMaker's hyperparameters by name, its own (`sagemaker_…`) left out; none where there is no file."""
    path = path or SAGEMAKER_FILE
    if not os.path.isfile(path):
        return {}
    try:
        with open(path, "rb") as file:
            values = from_json(file.read())
    except (OSError, InvalidInputError) as error:
        raise SettingsError(f"{path}: {error}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: expected an object of hyperparameters, received a {type(values).__name__}")
    return {name: _unquoted(value) for name, value in values.items() if not name.startswith("sagemaker_")}


def _unquoted(value: Any) -> Any:
    # SageMaker's own client encodes every value as JSON, text in quotes.
    if isinstance(value, str) and len(value) >= 2 and value[0] == value[-1] == '"':
        try:
            return from_json(value)
        except InvalidInputError:
            return value
    return value


def text_source(
    settings: type[BaseModel],
    given: Iterable[tuple[str, Any, str]],
    origin: str,
    known: Iterable[str] | None = None,
) -> Source:
    """Returns values given by dotted name, each text read by its setting's type.

    Args:
        settings: the settings class.
        given: (dotted name, text, origin), later ones winning.
        origin: of the source as a whole.
        known: the names a message may suggest; by default all settings.

    Raises:
        SettingsError: for an unknown name, or text that cannot be read.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, text, place in given:
        parts = name.split(".")
        found = annotation_at(settings, parts)
        if not found:
            hint = nearest_name(name, list(known or dotted_names(settings)))
            raise SettingsError(f"{name}: unknown setting{hint} (from {place})")
        try:
            value = from_text(text, *found) if isinstance(text, str) else text
        except InvalidInputError as error:
            raise SettingsError(f"{name}: {error} (from {place})") from error
        _put(values, parts, value)
        origins[name] = place
    return Source(values, origin, origins)


def _put(values: dict[str, Any], parts: list[str], value: Any) -> None:
    for part in parts[:-1]:
        inner = values.get(part)
        if not isinstance(inner, dict):
            inner = values[part] = {}
        values = inner
    values[parts[-1]] = value


def merge(settings: type[_SettingsType], sources: Iterable[Source]) -> _SettingsType:
    """Returns the settings that the sources make together.

    Args:
        settings: the class; its defaults are the base.
        sources: later ones win.

    Raises:
        SettingsError: one line naming each wrong setting, what it takes, what was received and where it came from.
    """
    values: Any = {}
    origins: dict[str, str] = {}
    for source in sources:
        for name, given in source.values.items():
            current = values[name] if name in values else _default(settings, name)
            annotations = annotation_at(settings, [name])
            values[name] = _merge(annotations[0] if annotations else Any, current, given, [name], source, origins)
    try:
        return settings.model_validate(values)
    except ValidationError as error:
        raise settings_error(settings, error, origins=origins) from error


def _merge(
    annotation: Any, current: Any, given: Any, paths: Sequence[str], source: Source, origins: dict[str, str]
) -> Any:
    origin = source.origins.get(paths[0], source.origin)
    if not isinstance(given, Mapping):
        origins.update(dict.fromkeys(paths, origin))
        return given
    result = _base(annotation, current, given)
    if not given or _KIND in given:
        origins.update(dict.fromkeys(paths, source.origins.get(f"{paths[0]}.{_KIND}", origin)))
    # Pydantic puts a union's tag into the names that it reports.
    tag = given.get(_KIND, result.get(_KIND))
    heads = [*paths, *(f"{path}.{tag}" for path in paths if isinstance(tag, str))]
    for key, item in given.items():
        inner = annotation_at(annotation, [key])
        kind = inner[0] if len(inner) == 1 else Any
        result[key] = _merge(kind, result.get(key), item, [f"{head}.{key}" for head in heads], source, origins)
    return result


def _base(annotation: Any, current: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """What `given` is laid over: the present value, or the defaults of the model that it newly names."""
    present = _fields(current)
    if present is not None and (_KIND not in given or present.get(_KIND) == given[_KIND]):
        return present
    models = [one for one in members(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
    if _KIND in given:
        models = [one for one in models if given[_KIND] in _kinds(one)]
    if len(models) != 1:
        return {}
    return {name: _default(models[0], name) for name, one in models[0].model_fields.items() if not one.is_required()}


def _fields(value: Any) -> dict[str, Any] | None:
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    return dict(value) if isinstance(value, Mapping) else None


def _kinds(model: type[BaseModel]) -> tuple[Any, ...]:
    found = model.model_fields.get(_KIND)
    return get_args(found.annotation) if found is not None and get_origin(found.annotation) is Literal else ()


def _default(settings: type[BaseModel], name: str) -> Any:
    found = settings.model_fields.get(name)
    if found is None or found.is_required():
        return None
    return found.get_default(call_default_factory=True, validated_data={})
