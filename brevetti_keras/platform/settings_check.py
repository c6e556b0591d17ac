"""Run as a child process: checks settings for a model type or a Job as the job itself would, and prints what is wrong.

    echo '{"epochs": 0}' | python -m brevetti_keras.platform.settings_check -- my_package.train:TrainingJob

The answer is one line of JSON: `{"wrong": {dotted name: text}}`, or `{"error": …, "kind": …}`.
"""

import sys
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from brevetti_keras.platform.settings_sources import merge, platform_source
from brevetti_keras.registry import load_reference
from brevetti_keras.server.child_answer import give_answer, given_words
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import BrevettiError, InvalidInputError, SettingsError


def wrong_settings(reference: str, values: Any) -> dict[str, str]:
    """Returns what is wrong with each wrong setting, by its dotted name; "" for the settings as a whole.

    Args:
        reference: `"module:Class"` of a ModelType or a Job.
        values: nested names to values, as a form sends them.

    Raises:
        NotFoundError: if there is no such module or class.
        InvalidInputError: if it is neither.
    """
    try:
        checked_settings(reference, values)
    except SettingsError as error:
        return error.errors or {"": str(error)}
    return {}


def checked_settings(reference: str, values: Any) -> BaseModel:
    """Returns the settings that a job of the class will have.

    Args:
        reference: `"module:Class"` of a ModelType or a Job.
        values: nested names to values, as a form sends them.

    Raises:
        SettingsError: if a setting is wrong; its `errors` name each.
        NotFoundError: if there is no such module or class.
        InvalidInputError: if it is neither.
    """
    settings = _settings_class(reference)
    if not isinstance(values, Mapping):
        raise SettingsError(f"expected names and values, received {type(values).__name__}")
    try:
        return merge(settings, [platform_source(settings, values)])
    except SettingsError:
        raise
    except BrevettiError as error:
        raise SettingsError(str(error)) from error


def _settings_class(reference: str) -> type[BaseModel]:
    loaded = load_reference(reference)
    of_a_job = getattr(loaded, "settings_class", None)
    found = of_a_job() if callable(of_a_job) else getattr(loaded, "Settings", None)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise InvalidInputError(f"expected {reference} to be a ModelType or a Job, received {type(loaded).__name__}")
    return found


def main() -> int:
    """Prints the answer; returns the exit status."""
    reference = given_words()[0]
    return give_answer(reference, lambda: {"wrong": wrong_settings(reference, from_json(sys.stdin.read()))})


if __name__ == "__main__":
    sys.exit(main())
