"""Charts: Vega-Lite specs that a job uploads, kept among its artifacts as `charts/<name>.json`.

service.charts.put(job.id, "confusion", spec)
"""

from typing import Any

from brevetti_keras.server.capabilities.artifacts import Artifacts
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError
from brevetti_keras.wire.artifacts import CHARTS_FOLDER, chart_path


class Charts:
    """The jobs' charts.

    Args:
        artifacts: where they lie.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts

    def put(self, job_id: str, name: str, spec: str | dict[str, Any]) -> None:
        """Stores a chart, replacing one of the same name.

        Args:
            job_id: whose chart.
            name: one file name, without `/`.
            spec: Vega-Lite JSON.

        Raises:
            InvalidInputError: if the name or the spec cannot be used.
            NotFoundError: if there is no such job.
        """
        value = from_json(spec) if isinstance(spec, str) else spec
        if not isinstance(value, dict):
            raise InvalidInputError(f"expected a chart as a JSON object, received {type(value).__name__}")
        self._artifacts.write(job_id, _path(name), to_json(value).encode("utf-8"))

    def list(self, job_id: str) -> list[str]:
        """Returns the names of a job's charts.

        Raises:
            NotFoundError: if there is no such job.
        """
        cut = len(CHARTS_FOLDER) + 1
        paths = [entry.path[cut:] for entry in self._artifacts.list(job_id, CHARTS_FOLDER)]
        return [path.removesuffix(".json") for path in paths if path.endswith(".json") and "/" not in path]

    def get(self, job_id: str, name: str) -> str:
        """Returns a chart's JSON text.

        Raises:
            NotFoundError: if there is no such job or chart.
        """
        try:
            return self._artifacts.read(job_id, _path(name)).decode("utf-8")
        except (InvalidInputError, UnicodeDecodeError) as error:
            raise NotFoundError("no such chart") from error


def _path(name: str) -> str:
    if not name or "/" in name:
        raise InvalidInputError(f"expected a chart's name without '/', received {name[:80]!r}")
    return chart_path(name)
