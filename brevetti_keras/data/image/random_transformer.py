"""`RandomTransformer`: flips, turns, scales, shears and shifts an image as one affine motion."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from brevetti_keras.data.image.augmentation import Augmentation, Seeds, between
from brevetti_keras.data.image.geometry import Matrix, about_centre, affine
from brevetti_keras.data.image.warping import Interpolation
from brevetti_keras.schema import setting


class RandomTransformer(Augmentation):
    """Draws an affine motion about the middle of the image."""

    # Everything is drawn whether it is used or not, so that a setting changes its own effect alone.
    draws: ClassVar[int] = 8

    flip_up_down: bool = setting(True, description="Flip every second image upside down")
    flip_left_right: bool = setting(True, description="Mirror every second image")
    scale: float = setting(0.2, ge=0, lt=1, description="Largest enlargement and reduction, as a fraction")
    rotate_chance: float = setting(0.5, ge=0, le=1, description="Chance that a transformed image is also turned")
    rotate: float = setting(90.0, ge=0, le=180, description="Largest turn either way", unit="degrees")
    translate_horizontal: float = setting(0.1, ge=0, le=1, description="Largest shift, as a fraction of the width")
    translate_vertical: float = setting(0.1, ge=0, le=1, description="Largest shift, as a fraction of the height")
    shear: float = setting(0.04, ge=0, le=1, description="Largest slant, as a fraction of the height")
    interpolation: Interpolation = setting("bilinear", description="How pixels are interpolated", advanced=True)

    def values(self, numbers: Any, xp: ModuleType = np) -> Mapping[str, Any]:
        """Returns the motions by name; see `Augmentation.values`."""
        upside, mirrored, turned, scale, angle, right, down, shear = (numbers[index] for index in range(self.draws))
        degrees = between(angle, -self.rotate, self.rotate)
        return {
            "flip_up_down": upside < (0.5 if self.flip_up_down else 0.0),
            "flip_left_right": mirrored < (0.5 if self.flip_left_right else 0.0),
            "scale": between(scale, 1 - self.scale, 1 + self.scale),
            "rotate": xp.where(turned < self.rotate_chance, degrees, xp.zeros_like(degrees)),
            "translate_horizontal": between(right, -self.translate_horizontal, self.translate_horizontal),
            "translate_vertical": between(down, -self.translate_vertical, self.translate_vertical),
            "shear": between(shear, -self.shear, self.shear),
        }

    def matrices(self, seeds: Seeds, height: int, width: int) -> list[Matrix | None]:
        """Draws a motion for each sample.

        Args:
            seeds: integers (batch, 2), a pair a sample.
            height: of the images, in pixels.
            width: of the images, in pixels.

        Returns:
            For each sample the 3 x 3 matrix from points (x, y, 1) of the image to points of the result, or None for
            no motion.
        """
        chosen, numbers = self.numbers(seeds)
        if not chosen.any():
            return [None] * len(chosen)
        found = motion_matrices(self.values(numbers), height, width)
        moves = chosen & (found != np.eye(3)).any(axis=(1, 2))
        return [matrix if applies else None for matrix, applies in zip(found, moves.tolist(), strict=True)]


def motion_matrices(values: Mapping[str, Any], height: Any, width: Any, xp: ModuleType = np) -> Any:
    """Returns the matrices, (batch, 3, 3) float64, of motions that `RandomTransformer.values` named."""
    matrices = affine(
        scale=values["scale"],
        degrees=values["rotate"],
        shear=values["shear"],
        translate=(values["translate_horizontal"] * width, values["translate_vertical"] * height),
        flip_left_right=values["flip_left_right"],
        flip_up_down=values["flip_up_down"],
        xp=xp,
    )
    return about_centre(matrices, height, width, xp=xp)
