import json
import traceback
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from brevetti_keras.schema import Settings, code_field, setting
from brevetti_keras.utils.errors import SettingsError


class Blur(Settings):
    positional = ("sigma",)
    sigma: float = setting(1.0, ge=0, description="Width of the blur", unit="pixels", label="Blur width")
    input_key: str = code_field("img")


class Crop(Settings):
    kind: Literal["crop"] = "crop"
    size: tuple[int, int] = (8, 8)


class Pad(Settings):
    kind: Literal["pad"] = "pad"
    border: int = setting(1, ge=1, advanced=True)


class Example(Settings):
    blur: Blur = Blur()
    mode: Literal["fast", "exact"] = "fast"
    shape: Annotated[Crop | Pad, Field(discriminator="kind")] = Crop()
    names: list[str] = setting(default_factory=list, widget="json")
    notes: str | None = None
    needed: int


def test_a_component_is_frozen():
    blur = Blur(sigma=2)
    with pytest.raises(ValueError, match="frozen"):
        blur.sigma = 3
    assert blur == Blur(2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Blur(sgima=2), r"Blur: sgima: unknown setting, did you mean 'sigma'\?"),
        (lambda: Blur(zz=2), "zz: unknown setting; known are input_key, sigma"),
        (lambda: Blur(sigma=-1), r"sigma: expected greater than or equal to 0, received -1"),
        (lambda: Blur(sigma="wide"), "sigma: expected a valid number.*received 'wide'"),
        (lambda: Example(), "needed: this setting is required"),
        (lambda: Example(needed=1, mode="slow"), "mode: expected 'fast' or 'exact', received 'slow'"),
        (lambda: Example(needed=1, blur={"sgima": 1}), "blur.sgima: unknown setting, did you mean 'sigma'"),
        (lambda: Example.from_config({"needed": 1, "blur": {"sigma": -1}}), "Example: blur.sigma: expected"),
        (lambda: Example(needed=1, shape={"kind": "pad", "bordr": 2}), "bordr: unknown setting, did you mean 'border'"),
        (lambda: Blur(sigma="x" * 500), r"received 'x{116}\.\.\."),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name(make, message):
    with pytest.raises(SettingsError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_all_wrong_settings_are_told_at_once():
    with pytest.raises(SettingsError) as caught:
        Example(mode="slow", blur={"sigma": -1})
    for name in ("needed", "mode", "blur.sigma"):
        assert name in str(caught.value)


def test_position_is_for_named_fields_only():
    assert Blur(3).sigma == 3
    with pytest.raises(TypeError, match="at most 1 positional"):
        Blur(3, "x")
    with pytest.raises(TypeError, match="sigma twice"):
        Blur(3, sigma=3)
    with pytest.raises(TypeError, match="keyword arguments only"):
        Crop((1, 2))


@given(
    sigma=st.floats(0, 1e9),
    mode=st.sampled_from(["fast", "exact"]),
    names=st.lists(st.text(), max_size=3),
    shape=st.builds(Crop) | st.builds(Pad, border=st.integers(1, 9)),
)
def test_config_goes_round_through_json(sigma, mode, names, shape):
    example = Example(blur=Blur(sigma), mode=mode, names=names, shape=shape, needed=1)
    assert Example.from_config(json.loads(json.dumps(example.get_config()))) == example


def test_config_holds_what_only_code_sets_and_the_form_does_not():
    assert Blur().get_config() == {"sigma": 1.0, "input_key": "img"}
    schema = Example.get_schema().schema
    assert list(schema["$defs"]["Blur"]["properties"]) == ["sigma"]
    assert schema["properties"]["blur"]["default"] == {"sigma": 1.0}


def test_schema_is_2020_12_with_our_hints():
    schema = Example.get_schema().schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    sigma = schema["$defs"]["Blur"]["properties"]["sigma"]
    assert (sigma["x-label"], sigma["x-unit"], sigma["minimum"]) == ("Blur width", "pixels", 0)
    assert schema["$defs"]["Pad"]["properties"]["border"]["x-advanced"] is True
    assert schema["properties"]["names"]["x-widget"] == "json"
    assert schema["required"] == ["needed"]


def test_vue_form_has_the_hosted_platforms_fields():
    fields = {field.get("model", field.get("tag")): field for field in Example.get_schema().vue_form()["fields"]}
    assert fields["blur"] == {"type": "label", "label": "Blur", "tag": "blur"}
    assert fields["blur.sigma"] == {
        "type": "input",
        "inputType": "number",
        "min": 0,
        "max": None,
        "step": 0.1,
        "label": "Blur width",
        "model": "blur.sigma",
        "default": 1.0,
        "required": False,
        "visible": True,
        "help": "Width of the blur",
    }
    assert (fields["mode"]["type"], fields["mode"]["values"]) == ("select", ["fast", "exact"])
    assert (fields["shape.size"]["isJson"], fields["shape.size"]["default"]) == (True, "[\n  8,\n  8\n]")
    assert (fields["notes"]["inputType"], fields["notes"]["isJson"]) == ("text", False)
    assert fields["needed"]["required"] is True
    assert "blur.input_key" not in fields


def test_vue_form_folds_away_what_is_advanced():
    class Outer(Settings):
        pad: Pad = Pad(border=4)
        on: bool = True
        several: list[Literal["a", "b"]] = setting(default_factory=list)

    fields = {field["model"]: field for field in Outer.get_schema().vue_form()["fields"] if "model" in field}
    assert (fields["pad.border"]["visible"], fields["pad.border"]["default"]) == (False, 4)
    assert fields["on"]["type"] == "checkbox"
    assert (fields["several"]["type"], fields["several"]["values"]) == ("checklist", ["a", "b"])


class Login(Settings):
    user: str = "reader"
    password: SecretStr = SecretStr("")


class Guarded(Settings):
    token: SecretStr | None = None
    tokens: list[SecretStr] = setting(default_factory=list)
    login: Login = Login()
    retries: int = 3


@pytest.mark.parametrize(
    "given",
    [
        {"token": 47110815},
        {"tokens": ["a", 47110815]},
        {"login": ["reader", "47110815"]},
        {"login": {"password": ["47110815"]}},
    ],
)
def test_what_was_given_for_a_secret_is_nowhere_told(given):
    with pytest.raises(SettingsError, match="received a value that is not shown") as caught:
        Guarded.from_config(given)
    assert "47110815" not in "".join(traceback.format_exception(caught.value))


def test_what_stands_beside_a_secret_is_told():
    with pytest.raises(SettingsError, match=r"retries: expected .*, received 'many'"):
        Guarded(retries="many")
    with pytest.raises(SettingsError, match=r"login\.user: expected .*, received 7"):
        Guarded(login={"user": 7})


@pytest.mark.parametrize("config", [None, [1], "blur"])
def test_a_config_that_is_no_mapping_is_one_line(config):
    with pytest.raises(SettingsError, match=f"Blur: expected a mapping .*, received {type(config).__name__}"):
        Blur.from_config(config)
