"""What a wrong setting is told by: its name on the form, where it came from, and what was expected."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator

from brevetti_keras.schema import Settings, setting
from brevetti_keras.schema.settings import known_names, nearest, settings_error
from brevetti_keras.utils.errors import SettingsError


class Blur(Settings):
    kind: Literal["blur"] = "blur"
    sigma: float = setting(1.0, gt=0)


class Crop(Settings):
    kind: Literal["crop"] = "crop"
    box: tuple[int, int] = (4, 4)


Step = Annotated[Blur | Crop, Field(discriminator="kind")]


class Inner(Settings):
    depth: int = 2
    names: dict[str, float] = setting(default_factory=dict)


class Outer(Settings):
    step: Step = Crop()
    steps: list[Step] = setting(default_factory=list)
    inner: Inner = Inner()
    maybe: Inner | None = None
    columns: list[str] | str = "label"
    even: int = 2

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError(f"expected an even number, received {value}")
        return value

    @model_validator(mode="after")
    def _not_both(self) -> "Outer":
        if self.even == 44 and self.columns == "both":
            raise ValueError("expected 'even' or 'columns' to be left out, received both")
        return self


def wrong(config: dict[str, Any]) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        Outer.from_config(config)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("config", "name", "reason"),
    [
        ({"even": "x"}, "even", "expected a valid integer"),
        ({"even": 3}, "even", "expected an even number, received 3"),
        ({"inner": {"depth": "deep"}}, "inner.depth", "expected a valid integer"),
        ({"inner": {"names": {"good": "heavy"}}}, "inner.names.good", "expected a valid number"),
        ({"inner": 3}, "inner", "expected a valid dictionary or instance of Inner"),
        ({"maybe": {"depth": None}}, "maybe.depth", "expected a valid integer"),
        ({"step": {"kind": "blur", "sigma": 0}}, "step.sigma", "expected greater than 0, received 0"),
        ({"step": {"kind": "melt"}}, "step", "expected one of 'blur', 'crop', received 'melt'"),
        ({"steps": [{"kind": "crop"}, {"kind": "blur", "sigma": -1}]}, "steps.1.sigma", "expected greater than 0"),
        ({"steps": [{"kind": "crop", "box": [1, "x"]}]}, "steps.0.box.1", "expected a valid integer"),
        (
            {"steps": [{"kind": "crop", "box": 1}]},
            "steps.0.box",
            'expected a list, as [1, 2] or ["a", "b"], received 1',
        ),
        (
            {"steps": [{"kind": "crop", "box": [1]}]},
            "steps.0.box.1",
            "expected one more value in the list, received [1]",
        ),
        (
            {"steps": [{"kind": "crop", "box": [1, 2, 3]}]},
            "steps.0.box",
            "expected at most 2 values, received [1, 2, 3]",
        ),
        ({"dept": 1}, "dept", "unknown setting"),
        ({"inner": {"dept": 1}}, "inner.dept", "unknown setting, did you mean 'depth'?"),
        ({"step": {"kind": "blur", "sgima": 1}}, "step.sgima", "unknown setting, did you mean 'sigma'?"),
    ],
)
def test_an_error_stands_at_the_name_that_the_form_knows(config, name, reason):
    error = wrong(config)
    assert list(error.errors) == [name]
    assert error.errors[name].startswith(reason)
    assert str(error).startswith("Outer: ")


def test_a_member_of_a_union_is_no_name_of_the_form():
    error = wrong({"columns": 3})
    assert list(error.errors) == ["columns"]
    # Each kind that it could have been says what it expected.
    assert error.errors["columns"].count("expected a ") == 2
    assert "a valid string" in error.errors["columns"]


def test_what_is_wrong_with_settings_together_stands_under_no_name():
    error = wrong({"even": 44, "columns": "both"})
    assert error.errors == {"": "expected 'even' or 'columns' to be left out, received both"}
    assert str(error) == "Outer: expected 'even' or 'columns' to be left out, received both"


def test_several_errors_are_one_line_each_under_its_name():
    error = wrong({"even": 3, "inner": {"depth": "x", "dept": 1}})
    assert list(error.errors) == ["inner.depth", "inner.dept", "even"]
    assert str(error).count("; ") == 2


@pytest.mark.parametrize(
    ("origins", "config", "shown"),
    [
        ({"even": "--even"}, {"even": 3}, "(from --even)"),
        ({"inner.depth": "environment DEPTH"}, {"inner": {"depth": "x"}}, "(from environment DEPTH)"),
        ({"inner": "config.yaml"}, {"inner": {"depth": "x"}}, "(from config.yaml)"),
        ({"inner": "config.yaml", "inner.depth": "--depth"}, {"inner": {"depth": "x"}}, "(from --depth)"),
        ({"step": "--step"}, {"step": {"kind": "blur", "sigma": 0}}, "(from --step)"),
    ],
)
def test_the_nearest_origin_of_a_value_is_told(origins, config, shown):
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(config)
    error = settings_error(Outer, caught.value, origins=origins)
    assert str(error).endswith(shown)
    assert shown not in "".join(error.errors.values())


def test_what_was_not_given_came_from_nowhere():
    class Needed(BaseModel):
        a: int

    with pytest.raises(ValidationError) as caught:
        Needed.model_validate({})
    error = settings_error(Needed, caught.value, origins={"a": "--a"})
    assert str(error) == "a: this setting is required and was not given"


def test_without_a_prefix_the_names_come_first():
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"even": 3})
    assert str(settings_error(Outer, caught.value)).startswith("even: expected")


def test_long_values_are_shown_in_part():
    text = str(wrong({"even": "y" * 1000}))
    assert len(text) < 300
    assert text.endswith("...")


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("epoks", ["epochs", "seed"], ", did you mean 'epochs'?"),
        ("zzz", ["epochs", "seed"], "; known are epochs, seed"),
        ("zzz", [], ""),
        ("epoch", ["patches", "epochs"], ", did you mean 'epochs'?"),
    ],
)
def test_the_nearest_known_name_is_offered(name, known, said):
    assert nearest(name, known) == said


@pytest.mark.parametrize(
    ("location", "names"),
    [
        ([], ["columns", "even", "inner", "maybe", "step", "steps"]),
        (["inner"], ["depth", "names"]),
        (["maybe"], ["depth", "names"]),
        (["step"], ["box", "kind", "sigma"]),
        (["step", "blur"], ["box", "kind", "sigma"]),
        (["steps", "0"], ["box", "kind", "sigma"]),
    ],
)
def test_names_are_known_at_every_place(location, names):
    assert known_names(Outer, location) == names


class Node(Settings):
    secret: SecretStr = SecretStr("")
    child: "Node | None" = None
    label: str = ""


def test_a_class_that_holds_itself_still_tells_its_secrets_from_the_rest():
    with pytest.raises(SettingsError, match=r"child\.child\.label: expected a valid string, received 7$"):
        Node.from_config({"child": {"child": {"label": 7}}})
    with pytest.raises(SettingsError, match="a value that is not shown") as caught:
        Node.from_config({"child": {"child": {"secret": 4711}}})
    assert "4711" not in str(caught.value)
    with pytest.raises(SettingsError, match="a value that is not shown") as caught:
        Node.from_config({"child": ["4711"]})
    assert "4711" not in str(caught.value)
