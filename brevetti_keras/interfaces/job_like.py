"""What a report needs of a job: where its artifacts lie, and where its charts go."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol


class JobLike(Protocol):
    """A job, as reports see it; `brevetti_keras.platform.Job` is one."""

    @property
    def datasets(self) -> Iterable[Any]:
        """The datasets that the job works on, each with `id` and `tags`."""
        ...

    def artifact_path(self, *parts: str, dir: bool = False) -> str:  # noqa: A002
        """Returns the path of an artifact, or with `dir` of a folder of them; folders are made."""
        ...

    def upload_chart(self, name: str | Mapping[str, Any], vegalite_json: str | Mapping[str, Any] | None = None) -> None:
        """Shows a Vega-Lite chart on the job's page."""
        ...

    def get_root_tags(self) -> Iterable[Any]:
        """Returns the tag trees that name the pivot's tag fields."""
        ...
