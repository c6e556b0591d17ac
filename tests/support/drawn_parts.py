"""An object of MVTec AD, drawn: grey caps, some with a bright scratch, and the mask of each scratch."""

from pathlib import Path

import cv2
import numpy as np

HEIGHT, WIDTH = 72, 96


def write_parts(root: Path, train: int = 8, good: int = 3, scratched: int = 6) -> Path:
    """Writes `train/good`, `test/good`, `test/scratch` and `ground_truth/scratch` below `root`."""
    random = np.random.default_rng(5)
    for folder, count in [("train/good", train), ("test/good", good), ("test/scratch", scratched)]:
        (root / folder).mkdir(parents=True)
        for number in range(count):
            picture, mask = _cap(random, folder.endswith("scratch"))
            cv2.imwrite(str(root / folder / f"{number:03d}.png"), picture)
            if folder.endswith("scratch"):
                truth = root / "ground_truth" / "scratch"
                truth.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(truth / f"{number:03d}_mask.png"), mask)
    return root


def _cap(random: np.random.Generator, scratched: bool) -> tuple[np.ndarray, np.ndarray]:
    picture = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    middle = (WIDTH // 2 + int(random.integers(-6, 7)), HEIGHT // 2 + int(random.integers(-4, 5)))
    cv2.circle(picture, middle, 28, (90, 90, 90), -1)
    cv2.circle(picture, middle, 12, (60, 60, 70), -1)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    if scratched:
        angle, length = random.uniform(0, np.pi), random.uniform(8, 14)
        along = np.array([np.cos(angle), np.sin(angle)]) * length
        start, end = (tuple(int(value) for value in np.array(middle) + way * along) for way in (-1, 1))
        cv2.line(mask, start, end, 255, 5)
        picture[mask > 0] = (235, 235, 235)
    return picture, mask
