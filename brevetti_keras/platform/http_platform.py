"""The platform behind HTTP: the same groups and records as in this process, each call one request.

with HttpPlatform("https://platform.example", SecretStr("…")) as platform:
    platform.jobs.list(state="running")
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar, Unpack
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr, TypeAdapter

from brevetti_keras.io.http import HttpClient
from brevetti_keras.io.local import LocalStorage
from brevetti_keras.utils.encode import from_json, to_jsonable
from brevetti_keras.utils.errors import BrevettiError, ConflictError, NotFoundError, PlatformError
from brevetti_keras.wire import routes
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
    Upload,
)

_Record = TypeVar("_Record", bound=BaseModel)
_MOST = 10_000
# A server makes it within a minute, after those that came before.
_PREVIEW_SECONDS = 120.0


class _Group:
    """What the groups share: requests to one host, answers as records."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def _one(self, kind: type[_Record], method: str, path: str, **content: Any) -> _Record:
        found: _Record = _read(TypeAdapter(kind), self._client.request(method, path, **content))
        return found

    def _many(self, kind: type[_Record], path: str, **content: Any) -> list[_Record]:
        adapter = TypeAdapter(list[kind])  # type: ignore[valid-type]
        found: list[_Record] = _read(adapter, self._client.request("GET", path, **content))
        return found


def _read(adapter: TypeAdapter[Any], response: httpx.Response) -> Any:
    try:
        return adapter.validate_python(from_json(response.content))
    except ValueError as error:
        path = response.request.url.path
        raise PlatformError(f"expected an answer of this platform's form to {path}, received another") from error


def _job(template: str, job_id: str, **parts: str) -> str:
    return template.replace("{path:path}", "{path}").format(id=quote(job_id, safe=""), **parts)


def _place(path: str) -> str:
    # A relative path means this process' folder, not the server's.
    return os.path.abspath(os.path.expanduser(path)) if os.path.exists(os.path.expanduser(path)) else path


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _only(found: list[_Record], kind: str, name: str) -> _Record:
    if len(found) > 1:
        raise ConflictError(f"expected one {kind}, received {name[:80]!r}, which several are called: give its id")
    if not found:
        raise NotFoundError(f"no {kind} {name[:80]!r}")
    return found[0]


class _Datasets(_Group):
    """Datasets of a server."""

    def add(
        self, bucket: str, name: str | None = None, tags: Sequence[str] = (), reference: str = "", notes: str = ""
    ) -> Dataset:
        """Adds a folder or CSV that the server can see."""
        body = _given(bucket=_place(bucket), name=name, tags=list(tags), reference=reference, notes=notes)
        return self._one(Dataset, "POST", routes.DATASETS, json=body)

    def upload(
        self, folder: str, name: str | None = None, tags: Sequence[str] = (), reference: str = "", notes: str = ""
    ) -> Dataset:
        """Sends a folder of this machine to the server and adds it; nothing stays there if it fails."""
        storage = LocalStorage(os.path.expanduser(folder), follow_links=True)
        if not os.path.isdir(storage.root):
            raise NotFoundError(f"expected a folder to upload, received {storage.root}, which is none")
        begun = self._one(Upload, "POST", routes.UPLOADS, json=_given(name=name))
        headers = {"Content-Type": "application/octet-stream"}
        try:
            for info in storage.walk():
                with storage.open_read(info.path) as file:
                    # Not sent again by itself: what was read of the file is gone.
                    self._client.request(
                        "PUT", routes.UPLOAD_FILES.format(upload_id=begun.id), params={"path": info.path},
                        content=file, headers=headers, retry=False,
                    )  # fmt: skip
            body = _given(name=name, tags=[*tags], reference=reference, notes=notes)
            finish = routes.UPLOAD_FINISH.format(upload_id=begun.id)
            return self._one(Dataset, "POST", finish, json={**body, "folder": os.path.basename(storage.root)})
        except BaseException:
            # What ended the upload may keep this from arriving too; the first cause is the one to tell.
            with contextlib.suppress(BrevettiError):
                self._client.request("DELETE", routes.UPLOAD.format(upload_id=begun.id), check=False)
            raise

    def get(self, id_or_name: str) -> Dataset:
        """Returns one dataset."""
        if "/" in id_or_name:  # which no address can hold
            return _only([found for found in self.list() if found.name == id_or_name], "dataset", id_or_name)
        return self._one(Dataset, "GET", f"{routes.DATASETS}/{quote(id_or_name, safe='')}")

    def list(self) -> list[Dataset]:
        """Returns all datasets, by name."""
        return self._many(Dataset, routes.DATASETS)

    def update(
        self,
        dataset_id: str,
        name: str | None = None,
        notes: str | None = None,
        reference: str | None = None,
        tag_ids: Sequence[str] | None = None,
    ) -> Dataset:
        """Changes what is given and returns the dataset."""
        body = _given(name=name, notes=notes, reference=reference, tag_ids=None if tag_ids is None else [*tag_ids])
        return self._one(Dataset, "PATCH", f"{routes.DATASETS}/{quote(dataset_id, safe='')}", json=body)

    def remove(self, dataset_id: str) -> None:
        """Forgets a dataset; its files stay, but for those that were uploaded."""
        self._client.request("DELETE", f"{routes.DATASETS}/{quote(dataset_id, safe='')}")

    def find_or_add(self, path_or_name: str) -> Dataset:
        """Returns the dataset of that id, name or path; a path that is not one yet is added."""
        body = {"path_or_name": _place(path_or_name) if os.sep in path_or_name else path_or_name}
        return self._one(Dataset, "POST", f"{routes.DATASETS}/find-or-add", json=body)


