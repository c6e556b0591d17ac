import math
import subprocess
import sys
from typing import Any

import pytest

from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.platform import Job
from brevetti_keras.registry import find_model_types, load_model_type, load_reference
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import SettingsError
from model_zoo.image_classification.model_type import (
    ImageClassification,
    ImageClassificationSettings,
    Sampling,
)


def schema() -> dict[str, Any]:
    return ImageClassification.get_schema().schema


def test_is_found_by_its_entry_point() -> None:
    assert find_model_types()["image-classification"].package == "brevetti-keras"
    assert load_model_type("image-classification") is ImageClassification


def test_settings_and_schema_load_no_tensorflow() -> None:
    code = (
        "import sys\n"
        "from model_zoo.image_classification.model_type import ImageClassification as T\n"
        "T.get_schema().schema; T.get_schema().vue_form(); T.Settings().get_config()\n"
        "import model_zoo.image_classification.train, model_zoo.image_classification.demo\n"
        "print(sorted({'tensorflow', 'keras', 'sklearn', 'cv2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240)
    assert done.stdout.strip() == "[]"


def test_its_job_and_demo_are_where_it_says() -> None:
    job = load_reference(ImageClassification.job)
    assert issubclass(job, Job)
    assert job.settings_class() is ImageClassificationSettings
    assert callable(load_reference(ImageClassification.demo))


def test_settings_are_a_job_s_settings() -> None:
    assert issubclass(ImageClassificationSettings, Job.Settings)


def test_settings_survive_a_round_trip() -> None:
    settings = ImageClassificationSettings(
        classes=["b", "a"],
        class_mapping={"scratch": "b"},
        image_pipeline={"target_size": [32, 24], "color_mode": "greyscale"},
        augmentation={"random_transformer": {"chance": 0}},
        sampling={"groupby": ["label"], "group_weighing": "log"},
        early_stopping={"patience": 0},
    )
    assert ImageClassificationSettings.from_config(settings.get_config()) == settings
    assert settings.image_pipeline == ImagePipeline(target_size=(32, 24), color_mode="greyscale")
    assert settings.augmentation == ImageAugmenter(random_transformer={"chance": 0})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs: expected greater than or equal to 1, received 0"),
        ({"epochs": "many"}, "epochs: expected a valid integer"),
        ({"epoch": 3}, "epoch: unknown setting, did you mean 'epochs'?"),
        ({"classes": ["a"]}, "at least two different labels"),
        ({"classes": ["a", "a"]}, "at least two different labels"),
        ({"classes": ["a", ""]}, "at least one letter"),
        ({"test_share": 1.0}, "test_share: expected less than 1"),
        ({"learning_rate": 0}, "learning_rate: expected greater than 0"),
        ({"early_stopping": {"patient": 1}}, "did you mean 'patience'?"),
        ({"image_pipeline": {"target_size": [0, 8]}}, "image_pipeline.target_size"),
        ({"sampling": {"group_weighing": "sqrt"}}, "sampling.group_weighing"),
        ({"seed": -1}, "seed: expected greater than or equal to 0"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        ImageClassificationSettings(**wrong)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_every_setting_is_explained_on_the_form() -> None:
    root = schema()
    for name in ("ImageClassificationSettings", "Sampling", "EarlyStopping", "Network"):
        properties = root["properties"] if name.startswith("Image") else root["$defs"][name]["properties"]
        for field, described in properties.items():
            assert described.get("description"), f"{name}.{field} has no description"
    assert root["properties"]["network"]["x-advanced"] is True
    assert root["properties"]["batch_size"]["x-unit"] == "samples"


def test_the_form_names_all_settings_of_the_issue() -> None:
    assert {
        "classes", "class_mapping", "image_pipeline", "augmentation", "split", "sampling", "epochs", "batch_size",
        "learning_rate", "early_stopping", "seed",
    } <= set(schema()["properties"])  # fmt: skip


def test_defaults_survive_being_written_as_json() -> None:
    settings = ImageClassificationSettings()
    assert ImageClassificationSettings.from_config(from_json(to_json(settings.get_config()))) == settings
    assert settings.sampling.sampler(8, 0).max_epoch_samples == math.inf


def test_sampling_makes_a_sampler_with_the_job_s_batch_size_and_seed() -> None:
    sampler = Sampling(groupby=("label",), group_weighing="square root", max_epoch_samples=100).sampler(16, 7)
    assert (sampler.batch_size, sampler.seed) == (16, 7)
    assert (sampler.groupby, sampler.group_weighing, sampler.max_epoch_samples) == (("label",), "square root", 100)
