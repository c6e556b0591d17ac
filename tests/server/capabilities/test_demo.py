"""The demo of a model type becomes a dataset and a job in the queue, whatever happened before."""

import os
from pathlib import Path

import pytest

from brevetti_keras.registry import FoundModelType, load_reference
from brevetti_keras.server.capabilities import demo as module
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError
from model_zoo.image_classification.digits import COUNT
from model_zoo.image_classification.model_type import ImageClassification

SOURCE = """
from brevetti_keras.registry import ModelType


def demo_job(datasets):
    raise RuntimeError("no images today")


class Without(ModelType):
    name = "without"
    job = "a:B"


class Failing(Without):
    demo_job = "demos_of_a_test:demo_job"
"""


def test_the_demo_waits_in_the_queue_with_its_data_and_settings(served, service):
    answer = served.user().post("/api/demo", json={"model_type": "image-classification"})
    assert answer.status_code == 201
    job = answer.json()
    assert (job["state"], job["name"], job["model_type"]) == ("queued", "digits", "image-classification")
    assert (job["settings"]["epochs"], job["settings"]["image_pipeline"]["target_size"]) == (15, [8, 8])
    [dataset] = service.datasets.list()
    assert [one["id"] for one in job["datasets"]] == [dataset.id]
    assert dataset.bucket == os.path.join(service.home, "datasets", "digits")
    assert sum(1 for _ in Path(dataset.bucket).rglob("*.png")) == COUNT
    again = service.demo.start()
    assert again.id != job["id"]
    assert service.datasets.list() == [dataset]


def test_the_command_s_demo_takes_the_same_parts(tmp_path):
    parts = load_reference(ImageClassification.demo_job)(str(tmp_path))
    assert parts["dataset"] == str(tmp_path / "digits")
    assert ImageClassification.Settings(**parts["settings"]).epochs == 15


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [("Without", NotFoundError, "has no demo"), ("Failing", InvalidInputError, "no images today")],
)
def test_one_that_cannot_be_shown_says_so_and_adds_nothing(service, tmp_path, monkeypatch, name, error, text):
    (tmp_path / "demos_of_a_test.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = FoundModelType("x", f"demos_of_a_test:{name}", "tests")
    monkeypatch.setattr(module, "find_model_types", lambda: {"x": found})
    with pytest.raises(error, match=text) as caught:
        service.demo.start("x")
    assert "\n" not in str(caught.value)
    assert service.demo.offered() == ""
    assert (service.jobs.count(), service.datasets.list()) == (0, [])
    with pytest.raises(NotFoundError, match="'y' is installed"):
        service.demo.start("y")


def test_a_job_s_key_starts_no_demo(served, service):
    assert served.job(service.jobs.create("one")).post("/api/demo", json={"model_type": "x"}).status_code == 404
