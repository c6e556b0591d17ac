"""`ImageFilter`: emboss, mean blur or gaussian blur."""

import functools
import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from pydantic import field_validator

from brevetti_keras.data.image.augmentation import (
    Augmentation,
    Effect,
    Floats,
    Seeds,
    ValueRange,
    between,
    keep_within,
    ordered,
)
from brevetti_keras.schema import setting
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

# The slope from left to right (Sobel), scaled to values a pixel.
SLOPE = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 8


class ImageFilter(Augmentation):
    """Draws one of the filters that are set."""

    draws: ClassVar[int] = 3

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

    @property
    def kinds(self) -> tuple[str, ...]:
        """The filters that are set, of which one is drawn."""
        known = {"emboss": self.emboss_strength, "mean": self.avg_blur, "gaussian": self.gaussian_blur_sigma}
        return tuple(name for name, value in known.items() if value is not None)

    def values(self, numbers: Any, xp: ModuleType = np) -> Mapping[str, Any]:
        """Returns which of `kinds` is drawn, the light's direction (radians) and the strength of a relief."""
        return {
            "kind": xp.floor(numbers[0] * len(self.kinds)),
            "light": numbers[1] * (2 * math.pi),
            "strength": between(numbers[2], *(self.emboss_strength or (0.0, 0.0))),
        }

    def drawn(self, seeds: Seeds) -> list[dict[str, Any] | None]:
        """Returns the filter that each sample draws; see `Augmentation.drawn`."""
        rows = super().drawn(seeds)
        for index, row in enumerate(rows):
            if row is not None:
                kind = self.kinds[int(row.pop("kind"))] if self.kinds else None
                rows[index] = {"kind": kind, **(row if kind == "emboss" else {})} if kind else None
        return rows

    def effects(self, seeds: Seeds, value_range: ValueRange) -> list[Effect | None]:
        """Draws a filter for each sample, None for those that get none.

        Args:
            seeds: integers (batch, 2), a pair a sample.
            value_range: lowest and highest value of the images; the result is kept within.
        """
        chosen, numbers = self.numbers(seeds)
        if not self.kinds or not chosen.any():
            return [None] * len(chosen)
        values = {name: column.tolist() for name, column in self.values(numbers).items()}
        drawn = zip(chosen.tolist(), values["kind"], values["light"], values["strength"], strict=True)
        return [
            functools.partial(self._filter, value_range, self.kinds[int(kind)], light, strength) if applies else None
            for applies, kind, light, strength in drawn
        ]

    def _filter(
        self, value_range: ValueRange, kind: str, light: float, strength: float, image: Floats, frame: int
    ) -> None:
        border = cv2.BORDER_REFLECT_101
        # More channels than OpenCV filters at once are filtered one by one.
        parts = [image] if image.shape[2] <= 4 else [image[..., index] for index in range(image.shape[2])]
        for part in parts:
            if kind == "mean" and self.avg_blur is not None:
                filtered = cv2.blur(part, self.avg_blur[::-1], borderType=border)
            elif kind == "gaussian" and self.gaussian_blur_sigma is not None:
                filtered = cv2.GaussianBlur(part, (0, 0), self.gaussian_blur_sigma, borderType=border)
            else:
                filtered = cv2.filter2D(part, -1, relief_kernel(light, strength), borderType=border)
            part[...] = filtered.reshape(part.shape)
        keep_within(image, value_range)


def relief_kernel(light: float, strength: float) -> Floats:
    """Returns the 3 x 3 kernel that adds a relief lit from `light` (radians)."""
    kernel = (math.cos(light) * SLOPE + math.sin(light) * SLOPE.T) * strength
    kernel[1, 1] += 1
    return kernel.astype(np.float32)
