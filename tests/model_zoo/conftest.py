import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from brevetti_keras.platform.embedded_platform import EmbeddedPlatform
from brevetti_keras.wire import records
from model_zoo.image_classification.train import ImageClassificationJob
from tests.support.together import made_by_one_worker

SMALL = {
    "image_pipeline": {"target_size": [8, 8], "rescale": "unit"},
    "network": {"filters": 8},
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 0.01,
    "max_bad_share": 0.05,
}


def write_shapes(root: Path, classes: dict[str, int], size: int = 12) -> Path:
    """Writes noisy images, one bright corner a class, so that a few epochs tell them apart."""
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
    for label, (name, count) in enumerate(classes.items()):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            rng = np.random.default_rng([label, index])
            pixels = rng.integers(0, 80, (size, size, 3), dtype=np.uint8)
            row, column = (corner * size // 2 for corner in corners[label])
            pixels[row : row + size // 2, column : column + size // 2] += 150
            Image.fromarray(pixels).save(root / name / f"{name}{index:03d}.png")
    return root


@dataclass(frozen=True)
class Trained:
    """A finished job of the small training."""

    job: ImageClassificationJob
    home: str
    record: records.Job
    model: str

    def artifact(self, name: str) -> Path:
        return self.artifacts / name

    @property
    def artifacts(self) -> Path:
        return Path(self.job.artifact_path(dir=True))

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.artifact(name), dtype={"label": "str", "prediction": "str"})

    def output(self) -> dict[str, Any]:
        return json.loads(self.artifact("output.json").read_text())


def train(home: Path, data: Path, **settings: Any) -> Trained:
    """Runs a job to its end in a workspace."""
    with EmbeddedPlatform(str(home)) as platform:
        job = ImageClassificationJob.init(
            platform=platform, datasets=[str(data)], name="shapes", settings={**SMALL, **settings}, argv=[]
        )
        model = job.start()
        assert model is not None
        return Trained(job, str(home), platform.jobs.get(job.id), model)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of 40 images, and one file that is no image."""
    root = write_shapes(tmp_path_factory.mktemp("data") / "shapes", {"left": 40, "right": 40, "below": 40})
    (root / "left" / "torn.png").write_bytes((root / "left" / "left000.png").read_bytes()[:90])
    return root


@pytest.fixture(scope="session")
def trained(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    made_by_one_worker(tmp_path_factory, "shapes")
    return train(tmp_path_factory.mktemp("home"), shapes)
