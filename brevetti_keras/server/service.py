"""`Service`: what the platform can do, in groups; HTTP, pages and the embedded platform are thin doors to it.

    with open_service("./brevetti-workspace") as service:      # brevetti_keras.server.workspace
        vials = service.datasets.add("/data/vials")
        job = service.jobs.create("first try", dataset_ids=[vials.id])

Every group returns wire records and raises the errors of `brevetti_keras.utils.errors`.
"""

import os
from typing import Self

from brevetti_keras.io.open import file_url
from brevetti_keras.server.capabilities.access_keys import AccessKeys
from brevetti_keras.server.capabilities.artifacts import Artifacts
from brevetti_keras.server.capabilities.charts import Charts
from brevetti_keras.server.capabilities.datasets import Datasets
from brevetti_keras.server.capabilities.demo import Demo
from brevetti_keras.server.capabilities.events import Events
from brevetti_keras.server.capabilities.job_folders import JobFolders
from brevetti_keras.server.capabilities.jobs import Jobs
from brevetti_keras.server.capabilities.model_types import ModelTypes
from brevetti_keras.server.capabilities.quarantine import Quarantine
from brevetti_keras.server.capabilities.queue import JobQueue
from brevetti_keras.server.capabilities.tags import Tags
from brevetti_keras.server.capabilities.upload_folders import UploadFolders
from brevetti_keras.server.capabilities.uploads import Uploads
from brevetti_keras.server.launches import Launches
from brevetti_keras.server.store import Store


class Service:
    """The platform on one workspace.

    Args:
        home: the workspace's absolute path.
        store: its database, migrated.
        storage_root: the folder that holds `jobs/`; the workspace itself by default.
        bucket: the `gs://` URL that the jobs' artifacts are brought to, `""` for none.

    Attributes:
        home: the workspace's absolute path.
        jobs_folder: the folder that holds the jobs' own.
        datasets, uploads, tags, model_types, jobs, events, artifacts, charts, quarantine, access, demo: the groups.
        launches: the starts of queued jobs, for the launcher and the processes that it starts.
    """

    def __init__(self, home: str, store: Store, storage_root: str | None = None, bucket: str = "") -> None:
        self.home = home
        self._store = store
        self._folders = folders = JobFolders(storage_root or home, bucket)
        self.jobs_folder = folders.root
        self.tags = Tags(store)
        uploads = UploadFolders(os.path.join(home, "datasets"))
        self.datasets = Datasets(store, self.tags, uploads)
        self.uploads = Uploads(self.datasets, uploads)
        self.model_types = ModelTypes(store, self.datasets)
        self.events = Events(store, folders)
        self.launches = Launches(store, folders, self.events)
        queue = JobQueue(store, folders, self.events, home)
        self.jobs = Jobs(store, folders, self.datasets, self.tags, self.events, self.model_types, queue, home)
        self.artifacts = Artifacts(store, folders)
        self.charts = Charts(self.artifacts)
        self.quarantine = Quarantine(store, self.datasets, self.artifacts)
        self.access = AccessKeys(store)
        self.demo = Demo(self.datasets, self.jobs, home)

    @property
    def host_name(self) -> str:
        """Where the workspace's own jobs report to: `file://<workspace>`."""
        return file_url(self.home)

    def process_output(self, job_id: str) -> str:
        """Returns the path of what a started job's process wrote to its standard output and error.

        Raises:
            NotFoundError: for text that is no job's id.
        """
        return self._folders.process_output(job_id)

    def verify(self) -> list[str]:
        """Returns what is damaged or was changed by other hands in the database, one line each; empty if nothing."""
        return self._store.verify()

    def close(self) -> None:
        """Closes the database."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
