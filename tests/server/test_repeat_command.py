import shlex
from pathlib import Path

from brevetti_keras.server.repeat_command import flat, repeat_command, resume_command
from brevetti_keras.server.service import Service
from tests.support.pages import add_dataset


def command(service: Service, **job: object) -> list[str]:
    config = service.jobs.create("one", **job)
    text = repeat_command(service, service.jobs.get(config.id))
    assert text is not None
    return shlex.split(text)


def test_data_and_settings_are_given_whole(service: Service, tmp_path: Path) -> None:
    dataset = add_dataset(service, tmp_path / "vials of today")
    settings = {
        "epochs": 3,
        "image_pipeline": {"target_size": [64, 64], "rois": None},
        "title": "it's $HOME",
        "on": True,
    }
    words = command(service, job_class="train:Job", dataset_ids=[dataset], settings=settings)
    assert words[:5] == ["brevetti-keras", "train", "train:Job", "--dataset", str(tmp_path / "vials of today")]
    given = [words[index + 1] for index, word in enumerate(words) if word == "--set"]
    assert given == [
        "epochs=3",
        "image_pipeline.target_size=[64,64]",
        "image_pipeline.rois=null",
        "title=it's $HOME",
        "on=true",
    ]
    assert words[-2:] == ["--workspace", service.home]


def test_defaults_of_the_same_version_are_left_out(service: Service) -> None:
    known = service.model_types.list()[0]
    schema_defaults = {
        name: field["default"] for name, field in known.settings_schema["properties"].items() if "default" in field
    }
    same = {"model_type": known.name, "model_type_version": known.version}
    assert "--set" not in command(service, settings=schema_defaults, **same)
    changed = {**schema_defaults, "epochs": 987}
    assert "epochs=987" in command(service, settings=changed, **same)
    other = command(service, settings=schema_defaults, model_type=known.name, model_type_version="0.0.1")
    assert other.count("--set") >= len(schema_defaults)


def test_code_that_has_no_name_cannot_be_repeated(service: Service) -> None:
    for job_class in ("", "__main__:TrainingJob"):
        config = service.jobs.create("script", job_class=job_class)
        job = service.jobs.get(config.id)
        assert repeat_command(service, job) is None
        assert resume_command(service, job) is None


def test_resuming_names_the_job(service: Service) -> None:
    config = service.jobs.create("one", job_class="train:Job")
    words = shlex.split(resume_command(service, service.jobs.get(config.id)) or "")
    assert words == ["brevetti-keras", "train", "train:Job", "--resume", config.id, "--workspace", service.home]


def test_flat_joins_names_by_dots() -> None:
    assert flat({"a": {"b": {"c": 1}, "d": []}, "e": {}}) == [("a.b.c", 1), ("a.d", []), ("e", {})]
