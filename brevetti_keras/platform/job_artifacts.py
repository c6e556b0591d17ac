"""`JobArtifacts`: puts files, charts and the model among a job's artifacts, and sends them where they must go.

A packaged model is kept as `<name>.<version>.tar.gz`; the version is the first four bytes of its md5 as a little-endian
number, so equal content has an equal name.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from typing import Any

from brevetti_keras.io.files import Files
from brevetti_keras.io.local import atomic_write, os_errors
from brevetti_keras.platform.job_context import JobContext
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError
from brevetti_keras.wire import artifacts

_CHUNK = 1 << 20
_MAX_NAME = 120


class JobArtifacts:
    """A job's artifacts.

    Args:
        context: the job's parts.
    """

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._files = Files()
        self._charts = 0

    def path(self, name: str) -> str:
        """Returns where the artifact `name` lies."""
        return self._context.folder.path(artifacts.ARTIFACTS_FOLDER, name)

    def upload(self, name: str, payload: Any) -> str:
        """Writes an artifact and returns its path, see `Job.upload_artifact`."""
        path = self.path(name)
        if isinstance(payload, os.PathLike):
            self._files.copy(os.fspath(payload), path)
        else:
            atomic_write(path, self._content(payload))
        self._context.reporter.artifact(os.path.relpath(path, self._context.folder.artifacts), path)
        return path

    def upload_chart(self, name: str | Mapping[str, Any], spec: str | Mapping[str, Any] | None) -> None:
        """Writes a chart among the artifacts and tells the platform of it, see `Job.upload_chart`.

        Raises:
            InvalidInputError: for a name with a `/`, or a spec that is no JSON object.
        """
        chart = _chart(name if spec is None else spec)
        if spec is None:
            self._charts += 1
            chosen = _name_of(chart) or f"chart-{self._charts}"
        else:
            chosen = str(name)
        if not chosen or "/" in chosen or "\0" in chosen or chosen.startswith(".") or len(chosen) > _MAX_NAME:
            raise InvalidInputError(
                f"expected a chart's name of 1 to {_MAX_NAME} characters without '/', received {chosen[:80]!r}"
            )
        text = self._context.redactor.text(to_json(chart))
        atomic_write(self.path(artifacts.chart_path(chosen)), text.encode("utf-8"))
        self._context.reporter.chart(chosen, text)

    def keep_model(self, path: str) -> str:
        """Puts a packaged model among the artifacts under its versioned name, and returns that.

        Raises:
            NotFoundError: if there is no such file.
        """
        if not os.path.isfile(path):
            raise NotFoundError(
                f"expected run() to return the path of the packaged model, received {path}: no such file"
            )
        name = versioned_name(path)
        target = self.path(name)
        if os.path.realpath(path) != os.path.realpath(target):
            self._files.copy(path, target)
        return name

    def send_all(self) -> None:
        """Sends every artifact to a host that does not see the job's folder."""
        top = self._context.folder.artifacts
        for folder, _, names in os.walk(top):
            for name in sorted(names):
                path = os.path.join(folder, name)
                self._context.reporter.artifact(os.path.relpath(path, top), path)

    def _content(self, payload: Any) -> bytes:
        if isinstance(payload, (bytes, bytearray, memoryview)):
            return bytes(payload)
        text = payload if isinstance(payload, str) else to_json(payload, indent=2)
        return self._context.redactor.text(text).encode("utf-8")


def versioned_name(path: str) -> str:
    """Returns `model.<version>.tar.gz` for the file `…/model.tar.gz`; a name that has its version keeps it."""
    digest = hashlib.md5(usedforsecurity=False)
    with os_errors(path), open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    version = str(int.from_bytes(digest.digest()[:4], "little"))
    name = os.path.basename(path)
    stem, ending = (name[:-7], ".tar.gz") if name.endswith(".tar.gz") else os.path.splitext(name)
    return name if stem.endswith(f".{version}") else f"{stem}.{version}{ending}"


def _chart(spec: str | Mapping[str, Any]) -> dict[str, Any]:
    value = from_json(spec) if isinstance(spec, str) else spec
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"expected a chart as a Vega-Lite JSON object, received {type(value).__name__}")
    return dict(value)


def _name_of(chart: Mapping[str, Any]) -> str:
    title = chart.get("title")
    if isinstance(title, Mapping):
        title = title.get("text")
    for text in (chart.get("name"), title):
        if isinstance(text, str) and text.strip(" ."):
            return re.sub(r"[/\0\s]+", " ", text).strip(" .")[:_MAX_NAME]
    return ""
