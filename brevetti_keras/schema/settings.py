"""`Settings`: a frozen, strict pydantic model that is its own form, config and record.

class Blur(Settings):
    sigma: float = setting(1.0, ge=0, unit="pixels", description="Width of the blur")

Blur(sigma=2).get_config()              # {"sigma": 2.0}
Blur.from_config({"sigma": 2})
Blur.get_schema().schema                # JSON Schema 2020-12
Blur(sgima=2)                           # SettingsError: sgima: unknown setting, did you mean 'sigma'?
"""

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr, ValidationError

from brevetti_keras.schema.fields import CODE_ONLY
from brevetti_keras.schema.vue_form import vue_form
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import SettingsError

# What Python keeps a list in is nothing to who writes one.
_LISTS = frozenset({"list_type", "tuple_type", "set_type", "frozen_set_type"})
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


if TYPE_CHECKING:
    # Its public form is type(BaseModel), which a type checker cannot derive from.
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


class _SettingsMeta(ModelMetaclass):
    """Lets a settings class be called with the positional arguments it names, and turns what pydantic raises into
    one line. Nested models are built by pydantic's core without this call, so they keep their full location."""

    def __call__(cls: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 (it is a metaclass)
        names = cls.positional
        if len(args) > len(names):
            takes = (
                f"at most {len(names)} positional arguments ({', '.join(names)})" if names else "keyword arguments only"
            )
            raise TypeError(f"{cls.__name__} takes {takes}, received {len(args)}")
        for name, value in zip(names, args, strict=False):
            if name in kwargs:
                raise TypeError(f"{cls.__name__} received {name} twice")
            kwargs[name] = value
        try:
            return super().__call__(**kwargs)
        except ValidationError as error:
            raise settings_error(cls, error, prefix=cls.__name__) from error


class Settings(BaseModel, metaclass=_SettingsMeta):
    """Base of every settings class and component: frozen, unknown keys refused, defaults validated.

    Class attributes:
        positional: names of the fields that may also be given by position.
    """

    # Pydantic's own report, the cause of ours, would show in a traceback what was given for a secret.
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, ser_json_inf_nan="strings", hide_input_in_errors=True
    )
    positional: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def get_schema(cls) -> "SettingsSchema":
        """Returns the schema of the form; fields that only code sets are not in it."""
        return SettingsSchema(cls)

    def get_config(self) -> dict[str, Any]:
        """Returns the settings as JSON types, code-only fields included, as Keras' `get_config` does."""
        return self.model_dump(mode="json")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Returns the settings that `get_config` described.

        Raises:
            SettingsError: for a wrong name, type or range.
        """
        if not isinstance(config, Mapping):
            raise SettingsError(
                f"{cls.__name__}: expected a mapping of settings, as of get_config, received {type(config).__name__}"
            )
        try:
            return cls.model_validate(dict(config))
        except ValidationError as error:
            raise settings_error(cls, error, prefix=cls.__name__) from error


class SettingsSchema:
    """The form of a settings class.

    Attributes:
        schema: JSON Schema 2020-12 as a dict, our hints under `x-…` keys.
    """

    def __init__(self, settings: type[BaseModel]) -> None:
        schema = settings.model_json_schema()
        for name, default in _form_defaults(settings).items():
            schema["properties"][name]["default"] = default
        self.schema: dict[str, Any] = {"$schema": _DIALECT, **_without_code_fields(schema)}

    def vue_form(self) -> dict[str, Any]:
        """Returns the same form as a vue-form-generator schema: `{"fields": [...], "presets": {}}`."""
        return vue_form(self.schema)


def _form_defaults(settings: type[BaseModel]) -> dict[str, Any]:
    """Returns the defaults that are components themselves, without the fields that only code sets."""
    defaults: dict[str, Any] = {}
    for name, field in settings.model_fields.items():
        value = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(value, BaseModel):
            defaults[name] = _form_values(value)
    return defaults


def _form_values(value: BaseModel) -> dict[str, Any]:
    plain = value.model_dump(mode="json")
    for name, field in type(value).model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get(CODE_ONLY):
            del plain[name]
        elif isinstance(getattr(value, name), BaseModel):
            plain[name] = _form_values(getattr(value, name))
    return plain


def _without_code_fields(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_code_fields(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: _without_code_fields(value) for key, value in node.items()}
    hidden = _code_fields(node)
    if hidden:
        result["properties"] = {name: field for name, field in result["properties"].items() if name not in hidden}
        result["required"] = [name for name in result.get("required", ()) if name not in hidden]
    return result


def _code_fields(node: dict[str, Any]) -> set[str]:
    properties = node.get("properties")
    if not isinstance(properties, dict):
        return set()
    return {name for name, field in properties.items() if isinstance(field, dict) and field.get(CODE_ONLY)}


def settings_error(
    settings: type[BaseModel], error: ValidationError, prefix: str = "", origins: Mapping[str, str] | None = None
) -> SettingsError:
    """Turns pydantic's report into one line a wrong setting.

    Args:
        settings: the class that was validated, for the nearest known name.
        error: what pydantic raised.
        prefix: what the settings belong to, put before the first name.
        origins: dotted names to where their value came from (`"--epochs"`, `"environment BREVETTI_SETTINGS__EPOCHS"`).
    """
    lines: list[str] = []
    errors: dict[str, list[str]] = {}
    for item in error.errors(include_url=False):
        location = [part for part in item["loc"] if not str(part).startswith(("function-", "tagged-union"))]
        names = [str(part) for part in location]
        origin = _origin(names, origins or {})
        reason = _reason(settings, item, names)
        field = _field_name(settings, location, item["type"])
        errors.setdefault(field, []).append(reason)
        name = ".".join(names)
        if item["type"] == "union_tag_invalid":
            name = f"{name}.{_discriminator(item)}"
        line = f"{name}: {reason}" if name else reason
        lines.append(f"{line} (from {origin})" if origin and item["type"] != "missing" else line)
    text = "; ".join(dict.fromkeys(lines))
    by_name = {field: "; ".join(dict.fromkeys(reasons)) for field, reasons in errors.items()}
    return SettingsError(f"{prefix}: {text}" if prefix else text, by_name)


def _reason(settings: type[BaseModel], item: Any, location: list[str]) -> str:
    if item["type"] == "extra_forbidden":
        return f"unknown setting{nearest(location[-1], known_names(settings, location[:-1]))}"
    if item["type"] == "missing" and not isinstance(item["loc"][-1], int):
        return "this setting is required and was not given"
    if item["type"] == "union_tag_invalid":
        facts = item["ctx"]
        return f"expected one of {facts['expected_tags']}, received {_shown(facts['tag'])}"
    message = str(item["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if item["type"] == "value_error":
        return message
    received = "a value that is not shown" if _may_be_secret(settings, location) else _shown(item["input"])
    return f"expected {_of_a_list(item) or message.removeprefix('Input should be ')}, received {received}"


def _of_a_list(item: Any) -> str | None:
    """What was expected of a list, in the words of who writes it in YAML or on a command line; None for others."""
    if item["type"] in _LISTS:
        return 'a list, as [1, 2] or ["a", "b"]'
    if item["type"] == "missing":
        return "one more value in the list"
    if item["type"] in ("too_long", "too_short"):
        limit = item["ctx"]["max_length" if item["type"] == "too_long" else "min_length"]
        return f"at {'most' if item['type'] == 'too_long' else 'least'} {counted(limit, 'value')}"
    return None


def _may_be_secret(settings: type[BaseModel], location: list[str]) -> bool:
    """Tells whether what stands at `location` is a secret, or may hold one."""
    annotations: list[Any] = [settings]
    for part in location:
        models = [model for annotation in annotations for model in _models_in(annotation)]
        found = [model.model_fields[part].annotation for model in models if part in model.model_fields]
        annotations = found or annotations  # a union's tag, an index or a key stands in the location without a field
    return any(_holds_secret(annotation, frozenset()) for annotation in annotations)


def _holds_secret(annotation: Any, seen: frozenset[Any]) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, (SecretStr, SecretBytes)):
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = () if annotation in seen else annotation.model_fields.values()
        return any(_holds_secret(field.annotation, seen | {annotation}) for field in fields)
    return any(_holds_secret(argument, seen) for argument in getattr(annotation, "__args__", ()))


def _discriminator(item: Any) -> str:
    return str(item["ctx"]["discriminator"]).strip("'")


def _field_name(settings: type[BaseModel], location: list[Any], kind: str) -> str:
    """The name that a form knows the setting by: pydantic also names the member of a union that it tried."""
    models: list[type[BaseModel]] = [settings]
    names: list[str] = []
    free = False
    for position, part in enumerate(location):
        found = [model.model_fields[part].annotation for model in models if part in model.model_fields]
        last = position == len(location) - 1
        if found or isinstance(part, int) or free or (last and kind == "extra_forbidden"):
            names.append(str(part))
        if found:
            models = [model for annotation in found for model in _models_in(annotation)]
            free = any(_takes_any_name(annotation) for annotation in found)
    return ".".join(names)


def _takes_any_name(annotation: Any) -> bool:
    arguments = getattr(annotation, "__args__", ())
    return getattr(annotation, "__origin__", annotation) is dict or any(map(_takes_any_name, arguments))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _origin(location: list[str], origins: Mapping[str, str]) -> str | None:
    for end in range(len(location), 0, -1):
        found = origins.get(".".join(location[:end]))
        if found:
            return found
    return None


def nearest(name: str, known: list[str]) -> str:
    """Returns `", did you mean 'x'?"` for the known name nearest to `name`, or what is known if none is near."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f", did you mean {close[0]!r}?"
    return f"; known are {', '.join(known)}" if known else ""


def known_names(settings: type[BaseModel], location: list[str]) -> list[str]:
    """Returns the field names of the model that stands at `location` inside `settings`, or none if there is none."""
    models: list[type[BaseModel]] = [settings]
    for part in location:
        inner: list[type[BaseModel]] = []
        for model in models:
            field = model.model_fields.get(part)
            if field is not None:
                inner.extend(_models_in(field.annotation))
        models = inner or models  # a union's tag stands in the location without being a field
    return sorted({name for model in models for name in model.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in getattr(annotation, "__args__", ()) for model in _models_in(argument)]
