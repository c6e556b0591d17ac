"""`/api/datasets` and `/api/tags`."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from brevetti_keras.server.service import Service
from brevetti_keras.wire.records import Dataset, QuarantinedFile, Tag
from brevetti_keras.wire.routes import DATASET_QUARANTINE, DATASETS, TAGS


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewDataset(_Body):
    """What `datasets.add` takes."""

    bucket: str
    name: str | None = None
    tags: list[str] = []
    reference: str = ""
    notes: str = ""


class DatasetChange(_Body):
    """What `datasets.update` takes; what is not given stays."""

    name: str | None = None
    notes: str | None = None
    reference: str | None = None
    tag_ids: list[str] | None = None


class Wanted(_Body):
    """What `datasets.find_or_add` takes."""

    path_or_name: str


class NewTag(_Body):
    """What `tags.add` takes."""

    name: str
    parent_id: str | None = None


class TagChange(_Body):
    """What `tags.update` takes."""

    name: str


class TagText(_Body):
    """What `tags.ensure` takes: `"key=value"`."""

    text: str


def datasets_router(service: Service) -> APIRouter:
    """Returns the routes of the datasets."""
    router = APIRouter(tags=["datasets"])

    @router.get(DATASETS)
    def list_datasets() -> list[Dataset]:
        """All datasets by name."""
        return service.datasets.list()

    @router.post(DATASETS, status_code=201)
    def add_dataset(body: NewDataset) -> Dataset:
        """Adds a dataset by reference."""
        return service.datasets.add(body.bucket, body.name, body.tags, body.reference, body.notes)

    @router.post(DATASETS + "/find-or-add")
    def find_or_add_dataset(body: Wanted) -> Dataset:
        """The dataset of that id, name or place; a place that is new is added."""
        return service.datasets.find_or_add(body.path_or_name)

    @router.get(DATASET_QUARANTINE)
    def list_quarantined(dataset_id: str) -> list[QuarantinedFile]:
        """The dataset's files that jobs set aside, with the reasons and the jobs."""
        return service.quarantine.of_dataset(dataset_id)

    @router.get(DATASETS + "/{dataset_id:path}")
    def get_dataset(dataset_id: str) -> Dataset:
        """A dataset by its id or name."""
        return service.datasets.get(dataset_id)

    @router.patch(DATASETS + "/{dataset_id}")
    def update_dataset(dataset_id: str, body: DatasetChange) -> Dataset:
        """Changes what is given."""
        return service.datasets.update(dataset_id, body.name, body.notes, body.reference, body.tag_ids)

    @router.delete(DATASETS + "/{dataset_id}", status_code=204)
    def remove_dataset(dataset_id: str) -> None:
        """Forgets a dataset; its files stay, but for those that were uploaded."""
        service.datasets.remove(dataset_id)

    return router


def tags_router(service: Service) -> APIRouter:
    """Returns the routes of the tags."""
    router = APIRouter(tags=["tags"])

    @router.get(TAGS)
    def list_tags() -> list[Tag]:
        """The root tags, each with its tree."""
        return service.tags.list()

    @router.post(TAGS, status_code=201)
    def add_tag(body: NewTag) -> Tag:
        """Makes a tag, at the root or below another."""
        return service.tags.add(body.name, body.parent_id)

    @router.post(TAGS + "/ensure")
    def ensure_tag(body: TagText) -> Tag:
        """The leaf that `"key=value"` names; what is missing is made."""
        return service.tags.ensure(body.text)

    @router.get(TAGS + "/{tag_id}")
    def get_tag(tag_id: str) -> Tag:
        """A tag with what stands below it."""
        return service.tags.get(tag_id)

    @router.patch(TAGS + "/{tag_id}")
    def update_tag(tag_id: str, body: TagChange) -> Tag:
        """Renames a tag."""
        return service.tags.update(tag_id, body.name)

    @router.delete(TAGS + "/{tag_id}", status_code=204)
    def remove_tag(tag_id: str) -> None:
        """Removes a tag that nothing uses."""
        service.tags.remove(tag_id)

    return router
