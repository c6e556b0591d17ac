"""Run as a child process: imports one `"module:Class"` and prints what it describes, as one line of JSON.

    python -m brevetti_keras.server.model_type_probe -- my_package.train:TrainingJob

The answer is a ModelType record, or `{"error": …, "kind": …}`. Only this process ever loads the module.
"""

import sys
from typing import Any

from brevetti_keras.registry import ModelType, load_reference
from brevetti_keras.schema.settings import SettingsSchema
from brevetti_keras.server.child_answer import give_answer, given_words
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.wire.records import ModelType as ModelTypeRecord


def describe(reference: str, name: str = "") -> ModelTypeRecord:
    """Returns the record of a ModelType or a Job class.

    Args:
        reference: `"module:Class"`.
        name: what it must be called, if given.

    Raises:
        NotFoundError: if there is no such module or class.
        InvalidInputError: if it is neither, or has another name.
    """
    loaded = load_reference(reference)
    if isinstance(loaded, type) and issubclass(loaded, ModelType):
        record = _of_model_type(loaded)
    else:
        record = _of_job(reference, loaded)
    if name and record.name != name:
        raise InvalidInputError(
            f"expected {reference} to be named {name!r} as its entry point says, received {record.name!r}"
        )
    return record


def _of_model_type(loaded: type[ModelType]) -> ModelTypeRecord:
    return ModelTypeRecord(
        name=loaded.name,
        version=loaded.version,
        kind=loaded.kind,
        description=loaded.description,
        job=loaded.job,
        settings_schema=loaded.get_schema().schema,
    )


def _of_job(reference: str, loaded: Any) -> ModelTypeRecord:
    # Not by its base class: the Job stands a layer above this one.
    settings = getattr(loaded, "Settings", None)
    if not (isinstance(loaded, type) and callable(getattr(loaded, "run", None)) and isinstance(settings, type)):
        raise InvalidInputError(f"expected {reference} to be a ModelType or a Job, received {type(loaded).__name__}")
    module, _, _ = reference.partition(":")
    doc = (loaded.__doc__ or "").strip().splitlines()
    return ModelTypeRecord(
        name=getattr(loaded, "name", None) if isinstance(getattr(loaded, "name", None), str) else reference,
        version=str(getattr(loaded, "version", "1.0")),
        description=doc[0] if doc else f"A job of {module}",
        job=reference,
        settings_schema=SettingsSchema(settings).schema,
        source="added",
    )


def main() -> int:
    """Prints the answer; returns the exit status."""
    reference, name = (*given_words(), "", "")[:2]
    return give_answer(reference, lambda: describe(reference, name))


if __name__ == "__main__":
    sys.exit(main())
