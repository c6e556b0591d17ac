"""Makes small, real image files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def write_image(path: Path, seed: int = 0, size: tuple[int, int] = (32, 24), hue: int = 0) -> Path:
    """Writes one RGB image of `size` (height, width), in the format of its ending; equal arguments, equal pixels."""
    rng = np.random.default_rng([seed, hue])
    pixels = rng.integers(0, 96, (*size, 3), dtype=np.uint8)
    pixels[..., hue % 3] += 120
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_image_folder(
    root: Path, classes: Mapping[str, int], size: tuple[int, int] = (32, 24), ending: str = "png"
) -> Path:
    """Writes `classes[name]` different images into `root/name/` and returns `root`; classes differ in their colour."""
    for hue, (name, count) in enumerate(classes.items()):
        for index in range(count):
            write_image(root / name / f"{name}_{index:04d}.{ending}", seed=index, size=size, hue=hue)
    return root
