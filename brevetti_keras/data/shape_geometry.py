"""What other formats ask of a shape: its box, its area, its outlines.

bounds(shape)                    # (x, y, width, height), or None for what has no place
area(shape)                      # square pixels
outlines(shape)                  # polygons around it, those of a mask traced around its pixels
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.annotation import Box, Point, Shape
from brevetti_keras.data.image.decode import read_image
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.io.local_copies import file_state
from brevetti_keras.utils.errors import NotFoundError
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")


def box_of(points: Sequence[Point]) -> Box:
    """Returns the (x, y, width, height) of at least one point.

    The width is the shortest number that leads from x to the other side again, since a difference of floats need not.
    """
    xs, ys = zip(*points, strict=True)
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    return left, top, _span(left, right), _span(top, bottom)


def _span(start: float, end: float) -> float:
    difference = end - start
    for digits in range(18):
        value = round(difference, digits)
        if start + value == end:
            return value
    return difference


def corners_of(box: Box) -> tuple[Point, Point]:
    """Returns the upper left and the lower right corner of (x, y, width, height)."""
    x, y, width, height = box
    return (x, y), (x + width, y + height)


def bounds(shape: Shape) -> Box | None:
    """Returns (x, y, width, height) in pixels: the shape's own box if it has one; None for a class or an empty mask."""
    if shape.box is not None:
        return shape.box
    return plain_bounds(shape)


def plain_bounds(shape: Shape) -> Box | None:
    """Returns the box of what is marked, whatever box the shape has of its own."""
    if shape.kind == "mask":
        return _mask_bounds(mask_of(shape))
    points = [*shape.points, *(point for part in shape.parts for point in part)]
    return box_of(points) if points else None


def _mask_bounds(mask: npt.NDArray[np.bool_]) -> Box | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    top, left = float(rows[0]), float(columns[0])
    return left, top, float(columns[-1]) + 1 - left, float(rows[-1]) + 1 - top


def area(shape: Shape, box: Box | None = None) -> float:
    """Returns how many square pixels are marked; lines, points and classes have none.

    Args:
        shape: the mark.
        box: what `plain_bounds` gave for it, where that is known already.
    """
    if shape.kind == "mask":
        return float(shape.mask.area if isinstance(shape.mask, RunLengths) else mask_of(shape).sum())
    if shape.kind == "rectangle":
        _, _, width, height = box or box_of(shape.points)
        return width * height
    if shape.kind == "polygon":
        return sum(_enclosed(outline) for outline in (shape.points, *shape.parts))
    return 0.0


def _enclosed(points: Sequence[Point]) -> float:
    """The shoelace formula."""
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise([*points, points[0]]))) / 2


def is_hole(shape: Shape) -> bool:
    """Tells whether a shape is a hole in others, as the hosted platform marks it."""
    return shape.extra.get("is_hole") is True


def holes_of(shape: Shape, shapes: Iterable[Shape]) -> list[Shape]:
    """Returns the holes in a shape: those that name it, and those of its label that name none."""
    holes = ((hole, hole.extra.get("parent")) for hole in shapes if is_hole(hole))
    return [
        hole for hole, parent in holes if (shape.extra.get("uuid") == parent if parent else shape.label == hole.label)
    ]


def outlines(shape: Shape) -> list[tuple[Point, ...]]:
    """Returns polygons around the marked pixels; lines, points and classes have none."""
    if shape.kind == "rectangle":
        (x1, y1), (x2, y2) = shape.points
        return [((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
    if shape.kind == "polygon":
        return [shape.points, *shape.parts]
    return _traced(mask_of(shape)) if shape.kind == "mask" else []


def _traced(mask: npt.NDArray[np.bool_]) -> list[tuple[Point, ...]]:
    """Traces around the pixels, not through their middles: at twice the size, corners lie between pixels."""
    doubled = np.pad(np.kron(mask, np.ones((2, 2), np.uint8)).astype(np.uint8), 1)
    found, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    polygons = []
    for contour in found:
        points = [(_edge((x - 1) / 2), _edge((y - 1) / 2)) for ((x, y),) in contour.tolist()]
        polygons.append(
            tuple(point for point, before in zip(points, points[-1:] + points, strict=False) if point != before)
        )
    return [polygon for polygon in polygons if len(polygon) >= 3]


def _edge(value: float) -> float:
    # Of the two pixels that one became, the first stands for the near edge and the second for the far one.
    return value if value % 1 == 0 else value + 0.5


def mask_of(shape: Shape) -> npt.NDArray[np.bool_]:
    """Returns the pixels of a mask as bool (height, width).

    Raises:
        DecodeError: for an image of a mask that cannot be read.
    """
    if isinstance(shape.mask, RunLengths):
        return shape.mask.mask()
    return read_mask(str(shape.mask))


def read_mask(path: str) -> npt.NDArray[np.bool_]:
    """Returns where the image of a mask is not black, bool (height, width).

    Raises:
        DecodeError: for an image that cannot be read.
        NotFoundError: if there is none.
    """
    if file_state(path) is None:
        raise NotFoundError(f"no file {path}")
    image = read_image(path)
    return np.asarray((image != 0).any(axis=2))
