"""`ImageDeformation`: elastic deformation.

P. Y. Simard, D. Steinkraus, J. C. Platt: Best Practices for Convolutional Neural Networks Applied to Visual Document
Analysis, ICDAR 2003.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from brevetti_keras.data.image.augmentation import Augmentation, Floats, Seeds
from brevetti_keras.data.keyed import derive, uniform
from brevetti_keras.schema import setting
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")


class ImageDeformation(Augmentation):
    """Draws a smooth field of displacements."""

    chance: float = setting(0.0, ge=0, le=1, description="Chance that an image gets it")
    alpha: float = setting(8.0, ge=0, le=1000, description="Largest displacement in x and in y", unit="pixels")
    sigma: float = setting(8.0, ge=0.5, le=200, description="Width over which displacements are alike", unit="pixels")

    def values(self, numbers: Any, xp: ModuleType = np) -> Mapping[str, Any]:
        """Returns the largest displacement; the field is made of numbers of its own."""
        return {"alpha": self.alpha}

    def fields(self, seeds: Seeds, height: int, width: int) -> list[Floats | None]:
        """Draws a field for each sample, None for those that get none.

        Args:
            seeds: integers (batch, 2), a pair a sample.
            height: of the images, in pixels.
            width: of the images, in pixels.

        Returns:
            (height, width, 2) float32, how far in x and y each output pixel is looked for.
        """
        chosen = self.numbers(seeds)[0] & (self.alpha > 0)
        return [
            self._field(key, height, width) if applies else None
            for applies, key in zip(chosen.tolist(), self.keys(seeds), strict=True)
        ]

    def _field(self, key: np.uint64, height: int, width: int) -> Floats:
        numbers = uniform(derive(key, 0), np.arange(height * width * 2))
        rough = (2 * numbers - 1).astype(np.float32).reshape(height, width, 2)
        field = cv2.GaussianBlur(rough, (0, 0), self.sigma, borderType=cv2.BORDER_REFLECT)
        field *= self.alpha / max(float(np.abs(field).max()), 1e-12)
        return np.asarray(field, np.float32)
