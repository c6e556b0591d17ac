"""`ImageFilter`: emboss, mean blur or gaussian blur."""

import math
from typing import Any

import numpy as np
from pydantic import field_validator

from brevetti_keras.data.image.augmentation import Augmentation, Effect, Floats, ValueRange, keep_within, ordered
from brevetti_keras.schema import setting
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

# The slope from left to right (Sobel), scaled to values a pixel.
_SLOPE = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 8


class ImageFilter(Augmentation):
    """Draws one of the filters that are set."""

    chance: float = setting(0.0, ge=0, le=1, description="Chance that an image gets it")
    emboss_strength: tuple[float, float] | None = setting(
        None, description="Lowest and highest strength of a relief lit from a random side; empty never embosses"
    )
    avg_blur: tuple[int, int] | None = setting(
        (3, 3), description="Height and width of the mean blur; empty never blurs so", unit="pixels"
    )
    gaussian_blur_sigma: float | None = setting(
        0.5, gt=0, le=100, description="Sigma of the gaussian blur; empty never blurs so", unit="pixels"
    )

    @field_validator("emboss_strength")
    @classmethod
    def _check_emboss(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        return ordered("emboss_strength", value)

    @field_validator("avg_blur")
    @classmethod
    def _check_avg_blur(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and not all(1 <= side <= 999 for side in value):
            raise ValueError(f"expected a height and width from 1 to 999, received {value}")
        return value

    def draw(self, seed: tuple[int, int], value_range: ValueRange) -> Effect | None:
        """Draws one filter.

        Args:
            seed: the sample's pair of integers.
            value_range: lowest and highest value of the images; the result is kept within.

        Returns:
            The effect, or None for no filter.
        """
        random = self.generator(seed)
        filters = {"emboss": self.emboss_strength, "mean": self.avg_blur, "gaussian": self.gaussian_blur_sigma}
        known = [name for name, value in filters.items() if value is not None]
        if random is None or not known:
            return None
        name = known[int(random.integers(len(known)))]
        side, strength = random.uniform(0, 2 * math.pi), random.random()

        def effect(image: Floats) -> Floats:
            filtered = self._filter(name, image, side, strength)
            return keep_within(np.asarray(filtered, np.float32).reshape(image.shape), value_range)

        return effect

    def _filter(self, name: str, image: Floats, side: float, strength: float) -> Any:
        border = cv2.BORDER_REFLECT_101
        if name == "mean" and self.avg_blur is not None:
            return cv2.blur(image, self.avg_blur[::-1], borderType=border)
        if name == "gaussian" and self.gaussian_blur_sigma is not None:
            return cv2.GaussianBlur(image, (0, 0), self.gaussian_blur_sigma, borderType=border)
        low, high = self.emboss_strength or (0.0, 0.0)
        kernel = (math.cos(side) * _SLOPE + math.sin(side) * _SLOPE.T) * (low + strength * (high - low))
        kernel[1, 1] += 1
        return cv2.filter2D(image, -1, kernel.astype(np.float32), borderType=border)
