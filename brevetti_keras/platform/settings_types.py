"""What a settings class takes at a dotted name, and text turned into it.

    annotation_at(Settings, ["image_pipeline", "target_size"])       # tuple[int, int] | None
    from_text("[64, 64]", tuple[int, int] | None)                    # [64, 64]
    from_text("7", str)                                              # "7"

Text is read by the setting's type: where text is taken it stays as it is, elsewhere it is JSON (lists and mappings in
YAML's shorter form too); pydantic converts and checks afterwards.
"""

import difflib
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import PurePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, SecretBytes, SecretStr

from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import InvalidInputError

_TEXT_TYPES = (str, bytes, SecretStr, SecretBytes, PurePath)


def annotation_at(annotation: Any, parts: Sequence[str]) -> tuple[Any, ...]:
    """Returns the types that may stand at a name below a type; none if there is no such setting.

    Args:
        annotation: a settings class or any field's annotation.
        parts: the name, split at its dots.
    """
    if not parts:
        return (annotation,)
    found: list[Any] = []
    for member in members(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            field = member.model_fields.get(parts[0])
            if field is not None:
                found.extend(annotation_at(field.annotation, parts[1:]))
        elif member is Any or get_origin(member) in (dict, Mapping) or member is dict:
            arguments = get_args(member)
            found.extend(annotation_at(arguments[1] if len(arguments) == 2 else Any, parts[1:]))
    return tuple(found)


def members(annotation: Any) -> tuple[Any, ...]:
    """Returns the types of a union, one by one; another type alone."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(one for argument in get_args(annotation) for one in members(argument))
    return (annotation,)


def dotted_names(settings: type[BaseModel], prefix: str = "") -> list[str]:
    """Returns the names of all settings, those inside components dotted."""
    names: list[str] = []
    for name, field in settings.model_fields.items():
        names.append(f"{prefix}{name}")
        for member in members(field.annotation):
            if isinstance(member, type) and issubclass(member, BaseModel):
                names.extend(dotted_names(member, f"{prefix}{name}."))
    return list(dict.fromkeys(names))


def nearest_name(name: str, known: Sequence[str]) -> str:
    """Returns the hint `, did you mean --x?` for the nearest of `known`, by whole name or by its last part."""
    plain = name.replace("-", "_")
    close = difflib.get_close_matches(plain, known, n=1, cutoff=0.6)
    if not close:
        leaves = {one.rpartition(".")[2]: one for one in reversed(known)}
        close = [leaves[leaf] for leaf in difflib.get_close_matches(plain.rpartition(".")[2], leaves, n=1, cutoff=0.6)]
    return f", did you mean --{close[0]}?" if close else f"; known are --{', --'.join(known)}"


def from_text(text: str, *annotations: Any) -> Any:
    """Reads a value that came as text for a setting of one of these types.

    Returns:
        The text itself where the setting takes text and nothing else fits better, else the value that it spells.

    Raises:
        InvalidInputError: for a list or mapping that is neither JSON nor YAML.
    """
    kinds = [member for annotation in annotations for member in members(annotation)]
    takes_text = any(map(_takes_text, kinds))
    if any(get_origin(kind) is Literal and text in get_args(kind) for kind in kinds):
        return text
    if not text.strip() and not takes_text and type(None) in kinds:
        return None  # an emptied field of a form
    value = _spelled(text, lenient=takes_text)
    if not takes_text:
        return value
    return value if not isinstance(value, str) and any(_takes(kind, value) for kind in kinds) else text


def _spelled(text: str, *, lenient: bool) -> Any:
    stripped = text.strip()
    if stripped in ("None", "~"):
        return None
    if stripped in ("True", "False"):
        return stripped == "True"
    try:
        return from_json(stripped)
    except InvalidInputError:
        if not stripped.startswith(("[", "{")):
            return text
    try:
        return yaml.safe_load(stripped)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if lenient:
            return text
        raise InvalidInputError(f"expected a list or mapping in JSON or YAML, received {text[:120]!r}") from error


def _takes_text(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, _TEXT_TYPES) and not issubclass(kind, Enum)


def _takes(kind: Any, value: Any) -> bool:
    """Whether a value that is not text is one of `kind`, so that it is meant rather than the text that spells it."""
    if kind is Any:
        return True
    if value is None:
        return kind is type(None)
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    origin = get_origin(kind) or kind
    if isinstance(value, bool):
        return origin is bool
    if isinstance(value, (int, float)):
        return origin is float or (origin is int and isinstance(value, int))
    if not isinstance(origin, type) or issubclass(origin, _TEXT_TYPES):
        return False
    if isinstance(value, dict):
        return issubclass(origin, (Mapping, BaseModel))
    return issubclass(origin, (Sequence, set, frozenset))
