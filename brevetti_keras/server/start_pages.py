"""The pages of model types and of a new job: what there is to train, and its settings filled in.

    add_start_pages(router, service, environment)

The form is drawn by the browser from the model type's JSON Schema, and the job is made and started through the REST
interface; the routes here only show.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from jinja2 import Environment

from brevetti_keras.server.page_responses import page
from brevetti_keras.server.repeat_command import command_for_workspace
from brevetti_keras.server.service import Service
from brevetti_keras.server.settings_rows import settings_rows
from brevetti_keras.server.tag_names import tag_names
from brevetti_keras.wire.records import Job

_MODELS = 500


def add_start_pages(router: APIRouter, service: Service, environment: Environment) -> None:
    """Adds the routes of the model types' and the new job's pages.

    Args:
        router: of all pages.
        service: the platform that they show.
        environment: of the templates.
    """

    @router.get("/model-types")
    def model_types() -> Response:
        found = service.model_types.list()
        return page(
            environment,
            "model_types.html",
            here="model-types",
            model_types=[(one, settings_rows(one.settings_schema)) for one in found],
            add_command=command_for_workspace(service, "model-types", "add", "MODULE:CLASS"),
        )

    @router.get("/jobs/new")
    def new_job(
        model_type: str = "", dataset: str = "", model: str = "", origin: Annotated[str, Query(alias="from")] = ""
    ) -> Response:
        copied = service.jobs.get(origin) if origin else None
        # One that cannot be imported is listed with an empty schema and the reason.
        offered = [one for one in service.model_types.list() if one.settings_schema]
        wanted = (copied.model_type if copied else "") or model_type
        if model and not wanted:
            wanted = next((one.name for one in offered if one.kind == "report"), "")
        return page(
            environment,
            "new_job.html",
            here="jobs",
            copied=copied,
            datasets=service.datasets.list(),
            names=tag_names(service.tags.list()),
            chosen=_chosen(copied, dataset),
            models=[one for one in service.jobs.list("completed", limit=_MODELS) if one.model_path],
            tested={str(one.get("id")) for one in copied.models} if copied else {model},
            model_types=offered,
            wanted=wanted or (offered[0].name if len(offered) == 1 else ""),
            # A job of own code, or of a model type that is gone, has settings that no form here takes.
            foreign=copied is not None and copied.model_type not in {one.name for one in offered},
            home=service.home,
        )


def _chosen(copied: Job | None, dataset: str) -> set[str]:
    return {one.id for one in copied.datasets} if copied else {dataset}
