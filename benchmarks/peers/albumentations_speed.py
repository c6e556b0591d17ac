"""Runs in the peers' environment: Albumentations' time an image for the transformations of benchmarks/augmentation.py.

Prints the processor's milliseconds an image, on 224 x 224 bytes, one image after the other.
"""

import sys
import time

import albumentations
import numpy as np

COUNT, ROUNDS = 200, 4


def main() -> None:
    """Prints the best of some rounds."""
    chain = albumentations.Compose(
        [
            albumentations.HorizontalFlip(p=0.5),
            albumentations.VerticalFlip(p=0.5),
            albumentations.Affine(rotate=(-90, 90), scale=(0.8, 1.2), translate_percent=(-0.1, 0.1), p=1),
            albumentations.RandomBrightnessContrast(brightness_limit=0.25, contrast_limit=0.5, p=1),
        ]
    )
    images = np.random.default_rng(0).integers(0, 256, (32, 224, 224, 3), dtype=np.uint8)
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for number in range(COUNT):
            chain(image=images[number % len(images)])
        best = min(best, (time.process_time() - start) / COUNT * 1e3)
    sys.stdout.write(f"{best}\n")


if __name__ == "__main__":
    main()
