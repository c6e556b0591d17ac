"""`SaltPepper`: bright and dark specks."""

from typing import Literal

import numpy as np
from pydantic import field_validator

from brevetti_keras.data.image.augmentation import Augmentation, Effect, Floats, ValueRange, ordered
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

    def draw(self, seed: tuple[int, int], value_range: ValueRange) -> Effect | None:
        """Draws the specks.

        Args:
            seed: the sample's pair of integers.
            value_range: lowest and highest value of the images.

        Returns:
            The effect, or None for no specks.
        """
        random = self.generator(seed)
        if random is None or self.fraction == 0:
            return None
        low, high = self.value_range or value_range

        # Going on with the sample's own numbers gives each frame of a series specks of its own.
        def effect(image: Floats) -> Floats:
            height, width = image.shape[:2]
            count = int(random.binomial(height * width, self.fraction))
            rows, columns = random.integers(0, height, count), random.integers(0, width, count)
            values = np.where(random.random(count) < 0.5, np.float32(low), np.float32(high))
            result = image.copy()
            reach = self.scale // 2
            for down in range(-reach, reach + 1):
                for right in range(-reach, reach + 1):
                    inside = (
                        (rows + down >= 0) & (rows + down < height) & (columns + right >= 0) & (columns + right < width)
                    )
                    result[rows[inside] + down, columns[inside] + right] = values[inside, None]
            return result

        return effect
