"""Shapes to pixels: which of the chosen pixels of an image a shape covers.

    grid = Grid.whole(480, 640)                     # all pixels
    grid = Grid(rows, columns)                      # pixels (row, column) of each output pixel, -1 for none
    covered(shape, grid)                            # bool (len(rows), len(columns))

A pixel is covered if its middle is. Asking only for the pixels that a smaller picture takes, each the nearest one's,
gives what drawing at full size and then picking gives, for a fraction of the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.annotation import Point, Shape
from brevetti_keras.data.shape_geometry import mask_of
from brevetti_keras.utils.errors import DataError

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Pixels that are asked for.

    Attributes:
        rows: int64, in any order, -1 for a row outside the image.
        columns: the same.
    """

    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]

    @classmethod
    def whole(cls, height: int, width: int) -> Self:
        """Returns the grid of all pixels of an image."""
        return cls(np.arange(height), np.arange(width))

    @cached_property
    def sorted_rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Each row once, in order, and where each of `rows` is found among them."""
        return _unique(self.rows)

    @cached_property
    def sorted_columns(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The same of the columns."""
        return _unique(self.columns)

    def spread(self, found: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Returns (rows, columns) of what was found for the sorted rows and columns; 0 outside the image."""
        result: npt.NDArray[Any] = found[np.ix_(self.sorted_rows[1], self.sorted_columns[1])]
        result[self.rows < 0] = 0
        result[:, self.columns < 0] = 0
        return result


def _unique(values: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    found, places = np.unique(values, return_inverse=True)
    return found, places


def covered(shape: Shape, grid: Grid, line_width: float = 1.0, size: tuple[int, int] | None = None) -> Mask:
    """Returns which pixels of the grid a shape covers.

    Args:
        shape: a class covers nothing, a point a disc.
        grid: the pixels.
        line_width: of lines, and the points' diameter, in pixels of the image.
        size: (height, width) of the image, which a mask must have; None takes any.

    Raises:
        DataError: for a mask of another size.
        DecodeError: for the image of a mask that cannot be read.
    """
    (rows, _), (columns, _) = grid.sorted_rows, grid.sorted_columns
    if shape.kind == "mask":
        mask = mask_of(shape)
        if size is not None and mask.shape != size:
            raise DataError(
                f"expected a mask of the image's {size[0]} x {size[1]} pixels (height x width), "
                f"received {mask.shape[0]} x {mask.shape[1]}"
            )
        return grid.spread(mask[np.ix_(rows, columns)])
    y, x = rows.astype(np.float64) + 0.5, columns.astype(np.float64) + 0.5
    found = np.zeros((len(y), len(x)), bool)
    if shape.kind == "rectangle":
        (x1, y1), (x2, y2) = shape.points
        found |= ((y >= y1) & (y < y2))[:, None] & ((x >= x1) & (x < x2))
    elif shape.kind == "polygon":
        for outline in (shape.points, *shape.parts):
            found |= _inside(outline, y, x)
    elif shape.kind == "line":
        for start, end in zip(shape.points, shape.points[1:], strict=False):
            _near(found, start, end, y, x, line_width / 2)
    elif shape.kind == "point":
        for point in shape.points:
            _near(found, point, point, y, x, line_width / 2)
    return grid.spread(found)


def _inside(points: Sequence[Point], y: Floats, x: Floats) -> Mask:
    """Even and odd: a pixel is inside if the outline is crossed an odd number of times to its left."""
    corners = np.array(points, np.float64)
    (x1, y1), (x2, y2) = corners.T, np.roll(corners, -1, axis=0).T
    first = np.searchsorted(y, np.minimum(y1, y2))
    counts = np.searchsorted(y, np.maximum(y1, y2)) - first
    edge = np.repeat(np.arange(len(points)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    share = (y[row] - y1[edge]) / (y2[edge] - y1[edge])
    column = np.searchsorted(x, x1[edge] + share * (x2[edge] - x1[edge]))
    crossings = np.bincount(row * (len(x) + 1) + column, minlength=len(y) * (len(x) + 1))
    return np.asarray(np.cumsum(crossings.reshape(len(y), len(x) + 1), axis=1)[:, :-1] % 2 == 1)


def _near(found: Mask, start: Point, end: Point, y: Floats, x: Floats, distance: float) -> None:
    """Marks the pixels within `distance` of the way from one point to another."""
    (x1, y1), (x2, y2) = start, end
    top, bottom = np.searchsorted(y, [min(y1, y2) - distance, max(y1, y2) + distance + 1e-9])
    left, right = np.searchsorted(x, [min(x1, x2) - distance, max(x1, x2) + distance + 1e-9])
    across, down = x[left:right] - x1, (y[top:bottom] - y1)[:, None]
    length = (x2 - x1) ** 2 + (y2 - y1) ** 2
    share = np.clip((across * (x2 - x1) + down * (y2 - y1)) / length, 0, 1) if length else 0.0
    squared = (across - share * (x2 - x1)) ** 2 + (down - share * (y2 - y1)) ** 2
    found[top:bottom, left:right] |= squared <= distance**2 + 1e-9
