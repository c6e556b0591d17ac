"""`Platform`: what a platform can do, whether it is in this process or behind HTTP.

    platform = connect()                                   # the workspace in this process
    platform = connect("https://platform.example", key)    # a server
    vials = platform.datasets.add("/data/vials", name="vials")
    platform.jobs.list(state="running")

Both doors have the same groups, take and return the same records (`brevetti_keras.wire`), and raise the same errors
(`brevetti_keras.utils.errors`); one contract suite holds them to it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self, Unpack

from brevetti_keras.wire.events import Event, EventKind
from brevetti_keras.wire.job_arguments import JobArguments
from brevetti_keras.wire.previews import Preview
from brevetti_keras.wire.records import (
    AccessKey,
    Dataset,
    FileEntry,
    Job,
    JobConfig,
    JobState,
    ModelType,
    QuarantinedFile,
    Tag,
)


class DatasetGroup(Protocol):
    """Datasets: folders, or CSVs of samples, that are referenced where they lie."""

    def add(
        self, bucket: str, name: str | None = None, tags: Sequence[str] = (), reference: str = "", notes: str = ""
    ) -> Dataset:
        """Adds the folder or CSV `bucket`; tags are `key=value`."""
        ...

    def get(self, id_or_name: str) -> Dataset:
        """Returns one dataset; NotFoundError if there is none."""
        ...

    def list(self) -> "list[Dataset]":
        """Returns all datasets, by name."""
        ...

    def update(
        self,
        dataset_id: str,
        name: str | None = None,
        notes: str | None = None,
        reference: str | None = None,
        tag_ids: Sequence[str] | None = None,
    ) -> Dataset:
        """Changes what is given and returns the dataset."""
        ...

    def upload(
        self, folder: str, name: str | None = None, tags: Sequence[str] = (), reference: str = "", notes: str = ""
    ) -> Dataset:
        """Copies a folder of this machine to the platform and adds it; nothing stays if it fails."""
        ...

    def remove(self, dataset_id: str) -> None:
        """Forgets a dataset; its files stay, but for those that were uploaded."""
        ...

    def find_or_add(self, path_or_name: str) -> Dataset:
        """Returns the dataset of that id, name or path; a path that is not one yet is added."""
        ...


class TagGroup(Protocol):
    """Tags, which form trees."""

    def add(self, name: str, parent_id: str | None = None) -> Tag:
        """Adds a tag below another, or a root."""
        ...

    def list(self) -> "list[Tag]":
        """Returns the root tags with their trees."""
        ...

    def get(self, tag_id: str) -> Tag:
        """Returns one tag with what is below it."""
        ...

    def update(self, tag_id: str, name: str) -> Tag:
        """Renames a tag."""
        ...

    def remove(self, tag_id: str) -> None:
        """Removes a tag that nothing uses."""
        ...

    def ensure(self, text: str) -> Tag:
        """Returns the tag for `key=value`, making what is missing."""
        ...


class ModelTypeGroup(Protocol):
    """Model types: installed ones and those that were added."""

    def list(self) -> "list[ModelType]":
        """Returns all model types, by name."""
        ...

    def get(self, name: str) -> ModelType:
        """Returns one; NotFoundError if there is none."""
        ...

    def validate_settings(self, name: str, settings: Mapping[str, Any]) -> dict[str, str]:
        """Returns what is wrong with each wrong setting by its dotted name, as a job of the model type would say."""
        ...

    def preview(
        self, name: str, settings: Mapping[str, Any], dataset_ids: Sequence[str], count: int = 8, seed: int = 0
    ) -> Preview:
        """Returns pictures of samples as the model type's network will get them, drawn by the seed."""
        ...

    def add(self, reference: str) -> ModelType:
        """Adds `module:Class`, its schema read once in a process of its own."""
        ...


class JobGroup(Protocol):
    """Jobs, newest first."""

    def create(self, name: str, **arguments: Unpack[JobArguments]) -> JobConfig:
        """Makes a job and returns what it needs to run, its key in clear."""
        ...

    def get(self, id_or_prefix_or_name: str) -> Job:
        """Returns the job of that id, unique beginning of an id, or name."""
        ...

    def root_tags(self, job_id: str) -> "list[Tag]":
        """Returns the trees that the tags of the job and its datasets belong to."""
        ...

    def reports_on(self, job_id: str, limit: int = 100) -> "list[Job]":
        """Returns the test reports on the model of a job, newest first."""
        ...

    def list(self, state: JobState | None = None, limit: int = 100, offset: int = 0) -> "list[Job]":
        """Returns jobs, newest first."""
        ...

    def count(self, state: JobState | None = None) -> int:
        """Returns how many there are."""
        ...

    def config(self, job_id: str) -> JobConfig:
        """Returns what the job needs to run."""
        ...

    def start(self, job_id: str) -> Job:
        """Puts the job into the queue, from which the platform starts it, and returns it; one that was stopped or has
        failed goes on from its last checkpoint."""
        ...

    def stop(self, job_id: str) -> Job:
        """Takes the job out of the queue, or asks its process to stop, and returns the job."""
        ...


