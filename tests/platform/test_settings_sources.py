from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from brevetti_keras.platform.settings_sources import (
    MASKED,
    Source,
    environment_source,
    file_source,
    hyperparameters,
    merge,
    platform_source,
    sagemaker_source,
    text_source,
)
from brevetti_keras.schema.settings import Settings
from brevetti_keras.utils.errors import SettingsError


class Pipeline(Settings):
    target_size: tuple[int, int] | None = None
    rescale: Literal["unit", "imagenet"] | None = None
    rois: tuple[int, ...] = ()


class Blur(Settings):
    kind: Literal["blur"] = "blur"
    sigma: float = Field(1.0, ge=0)
    pipeline: Pipeline = Pipeline(rescale="unit")


class Noise(Settings):
    kind: Literal["noise"] = "noise"
    stddev: float = 0.1
    chance: float = 0.5


class Training(Settings):
    image_pipeline: Pipeline = Pipeline(target_size=(224, 224), rois=(1, 2, 3))
    augmentation: Annotated[Blur | Noise, Field(discriminator="kind")] = Noise(chance=0.9)
    optional: Pipeline | None = None
    class_mapping: dict[str, str] = Field(default_factory=dict)
    epochs: int = Field(10, ge=1)
    name: str = "x"
    secret: SecretStr | None = None


def merged(*sources):
    return merge(Training, [Source(values, f"source {index}") for index, values in enumerate(sources)])


def test_nothing_given_is_the_defaults():
    assert merged() == Training()


def test_a_nested_value_keeps_the_default_instance_s_other_values():
    found = merged({"image_pipeline": {"rescale": "unit"}})
    assert found.image_pipeline == Pipeline(target_size=(224, 224), rois=(1, 2, 3), rescale="unit")


def test_later_sources_win_key_by_key():
    found = merged(
        {"image_pipeline": {"rescale": "unit"}, "epochs": 2}, {"image_pipeline": {"target_size": [8, 8]}}, {}
    )
    assert found.image_pipeline.rescale == "unit"
    assert found.image_pipeline.target_size == (8, 8)
    assert found.epochs == 2


def test_lists_are_replaced_whole():
    assert merged({"image_pipeline": {"rois": [9]}}).image_pipeline.rois == (9,)


def test_a_null_replaces_and_a_later_mapping_starts_from_the_class_s_defaults():
    assert merged({"image_pipeline": {"target_size": None}}).image_pipeline.target_size is None
    found = merged({"optional": {"rescale": "unit"}}, {"optional": None}, {"optional": {"rois": [1]}})
    assert found.optional == Pipeline(rois=(1,))


def test_mappings_of_names_merge_too():
    assert merged({"class_mapping": {"a": "x"}}, {"class_mapping": {"b": "y"}}).class_mapping == {"a": "x", "b": "y"}


def test_the_same_kind_goes_on_and_another_starts_afresh():
    assert merged({"augmentation": {"stddev": 0.3}}).augmentation == Noise(stddev=0.3, chance=0.9)
    assert merged({"augmentation": {"kind": "noise", "stddev": 0.3}}).augmentation == Noise(stddev=0.3, chance=0.9)
    assert merged({"augmentation": {"kind": "blur"}}).augmentation == Blur()
    back = merged({"augmentation": {"kind": "blur", "sigma": 3}}, {"augmentation": {"kind": "noise"}})
    assert back.augmentation == Noise()


def test_a_kind_that_starts_afresh_keeps_its_own_default_instances():
    found = merged({"augmentation": {"kind": "blur", "pipeline": {"rois": [4]}}})
    assert found.augmentation.pipeline == Pipeline(rescale="unit", rois=(4,))


def test_an_instance_replaces_what_was_there():
    assert merged({"image_pipeline": Pipeline(rescale="unit")}).image_pipeline == Pipeline(rescale="unit")


def test_sources_and_defaults_are_left_alone():
    given = {"image_pipeline": {"rois": [9]}, "class_mapping": {"a": "b"}}
    merged(given, {"class_mapping": {"c": "d"}, "image_pipeline": {"rescale": "unit"}})
    assert given == {"image_pipeline": {"rois": [9]}, "class_mapping": {"a": "b"}}
    assert Training().class_mapping == {}
    assert Training().image_pipeline == Pipeline(target_size=(224, 224), rois=(1, 2, 3))


