"""A settings schema as the rows of a table: each setting's name, what it takes, its default and its help.

settings_rows(model_type.settings_schema)
# [SettingRow("image_pipeline.target_size", "2 × whole number, or none", [128, 128], "Height and width …", False), …]
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "yes or no",
    "null": "none",
    "object": "names and values",
}
_DEEPEST = 12

_Schema = Mapping[str, Any]


@dataclass(frozen=True)
class SettingRow:
    """One setting: its dotted name, what it takes, its default, its help, and whether it is for experts."""

    name: str
    takes: str
    default: Any
    help: str
    advanced: bool


def settings_rows(schema: _Schema) -> list[SettingRow]:
    """Returns the settings of an object schema, nested ones below their part.

    Args:
        schema: JSON Schema 2020-12 as `SettingsSchema.schema` holds it.
    """
    return _rows(schema, schema.get("$defs", {}), "", schema.get("default"), False, 0)


def _rows(schema: _Schema, parts: _Schema, prefix: str, defaults: Any, advanced: bool, depth: int) -> list[SettingRow]:
    rows: list[SettingRow] = []
    for name, raw in schema.get("properties", {}).items():
        field = _resolved(raw, parts)
        given = defaults[name] if isinstance(defaults, Mapping) and name in defaults else field.get("default")
        hidden = advanced or bool(field.get("x-advanced"))
        if "properties" in field and depth < _DEEPEST:
            rows += _rows(field, parts, f"{prefix}{name}.", given, hidden, depth + 1)
            continue
        unit = f" ({field['x-unit']})" if field.get("x-unit") else ""
        text = str(field.get("description", "")).partition("\n")[0]
        rows.append(SettingRow(f"{prefix}{name}", f"{_takes(field, parts, depth)}{unit}", given, text, hidden))
    return rows


def _resolved(schema: Any, parts: _Schema) -> _Schema:
    found: dict[str, Any] = dict(schema) if isinstance(schema, Mapping) else {}
    for _ in range(_DEEPEST):
        if "$ref" not in found:
            break
        target = parts.get(str(found.pop("$ref")).rpartition("/")[2], {})
        found = {**target, **found}
    return found


def _takes(raw: Any, parts: _Schema, depth: int) -> str:
    schema = _resolved(raw, parts)
    members = schema.get("anyOf") or schema.get("oneOf")
    if depth > _DEEPEST:
        return "a value"
    if members:
        return ", or ".join(dict.fromkeys(_takes(member, parts, depth + 1) for member in members))
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " | ".join(str(choice) for choice in schema["enum"])
    if schema.get("prefixItems"):
        kinds = [_takes(item, parts, depth + 1) for item in schema["prefixItems"]]
        return f"{len(kinds)} × {kinds[0]}" if len(set(kinds)) == 1 else f"({', '.join(kinds)})"
    if schema.get("type") == "array":
        return f"list of {_takes(schema.get('items', {}), parts, depth + 1)}"
    if "properties" in schema:
        return str(schema.get("title") or "names and values")
    words = _WORDS.get(str(schema.get("type")), "a value")
    return f"{words} {bounds}" if (bounds := _range(schema)) else words


def _range(schema: _Schema) -> str:
    signs = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
    return ", ".join(f"{sign} {schema[key]}" for key, sign in signs if key in schema)
