"""Fields of settings with the hints that a form needs.

The hints travel in the JSON Schema under keys of our own (`x-label`, `x-unit`, `x-advanced`, `x-widget`), which other
readers of JSON Schema ignore. A `code_field` is part of the config and never of the form.
"""

from collections.abc import Callable
from typing import Any

from pydantic import Field
from pydantic_core import PydanticUndefined

CODE_ONLY = "x-code-only"


def setting(
    default: Any = PydanticUndefined,
    *,
    description: str | None = None,
    label: str | None = None,
    unit: str | None = None,
    advanced: bool = False,
    widget: str | None = None,
    default_factory: Callable[[], Any] | None = None,
    **constraints: Any,
) -> Any:
    """Returns a pydantic field that also tells a form how to show it.

    Args:
        default: its default; left out, the setting is required.
        description: one sentence of help.
        label: its name on the form; by default the field's name in words.
        unit: what a number counts, for example `"pixels"` or `"degrees"`.
        advanced: folded away until asked for.
        widget: how to edit it where its type does not say: `"textarea"`, `"json"`, `"password"`, `"class-mapping"`.
        default_factory: makes the default anew each time.
        **constraints: pydantic's own (`ge`, `le`, `min_length`, …).
    """
    hints: dict[str, Any] = {}
    for name, value in (("label", label), ("unit", unit), ("widget", widget)):
        if value is not None:
            hints[f"x-{name}"] = value
    if advanced:
        hints["x-advanced"] = True
    if default_factory is not None:
        return Field(default_factory=default_factory, description=description, json_schema_extra=hints, **constraints)
    return Field(default, description=description, json_schema_extra=hints, **constraints)


def code_field(default: Any, *, description: str | None = None, **constraints: Any) -> Any:
    """Returns a field that only code sets: it is in the config, not in the form."""
    return Field(default, description=description, json_schema_extra={CODE_ONLY: True}, **constraints)
