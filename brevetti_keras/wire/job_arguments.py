"""`JobArguments`: what a new job is made of besides its name, the same in this process and over HTTP.

platform.jobs.create("first try", model_type="image-classification", dataset_ids=["vials"])
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict


class JobArguments(TypedDict, total=False):
    """The keyword arguments of `jobs.create`; each may be left out.

    Attributes:
        model_type: the model type's name, if it is of one. Without a `job_class`, which checks its settings itself,
            they are checked for the model type.
        model_type_version: of the model type; by default the present one.
        job_class: `"module:Class"` of the Job.
        kind: whether it trains a model, as by default, or tests finished ones.
        dataset_ids: ids or names of its datasets.
        models: of a report, the models it tests, each at least `{"id", "bucket"}`.
        settings: as JSON types.
        tag_ids: ids of its tags.
        parent: the job that this one goes on from.
        host_name: where it reports to; by default the platform that makes it.
    """

    model_type: str
    model_type_version: str
    job_class: str
    kind: Literal["model", "report"]
    dataset_ids: Sequence[str]
    models: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any] | None
    tag_ids: Sequence[str]
    parent: str | None
    host_name: str | None
