"""`ImageNoise`: brightness, contrast, hue, saturation and gaussian noise.

The four of colour are joined into one matrix, so that an image is gone through once for all of them. Hue and
saturation act in the plane of colour differences (YIQ): grey stays grey, and the luma of every colour stays as it is.
"""

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import field_validator

from brevetti_keras.data.image.augmentation import Augmentation, Effect, Floats, ValueRange, keep_within, ordered
from brevetti_keras.schema import setting
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

_SUPPLY, _PIECE = 2**20, 2**13
# FCC NTSC (47 CFR 73.682): red, green and blue to luma and two colour differences.
_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


class ImageNoise(Augmentation):
    """Draws a change of the pixels' values; grey images have no hue and no saturation to change."""

    brightness: float = setting(0.25, ge=0, le=1, description="Largest change, as a fraction of the range of values")
    contrast: tuple[float, float] = setting((0.5, 1.25), description="Lowest and highest factor about the mean")
    hue: float = setting(0.05, ge=0, le=0.5, description="Largest change of hue either way", unit="turns")
    saturation: tuple[float, float] = setting((0.5, 1.5), description="Lowest and highest factor of the colours")
    stddev: float = setting(0.01, ge=0, le=1, description="Gaussian noise, as a fraction of the range of values")

    @field_validator("contrast", "saturation")
    @classmethod
    def _check_factors(cls, value: tuple[float, float], info: Any) -> tuple[float, float]:
        ordered(info.field_name, value)
        if value[0] < 0:
            raise ValueError(f"expected {info.field_name} of at least 0, received {value}")
        return value

    def draw(self, seed: tuple[int, int], value_range: ValueRange) -> Effect | None:
        """Draws one change.

        Args:
            seed: the sample's pair of integers.
            value_range: lowest and highest value of the images; the result is kept within.

        Returns:
            The effect, or None for no change.
        """
        random = self.generator(seed)
        if random is None:
            return None
        span = value_range[1] - value_range[0]
        shift, turn = random.uniform(-1.0, 1.0, 2)
        contrast, saturation = random.uniform(*self.contrast), random.uniform(*self.saturation)
        matrix = contrast * chroma_matrix(turn * self.hue, saturation)

        # Going on with the sample's own numbers gives each frame of a series noise of its own.
        def effect(image: Floats) -> Floats:
            changed = _change_colors(image, matrix, contrast, shift * self.brightness * span)
            if self.stddev > 0:
                changed += gaussian_noise(random, image.shape, self.stddev * span)
            return keep_within(changed, value_range)

        return effect


def gaussian_noise(random: np.random.Generator, shape: tuple[int, ...], stddev: float) -> Floats:
    """Returns gaussian noise of mean 0, in a twentieth of the time that drawing each value takes.

    Args:
        random: decides which pieces of a fixed supply of normal numbers are laid in a row, and their signs.
        shape: of the result.
        stddev: standard deviation.
    """
    supply = _normal_numbers()
    noise = np.empty(math.prod(shape), np.float32)
    pieces = -(-noise.size // _PIECE)
    places = random.integers(0, supply.size - _PIECE, pieces)
    factors = np.where(random.random(pieces) < 0.5, np.float32(-stddev), np.float32(stddev))
    for index, (place, factor) in enumerate(zip(places.tolist(), factors, strict=True)):
        target = noise[index * _PIECE : (index + 1) * _PIECE]
        np.multiply(supply[place : place + target.size], factor, out=target)
    return noise.reshape(shape)


@functools.cache
def _normal_numbers() -> Floats:
    return np.random.Generator(np.random.Philox(0)).standard_normal(_SUPPLY, np.float32)


def chroma_matrix(turns: float, saturation: float) -> npt.NDArray[np.float64]:
    """Returns the 3 x 3 matrix that turns the hue of RGB colours and scales their saturation.

    Args:
        turns: 1 is once round.
        saturation: 0 gives grey.
    """
    forward = np.array(_YIQ)
    cosine, sine = math.cos(2 * math.pi * turns), math.sin(2 * math.pi * turns)
    turned = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
    return np.asarray(np.linalg.inv(forward) @ np.diag([1.0, saturation, saturation]) @ turned @ forward)


def _change_colors(image: Floats, matrix: npt.NDArray[np.float64], contrast: float, offset: float) -> Floats:
    # OpenCV's mean takes a thirtieth of numpy's time, and at most four channels.
    mean = np.array(cv2.mean(image)[: image.shape[2]]) if image.shape[2] <= 4 else image.mean(axis=(0, 1))
    if image.shape[2] != 3:
        return np.asarray(image * np.float32(contrast) + (mean * (1.0 - contrast) + offset), np.float32)
    # About the mean: the picture's own mean colour keeps its luma, whatever the contrast.
    grey = np.full(3, np.dot(_YIQ[0], mean))
    shift = grey - contrast * grey + offset
    return np.asarray(cv2.transform(image, np.column_stack([matrix, shift])), np.float32)
