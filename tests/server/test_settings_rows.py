from typing import Annotated, Literal

from pydantic import Field

from brevetti_keras.schema import Settings, setting
from brevetti_keras.server.settings_rows import SettingRow, settings_rows


class Blur(Settings):
    kind: Literal["blur"] = "blur"
    sigma: float = 1.0


class Part(Settings):
    size: tuple[int, int] | None = setting(None, unit="pixels", description="How large\n\nMore of it")
    box: tuple[int, str] = (1, "a")
    share: float = setting(0.5, ge=0, lt=1)


class All(Settings):
    epochs: int = setting(ge=1, le=9, description="Passes")
    mode: Literal["one", 2] = "one"
    sure: bool = False
    words: list[str] = setting(default_factory=list)
    weights: dict[str, float] = setting(default_factory=dict)
    step: Annotated[Blur, Field(description="What is done")] | None = None
    part: Part = setting(Part(share=0.25), advanced=True)


def rows() -> dict[str, SettingRow]:
    return {row.name: row for row in settings_rows(All.get_schema().schema)}


def test_each_setting_has_its_row_in_the_form_s_order() -> None:
    assert list(rows()) == [
        *("epochs", "mode", "sure", "words", "weights", "step"),
        *("part.size", "part.box", "part.share"),
    ]


def test_a_row_tells_what_a_setting_takes() -> None:
    takes = {name: row.takes for name, row in rows().items()}
    assert takes == {
        "epochs": "whole number ≥ 1, ≤ 9",
        "mode": "one | 2",
        "sure": "yes or no",
        "words": "list of text",
        "weights": "names and values",
        "step": "Blur, or none",
        "part.size": "2 × whole number, or none (pixels)",
        "part.box": "(whole number, text)",
        "part.share": "number ≥ 0, < 1",
    }


def test_defaults_of_a_part_count_more_than_its_fields_own() -> None:
    found = rows()
    assert found["part.share"].default == 0.25
    assert found["epochs"].default is None
    assert found["mode"].default == "one"
    assert found["epochs"].help == "Passes"
    assert found["part.size"].help == "How large"


def test_what_is_advanced_hands_it_down() -> None:
    assert {name for name, row in rows().items() if row.advanced} == {"part.size", "part.box", "part.share"}


def test_schemas_that_lead_in_circles_or_nowhere_end() -> None:
    ring = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Ring"}, "lost": {"$ref": "#/$defs/None"}}}
    found = settings_rows({**ring, "$defs": {"Ring": ring}})
    assert found[-1].takes == "a value"
    assert len(found) < 100
    loop = {"anyOf": [{"$ref": "#/$defs/Loop"}, {"type": "null"}]}
    assert settings_rows({"properties": {"a": loop}, "$defs": {"Loop": loop}})[0].name == "a"
    assert settings_rows({}) == []
