"""The example of the documentation is run as a reader would, and everything it reports is looked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from brevetti_keras.model_package import load_package
from brevetti_keras.platform.embedded_platform import EmbeddedPlatform
from tests.support.images import write_image_folder

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "first_job.py"
CLASSES = {"bad": 24, "good": 24}


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BREVETTI_HOME": str(home)}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env=environment,
        cwd=home.parent,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_image_folder(tmp_path_factory.mktemp("data") / "vials", CLASSES)


@pytest.fixture(scope="module")
def done(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    home = tmp_path_factory.mktemp("example") / "workspace"
    size = ("--image_pipeline.target_size", "[16, 16]")
    return home, run(home, "--dataset", str(data), "--epochs", "2", *size)


def test_it_runs_and_says_where_everything_is(done: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    home, process = done
    assert process.returncode == 0, process.stderr
    model = Path(process.stdout.split("The model:")[1].split("\n")[0].strip())
    folder = Path(process.stdout.split("All artifacts:")[1].split("\n")[0].strip())
    assert model.parent == folder
    assert home in folder.parents


def test_everything_it_reports_is_on_the_platform(done: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    with EmbeddedPlatform(str(done[0])) as platform:
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
        "facets/spriteatlas.jpeg", "charts/dataset_summary.json", "log.txt",
    } <= artifacts  # fmt: skip
    assert package.classes == ("bad", "good")
