"""`JobOutput`: a job's figures, and `output.json`, which says what they were made with.

`{"output": {metric: value}, "environment": {…}, "samples": {listed, used, quarantined, changed?},
"fingerprint": root, "job": {…, "settings": {…}}}`
"""

from collections.abc import Callable, Mapping
from typing import Any

from brevetti_keras.io.local import atomic_write
from brevetti_keras.platform.environment import describe_environment
from brevetti_keras.platform.job_context import JobContext
from brevetti_keras.utils.encode import to_json, to_jsonable
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.wire import artifacts

_SECRET_FIELDS = {"api_key", "remote_url", "charts_url", "complete_url"}


class JobOutput:
    """What a job has to say for itself.

    Args:
        context: the job's parts.
        counts: tells how many files were listed, used and quarantined, and how many changed meanwhile if any did.
        fingerprint: tells the root hash of the samples used, `""` for none.
    """

    def __init__(
        self, context: JobContext, counts: Callable[[], Mapping[str, int]], fingerprint: Callable[[], str] = str
    ) -> None:
        self._context = context
        self._counts = counts
        self._fingerprint = fingerprint
        self._metrics: dict[str, Any] = {}
        self._environment: dict[str, Any] | None = None

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures so far, as JSON types."""
        return dict(self._metrics)

    def add(self, metrics: Mapping[str, Any]) -> None:
        """Notes figures; a name given again takes the new value.

        Raises:
            InvalidInputError: for a name that is not text, or a value that JSON cannot hold.
        """
        for name, value in metrics.items():
            if not name or not isinstance(name, str):
                raise InvalidInputError(f"expected a metric's name as text, received {name!r}")
            self._metrics[name] = self._context.redactor.value(to_jsonable(value))

    def write(self) -> str:
        """Writes `output.json` and returns its path."""
        if self._environment is None:
            self._environment = describe_environment(self._context.code)
        config = self._context.config.model_dump(mode="json", exclude=_SECRET_FIELDS)
        content = {
            "output": self._metrics,
            "environment": self._environment,
            "samples": dict(self._counts()),
            "fingerprint": self._fingerprint(),
            "job": {**config, "settings": self._context.settings.model_dump(mode="json")},
        }
        path = self._context.folder.path(artifacts.ARTIFACTS_FOLDER, artifacts.OUTPUT)
        text = to_json(self._context.redactor.value(to_jsonable(content)), indent=2)
        atomic_write(path, text.encode("utf-8"))
        return path
