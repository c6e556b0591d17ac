from pathlib import Path
from typing import Any

import keras
import pytest


def small_model(seed: int = 1, outputs: int = 2) -> Any:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((6, 5, 3), name="image"),
            keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dropout(0.1, name="dropout"),
            keras.layers.Dense(outputs, activation="softmax", name="scores"),
        ],
        name="small",
    )


@pytest.fixture(scope="module")
def model() -> Any:
    return small_model()


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that exists only if code inside a model was run."""
    return tmp_path / "code-was-run"
