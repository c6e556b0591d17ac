"""JSON Schema → vue-form-generator, the form description that the hosted platform draws.

The kinds of field and their keys are those the hosted platform's own builder emits: numbers, text, text areas holding
JSON, checkboxes, selects and checklists, each with a dotted `model`; a nested component is a label and its fields.
"""

from typing import Any

from brevetti_keras.utils.encode import to_json

_Json = dict[str, Any]


def vue_form(schema: _Json) -> _Json:
    """Returns `{"fields": [...], "presets": {}}` for a JSON Schema 2020-12 object.

    Args:
        schema: an object schema as `SettingsSchema.schema` holds it; `$ref`s point into its own `$defs`.
    """
    definitions = schema.get("$defs", {})
    return {"fields": _fields(schema, definitions, "", schema.get("default") or {}), "presets": {}}


def _fields(schema: _Json, definitions: _Json, prefix: str, defaults: Any) -> list[_Json]:
    fields: list[_Json] = []
    required = set(schema.get("required", ()))
    for name, raw in schema.get("properties", {}).items():
        field = _resolve(raw, definitions)
        model = f"{prefix}{name}"
        default = defaults[name] if isinstance(defaults, dict) and name in defaults else field.get("default")
        label = field.get("x-label") or name.replace("_", " ").capitalize()
        if field.get("type") == "object" and "properties" in field:
            fields.append({"type": "label", "label": label, "tag": model})
            fields.extend(_fields(field, definitions, f"{model}.", default))
            continue
        fields.append(
            {
                **_widget(field),
                "label": label,
                "model": model,
                "default": default,
                "required": name in required,
                "visible": not field.get("x-advanced", False),
                **({"help": field["description"]} if field.get("description") else {}),
            }
        )
        if fields[-1].get("isJson"):
            fields[-1]["default"] = _json_text(default)
    return fields


def _resolve(field: _Json, definitions: _Json) -> _Json:
    """Follows references and takes the first member of a union that is not null."""
    while "$ref" in field or "anyOf" in field or "oneOf" in field or "allOf" in field:
        if "$ref" in field:
            target = definitions[field["$ref"].rpartition("/")[2]]
        else:
            members = field.get("anyOf") or field.get("oneOf") or field.get("allOf") or []
            target = next((member for member in members if member.get("type") != "null"), {})
        outer = {key: value for key, value in field.items() if key not in {"$ref", "anyOf", "oneOf", "allOf"}}
        field = {**target, **outer}
    return field


def _widget(field: _Json) -> _Json:
    kind = field.get("type")
    if "enum" in field or "const" in field:
        return {"type": "select", "values": field.get("enum", [field.get("const")]), "isJson": False}
    if kind == "boolean":
        return {"type": "checkbox"}
    if kind in {"integer", "number"}:
        low = field.get("minimum", field.get("exclusiveMinimum"))
        high = field.get("maximum", field.get("exclusiveMaximum"))
        return {
            "type": "input",
            "inputType": "number",
            "min": low,
            "max": high,
            "step": 1 if kind == "integer" else 0.1,
        }
    if kind == "array" and "enum" in field.get("items", {}):
        return {"type": "checklist", "listbox": False, "values": field["items"]["enum"]}
    if kind == "string" and field.get("x-widget") != "textarea":
        return {
            "type": "input",
            "inputType": "password" if field.get("x-widget") == "password" else "text",
            "isJson": False,
        }
    if kind == "string":
        return {"type": "textArea", "hint": "", "placeholder": "", "rows": 4, "max": 5000, "isJson": False}
    return {"type": "textArea", "hint": "JSON", "placeholder": "", "rows": 4, "max": 5000, "isJson": True}


def _json_text(default: Any) -> str:
    return "" if default is None else to_json(default, indent=2)