_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "epochs": st.integers(1, 99),
        "name": st.sampled_from(["a", "b"]),
        "image_pipeline": st.fixed_dictionaries(
            {},
            optional={
                "target_size": st.none() | st.tuples(st.integers(), st.integers()),
                "rescale": st.sampled_from([None, "unit"]),
                "rois": st.lists(st.integers(), max_size=2).map(tuple),
            },
        ),
    },
)


@given(st.lists(_VALUES, max_size=4))
@budget(deadline=None, max_examples=100)
def test_each_leaf_is_the_last_one_given(sources):
    found = merged(*sources)
    for name in ("epochs", "name"):
        last = [source[name] for source in sources if name in source]
        assert getattr(found, name) == (last[-1] if last else getattr(Training(), name))
    for name in ("target_size", "rescale", "rois"):
        last = [source["image_pipeline"][name] for source in sources if name in source.get("image_pipeline", {})]
        assert getattr(found.image_pipeline, name) == (last[-1] if last else getattr(Training().image_pipeline, name))


@given(_VALUES, _VALUES, _VALUES)
@budget(deadline=None, max_examples=50)
def test_a_source_given_twice_changes_nothing(first, second, third):
    assert merged(first, second, third, third) == merged(first, second, third)
    assert merged(merged(first, second).get_config(), third) == merged(first, second, third)


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"epochs": 0}, ["epochs: expected", "1", "received 0", "(from source 0)"]),
        ({"epochs": "many"}, ["epochs: expected a valid integer", "received 'many'", "(from source 0)"]),
        (
            {"image_pipeline": {"rescale": "imgnet"}},
            ["image_pipeline.rescale: expected 'unit'", "'imgnet'", "source 0"],
        ),
        ({"image_pipeline": {"rescal": "unit"}}, ["image_pipeline.rescal: unknown setting, did you mean 'rescale'?"]),
        ({"epohs": 3}, ["epohs: unknown setting, did you mean 'epochs'? (from source 0)"]),
        (
            {"augmentation": {"kind": "blurr"}},
            ["augmentation.kind: expected one of 'blur', 'noise', received 'blurr' (from source 0)"],
        ),
        ({"augmentation": {"kind": "blur", "sigma": -1}}, ["sigma", "or equal to 0", "received -1 (from source 0)"]),
        ({"image_pipeline": 3}, ["image_pipeline", "received 3"]),
        ({"image_pipeline": [1]}, ["image_pipeline", "received [1]"]),
    ],
)
def test_a_wrong_value_names_setting_expectation_value_and_origin(values, parts):
    with pytest.raises(SettingsError) as caught:
        merged(values)
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_origin_is_the_source_that_was_wrong_not_the_last_one():
    with pytest.raises(SettingsError, match=r"epochs: .*\(from source 0\)$"):
        merged({"epochs": 0}, {"name": "y"})
    with pytest.raises(SettingsError, match=r"epochs: .*\(from source 1\)$"):
        merged({"epochs": 5}, {"epochs": 0})


def test_the_environment_gives_nested_settings():
    environment = {
        "BREVETTI_SETTINGS__EPOCHS": "7",
        "BREVETTI_SETTINGS__IMAGE_PIPELINE__TARGET_SIZE": "[32, 16]",
        "BREVETTI_SETTINGS__IMAGE_PIPELINE__RESCALE": "unit",
        "BREVETTI_SETTINGS__CLASS_MAPPING": '{"a": "b"}',
        "BREVETTI_HOME": "/x",
        "EPOCHS": "9",
    }
    found = merge(Training, [environment_source(Training, environment)])
    assert (found.epochs, found.image_pipeline.target_size, found.image_pipeline.rescale) == (7, (32, 16), "unit")
    assert found.class_mapping == {"a": "b"}


def test_an_unknown_variable_is_named_with_the_nearest_setting():
    with pytest.raises(SettingsError, match=r"epoch: .*epochs.*\(from environment BREVETTI_SETTINGS__EPOCH\)"):
        environment_source(Training, {"BREVETTI_SETTINGS__EPOCH": "7"})


