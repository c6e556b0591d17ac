"""Reads a model type's description in a child process, and tells when its source has changed.

probe("my_package.train:TrainingJob").settings_schema
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import subprocess
import sys

from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError
from brevetti_keras.wire.records import ModelType

PROBE_SECONDS = 120
_PROBE = "brevetti_keras.server.model_type_probe"


def probe(reference: str, name: str = "") -> ModelType:
    """Imports `"module:Class"` in a child process and returns what it describes.

    Args:
        reference: names a ModelType or a Job.
        name: what it must be called, for one that an entry point names.

    Raises:
        InvalidInputError: if it cannot be imported or is neither; the text has the child's reason.
        NotFoundError: if there is no such module or class.
    """
    # The folder that Python was started in belongs to the search path here too, for a job's script beside the user.
    command = [sys.executable, "-m", _PROBE, "--", reference, name]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=PROBE_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidInputError(
            f"expected {reference} to be imported within {PROBE_SECONDS} s, and it was not"
        ) from error
    # The module may print what it likes; the probe's answer is the last line.
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        reason = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no answer"])[-1]
        raise InvalidInputError(f"expected {reference} to be importable, received: {reason[:300]}")
    answer = from_json(lines[-1])
    if "error" in answer:
        kind = NotFoundError if answer["kind"] == "NotFoundError" else InvalidInputError
        raise kind(answer["error"])
    return ModelType.model_validate(answer)


def fingerprint(reference: str) -> str:
    """Returns a text that changes when the files beside the referenced module change, or this package's version.

    Args:
        reference: `"module:Class"`; the module is found, not imported (packages above it are).
    """
    module = reference.partition(":")[0]
    facts = [reference, importlib.metadata.version("brevetti-keras")]
    try:
        found = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        found = None
    for folder in _folders(found.origin if found else None, module):
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith(".py") and entry.is_file():
                    stat = entry.stat()
                    facts.append(f"{entry.path}:{stat.st_size}:{stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogateescape")).hexdigest()


def _folders(origin: str | None, module: str) -> list[str]:
    """The folders on the way from the top-level package to the module, without importing any of them."""
    if not origin or not os.path.isfile(origin):
        return []
    if os.path.basename(origin) != "__init__.py":
        return []
    folder = os.path.dirname(origin)
    folders = [folder]
    for part in module.split(".")[1:]:
        folder = os.path.join(folder, part)
        if os.path.isdir(folder):
            folders.append(folder)
    return folders
