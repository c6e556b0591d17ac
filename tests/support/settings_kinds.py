"""A model type whose settings are of every kind that a form knows, in a module of its own, and values of them."""

from pathlib import Path
from typing import Any

MODULE = "settings_kinds_of_a_test"

SOURCE = """
from typing import Annotated, Literal

from pydantic import Field

from brevetti_keras.platform import Job
from brevetti_keras.schema import Settings, code_field, setting


class Blur(Settings):
    kind: Literal["blur"] = "blur"
    sigma: float = setting(1.5, gt=0, unit="pixels")


class Crop(Settings):
    kind: Literal["crop"] = "crop"
    box: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (4, 4))


class Part(Settings):
    depth: int = setting(2, ge=1, le=9, description="How deep it goes")
    words: list[str] = ["one"]
    deep: int = setting(7, advanced=True, ge=0)
    key: str = code_field("img")


class KindsSettings(Job.Settings):
    epochs: int = setting(3, ge=1, le=100, label="Rounds", unit="epochs", description="Passes over the samples")
    rate: float = 0.25
    name: str = "a <b>"
    story: str = setting("first\\nsecond", widget="textarea")
    sure: bool = True
    mode: Literal["one", "two", 3] = "two"
    size: tuple[int, int] | None = (8, 8)
    limit: int | None = None
    scale: Literal["unit", "none at all"] | None = None
    columns: list[str] | str | None = ["label"]
    boxes: list[list[tuple[int, int]]] = [[(1, 2)], []]
    weights: dict[str, float] = {"good": 0.5}
    mapping: dict[str, list[str]] = Field(default_factory=dict)
    step: Annotated[Blur | Crop, Field(discriminator="kind")] = Crop()
    steps: list[Annotated[Blur | Crop, Field(discriminator="kind")]] = [Blur(sigma=2)]
    part: Part = Part(depth=4)
    maybe: Part | None = None
    expert: float = setting(0.5, advanced=True, ge=0, lt=1)


class Kinds(Job):
    Settings = KindsSettings
    settings: KindsSettings

    def run(self):
        monitor = self.get_remote_monitor()
        for epoch in range(self.settings.epochs):
            monitor.on_epoch_end(epoch, {"loss": 1 / (epoch + 1)})
        monitor.flush(10)
        self.io.write_file(self.artifact_path("seen.json"), self.settings.model_dump_json())
        self.add_output_metric("rounds", self.settings.epochs)
"""

DEFAULTS: dict[str, Any] = {
    "on_error": "quarantine",
    "max_bad_share": 0.01,
    "min_class_images": 1,
    "max_megapixels": 100,
    "epochs": 3,
    "rate": 0.25,
    "name": "a <b>",
    "story": "first\nsecond",
    "sure": True,
    "mode": "two",
    "size": [8, 8],
    "limit": None,
    "scale": None,
    "columns": ["label"],
    "boxes": [[[1, 2]], []],
    "weights": {"good": 0.5},
    "step": {"kind": "crop", "box": [[0, 0], [4, 4]]},
    "steps": [{"kind": "blur", "sigma": 2}],
    "part": {"depth": 4, "words": ["one"], "deep": 7},
    "maybe": None,
    "expert": 0.5,
}

OTHERS: dict[str, Any] = {
    **DEFAULTS,
    "epochs": 12,
    "rate": 1e-7,
    "name": "  \u2028\"'\\ ü 😀 </script>",
    "story": "",
    "sure": False,
    "mode": 3,
    "size": None,
    "limit": 0,
    "scale": "none at all",
    "columns": "^(a|b)/",
    "boxes": [[], [[1, 2], [-3, 4]]],
    "weights": {"2": 1.5, "1": -2, "__proto__": 3, "a.b": 0},
    "mapping": {"": [], "x": ["y", ""]},
    "step": {"kind": "blur", "sigma": 0.1},
    "steps": [{"kind": "crop", "box": [[1, 2], [3, 4]]}, {"kind": "blur", "sigma": 9}],
    "part": {"depth": 1, "words": [], "deep": 0, "key": "from an earlier job"},
    "maybe": {"depth": 3, "words": ["", "w"], "deep": 2},
    "strange": {"no form": [1, None]},
}
# What a form must give back as it got it, however wrong: the server says so, at the field.
WRONG: dict[str, Any] = {
    **DEFAULTS,
    "epochs": "many",
    "rate": None,
    "mode": "four",
    "size": [1, 2, 3],
    "sure": "maybe",
    "boxes": "none",
    "weights": {"good": "heavy"},
    "step": {"kind": "melt", "heat": 3},
}


def write_kinds(folder: Path) -> None:
    (folder / f"{MODULE}.py").write_text(SOURCE)
