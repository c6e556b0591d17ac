"""Settings are checked as the job itself will take them, each wrong one told by the name its form knows it by."""

import io
import json
from typing import Annotated, Literal

import pytest
from pydantic import Field

from brevetti_keras.platform import Job, settings_check
from brevetti_keras.platform.settings_check import wrong_settings
from brevetti_keras.registry import ModelType
from brevetti_keras.schema.settings import Settings
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError


class Blur(Settings):
    kind: Literal["blur"] = "blur"
    sigma: float = Field(1.0, ge=0)


class Noise(Settings):
    kind: Literal["noise"] = "noise"
    stddev: float = Field(0.1, ge=0)


class Part(Settings):
    depth: int = Field(2, ge=1)
    size: tuple[int, int] | None = (8, 8)
    needed: str


class VialSettings(Settings):
    epochs: int = Field(3, ge=1)
    part: Part = Part(needed="x")
    effect: Annotated[Blur | Noise, Field(discriminator="kind")] = Blur()
    effects: list[Annotated[Blur | Noise, Field(discriminator="kind")]] = Field(default_factory=list)
    weights: dict[str, float] = Field(default_factory=dict)
    mode: int | Literal["auto"] = "auto"


class Vials(ModelType):
    name = "vials"
    Settings = VialSettings
    job = "x:Y"


class VialJob(Job):
    settings: VialSettings


HERE = __name__


@pytest.fixture(autouse=True)
def reference(monkeypatch):
    """This module is not importable by its name; what it holds is found all the same."""
    monkeypatch.setattr(settings_check, "load_reference", lambda reference: globals()[reference.partition(":")[2]])


@pytest.mark.parametrize("name", ["Vials", "VialJob"])
def test_right_settings_as_a_form_sends_them(name):
    values = {"epochs": "3", "part": {"size": "[4, 4]"}, "effect": {"kind": "noise", "stddev": 0.5}, "mode": "auto"}
    assert wrong_settings(f"vials:{name}", values) == {}
    assert wrong_settings(f"vials:{name}", {}) == {}


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"epochs": 0}, {"epochs"}),
        ({"epochs": "many", "part": {"depth": 0}}, {"epochs", "part.depth"}),
        ({"part": {"size": [1, "a"]}}, {"part.size.1"}),
        ({"part": {"size": "[1, 2"}}, {"part.size"}),
        ({"part": {"depht": 3}}, {"part.depht"}),
        ({"epohcs": 3}, {"epohcs"}),
        ({"effect": {"kind": "noise", "stddev": -1}}, {"effect.stddev"}),
        ({"effect": {"kind": "noise", "sigma": 1}}, {"effect.sigma"}),
        ({"effect": {"kind": "fog"}}, {"effect"}),
        ({"effects": [{"kind": "blur", "sigma": -1}, {"kind": "noise", "stddev": -1}]},
         {"effects.0.sigma", "effects.1.stddev"}),
        ({"weights": {"good": "heavy"}}, {"weights.good"}),
        ({"mode": "manual"}, {"mode"}),
        ([1], {""}),
        (None, {""}),
    ],
)  # fmt: skip
def test_each_wrong_setting_is_told_by_its_name(values, names):
    wrong = wrong_settings("vials:Vials", values)
    assert set(wrong) == names
    assert all(text and "\n" not in text for text in wrong.values())


def test_the_text_says_what_was_expected_and_received():
    assert wrong_settings("vials:Vials", {"epochs": 0})["epochs"] == "expected greater than or equal to 1, received 0"
    assert "did you mean 'epochs'" in wrong_settings("vials:Vials", {"epohcs": 0})["epohcs"]


def test_what_has_no_settings_is_refused():
    with pytest.raises(InvalidInputError, match="a ModelType or a Job, received str"):
        wrong_settings("vials:HERE", {})


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (None, {"wrong": {"epochs": "expected greater than or equal to 1, received 0"}}),
        (NotFoundError("no module 'x'"), {"error": "no module 'x'", "kind": "NotFoundError"}),
        (ValueError("odd"), {"error": "vials:Vials cannot be imported: ValueError: odd", "kind": ""}),
    ],
)
def test_the_answer_is_one_line_whatever_happens(monkeypatch, capsys, error, answer):
    def fail(_):
        raise error

    if error is not None:
        monkeypatch.setattr(settings_check, "load_reference", fail)
    monkeypatch.setattr("sys.argv", ["settings_check", "--", "vials:Vials"])
    monkeypatch.setattr("sys.stdin", io.StringIO('{"epochs": 0}'))
    assert settings_check.main() == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == answer
