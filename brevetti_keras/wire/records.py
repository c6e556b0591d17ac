"""The platform's records, as they stand in JSON; field names are those that existing clients read.

Every reader ignores keys it does not know, so that older and newer sides can talk.
"""

import datetime
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

JobState = Literal["created", "queued", "running", "completed", "failed", "stopped"]
FINAL_STATES: frozenset[str] = frozenset({"completed", "failed", "stopped"})


def utc_now() -> str:
    """Returns the present time as ISO 8601 text in UTC, microseconds included."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Record(BaseModel):
    """Base of all records: immutable, unknown keys ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Tag(Record):
    """One tag; tags form trees, `children` holds the next level."""

    id: str
    name: str
    parentId: str | None = None
    created: str = ""
    children: tuple["Tag", ...] = ()


class Dataset(Record):
    """A dataset as the platform lists it. `bucket` is the folder, `gs://` prefix or CSV that holds it."""

    id: str
    name: str
    bucket: str
    locked: bool = False
    reference: str = ""
    notes: str = ""
    created: str = ""
    tagIds: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()


class Upload(Record):
    """Files that are on their way to the platform; the dataset that they become will have its id."""

    id: str


class UploadedFile(Record):
    """A file of an upload: the path, below the dataset, under which it is stored, and its bytes."""

    path: str
    size: int


class JobName(Record):
    """Which job, for people."""

    id: str
    name: str


class QuarantinedFile(Record):
    """A file of a dataset that jobs listed and did not use, why, and which jobs, the newest first."""

    path: str
    label: str = ""
    reason: str = ""
    jobs: tuple[JobName, ...] = ()


class ModelType(Record):
    """A registered model type. `settings_schema` is its form as JSON Schema 2020-12."""

    name: str
    version: str
    kind: Literal["model", "report"] = "model"
    description: str = ""
    job: str
    settings_schema: dict[str, Any] = Field(default_factory=dict)
    source: Literal["entry point", "added"] = "entry point"


class JobConfig(Record):
    """What a job needs to run: the content of `info.json`.

    `api_key` stands in clear only in that file (mode 0600); `model_dump` gives asterisks. `info()` is the file's form.
    The three urls hold the key too, as their clients expect; `repr` leaves them out.
    """

    id: str
    run_id: str
    name: str
    datasets: tuple[Dataset, ...] = ()
    models: tuple[dict[str, Any], ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)
    tags: tuple[Tag, ...] = ()
    api_key: SecretStr = SecretStr("")
    host_name: str = ""
    charts_url: str = Field("", repr=False)
    complete_url: str = Field("", repr=False)
    remote_url: str = Field("", repr=False)
    model_type: str = ""
    model_type_version: str = ""
    job_class: str = ""
    parent: str | None = None

    @field_validator("parent", mode="before")
    @classmethod
    def _parent_by_id(cls, value: Any) -> Any:
        return value.get("id") if isinstance(value, Mapping) else value

    def info(self) -> dict[str, Any]:
        """Returns the content of `info.json`, the key in clear; the parent is an object there, `{"id": …}`."""
        parent = None if self.parent is None else {"id": self.parent}
        return {**self.model_dump(mode="json"), "api_key": self.api_key.get_secret_value(), "parent": parent}


class Job(Record):
    """A job as the platform lists it (it carries no key). Times are ISO 8601 in UTC; empty until they happened.

    `models` of a test report are those that it tests. `queue_position` of a queued job is 1 for the next that is
    started and 0 for one that is starting; else it is None.
    """

    id: str
    run_id: str
    name: str
    state: JobState = "created"
    message: str = ""
    model_type: str = ""
    model_type_version: str = ""
    job_class: str = ""
    kind: Literal["model", "report"] = "model"
    created: str = ""
    started: str = ""
    ended: str = ""
    epoch: int | None = None
    epochs: int | None = None
    datasets: tuple[Dataset, ...] = ()
    tags: tuple[Tag, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    models: tuple[dict[str, Any], ...] = ()
    model_path: str | None = None
    parent: str | None = None
    pid: int | None = None
    queue_position: int | None = None


class AccessKey(Record):
    """A key with which a program uses the platform over HTTP; the key itself is stored nowhere. `revoked` is when it
    was ended, empty while it is in force."""

    id: str
    name: str
    created: str = ""
    revoked: str = ""


class FileEntry(Record):
    """One artifact: `path` is relative to the job's `artifacts/`, `size` in bytes, `modified` ISO 8601 in UTC."""

    path: str
    size: int
    modified: str
    media_type: str = "application/octet-stream"