class _Tags(_Group):
    """Tags of a server."""

    def add(self, name: str, parent_id: str | None = None) -> Tag:
        """Adds a tag below another, or a root."""
        return self._one(Tag, "POST", routes.TAGS, json=_given(name=name, parent_id=parent_id))

    def list(self) -> list[Tag]:
        """Returns the root tags with their trees."""
        return self._many(Tag, routes.TAGS)

    def get(self, tag_id: str) -> Tag:
        """Returns one tag with what is below it."""
        return self._one(Tag, "GET", f"{routes.TAGS}/{quote(tag_id, safe='')}")

    def update(self, tag_id: str, name: str) -> Tag:
        """Renames a tag."""
        return self._one(Tag, "PATCH", f"{routes.TAGS}/{quote(tag_id, safe='')}", json={"name": name})

    def remove(self, tag_id: str) -> None:
        """Removes a tag that nothing uses."""
        self._client.request("DELETE", f"{routes.TAGS}/{quote(tag_id, safe='')}")

    def ensure(self, text: str) -> Tag:
        """Returns the tag for `key=value`, making what is missing."""
        return self._one(Tag, "POST", f"{routes.TAGS}/ensure", json={"text": text})


class _ModelTypes(_Group):
    """Model types of a server."""

    def list(self) -> list[ModelType]:
        """Returns all model types, by name."""
        return self._many(ModelType, routes.MODEL_TYPES)

    def get(self, name: str) -> ModelType:
        """Returns one model type."""
        return self._one(ModelType, "GET", f"{routes.MODEL_TYPES}/{quote(name)}")

    def validate_settings(self, name: str, settings: Mapping[str, Any]) -> dict[str, str]:
        """Returns what is wrong with each wrong setting, by its dotted name."""
        path = routes.MODEL_TYPE_VALIDATE.replace("{name:path}", quote(name))
        return self._one(_Wrong, "POST", path, json={"settings": to_jsonable(settings)}).errors

    def preview(
        self, name: str, settings: Mapping[str, Any], dataset_ids: Sequence[str], count: int = 8, seed: int = 0
    ) -> Preview:
        """Returns pictures of samples as the model type's network will get them."""
        path = routes.MODEL_TYPE_PREVIEW.replace("{name:path}", quote(name))
        body = {"settings": to_jsonable(settings), "dataset_ids": [*dataset_ids], "count": count, "seed": seed}
        return self._one(Preview, "POST", path, json=body, timeout=_PREVIEW_SECONDS)

    def add(self, reference: str) -> ModelType:
        """Adds `module:Class`, which the server must be able to import."""
        return self._one(ModelType, "POST", routes.MODEL_TYPES, json={"reference": reference})


