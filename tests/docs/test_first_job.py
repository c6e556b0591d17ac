"""The example of the documentation is run as a reader would, and everything it reports is looked for."""

import json
from pathlib import Path

from brevetti_keras.model_package import load_package
from brevetti_keras.platform.embedded_platform import EmbeddedPlatform
from tests.support.trainings import CLASSES, Training


def test_it_runs_and_says_where_everything_is(trained_by_script: Training) -> None:
    printed = trained_by_script.printed
    model = Path(printed.split("The model:")[1].split("\n")[0].strip())
    folder = Path(printed.split("All artifacts:")[1].split("\n")[0].strip())
    assert model.parent == folder
    assert trained_by_script.home in folder.parents


def test_everything_it_reports_is_on_the_platform(trained_by_script: Training) -> None:
    with EmbeddedPlatform(str(trained_by_script.home)) as platform:
        (job,) = platform.jobs.list()
        artifacts = {entry.path for entry in platform.artifacts.list(job.id)}
        epochs = [event.body["epoch"] for event in platform.events.list(job.id, kinds=["epoch"])]
        pivot = json.loads(platform.artifacts.read(job.id, "pivot/classification_summary.json"))
        package = load_package(platform.artifacts.local_path(job.id, str(job.model_path)))
        charts = list(platform.charts.list(job.id))
    assert job.state == "completed"
    assert 0 <= job.metrics["devel_accuracy"] <= 1
    assert job.settings["image_pipeline"]["target_size"] == [16, 16]
    assert epochs == [0, 1]
    assert charts == ["dataset_summary"]
    assert sum(row["count"] for row in pivot) == sum(CLASSES.values())
    assert {
        "output.json", "sample_identification.csv", "pivot/summary_fields.json", "facets/facets.json",
        "facets/spriteatlas.jpeg", "charts/dataset_summary.json", "log.txt", "quarantine.csv",
    } <= artifacts  # fmt: skip
    assert package.classes == tuple(CLASSES)
