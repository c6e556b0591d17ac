"""`/api/model-types`, `/api/keys` and `/api/verify`."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from brevetti_keras.server.service import Service
from brevetti_keras.wire.previews import Preview
from brevetti_keras.wire.records import AccessKey, Job, ModelType
from brevetti_keras.wire.routes import DEMO, KEYS, MODEL_TYPE_PREVIEW, MODEL_TYPE_VALIDATE, MODEL_TYPES, VERIFY


class Reference(BaseModel):
    """What `model_types.add` takes: `"module:Class"`."""

    model_config = ConfigDict(extra="forbid")

    reference: str


class GivenSettings(BaseModel):
    """What `model_types.validate_settings` takes: nested names and values."""

    model_config = ConfigDict(extra="forbid")

    settings: dict[str, Any]


class WantedPreview(GivenSettings):
    """What `model_types.preview` takes: settings, and the datasets whose samples are shown."""

    dataset_ids: Annotated[list[str], Field(max_length=1000)]
    count: Annotated[int, Field(ge=1, le=64)] = 8
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class WrongSettings(BaseModel):
    """What is wrong with each wrong setting, by its dotted name; empty if nothing is."""

    errors: dict[str, str]


class WantedDemo(BaseModel):
    """What `demo.start` takes."""

    model_config = ConfigDict(extra="forbid")

    model_type: str


class NewKey(BaseModel):
    """What `access.create` takes."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=200)]


class CreatedKey(BaseModel):
    """A key that was made; it is shown this once."""

    record: AccessKey
    key: str


def platform_router(service: Service) -> APIRouter:
    """Returns the routes of model types, keys and the check of the database."""
    router = APIRouter()

    @router.get(MODEL_TYPES, tags=["model types"])
    def list_model_types() -> list[ModelType]:
        """All model types by name."""
        return service.model_types.list()

    @router.post(MODEL_TYPES, status_code=201, tags=["model types"])
    def add_model_type(body: Reference) -> ModelType:
        """Adds a model type whose module the server can import."""
        return service.model_types.add(body.reference)

    @router.post(MODEL_TYPE_VALIDATE, tags=["model types"])
    def validate_settings(name: str, body: GivenSettings) -> WrongSettings:
        """Checks settings as a job of the model type will."""
        return WrongSettings(errors=service.model_types.validate_settings(name, body.settings))

    @router.post(MODEL_TYPE_PREVIEW, tags=["model types"])
    def preview_samples(name: str, body: WantedPreview) -> Preview:
        """Some samples as the model type's network will get them."""
        return service.model_types.preview(name, body.settings, body.dataset_ids, body.count, body.seed)

    @router.get(MODEL_TYPES + "/{name:path}", tags=["model types"])
    def get_model_type(name: str) -> ModelType:
        """A model type with its schema."""
        return service.model_types.get(name)

    @router.post(DEMO, status_code=201, tags=["jobs"])
    def start_demo(body: WantedDemo) -> Job:
        """Makes a model type's demonstration data and puts a job on it into the queue."""
        return service.demo.start(body.model_type)

    _add_keys(router, service)
    return router


def _add_keys(router: APIRouter, service: Service) -> None:
    @router.get(KEYS, tags=["keys"])
    def list_keys() -> list[AccessKey]:
        """All keys' records."""
        return service.access.list()

    @router.post(KEYS, status_code=201, tags=["keys"])
    def create_key(body: NewKey) -> CreatedKey:
        """Makes a key for a program."""
        record, key = service.access.create(body.name)
        return CreatedKey(record=record, key=key)

    @router.delete(KEYS + "/{key_id}", tags=["keys"])
    def revoke_key(key_id: str) -> AccessKey:
        """Ends a key."""
        return service.access.revoke(key_id)

    @router.get(VERIFY, tags=["platform"])
    def verify() -> list[str]:
        """What is damaged in the database; empty if nothing."""
        return service.verify()
