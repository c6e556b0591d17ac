"""Reads a model type's description, checks settings for it and previews samples, all in child processes; tells when its
source changed.

probe("my_package.train:TrainingJob").settings_schema
wrong_settings("my_package.train:TrainingJob", {"epochs": 0})       # {"epochs": "expected …, received 0"}
preview("my_package.train:TrainingJob", {"settings": {}, "datasets": […], "count": 8, "seed": 0}).samples
"""

import hashlib
import importlib.util
import os
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from brevetti_keras.registry import check_reference
from brevetti_keras.server.child_processes import child_environment, module_command
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError
from brevetti_keras.wire.previews import Preview
from brevetti_keras.wire.records import ModelType

PROBE_SECONDS = 120
PREVIEW_SECONDS = 60
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PROBE = "brevetti_keras.server.model_type_probe"
_DEMO = "brevetti_keras.server.demo_process"
# They stand a layer above, where a job's settings are put together, and are only ever run by their names.
_CHECK = "brevetti_keras.platform.settings_check"
_PREVIEW = "brevetti_keras.platform.sample_preview"


def probe(reference: str, name: str = "") -> ModelType:
    """Imports `"module:Class"` in a child process and returns what it describes.

    Args:
        reference: names a ModelType or a Job.
        name: what it must be called, for one that an entry point names.

    Raises:
        InvalidInputError: if it cannot be imported or is neither; the text has the child's reason.
        NotFoundError: if there is no such module or class.
    """
    # Most of what cannot be imported is told without starting a process.
    check_reference(reference)
    return ModelType.model_validate(_ask(_PROBE, reference, name))


def wrong_settings(reference: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Has settings checked in a child process as the job itself will.

    Args:
        reference: names a ModelType or a Job.
        settings: as the form sent them.

    Returns:
        What is wrong with each wrong setting, by its dotted name; "" for the settings as a whole.

    Raises:
        InvalidInputError, NotFoundError: as `probe`.
    """
    # Settings may hold secrets, which a command line would show.
    answer = _ask(_CHECK, reference, content=to_json(settings).encode("utf-8"))
    return {str(name): str(text) for name, text in answer["wrong"].items()}


def preview(reference: str, request: Mapping[str, Any]) -> Preview:
    """Has some samples shown in a child process as the network of a model type will get them.

    Args:
        reference: names a ModelType or a Job.
        request: what `brevetti_keras.platform.sample_preview` takes.

    Raises:
        InvalidInputError, NotFoundError: as `probe`; and if it takes too long.
    """
    content = to_json(request).encode("utf-8")
    return Preview.model_validate(_ask(_PREVIEW, reference, content=content, seconds=PREVIEW_SECONDS, to="previewed"))


def demo_job(reference: str, datasets: str) -> dict[str, Any]:
    """Has a model type prepare its demonstration in a child process.

    Args:
        reference: names a ModelType.
        datasets: the folder in which it writes its images.

    Returns:
        The job's `name`, `dataset` (a folder) and `settings`.

    Raises:
        InvalidInputError, NotFoundError: as `probe`; and if it has none.
    """
    return _ask(_DEMO, reference, datasets, to="prepared")


def _ask(
    module: str,
    reference: str,
    *words: str,
    content: bytes = b"",
    seconds: float | None = None,
    to: str = "imported",
) -> dict[str, Any]:
    command = module_command(module, reference, *words)
    seconds = seconds or PROBE_SECONDS
    try:
        done = subprocess.run(
            command, env=child_environment(), capture_output=True, timeout=seconds, check=False, input=content
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidInputError(f"expected {reference} to be {to} within {seconds} s, and it was not") from error
    # The module may print what it likes; the child's answer is the last line.
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        reason = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no answer"])[-1]
        raise InvalidInputError(f"expected {reference} to be {to}, received: {reason[:300]}")
    answer: dict[str, Any] = from_json(lines[-1])
    if "error" in answer:
        kind = NotFoundError if answer["kind"] == "NotFoundError" else InvalidInputError
        raise kind(answer["error"])
    return answer


def fingerprint(reference: str) -> str:
    """Returns a text that changes when the files beside the referenced module change, or this package's.

    Args:
        reference: `"module:Class"`; the module is found, not imported (packages above it are).
    """
    module = reference.partition(":")[0]
    try:
        found = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        found = None
    files = [*_package_files(), *_module_files(found.origin if found else None, module)]
    facts = [f"{path}:{stat.st_size}:{stat.st_mtime_ns}" for path in files for stat in (os.stat(path),)]
    return hashlib.sha256("\n".join([reference, *facts]).encode("utf-8", "surrogateescape")).hexdigest()


def _package_files() -> Iterator[str]:
    """This package's own files: settings that it offers are part of the types' schemas."""
    for folder, folders, names in os.walk(_PACKAGE):
        folders.sort()
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".py"))


def _module_files(origin: str | None, module: str) -> Iterator[str]:
    """The files in the folders from the top-level package down to the module, or the one file that is all there is."""
    if not origin or not os.path.isfile(origin):
        return
    if os.path.basename(origin) != "__init__.py":
        yield origin
        return
    folder = os.path.dirname(origin)
    for part in ("", *module.split(".")[1:]):
        folder = os.path.join(folder, part) if part else folder
        if os.path.isdir(folder):
            names = sorted(name for name in os.listdir(folder) if name.endswith(".py"))
            yield from (os.path.join(folder, name) for name in names)