class EventGroup(Protocol):
    """What jobs report."""

    def append(self, job_id: str, events: Sequence[Event]) -> int:
        """Stores events in one transaction, each key once, and returns the highest sequence."""
        ...

    def sync(self, job_id: str) -> int:
        """Takes over what the job's own log holds beyond what is stored, and returns the highest sequence."""
        ...

    def list(
        self, job_id: str, after: int = 0, kinds: Sequence[EventKind] | None = None, limit: int = 1000
    ) -> "list[Event]":
        """Returns events after a sequence, in order."""
        ...

    def curve(self, job_id: str, max_points: int = 1000) -> dict[str, Any]:
        """Returns `{"epoch": [...], "series": {name: [...]}}`."""
        ...


class ArtifactGroup(Protocol):
    """Files under a job's `artifacts/`."""

    def list(self, job_id: str, prefix: str = "") -> "list[FileEntry]":
        """Returns the files below a folder, by path."""
        ...

    def read(self, job_id: str, path: str) -> bytes:
        """Returns a file's content."""
        ...

    def write(self, job_id: str, path: str, data: bytes) -> FileEntry:
        """Writes a file in one step."""
        ...


class ChartGroup(Protocol):
    """Vega-Lite charts of a job, by name."""

    def put(self, job_id: str, name: str, spec: str | dict[str, Any]) -> None:
        """Stores a chart."""
        ...

    def list(self, job_id: str) -> "list[str]":
        """Returns the charts' names."""
        ...

    def get(self, job_id: str, name: str) -> str:
        """Returns a chart as JSON text."""
        ...


class QuarantineGroup(Protocol):
    """The files that jobs set aside."""

    def of_dataset(self, dataset_id: str) -> "list[QuarantinedFile]":
        """Returns a dataset's files that jobs set aside, with the reasons and the jobs."""
        ...


class AccessGroup(Protocol):
    """Keys with which programs use a server."""

    def create(self, name: str) -> tuple[AccessKey, str]:
        """Makes a key and returns its record and the key itself, which is shown this once."""
        ...

    def list(self) -> "list[AccessKey]":
        """Returns all keys' records, revoked ones too."""
        ...

    def revoke(self, key_id: str) -> AccessKey:
        """Ends a key at once."""
        ...


class DemoGroup(Protocol):
    """The demo of a model type."""

    def start(self, model_type: str = "image-classification") -> Job:
        """Makes the demonstration data of an installed model type and puts a job on it into the queue."""
        ...


class Platform(Protocol):
    """A platform.

    Attributes:
        host_name: its URL, or `file://<workspace>`.
        datasets, tags, model_types, jobs, events, artifacts, charts, quarantine, access, demo: what it can do.
    """

    @property
    def host_name(self) -> str:
        """Its URL, or `file://<workspace>`."""
        ...

    @property
    def datasets(self) -> DatasetGroup:
        """Datasets."""
        ...

    @property
    def tags(self) -> TagGroup:
        """Tags."""
        ...

    @property
    def model_types(self) -> ModelTypeGroup:
        """Model types."""
        ...

    @property
    def jobs(self) -> JobGroup:
        """Jobs."""
        ...

    @property
    def events(self) -> EventGroup:
        """What jobs report."""
        ...

    @property
    def artifacts(self) -> ArtifactGroup:
        """Jobs' files."""
        ...

    @property
    def charts(self) -> ChartGroup:
        """Jobs' charts."""
        ...

    @property
    def quarantine(self) -> QuarantineGroup:
        """Files that jobs set aside."""
        ...

    @property
    def access(self) -> AccessGroup:
        """Keys of programs."""
        ...

    @property
    def demo(self) -> DemoGroup:
        """The demo."""
        ...

    def verify(self) -> list[str]:
        """Returns what is damaged in its database, one line each; empty if nothing."""
        ...

    def close(self) -> None:
        """Ends its connections."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
