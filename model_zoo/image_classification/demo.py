"""The demo: the digits become a dataset, the dataset a trained model, the model a report.

run_demo("/tmp/workspace")      # {"job": …, "devel_accuracy": 0.99, "report": …, "artifacts": …, "seconds": …}
"""

import importlib.resources
import logging
import os
import time
from collections.abc import Callable
from typing import Any

from brevetti_keras.platform.embedded_platform import EmbeddedPlatform
from brevetti_keras.platform.settings_files import read_settings_file
from brevetti_keras.wire import artifacts
from model_zoo.image_classification.digits import COUNT, write_digits
from model_zoo.image_classification.train import ImageClassificationJob

_LOGGER = logging.getLogger("brevetti_keras.model_zoo.image_classification")
CONFIGS = "brevetti_keras_configs"
CONFIG = "digits.yaml"
NAME = "digits"


def demo_job(datasets: str) -> dict[str, Any]:
    """Writes the demo's images and returns what its job is made of.

    Args:
        datasets: the folder that holds the workspace's own datasets.

    Returns:
        `name`, `dataset` (the images' folder) and `settings`.
    """
    with importlib.resources.as_file(importlib.resources.files(CONFIGS) / CONFIG) as config:
        settings = read_settings_file(config)
    return {"name": NAME, "dataset": write_digits(os.path.join(datasets, NAME)), "settings": settings}


def run_demo(home: str | None = None, progress: Callable[[str], None] = _LOGGER.info) -> dict[str, Any]:
    """Trains the demo's model in a workspace.

    Args:
        home: the workspace; None takes the usual one.
        progress: told in a sentence what is done next.

    Returns:
        `job` (its id), `devel_accuracy`, `report` (a file's path), `artifacts` (a folder's) and `seconds`.
    """
    began = time.monotonic()
    with EmbeddedPlatform(home) as platform:
        place = os.path.join(platform.home, "datasets", NAME)
        progress(f"writing {COUNT:,} images of digits to {place}")
        dataset = platform.datasets.find_or_add(write_digits(place))
        progress("training")
        with importlib.resources.as_file(importlib.resources.files(CONFIGS) / CONFIG) as config:
            job = ImageClassificationJob.init(platform=platform, datasets=[dataset], config=config, name=NAME, argv=[])
        job.start()
        metrics = platform.jobs.get(job.id).metrics
    return {
        "job": job.id,
        "devel_accuracy": metrics["devel_accuracy"],
        "report": job.artifact_path(artifacts.REPORT),
        "artifacts": job.artifact_path(dir=True),
        "seconds": time.monotonic() - began,
    }