def test_a_wrong_variable_is_the_origin():
    source = environment_source(Training, {"BREVETTI_SETTINGS__IMAGE_PIPELINE__RESCALE": "x"})
    with pytest.raises(SettingsError, match=r"\(from environment BREVETTI_SETTINGS__IMAGE_PIPELINE__RESCALE\)"):
        merge(Training, [source])


def test_sagemaker_s_flat_texts_are_settings(tmp_path):
    path = tmp_path / "hyperparameters.json"
    path.write_text(
        '{"epochs": "4", "name": "\\"quoted\\"", "image_pipeline.target_size": "[8, 8]", "job_id": "j",'
        ' "sagemaker_program": "train.py", "image_pipeline.rescale": "\\"unit\\""}'
    )
    found = merge(Training, [sagemaker_source(Training, str(path), skip=["job_id"])])
    assert (found.epochs, found.name, found.image_pipeline) == (
        4, "quoted", Pipeline(target_size=(8, 8), rois=(1, 2, 3), rescale="unit"),
    )  # fmt: skip
    assert hyperparameters(str(path))["job_id"] == "j"
    assert hyperparameters(str(tmp_path / "none.json")) == {}


@pytest.mark.parametrize("content", ["{", "[1]", '{"epochs": 1, "epochs": 2}', '"x"'])
def test_damaged_hyperparameters_are_one_line(tmp_path, content):
    path = tmp_path / "hyperparameters.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=r"hyperparameters\.json: expected"):
        sagemaker_source(Training, str(path))


def test_an_unknown_hyperparameter_is_refused(tmp_path):
    path = tmp_path / "hyperparameters.json"
    path.write_text('{"epoch": "1"}')
    with pytest.raises(SettingsError, match=r"did you mean --epochs\? \(from hyperparameter epoch\)"):
        sagemaker_source(Training, str(path))


def test_a_form_s_json_fields_arrive_as_text():
    form = {"image_pipeline": {"target_size": "[8, 8]", "rois": "[5]"}, "class_mapping": '{"a": "b"}', "epochs": 3,
            "optional": "", "name": "7"}  # fmt: skip
    found = merge(Training, [platform_source(Training, form)])
    assert found.image_pipeline == Pipeline(target_size=(8, 8), rois=(5,))
    assert (found.class_mapping, found.epochs, found.optional, found.name) == ({"a": "b"}, 3, None, "7")


def test_a_masked_secret_of_an_earlier_run_is_no_value():
    recorded = Training(secret=SecretStr("hunter22")).get_config()
    assert recorded["secret"] == MASKED
    assert merge(Training, [platform_source(Training, recorded)]).secret is None


def test_a_recorded_config_gives_the_same_settings_again():
    first = Training(augmentation=Blur(sigma=2.5), optional=Pipeline(rois=(1,)), class_mapping={"a": "b"})
    assert merge(Training, [platform_source(Training, first.get_config())]) == first


def test_a_file_is_a_source_with_its_name(tmp_path):
    path = tmp_path / "digits.yaml"
    path.write_text("epochs: 0\n")
    with pytest.raises(SettingsError, match=r"\(from file .*digits\.yaml\)"):
        merge(Training, [file_source(path)])


def test_text_that_cannot_be_read_names_its_place():
    with pytest.raises(SettingsError, match=r"image_pipeline\.rois: expected a list .*\(from --x\)"):
        text_source(Training, [("image_pipeline.rois", "[1,", "--x")], "the command line")


def test_a_setting_and_one_inside_it_combine_in_their_order():
    source = text_source(
        Training,
        [("image_pipeline", '{"rescale": "unit"}', "a"), ("image_pipeline.rois", "[7]", "b")],
        "the command line",
    )
    assert merge(Training, [source]).image_pipeline == Pipeline(target_size=(224, 224), rois=(7,), rescale="unit")


def test_a_required_setting_is_asked_for():
    class Needs(Settings):
        classes: list[str]

    with pytest.raises(SettingsError, match="classes: this setting is required and was not given"):
        merge(Needs, [])
    assert merge(Needs, [Source({"classes": ["a"]}, "x")]).classes == ["a"]
