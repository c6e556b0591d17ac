"""The demo: a model type's own images become a dataset, and a job on it waits in the queue.

service.demo.start().state          # "queued"

The result is that of `brevetti-keras demo`; a child process writes the images, and alone loads what holds them.
"""

import os
from typing import Any

from brevetti_keras.registry import find_model_types
from brevetti_keras.schema.settings import nearest
from brevetti_keras.server.capabilities.datasets import Datasets
from brevetti_keras.server.capabilities.jobs import Jobs
from brevetti_keras.server.capabilities.model_type_source import demo_job
from brevetti_keras.utils.errors import NotFoundError
from brevetti_keras.wire.records import Job

MODEL_TYPE = "image-classification"


class Demo:
    """Starts model types' demonstrations.

    Args:
        datasets, jobs: what it adds to.
        home: the workspace's absolute path.
    """

    def __init__(self, datasets: Datasets, jobs: Jobs, home: str) -> None:
        self._datasets = datasets
        self._jobs = jobs
        self._folder = os.path.join(home, "datasets")

    def offered(self) -> str:
        """Returns the model type whose demo is offered, "" if that is not installed."""
        return MODEL_TYPE if MODEL_TYPE in find_model_types() else ""

    def start(self, model_type: str = MODEL_TYPE) -> Job:
        """Adds the demo's dataset, if it is not there, and puts a job on it into the queue.

        Args:
            model_type: an installed one.

        Raises:
            NotFoundError: if it is not installed, or has no demo.
            InvalidInputError: if its module cannot be imported.
            StorageError: if the disk refuses it.
        """
        installed = find_model_types()
        if model_type not in installed:
            raise NotFoundError(f"no model type {model_type[:80]!r} is installed{nearest(model_type, [*installed])}")
        parts: dict[str, Any] = demo_job(installed[model_type].reference, self._folder)
        dataset = self._datasets.find_or_add(parts["dataset"])
        config = self._jobs.create(
            parts["name"], model_type=model_type, dataset_ids=[dataset.id], settings=parts["settings"]
        )
        return self._jobs.start(config.id)
