"""`RandomTransformer`: flips, turns, scales, shears and shifts an image as one affine motion."""

import numpy as np

from brevetti_keras.data.image.augmentation import Augmentation
from brevetti_keras.data.image.geometry import Matrix, about_centre, affine
from brevetti_keras.data.image.warping import Interpolation
from brevetti_keras.schema import setting


class RandomTransformer(Augmentation):
    """Draws an affine motion about the middle of the image."""

    flip_up_down: bool = setting(True, description="Flip every second image upside down")
    flip_left_right: bool = setting(True, description="Mirror every second image")
    scale: float = setting(0.2, ge=0, lt=1, description="Largest enlargement and reduction, as a fraction")
    rotate_chance: float = setting(0.5, ge=0, le=1, description="Chance that a transformed image is also turned")
    rotate: float = setting(90.0, ge=0, le=180, description="Largest turn either way", unit="degrees")
    translate_horizontal: float = setting(0.1, ge=0, le=1, description="Largest shift, as a fraction of the width")
    translate_vertical: float = setting(0.1, ge=0, le=1, description="Largest shift, as a fraction of the height")
    shear: float = setting(0.04, ge=0, le=1, description="Largest slant, as a fraction of the height")
    interpolation: Interpolation = setting("bilinear", description="How pixels are interpolated", advanced=True)

    def draw(self, seed: tuple[int, int], height: int, width: int) -> Matrix | None:
        """Draws one motion.

        Args:
            seed: the sample's pair of integers.
            height: of the image, in pixels.
            width: of the image, in pixels.

        Returns:
            The 3 x 3 matrix from points (x, y, 1) of the image to points of the result, or None for no motion.
        """
        random = self.generator(seed)
        if random is None:
            return None
        # Everything is drawn whether it is used or not, so that a setting changes its own effect alone.
        upside, mirrored, turned = random.random(3)
        scale, angle, right, down, shear = random.uniform(-1.0, 1.0, 5)
        matrix = affine(
            scale=1.0 + scale * self.scale,
            degrees=angle * self.rotate if turned < self.rotate_chance else 0.0,
            shear=shear * self.shear,
            translate=(right * self.translate_horizontal * width, down * self.translate_vertical * height),
            flip_up_down=self.flip_up_down and bool(upside < 0.5),
            flip_left_right=self.flip_left_right and bool(mirrored < 0.5),
        )
        return None if np.array_equal(matrix, np.eye(3)) else about_centre(matrix, height, width)
