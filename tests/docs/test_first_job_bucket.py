"""The documentation's example with its dataset and its workspace's storage root in a bucket, at the emulator."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from brevetti_keras.io import open_storage
from brevetti_keras.model_package import load_package
from brevetti_keras.server.workspace import open_service
from tests.support.gcs import upload_folder
from tests.support.images import write_image_folder
from tests.support.served import Served

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "first_job.py"
CLASSES = {"bad": 12, "good": 12}


@pytest.fixture
def done(bucket_url, tmp_path, monkeypatch):
    """The workspace and its job, whose folder of artifacts on this machine is gone."""
    vials = upload_folder(write_image_folder(tmp_path / "vials", CLASSES), f"{bucket_url}/data/vials")
    home = tmp_path / "workspace"
    monkeypatch.setenv("BREVETTI_STORAGE_ROOT", f"{bucket_url}/results")
    process = subprocess.run(
        [sys.executable, str(SCRIPT), "--dataset", vials, "--epochs", "2", "--image_pipeline.target_size", "[16, 16]"],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        env={**os.environ, "BREVETTI_HOME": str(home)},
        cwd=tmp_path,
    )
    assert process.returncode == 0, process.stderr
    (folder,) = (home / "jobs").glob("*/artifacts")
    there = open_storage(f"{bucket_url}/results/jobs/{folder.parent.name}/artifacts")
    here = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {info.path: there.read_bytes(info.path) for info in there.walk()} == here
    shutil.rmtree(folder)
    return home


def test_the_whole_example_runs_and_its_page_shows_everything(done):
    with open_service(str(done)) as service:
        (job,) = service.jobs.list()
        artifacts = {entry.path for entry in service.artifacts.list(job.id)}
        pivot = json.loads(service.artifacts.read(job.id, "pivot/classification_summary.json"))
        package = load_package(service.artifacts.local_path(job.id, str(job.model_path)))
        served = Served(service)
        browser = served.browser()
        page = browser.get(f"/jobs/{job.id}").text
        atlas = browser.get(f"/api/jobs/{job.id}/artifacts/facets/spriteatlas.jpeg")
        served.close()
    assert job.state == "completed"
    assert sum(row["count"] for row in pivot) == sum(CLASSES.values())
    assert package.classes == ("bad", "good")
    assert {
        "output.json", "sample_identification.csv", "pivot/summary_fields.json", "facets/facets.json",
        "facets/spriteatlas.jpeg", "charts/dataset_summary.json", "log.txt",
    } <= artifacts  # fmt: skip
    for shown in ("dataset_summary", "output.json", "sample_identification.csv", str(job.model_path)):
        assert shown in page
    assert atlas.content.startswith(b"\xff\xd8")
