"""Model types: found by entry point, kept as strings until one is needed.

    for found in find_model_types().values():     # reads metadata only; imports nothing
        print(found.name, found.reference)
    vials = load_model_type("vials")              # imports its module, which loads no TensorFlow

Packages register theirs in the entry-point group `brevetti_keras.model_types`; the bundled ones use the same door.
"""

import importlib
import importlib.metadata
import importlib.util
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from brevetti_keras.schema.settings import Settings, SettingsSchema, nearest
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError

GROUP = "brevetti_keras.model_types"
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class ModelType:
    """Describes a kind of job: subclass it and set the attributes; importing the subclass must not load TensorFlow.

    Attributes:
        name: unique among the installed model types.
        version: of the model type; a job records the one it ran.
        kind: `"model"` trains one, `"report"` tests finished ones.
        description: one sentence.
        Settings: the job's settings class.
        job: `"module:Class"` of the Job, imported only in the job's own process.
        demo: `"module:function"` that shows the model type on images it brings along, or None. Called with the
            workspace's path or None and a function that takes a line of progress, it returns a dict with at least
            `job`, `devel_accuracy`, `report`, `artifacts` and `seconds`.
        demo_job: `"module:function"` that prepares the same for a platform's queue, or None. Called with the folder
            that holds the workspace's own datasets, it returns a dict of the job's `name`, its `dataset` (a folder
            that it wrote there) and its `settings`.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1.0"
    kind: ClassVar[Literal["model", "report"]] = "model"
    description: ClassVar[str] = ""
    Settings: ClassVar[type[BaseModel]] = Settings
    job: ClassVar[str]
    demo: ClassVar[str | None] = None
    demo_job: ClassVar[str | None] = None

    @classmethod
    def get_schema(cls) -> SettingsSchema:
        """Returns the schema of the settings form."""
        return SettingsSchema(cls.Settings)


@dataclass(frozen=True)
class FoundModelType:
    """A model type as its package's metadata names it; nothing of it is imported yet."""

    name: str
    reference: str
    package: str


def find_model_types() -> dict[str, FoundModelType]:
    """Returns the installed model types by name.

    Raises:
        ConflictError: if two packages register the same name.
    """
    found: dict[str, FoundModelType] = {}
    for entry in importlib.metadata.entry_points(group=GROUP):
        package = entry.dist.name if entry.dist is not None else "?"
        known = found.get(entry.name)
        # An editable install can show the same entry twice.
        if known is not None and (known.reference, known.package) != (entry.value, package):
            raise ConflictError(
                f"expected one model type named {entry.name!r}, received two: {known.reference} of {known.package} "
                f"and {entry.value} of {package}; uninstall one of them"
            )
        found[entry.name] = FoundModelType(entry.name, entry.value, package)
    return dict(sorted(found.items()))


def load_model_type(name: str) -> type[ModelType]:
    """Imports the installed model type called `name`.

    Raises:
        NotFoundError: if none has that name.
        InvalidInputError: if what its entry point names is not a ModelType of that name.
    """
    known = find_model_types()
    if name not in known:
        raise NotFoundError(f"no model type {name!r} is installed{nearest(name, list(known))}")
    loaded = load_reference(known[name].reference)
    if not (isinstance(loaded, type) and issubclass(loaded, ModelType)):
        raise InvalidInputError(f"expected {known[name].reference} to be a ModelType, received {loaded!r}")
    if loaded.name != name:
        raise InvalidInputError(
            f"expected {known[name].reference} to be named {name!r} as its entry point says, received {loaded.name!r}"
        )
    return loaded


def check_reference(reference: str) -> None:
    """Refuses text that names no module which could be imported; imports nothing.

    Args:
        reference: `"module:name"`; of a module in a package, the package alone is looked for.

    Raises:
        InvalidInputError: for text of another form.
        NotFoundError: if there is no such top-level module.
    """
    _check_form(reference)
    top = reference.partition(":")[0].partition(".")[0]
    # It may have been installed since this process began.
    importlib.invalidate_caches()
    try:
        found = importlib.util.find_spec(top)
    except ValueError:
        found = None
    if found is None:
        raise _no_module(top, reference)


def load_reference(reference: str) -> Any:
    """Imports what `"module:name"` points at.

    Raises:
        InvalidInputError: for text of another form.
        NotFoundError: if there is no such module or name in it.
    """
    _check_form(reference)
    module_name, _, path = reference.partition(":")
    try:
        value: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # A module that exists but lacks a dependency must show that dependency's name.
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise _no_module(error.name, reference) from error
    for part in path.split("."):
        if not hasattr(value, part):
            raise NotFoundError(f"module {module_name!r} has no {path!r}")
        value = getattr(value, part)
    return value


def _check_form(reference: str) -> None:
    if not _REFERENCE.fullmatch(reference):
        raise InvalidInputError(f"expected 'module:Class', received {reference!r}")


def _no_module(name: str, reference: str) -> NotFoundError:
    return NotFoundError(f"no module {name!r} can be imported for {reference!r}: is its package installed?")
