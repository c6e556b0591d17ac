"""What the augmentations share: a chance, and effects that are drawn once and then applied.

An augmentation draws from a generator of random numbers of its own, made from the sample's seed and the augmentation's
name, so that changing one leaves what the others draw as it was. What was drawn is an `Effect`, a function that can be
applied to one image or to every frame of a series.
"""

import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from brevetti_keras.schema import Settings, setting

Floats = npt.NDArray[np.float32]
ValueRange = tuple[float, float]
Effect = Callable[[Floats], Floats]
"""Takes and returns an image (height, width, channels) float32; never changes the one it is given."""


class Augmentation(Settings):
    """Base of the augmentations."""

    chance: float = setting(0.5, ge=0, le=1, description="Chance that an image gets it")

    def generator(self, seed: tuple[int, int]) -> np.random.Generator | None:
        """Returns the random numbers for one sample, or None if the sample does not get this augmentation.

        Args:
            seed: the sample's pair of integers.
        """
        if self.chance == 0:
            return None
        stream = zlib.crc32(type(self).__name__.encode())
        key = np.array(seed, np.int64).astype(np.uint64)
        random = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, stream]))
        return random if random.random() < self.chance else None


def ordered(name: str, value: tuple[float, float] | None) -> tuple[float, float] | None:
    """Returns a (low, high) pair that is in order.

    Raises:
        ValueError: if it is not.
    """
    if value is not None and value[0] > value[1]:
        raise ValueError(f"expected {name} as (low, high), received {value}")
    return value


def keep_within(image: Floats, value_range: ValueRange) -> Floats:
    """Keeps an image within its range of values, in place, and returns it."""
    return np.clip(image, np.float32(value_range[0]), np.float32(value_range[1]), out=image)
