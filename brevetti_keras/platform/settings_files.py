"""Reads a file of settings: YAML or JSON, one mapping, bounded in what it may hold.

read_settings_file("configs/digits.yaml")       # {"epochs": 12, "image_pipeline": {…}}
"""

import os
from typing import Any

import yaml

from brevetti_keras.utils.encode import MAX_DEPTH, from_json
from brevetti_keras.utils.errors import InvalidInputError, SettingsError

MAX_BYTES = 1_000_000
_MAX_VALUES = 100_000


class _Loader(yaml.SafeLoader):
    """Plain YAML, each key once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuses a key that stands twice, of which YAML would silently keep the last."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise InvalidInputError(f"expected each key once, received {key.value[:80]!r} twice")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_settings_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns the mapping in a YAML or JSON file; an empty file is an empty mapping.

    Raises:
        SettingsError: if the file cannot be read, or holds anything but a mapping of plain values.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"expected a settings file (YAML or JSON), received {name}: {reason}") from error
    if len(data) > MAX_BYTES:
        raise SettingsError(f"{name}: expected settings of at most {MAX_BYTES} bytes, received a larger file")
    try:
        text = data.decode("utf-8-sig")
        value = from_json(text) if name.lower().endswith(".json") and text.strip() else yaml.load(text, _Loader)  # noqa: S506
        _check(value)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name}: expected text in UTF-8, received bytes that are not") from error
    except yaml.YAMLError as error:
        raise SettingsError(
            f"{name}: expected YAML, received text that is not: {' '.join(str(error).split())}"
        ) from error
    except RecursionError as error:
        raise SettingsError(f"{name}: expected settings nested at most {MAX_DEPTH} deep, received deeper") from error
    except (InvalidInputError, ValueError, TypeError) as error:
        raise SettingsError(f"{name}: {error}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingsError(
            f"{name}: expected a mapping of settings (`name: value`), received a {type(value).__name__}"
        )
    return value


def _check(value: Any) -> None:
    """Bounds what aliases can blow up, and refuses keys that name no setting."""
    count = 0
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        count += 1
        if count > _MAX_VALUES:
            raise InvalidInputError(f"expected at most {_MAX_VALUES} values, received more")
        if depth > MAX_DEPTH:
            raise InvalidInputError(f"expected settings nested at most {MAX_DEPTH} deep, received deeper")
        if isinstance(one, dict):
            for key in one:
                if not isinstance(key, str):
                    raise InvalidInputError(f"expected names as keys, received {key!r}: put it in quotes")
            waiting.extend((item, depth + 1) for item in one.values())
        elif isinstance(one, (list, set, tuple)):
            waiting.extend((item, depth + 1) for item in one)