class _Jobs(_Group):
    """Jobs of a server."""

    def create(self, name: str, **arguments: Unpack[JobArguments]) -> JobConfig:
        """Makes a job and returns what it needs to run, its key in clear."""
        body = to_jsonable({"name": name, **_given(**arguments)})
        return self._one(JobConfig, "POST", routes.JOBS, json=body)

    def get(self, id_or_prefix_or_name: str) -> Job:
        """Returns the job of that id, unique beginning of an id, or name."""
        if "/" in id_or_prefix_or_name:
            named = [job for job in self.list(limit=_MOST) if job.name == id_or_prefix_or_name]
            return _only(named, "job", id_or_prefix_or_name)
        return self._one(Job, "GET", _job(routes.JOB, id_or_prefix_or_name))

    def root_tags(self, job_id: str) -> "list[Tag]":
        """Returns the trees of tags that the job's pivot fields are made from."""
        return self._many(Tag, _job(routes.JOB_ROOT_TAGS, job_id))

    def reports_on(self, job_id: str, limit: int = 100) -> "list[Job]":
        """Returns the test reports on the model of a job, newest first."""
        return self._many(Job, routes.REPORTS, params={"model": job_id})[:limit]

    def list(self, state: JobState | None = None, limit: int = 100, offset: int = 0) -> list[Job]:
        """Returns jobs, newest first."""
        return self._page(state, limit, offset).items

    def count(self, state: JobState | None = None) -> int:
        """Returns how many there are."""
        return self._page(state, 0, 0).count

    def config(self, job_id: str) -> JobConfig:
        """Returns what the job needs to run, its key included."""
        return self._one(JobConfig, "GET", _job(routes.JOB_CONFIG, job_id))

    def start(self, job_id: str) -> Job:
        """Puts the job into the server's queue, and returns the job."""
        return self._one(Job, "POST", _job(routes.JOB_START, job_id))

    def stop(self, job_id: str) -> Job:
        """Asks the job's process to stop, and returns the job."""
        return self._one(Job, "POST", _job(routes.JOB_STOP, job_id))

    def _page(self, state: JobState | None, limit: int, offset: int) -> "_Page":
        return self._one(_Page, "GET", routes.JOBS, params=_given(state=state, limit=limit, offset=offset))


class _Events(_Group):
    """What the jobs of a server report."""

    def append(self, job_id: str, events: Sequence[Event]) -> int:
        """Stores events in one transaction, each key once, and returns the highest sequence."""
        body = {"events": [event.model_dump(mode="json") for event in events]}
        # The events' keys make it harmless to send them again.
        return self._one(_Acknowledged, "POST", _job(routes.JOB_EVENTS, job_id), json=body, retry=True).sequence

    def sync(self, job_id: str) -> int:
        """Takes over what the job's own log holds beyond what is stored, and returns the highest sequence."""
        return self._one(_Acknowledged, "POST", _job(routes.JOB_SYNC, job_id), retry=True).sequence

    def list(
        self, job_id: str, after: int = 0, kinds: Sequence[EventKind] | None = None, limit: int = 1000
    ) -> list[Event]:
        """Returns events after a sequence, in order."""
        query = _given(after=after, kind=None if kinds is None else [*kinds], limit=limit)
        return self._many(Event, _job(routes.JOB_EVENTS, job_id), params=query)

    def curve(self, job_id: str, max_points: int = 1000) -> dict[str, Any]:
        """Returns `{"epoch": [...], "series": {name: [...]}}`."""
        answer = self._client.request("GET", _job(routes.JOB_CURVE, job_id), params={"max_points": max_points})
        found: dict[str, Any] = _read(TypeAdapter(dict[str, Any]), answer)
        return found


