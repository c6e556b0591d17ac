"""What the augmentations share: a chance, and values that a sample's seed alone decides.

Every number is a hash of the sample's seed, the augmentation's name and what the number is for (keyed.py). So a batch
is drawn at once and each sample gets what it would get alone, changing one augmentation leaves what the others draw as
it was, and the numbers are the same on every machine and in the graph.

    chosen, numbers = ImageNoise().numbers(seeds)           # bool (batch,), float64 (draws, batch)
    RandomTransformer(chance=1).drawn(seeds)                # [{"scale": 1.07, "rotate": -12.5, …}, …]
"""

import math
import zlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.keyed import Words, derive, uniform
from brevetti_keras.schema import Settings, setting

Floats = npt.NDArray[np.float32]
Seeds = npt.NDArray[np.int64]
ValueRange = tuple[float, float]
Effect = Callable[[Floats, int], None]
"""Changes an image (height, width, channels) float32 in place, given its number among the frames of a series."""


class Augmentation(Settings):
    """Base of the augmentations.

    Class attributes:
        draws: numbers that a sample takes beside its chance.
    """

    draws: ClassVar[int] = 0

    chance: float = setting(0.5, ge=0, le=1, description="Chance that an image gets it")

    @classmethod
    def stream(cls) -> int:
        """Returns the number that sets this augmentation's draws apart from the others'."""
        return zlib.crc32(cls.__name__.encode())

    def numbers(self, seeds: Seeds) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
        """Returns which samples get the augmentation, bool (batch,), and their numbers in [0, 1), (draws, batch).

        Args:
            seeds: integers (batch, 2), a pair a sample.
        """
        drawn = uniform(self.keys(seeds)[None, :], np.arange(self.draws + 1)[:, None])
        return drawn[0] < self.chance, drawn[1:]

    def keys(self, seeds: Seeds) -> Words:
        """Returns the key of each sample's numbers, uint64 (batch,)."""
        return derive(seeds[:, 0], seeds[:, 1], self.stream())

    def values(self, numbers: Any, xp: ModuleType = np) -> Mapping[str, Any]:
        """Returns what the numbers mean: the values by name, each of shape (batch,).

        Args:
            numbers: in [0, 1), (draws, batch).
            xp: numpy, or TensorFlow's module of the same functions for tensors.
        """
        return {}

    def drawn(self, seeds: Seeds) -> list[dict[str, Any] | None]:
        """Returns what each sample draws, by name, for people to read; None for a sample that does not get it."""
        chosen, numbers = self.numbers(seeds)
        values = {name: np.broadcast_to(value, chosen.shape).tolist() for name, value in self.values(numbers).items()}
        return [
            {name: column[index] for name, column in values.items()} if applies else None
            for index, applies in enumerate(chosen.tolist())
        ]


def between(number: Any, low: float, high: float) -> Any:
    """Returns numbers in [0, 1) as numbers from `low` to `high`."""
    return number * (high - low) + low


def ordered(name: str, value: tuple[float, float] | None) -> tuple[float, float] | None:
    """Returns a (low, high) pair that is in order and finite.

    Raises:
        ValueError: if it is not.
    """
    if value is not None and not -math.inf < value[0] <= value[1] < math.inf:
        raise ValueError(f"expected {name} as (low, high), received {value}")
    return value


def reach(value_range: ValueRange) -> ValueRange:
    """Returns how far deviations go that are kept within a range of values; beyond, the range is another one.

    The images of [-1, 1] are told from those of [0, 1] by it, of which the darker half would be cut off in silence.
    """
    low, high = value_range
    return low - (high - low) / 2, high + (high - low)


def keep_within(image: Floats, value_range: ValueRange) -> None:
    """Keeps an image within its range of values, in place."""
    np.clip(image, np.float32(value_range[0]), np.float32(value_range[1]), out=image)
