"""`ImageNoise`: brightness, contrast, hue, saturation and gaussian noise.

The four of colour are joined into one matrix, so that an image is gone through once for all of them. Hue and
saturation act in the plane of colour differences (YIQ): grey stays grey, and the luma of every colour stays as it is.
"""

import functools
import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
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
from brevetti_keras.data.keyed import Words, derive, uniform
from brevetti_keras.schema import setting
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

# Pieces begin at whole rows of the supply, which a graph copies at once.
SUPPLY, PIECE, ROW = 2**20, 2**14, 2**6
# FCC NTSC (47 CFR 73.682): red, green and blue to luma and two colour differences.
YIQ = np.array(((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112)))
_RGB = np.linalg.inv(YIQ)


class ImageNoise(Augmentation):
    """Draws a change of the pixels' values; grey images have no hue and no saturation to change."""

    draws: ClassVar[int] = 4

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

    def values(self, numbers: Any, xp: ModuleType = np) -> Mapping[str, Any]:
        """Returns the changes by name; see `Augmentation.values`."""
        return {
            "brightness": between(numbers[0], -self.brightness, self.brightness),
            "contrast": between(numbers[2], *self.contrast),
            "hue": between(numbers[1], -self.hue, self.hue),
            "saturation": between(numbers[3], *self.saturation),
        }

    def effects(self, seeds: Seeds, value_range: ValueRange) -> list[Effect | None]:
        """Draws a change for each sample, None for those that get none.

        Args:
            seeds: integers (batch, 2), a pair a sample.
            value_range: lowest and highest value of the images; the result is kept within.
        """
        chosen, numbers = self.numbers(seeds)
        if not chosen.any():
            return [None] * len(chosen)
        values, keys = self.values(numbers), self.keys(seeds)
        contrasts = values["contrast"]
        matrices = contrasts[:, None, None] * chroma_matrix(values["hue"], values["saturation"])
        shifts = (values["brightness"] * (value_range[1] - value_range[0])).tolist()
        drawn = zip(chosen.tolist(), matrices, contrasts.tolist(), shifts, keys, strict=True)
        return [
            functools.partial(self._change, value_range, matrix, contrast, shift, key) if applies else None
            for applies, matrix, contrast, shift, key in drawn
        ]

    def _change(
        self,
        value_range: ValueRange,
        matrix: npt.NDArray[np.float64],
        contrast: float,
        shift: float,
        key: np.uint64,
        image: Floats,
        frame: int,
    ) -> None:
        _change_colors(image, matrix, contrast, shift)
        if self.stddev > 0:
            # Each frame of a series has noise of its own.
            add_noise(image, derive(key, frame), self.stddev * (value_range[1] - value_range[0]))
        keep_within(image, value_range)


def add_noise(image: Floats, key: Words, stddev: float) -> None:
    """Adds gaussian noise of mean 0 in place, in a fortieth of the time that drawing each value takes.

    Args:
        image: of any shape, contiguous.
        key: decides which pieces of a fixed supply of normal numbers are laid in a row, and their signs.
        stddev: standard deviation.
    """
    supply, flat = normal_numbers(), image.reshape(-1, 1)
    places, signs = noise_pieces(key, flat.size)
    for index, (place, sign) in enumerate(zip(places.tolist(), signs.tolist(), strict=True)):
        target = flat[index * PIECE : (index + 1) * PIECE]
        cv2.scaleAdd(supply[place : place + len(target)], sign * stddev, target, dst=target)


def noise_pieces(key: Words, size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Returns where in the supply each piece of `size` numbers begins, and its sign, 1 or -1."""
    numbers = uniform(key, np.arange(-(-size // PIECE)))
    # One number tells both: its half the sign, its place in the half the place.
    places = (numbers % 0.5 * (2 * (SUPPLY - PIECE) // ROW)).astype(np.int64)
    return ROW * places, np.where(numbers < 0.5, 1.0, -1.0)


@functools.cache
def normal_numbers() -> Floats:
    """Returns the supply of normal numbers, (SUPPLY, 1), by Box and Muller's formula from keyed ones."""
    numbers = uniform(derive(0), np.arange(SUPPLY))
    radius, angle = np.sqrt(-2 * np.log1p(-numbers[: SUPPLY // 2])), 2 * math.pi * numbers[SUPPLY // 2 :]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)]).astype(np.float32)[:, None]


def chroma_matrix(turns: Any, saturation: Any, xp: ModuleType = np) -> Any:
    """Returns the matrices, (batch, 3, 3) or (3, 3), that turn the hue of RGB colours and scale their saturation.

    Args:
        turns: 1 is once round; (batch,) or one number.
        saturation: 0 gives grey; of the same shape.
        xp: numpy, or TensorFlow's module of the same functions for tensors.
    """
    cosine, sine = ((saturation * function(turns * (2 * math.pi)))[..., None, None] for function in (xp.cos, xp.sin))
    luma, alike, across = (_RGB @ part @ YIQ for part in _CHROMA_PARTS)
    return luma + cosine * alike + sine * across


_CHROMA_PARTS = (
    np.diag([1.0, 0.0, 0.0]),
    np.diag([0.0, 1.0, 1.0]),
    np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),
)


def _change_colors(image: Floats, matrix: npt.NDArray[np.float64], contrast: float, offset: float) -> None:
    # OpenCV's mean takes a thirtieth of numpy's time, and at most four channels.
    mean = np.array(cv2.mean(image)[: image.shape[2]]) if image.shape[2] <= 4 else image.mean(axis=(0, 1))
    if image.shape[2] != 3:
        image *= np.float32(contrast)
        image += (mean * (1.0 - contrast) + offset).astype(np.float32)
        return
    # About the mean: the picture's own mean colour keeps its luma, whatever the contrast.
    grey = float(np.dot(YIQ[0], mean))
    shift = grey - contrast * grey + offset
    cv2.transform(image, np.column_stack([matrix, (shift, shift, shift)]), dst=image)