class _Artifacts(_Group):
    """Files of a server's jobs."""

    def list(self, job_id: str, prefix: str = "") -> list[FileEntry]:
        """Returns the files below a folder, by path."""
        return self._many(FileEntry, _job(routes.JOB_ARTIFACTS, job_id), params={"prefix": prefix})

    def read(self, job_id: str, path: str) -> bytes:
        """Returns a file's content."""
        return self._client.request("GET", _job(routes.JOB_ARTIFACT, job_id, path=quote(path))).content

    def write(self, job_id: str, path: str, data: bytes) -> FileEntry:
        """Stores a file in one step."""
        target = _job(routes.JOB_ARTIFACT, job_id, path=quote(path))
        headers = {"Content-Type": "application/octet-stream"}
        return self._one(FileEntry, "PUT", target, content=data, headers=headers)


class _Charts(_Group):
    """Charts of a server's jobs."""

    def put(self, job_id: str, name: str, spec: str | Mapping[str, Any]) -> None:
        """Stores a chart."""
        body = from_json(spec) if isinstance(spec, str) else to_jsonable(spec)
        self._client.request("PUT", _job(routes.JOB_CHART, job_id, name=quote(name, safe="")), json=body)

    def list(self, job_id: str) -> list[str]:
        """Returns the charts' names."""
        found: list[str] = _read(TypeAdapter(list[str]), self._client.request("GET", _job(routes.JOB_CHARTS, job_id)))
        return found

    def get(self, job_id: str, name: str) -> str:
        """Returns a chart as JSON text."""
        return self._client.request("GET", _job(routes.JOB_CHART, job_id, name=quote(name, safe=""))).text


class _Quarantine(_Group):
    """Files that the jobs of a server set aside."""

    def of_dataset(self, dataset_id: str) -> list[QuarantinedFile]:
        """Returns a dataset's files that jobs set aside, with the reasons and the jobs."""
        return self._many(QuarantinedFile, routes.DATASET_QUARANTINE.format(dataset_id=quote(dataset_id, safe="")))


class _Access(_Group):
    """Keys of a server."""

    def create(self, name: str) -> tuple[AccessKey, str]:
        """Makes a key and returns its record and the key itself, which is shown this once."""
        made = self._one(_Created, "POST", routes.KEYS, json={"name": name})
        return made.record, made.key

    def list(self) -> list[AccessKey]:
        """Returns all keys' records, revoked ones too."""
        return self._many(AccessKey, routes.KEYS)

    def revoke(self, key_id: str) -> AccessKey:
        """Ends a key at once."""
        return self._one(AccessKey, "DELETE", f"{routes.KEYS}/{quote(key_id, safe='')}")


class _Created(BaseModel):
    record: AccessKey
    key: str


class _Demo(_Group):
    """The demo of a server's model types."""

    def start(self, model_type: str = "image-classification") -> Job:
        """Makes a model type's demonstration data and puts a job on it into the server's queue."""
        return self._one(Job, "POST", routes.DEMO, json={"model_type": model_type}, timeout=_PREVIEW_SECONDS)


class _Page(BaseModel):
    items: list[Job]
    count: int


class _Wrong(BaseModel):
    errors: dict[str, str]


class _Acknowledged(BaseModel):
    sequence: int


class HttpPlatform:
    """A server as a Platform.

    Args:
        url: its address.
        api_key: the user's, or a job's.
        transport: httpx transport in the network's place.

    Attributes:
        host_name: the address.
        datasets, tags, model_types, jobs, events, artifacts, charts, quarantine, access, demo: what it can do.
    """

    def __init__(
        self, url: str, api_key: SecretStr | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._client = HttpClient(url, token=api_key, timeout=30.0, transport=transport)
        self.host_name = self._client.base_url
        self.datasets = _Datasets(self._client)
        self.tags = _Tags(self._client)
        self.model_types = _ModelTypes(self._client)
        self.jobs = _Jobs(self._client)
        self.events = _Events(self._client)
        self.artifacts = _Artifacts(self._client)
        self.charts = _Charts(self._client)
        self.quarantine = _Quarantine(self._client)
        self.access = _Access(self._client)
        self.demo = _Demo(self._client)

    def verify(self) -> list[str]:
        """Returns what is damaged in the server's database, one line each; empty if nothing."""
        found: list[str] = _read(TypeAdapter(list[str]), self._client.request("GET", routes.VERIFY))
        return found

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
