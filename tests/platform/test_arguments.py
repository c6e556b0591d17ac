import sys

import pytest
from pydantic import Field

from brevetti_keras.platform.arguments import RESERVED, present_arguments, read_arguments
from brevetti_keras.platform.settings_sources import merge
from brevetti_keras.schema.fields import code_field, setting
from brevetti_keras.schema.settings import Settings
from brevetti_keras.utils.errors import InvalidInputError, SettingsError


class Pipeline(Settings):
    target_size: tuple[int, int] | None = (224, 224)


class Training(Settings):
    image_pipeline: Pipeline = Pipeline()
    epochs: int = Field(10, ge=1)
    shuffle: bool = False
    title: str = ""
    mapping: dict[str, str] = Field(default_factory=dict)


def read(*words):
    return read_arguments(Training, words)


def settings_of(*words):
    return merge(Training, [read(*words).source])


def test_reads_settings_by_dotted_names():
    found = settings_of("--epochs", "3", "--image_pipeline.target_size", "[64, 64]", "--title=a=b", "--mapping.x", "y")
    assert found == Training(epochs=3, image_pipeline=Pipeline(target_size=(64, 64)), title="a=b", mapping={"x": "y"})


def test_later_ones_win_and_negative_numbers_are_values():
    assert settings_of("--epochs", "3", "--epochs=4").epochs == 4
    assert settings_of("--title", "-3").title == "-3"


def test_a_switch_needs_no_value():
    assert settings_of("--shuffle").shuffle
    assert settings_of("--shuffle", "--epochs", "2").shuffle
    assert not settings_of("--shuffle", "false").shuffle
    assert not settings_of("--shuffle=no").shuffle


def test_reserved_names_are_kept_apart_and_datasets_collected():
    found = read("--dataset", "a", "--job_id", "7f", "--dataset=/b", "--name", "first", "--epochs", "2")
    assert found.reserved == {"job_id": "7f", "name": "first"}
    assert found.datasets == ("a", "/b")
    assert found.source.values == {"epochs": 2}


def test_every_reserved_name_of_the_contract_is_taken():
    assert set(RESERVED) == {"job_id", "api_key", "info_file", "config", "platform", "dataset", "name", "resume"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epohcs", "3"], "--epohcs: unknown argument, did you mean --epochs?"),
        (["--datset", "x"], "--datset: unknown argument, did you mean --dataset?"),
        (["--target_size", "1"], "did you mean --image_pipeline.target_size?"),
        (["--image_pipeline.size", "1"], "did you mean --image_pipeline"),
        (["--zzz", "1"], "known are --job_id"),
        (["stray"], "expected --name value, received 'stray'"),
        (["-e", "3"], "expected --name value, received '-e'"),
        (["--"], "expected --name value, received '--'"),
        (["--epochs"], "--epochs: expected a value, received none"),
        (["--epochs", "--shuffle"], "--epochs: expected a value, received none"),
        (["--test", "5"], "--test: unknown argument"),
    ],
)
def test_a_wrong_word_is_one_line(words, message):
    with pytest.raises(SettingsError) as caught:
        read(*words)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_value_names_its_argument():
    with pytest.raises(SettingsError, match=r"epochs: expected a valid integer.*'x'.*\(from --epochs\)"):
        settings_of("--epochs", "x")


def test_text_in_a_list_s_place_is_refused():
    with pytest.raises(InvalidInputError, match="expected argv as a list of words"):
        read_arguments(Training, "--epochs 3")


def test_the_program_s_words_are_read_but_not_a_shell_s(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "--epochs", "3"])
    assert present_arguments() == ["--epochs", "3"]
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert present_arguments() == []


class Mode(Settings):
    key: str = code_field("img")
    strength: float = setting(0.5, description="How much")


class Helped(Settings):
    mode: Mode | None = Mode(strength=0.75)
    other: Mode | None = None
    depth: int = setting(description="How deep")
    box: tuple[int, int] = setting((32, 32), description="Where")
    deep: bool = False
    names: list[str] = setting(default_factory=list, description="Which")


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_tells_all_names_with_defaults_and_ends_well(capsys, word):
    with pytest.raises(SystemExit) as ended:
        read_arguments(Helped, [word])
    assert ended.value.code == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for line in (
        "--mode.strength 0.75 How much",
        "--other.strength 0.5 How much",
        "--depth How deep",
        "--names [] Which",
    ):
        assert line in lines
    assert "--mode.key" not in " ".join(lines)
    assert [line.split()[0][2:] for line in lines if line.startswith("--")][: len(RESERVED)] == sorted(
        RESERVED, key=["dataset", "config", "name", "resume", "job_id", "api_key", "info_file", "platform"].index
    )


def test_a_setting_may_be_named_help():
    class Manual(Settings):
        help: str = ""

    assert merge(Manual, [read_arguments(Manual, ["--help", "me"]).source]).help == "me"
