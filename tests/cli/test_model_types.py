import sys

import pytest

JOB = """
from brevetti_keras.platform import Job
from brevetti_keras.schema import setting


class Training(Job):
    \"\"\"Trains nothing at all.\"\"\"

    class Settings(Job.Settings):
        depth: int = setting(3, ge=1, description="How deep")

    settings: Settings

    def run(self):
        self.add_output_metric("depth", self.settings.depth)
"""


@pytest.fixture
def own_job(tmp_path, monkeypatch):
    (tmp_path / "own_training.py").write_text(JOB)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    yield "own_training:Training"
    sys.modules.pop("own_training", None)


def test_the_bundled_model_type_is_listed(command):
    assert "image-classification" in command("model-types").out
    listed = command("model-types", "--json").json()
    assert [(entry["name"], entry["source"]) for entry in listed] == [("image-classification", "entry point")]


def test_a_job_class_is_added_and_run(command, own_job, vials):
    added = command("model-types", "add", own_job, "--json")
    assert added.status == 0, added.err
    name = added.json()["name"]
    assert "depth" in command("schema", name).json()["properties"]
    result = command("train", name, "--dataset", str(vials), "--set", "depth=5", "--json")
    assert result.status == 0, result.err
    assert result.json()["metrics"]["depth"] == 5
    assert result.json()["model_type"] == name


def test_a_job_class_runs_without_being_added(command, own_job, vials):
    result = command("train", own_job, "--dataset", str(vials), "--json")
    assert result.status == 0, result.err
    assert result.json()["metrics"]["depth"] == 3


@pytest.mark.parametrize("reference", ["no-colon", "no_such_module_here:Thing", "collections:OrderedDict"])
def test_what_is_no_job_is_refused_in_one_line(command, reference):
    result = command("model-types", "add", reference)
    assert result.status in {1, 2}
    assert result.err.startswith("error: ")
    assert len(result.err.strip().splitlines()) == 1


def test_the_schema_is_a_form_in_two_forms(command):
    schema = command("schema", "image-classification").json()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    fields = command("schema", "image-classification", "--vue").json()["fields"]
    assert any(field.get("model") == "epochs" for field in fields)
    assert any(field.get("model") == "image_pipeline.rescale" for field in fields)
