"""The small pictures of the facets, gathered batch by batch and then laid out on one image.

    sprites = Sprites(told=pipeline.value_range)
    sprites.add(images)
    sprites.atlas()             # (64 · columns, 64 · columns, 3) uint8, row by row

One range of values holds for all: a single dark image could be of any. So floats wait as they are until no further
value can change their range; that of images in [0, 255] is known with the first of them.
"""

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from brevetti_keras.interfaces.pictures import Pixels, as_planes, fit_square, infer_value_range, to_8_bits
from brevetti_keras.wire.artifacts import SPRITE_SIZE

_WIDEST = (0.0, 255.0)
_AT_ONCE = 8


class Sprites:
    """Pictures of 64 × 64 pixels, in the order in which they came.

    Args:
        told: the values of black and white, as a pipeline tells them. A later map may have changed them, so they count
            only where the values leave open what is black.
    """

    def __init__(self, told: tuple[float, float] | None = None) -> None:
        self._told = told
        self._batches: list[npt.NDArray[Any]] = []
        self._waiting: list[int] = []
        self._ends = np.array([np.nan, np.nan], np.float32)

    def __len__(self) -> int:
        return sum(map(len, self._batches))

    def add(self, images: Iterable[npt.NDArray[Any]]) -> None:
        """Takes images, each (height, width, channels) of any numbers; a copy of what it needs.

        Raises:
            InvalidInputError: for an array that is no image.
        """
        if isinstance(images, np.ndarray) and _are_sprites(images):
            self._take(images if images.dtype == np.uint8 else np.asarray(images, np.float32))
            return
        squares = [_square(image) for image in images]
        for _, alike in itertools.groupby(squares, key=lambda square: (square.dtype, square.shape)):
            self._take(np.stack(list(alike)))

    def atlas(self) -> Pixels:
        """Returns all of them on a grid of ⌈√n⌉ columns."""
        self._settle()
        columns = math.ceil(math.sqrt(len(self)))
        atlas = np.zeros((columns * SPRITE_SIZE, columns * SPRITE_SIZE, 3), np.uint8)
        for place, sprite in enumerate(itertools.chain.from_iterable(self._batches)):
            top, left = (SPRITE_SIZE * index for index in divmod(place, columns))
            atlas[top : top + SPRITE_SIZE, left : left + SPRITE_SIZE] = sprite
        return atlas

    def _take(self, batch: npt.NDArray[Any]) -> None:
        if batch.dtype == np.uint8:
            self._batches.append(batch.copy())
            return
        if self._range() != _WIDEST:
            self._widen(batch)
            if self._range() != _WIDEST:
                self._waiting.append(len(self._batches))
                self._batches.append(batch.copy())
                return
            self._settle()
        # A few at a time in the same place: what the processor's cache holds is computed several times as fast.
        parts = [batch[start : start + _AT_ONCE] for start in range(0, len(batch), _AT_ONCE)]
        place = np.empty(batch[:_AT_ONCE].shape, np.float32)
        self._batches.append(np.concatenate([to_8_bits(part, _WIDEST, out=place[: len(part)]) for part in parts]))

    def _widen(self, batch: npt.NDArray[np.float32]) -> None:
        low, high = batch.min(), batch.max()
        if not np.isfinite((low, high)).all():
            finite = batch[np.isfinite(batch)]
            if not finite.size:
                return
            low, high = finite.min(), finite.max()
        self._ends[:] = np.fmin(self._ends[0], low), np.fmax(self._ends[1], high)

    def _range(self) -> tuple[float, float]:
        seen = infer_value_range(self._ends)
        return self._told if self._told == (-1.0, 1.0) and seen == (0.0, 1.0) else seen

    def _settle(self) -> None:
        """Brings what waits to 8 bits."""
        if self._waiting:
            limits = self._range()
            for at in self._waiting:
                self._batches[at] = to_8_bits(self._batches[at], limits)
            self._waiting.clear()


def _are_sprites(images: npt.NDArray[Any]) -> bool:
    """Tells whether images are of the size and the channels of sprites already, so that none is looked at by itself."""
    sizes = {(SPRITE_SIZE, SPRITE_SIZE, channels) for channels in (1, 3)}
    return len(images) > 0 and images.shape[1:] in sizes and images.dtype.kind in "biuf"


def _square(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    planes = as_planes(image)
    return fit_square(planes if planes.dtype == np.uint8 else np.asarray(planes, np.float32), SPRITE_SIZE)
