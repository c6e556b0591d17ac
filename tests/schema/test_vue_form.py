"""Each kind of setting has its kind of field on the hosted platform's form."""

import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from brevetti_keras.schema import Settings, setting
from brevetti_keras.schema.vue_form import vue_form


def field_of(annotation: Any, default: Any) -> dict[str, Any]:
    """The one field of a form for a setting of this kind."""
    form = type("One", (Settings,), {"__annotations__": {"one": annotation}, "one": default}).get_schema().vue_form()
    assert form["presets"] == {}
    (field,) = form["fields"]
    return field


def pick(field: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(field[name] for name in names)


def test_a_form_of_nothing_is_empty():
    assert vue_form({}) == {"fields": [], "presets": {}}


@pytest.mark.parametrize(
    ("annotation", "default", "expected"),
    [
        (bool, True, {"type": "checkbox", "default": True}),
        (int, 3, {"type": "input", "inputType": "number", "min": None, "max": None, "step": 1, "default": 3}),
        (float, 0.5, {"type": "input", "inputType": "number", "min": None, "max": None, "step": 0.1, "default": 0.5}),
        (Annotated[int, Field(ge=1, le=9)], 2, {"min": 1, "max": 9, "step": 1}),
        (Annotated[float, Field(gt=0, lt=1)], 0.5, {"min": 0, "max": 1, "step": 0.1}),
        (str, "a", {"type": "input", "inputType": "text", "isJson": False, "default": "a"}),
        (SecretStr, "", {"type": "input", "inputType": "text", "isJson": False}),
        (Literal["a", "b"], "b", {"type": "select", "values": ["a", "b"], "isJson": False, "default": "b"}),
        (Literal["only"], "only", {"type": "select", "values": ["only"], "default": "only"}),
        (list[Literal["a", "b"]], ["b"], {"type": "checklist", "values": ["a", "b"], "listbox": False}),
        (list[str], ["b"], {"type": "textArea", "isJson": True, "default": '[\n  "b"\n]'}),
        (dict[str, int], {"a": 1}, {"type": "textArea", "isJson": True, "default": '{\n  "a": 1\n}'}),
        (int | None, None, {"type": "input", "inputType": "number", "default": None}),
        (list[int] | None, None, {"type": "textArea", "isJson": True, "default": ""}),
        (tuple[int, int] | None, (8, 4), {"type": "textArea", "isJson": True, "default": "[\n  8,\n  4\n]"}),
        (str | list[str], "a", {"type": "input", "inputType": "text", "default": "a"}),
        (Any, 3, {"type": "textArea", "isJson": True, "default": "3"}),
    ],
    ids=str,
)
def test_the_kind_of_a_setting_decides_its_field(annotation, default, expected):
    field = field_of(annotation, default)
    assert {name: field[name] for name in expected} == expected
    assert pick(field, "model", "label", "required", "visible") == ("one", "One", False, True)
    assert "help" not in field


def test_a_widget_goes_before_the_kind_of_text():
    class Texts(Settings):
        story: str = setting("", widget="textarea")
        secret: str = setting("", widget="password")

    story, secret = Texts.get_schema().vue_form()["fields"]
    assert pick(story, "type", "isJson", "rows") == ("textArea", False, 4)
    assert pick(secret, "type", "inputType", "isJson") == ("input", "password", False)


def test_names_become_labels_unless_one_is_given():
    class Named(Settings):
        batch_size: int = 1
        rate: float = setting(0.1, label="Learning rate", description="How fast it learns", advanced=True)

    size, rate = Named.get_schema().vue_form()["fields"]
    assert pick(size, "label", "visible") == ("Batch size", True)
    assert pick(rate, "label", "visible", "help") == ("Learning rate", False, "How fast it learns")


class Leaf(Settings):
    depth: int = 2
    width: int = 3


class Branch(Settings):
    leaf: Leaf = Leaf(width=5)
    name: str = "b"


class Tree(Settings):
    branch: Branch = Branch(leaf=Leaf(depth=7))
    needed: int
    last: Branch = Field(default_factory=lambda: Branch(name="made"))


def test_components_are_labels_before_their_fields_by_dotted_names():
    fields = Tree.get_schema().vue_form()["fields"]
    assert [field.get("tag") or field["model"] for field in fields] == [
        *("branch", "branch.leaf", "branch.leaf.depth", "branch.leaf.width", "branch.name"),
        "needed",
        *("last", "last.leaf", "last.leaf.depth", "last.leaf.width", "last.name"),
    ]
    assert [field for field in fields if field["type"] == "label"] == [
        {"type": "label", "label": "Branch", "tag": "branch"},
        {"type": "label", "label": "Leaf", "tag": "branch.leaf"},
        {"type": "label", "label": "Last", "tag": "last"},
        {"type": "label", "label": "Leaf", "tag": "last.leaf"},
    ]


def test_the_default_of_the_outermost_component_holds():
    defaults = {
        field["model"]: field["default"] for field in Tree.get_schema().vue_form()["fields"] if "model" in field
    }
    assert defaults == {
        "branch.leaf.depth": 7,
        "branch.leaf.width": 3,
        "branch.name": "b",
        "needed": None,
        "last.leaf.depth": 2,
        "last.leaf.width": 5,
        "last.name": "made",
    }


def test_what_has_no_default_is_required():
    fields = {field["model"]: field for field in Tree.get_schema().vue_form()["fields"] if "model" in field}
    assert [name for name, field in fields.items() if field["required"]] == ["needed"]


def test_an_optional_component_is_drawn_with_its_own_defaults():
    class Optional(Settings):
        leaf: Leaf | None = None

    label, depth, width = Optional.get_schema().vue_form()["fields"]
    assert label == {"type": "label", "label": "Leaf", "tag": "leaf"}
    assert (depth["model"], depth["default"]) == ("leaf.depth", 2)
    assert (width["model"], width["default"]) == ("leaf.width", 3)


def test_of_several_components_the_first_is_drawn():
    class Crop(Settings):
        kind: Literal["crop"] = "crop"
        size: int = 8

    class Pad(Settings):
        kind: Literal["pad"] = "pad"
        border: int = 1

    class Shaped(Settings):
        shape: Annotated[Crop | Pad, Field(discriminator="kind")] = Crop(size=4)

    _, kind, size = Shaped.get_schema().vue_form()["fields"]
    assert pick(kind, "model", "type", "values", "default") == ("shape.kind", "select", ["crop"], "crop")
    assert pick(size, "model", "default") == ("shape.size", 4)


def test_a_reference_keeps_what_stands_beside_it():
    schema = {
        "properties": {"size": {"$ref": "#/$defs/Size", "description": "of the images", "x-label": "Image size"}},
        "$defs": {"Size": {"type": "integer", "minimum": 8, "description": "of anything", "default": 16}},
    }
    (field,) = vue_form(schema)["fields"]
    assert pick(field, "label", "help", "min", "default") == ("Image size", "of the images", 8, 16)


@pytest.mark.parametrize("several", ["anyOf", "oneOf", "allOf"])
def test_the_first_member_that_is_not_null_is_drawn(several):
    schema = {"properties": {"a": {several: [{"type": "null"}, {"type": "boolean"}, {"type": "string"}]}}}
    assert vue_form(schema)["fields"][0]["type"] == "checkbox"


def test_a_union_of_nothing_but_null_is_json():
    (field,) = vue_form({"properties": {"a": {"anyOf": [{"type": "null"}]}}})["fields"]
    assert pick(field, "type", "isJson", "default") == ("textArea", True, "")


def test_a_models_own_default_fills_its_fields():
    schema = {"properties": {"a": {"type": "integer", "default": 1}, "b": {"type": "integer"}}, "default": {"a": 5}}
    assert [field["default"] for field in vue_form(schema)["fields"]] == [5, None]


@hypothesis_settings(max_examples=30, deadline=None)
@given(st.lists(st.none() | st.integers() | st.text(max_size=5) | st.booleans(), max_size=4))
def test_json_defaults_are_text_that_reads_back(values):
    (field,) = vue_form({"properties": {"a": {"type": "array", "default": values}}})["fields"]
    assert json.loads(field["default"]) == values


def test_a_plain_pydantic_model_has_a_form_too():
    class Plain(BaseModel):
        epochs: int = 3

    (field,) = vue_form(Plain.model_json_schema())["fields"]
    assert pick(field, "model", "default", "inputType") == ("epochs", 3, "number")
