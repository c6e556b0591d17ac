"""`SaltPepper`: bright and dark specks."""

import functools
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from brevetti_keras.data.image.augmentation import Augmentation, Effect, Floats, Seeds, ValueRange, ordered
from brevetti_keras.data.keyed import derive, uniform
from brevetti_keras.schema import setting


class SaltPepper(Augmentation):
    """Draws specks at random places, half of them bright, half dark."""

    chance: float = setting(0.0, ge=0, le=1, description="Chance that an image gets it")
    fraction: float = setting(0.0005, ge=0, le=1, description="Share of the pixels at which a speck lies")
    value_range: ValueRange | None = setting(
        None,
        description="Value of the dark and of the bright specks; empty takes the darkest and the brightest there is",
    )
    scale: Literal[1, 3, 5] = setting(1, description="Side of a speck", unit="pixels")

    @field_validator("value_range")
    @classmethod
    def _check_value_range(cls, value: ValueRange | None) -> ValueRange | None:
        return ordered("value_range", value)

    def values(self, numbers: Any, xp: ModuleType = np) -> Mapping[str, Any]:
        """Returns the share of specks; where they lie, each pixel's own number decides."""
        return {"fraction": self.fraction}

    def effects(self, seeds: Seeds, value_range: ValueRange) -> list[Effect | None]:
        """Draws specks for each sample, None for those that get none.

        Args:
            seeds: integers (batch, 2), a pair a sample.
            value_range: lowest and highest value of the images.
        """
        chosen = self.numbers(seeds)[0] & (self.fraction > 0)
        return [
            functools.partial(self._strew, key, self.value_range or value_range) if applies else None
            for applies, key in zip(chosen.tolist(), self.keys(seeds), strict=True)
        ]

    def _strew(self, key: np.uint64, values: ValueRange, image: Floats, frame: int) -> None:
        height, width = image.shape[:2]
        # Each frame of a series has specks of its own.
        numbers = uniform(derive(key, frame), np.arange(height * width))
        places = np.flatnonzero(numbers < self.fraction)
        specks = np.where(numbers[places] < self.fraction / 2, np.float32(values[0]), np.float32(values[1]))
        rows, columns = np.divmod(places, width)
        reach = self.scale // 2
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                inside = (
                    (rows + down >= 0) & (rows + down < height) & (columns + right >= 0) & (columns + right < width)
                )
                image[rows[inside] + down, columns[inside] + right] = specks[inside, None]
