"""Marks as the pixels that they cover, holes left open, for forms that hold masks.

rows, columns, mask = window_of(shape, holes, (480, 640))   # the part of the image in which there is any of it
mask_with_holes(shape, holes, (480, 640))                   # bool (height, width)
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.annotation import Shape
from brevetti_keras.data.image.segmentation_raster import Grid, covered
from brevetti_keras.data.shape_geometry import holes_of, plain_bounds

Mask = npt.NDArray[np.bool_]


def window_of(shape: Shape, holes: Sequence[Shape], size: tuple[int, int]) -> tuple[slice, slice, Mask]:
    """Returns rows and columns of an image, beyond which there is nothing of a shape, and its pixels there.

    Args:
        shape: a mark of the image.
        holes: all holes of the image, of which those in the shape count.
        size: (height, width) of the image.
    """
    rows, columns = _window(shape, size)
    grid = Grid(np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop))
    found = covered(shape, grid, size=size)
    for hole in holes_of(shape, holes):
        found &= ~covered(hole, grid, size=size)
    return rows, columns, found


def mask_with_holes(shape: Shape, holes: Sequence[Shape], size: tuple[int, int]) -> Mask:
    """Returns the pixels of a shape in the whole image, bool (height, width), see `window_of`."""
    mask = np.zeros(size, bool)
    rows, columns, found = window_of(shape, holes, size)
    mask[rows, columns] = found
    return mask


def _window(shape: Shape, size: tuple[int, int]) -> tuple[slice, slice]:
    # Pictures are large and most marks small.
    if shape.kind != "polygon":
        return slice(0, size[0]), slice(0, size[1])
    x, y, width, height = plain_bounds(shape) or (0.0, 0.0, 0.0, 0.0)
    return _within(y, y + height, size[0]), _within(x, x + width, size[1])


def _within(start: float, end: float, side: int) -> slice:
    first = min(max(math.floor(start), 0), side)
    return slice(first, max(min(math.ceil(end), side), first))
