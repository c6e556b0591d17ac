"""`ImageDeformation`: elastic deformation.

P. Y. Simard, D. Steinkraus, J. C. Platt: Best Practices for Convolutional Neural Networks Applied to Visual Document
Analysis, ICDAR 2003.
"""

import numpy as np

from brevetti_keras.data.image.augmentation import Augmentation, Floats
from brevetti_keras.schema import setting
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")


class ImageDeformation(Augmentation):
    """Draws a smooth field of displacements."""

    chance: float = setting(0.0, ge=0, le=1, description="Chance that an image gets it")
    alpha: float = setting(8.0, ge=0, le=1000, description="Largest displacement in x and in y", unit="pixels")
    sigma: float = setting(8.0, ge=0.5, le=200, description="Width over which displacements are alike", unit="pixels")

    def draw(self, seed: tuple[int, int], height: int, width: int) -> Floats | None:
        """Draws one field.

        Args:
            seed: the sample's pair of integers.
            height: of the image, in pixels.
            width: of the image, in pixels.

        Returns:
            (height, width, 2) float32, how far in x and y each output pixel is looked for; None for no deformation.
        """
        random = self.generator(seed)
        if random is None or self.alpha == 0:
            return None
        rough = random.uniform(-1.0, 1.0, (height, width, 2)).astype(np.float32)
        field = cv2.GaussianBlur(rough, (0, 0), self.sigma, borderType=cv2.BORDER_REFLECT)
        field *= self.alpha / max(float(np.abs(field).max()), 1e-12)
        return np.asarray(field, np.float32)
