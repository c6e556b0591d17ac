"""The platform in this process, on a workspace folder; nothing has to be started for it.

with EmbeddedPlatform("/data/vials") as platform:
    platform.jobs.list()
"""

from typing import Self

from brevetti_keras.server.capabilities.access_keys import AccessKeys
from brevetti_keras.server.capabilities.artifacts import Artifacts
from brevetti_keras.server.capabilities.charts import Charts
from brevetti_keras.server.capabilities.datasets import Datasets
from brevetti_keras.server.capabilities.demo import Demo
from brevetti_keras.server.capabilities.events import Events
from brevetti_keras.server.capabilities.jobs import Jobs
from brevetti_keras.server.capabilities.model_types import ModelTypes
from brevetti_keras.server.capabilities.quarantine import Quarantine
from brevetti_keras.server.capabilities.tags import Tags
from brevetti_keras.server.service import Service
from brevetti_keras.server.workspace import open_service


class EmbeddedPlatform:
    """Offers a workspace's service as a Platform.

    Args:
        home: the workspace, a folder or `file://` URL; by default `$BREVETTI_HOME`, else `./brevetti-workspace`. It is
            made if it is not there.

    Raises:
        StorageError: if the workspace cannot be made or written.
    """

    def __init__(self, home: str | None = None) -> None:
        self._service = open_service(home)

    @property
    def service(self) -> Service:
        """What `serve` puts behind HTTP."""
        return self._service

    @property
    def home(self) -> str:
        """The workspace's absolute path."""
        return self._service.home

    @property
    def host_name(self) -> str:
        """`file://<workspace>`."""
        return self._service.host_name

    @property
    def datasets(self) -> Datasets:
        """Datasets: add, upload, get, list, update, remove, find_or_add."""
        return self._service.datasets

    @property
    def tags(self) -> Tags:
        """Tags: add, list, get, update, remove, ensure."""
        return self._service.tags

    @property
    def model_types(self) -> ModelTypes:
        """Model types: list, get, validate_settings, preview, add."""
        return self._service.model_types

    @property
    def jobs(self) -> Jobs:
        """Jobs: create, get, list, count, config, start, stop, root_tags."""
        return self._service.jobs

    @property
    def events(self) -> Events:
        """Events: append, sync, list, curve."""
        return self._service.events

    @property
    def artifacts(self) -> Artifacts:
        """Artifacts: list, read, write."""
        return self._service.artifacts

    @property
    def charts(self) -> Charts:
        """Charts: put, list, get."""
        return self._service.charts

    @property
    def quarantine(self) -> Quarantine:
        """Files that jobs set aside: of_dataset."""
        return self._service.quarantine

    @property
    def access(self) -> AccessKeys:
        """Keys: create, list, revoke."""
        return self._service.access

    @property
    def demo(self) -> Demo:
        """The demo: start."""
        return self._service.demo

    def verify(self) -> list[str]:
        """Returns what is damaged in the database, one line each; empty if nothing."""
        return self._service.verify()

    def close(self) -> None:
        """Closes the database."""
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
