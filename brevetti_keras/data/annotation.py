"""`Annotation`: what is marked in one image, and its JSON, which every importer writes and every exporter reads.

    annotation = read_annotation(data, "1.json")
    annotation.shapes[0].label, annotation.shapes[0].points
    write_annotation(annotation)                                 # the same JSON again

The JSON is that of the hosted platform, `{"image": {…}, "annotations": [{"type", "label", "points": [{"x", "y"}]}]}`,
with masks added. Coordinates are pixels of the upright image; (0, 0) is the upper left corner of its first pixel, so
that the pixel in column c and row r reaches from (c, r) to (c + 1, r + 1). Keys that we do not know are kept.
"""

import math
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args

from brevetti_keras.data.run_lengths import RunLengths, read_run_lengths
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import DataError, InvalidInputError

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Kind = Literal["rectangle", "polygon", "line", "point", "class", "mask"]

MAX_COORDINATE = 1e6
"""Pixels; a coordinate beyond it is damage, not a mark."""

_KINDS = get_args(Kind)
_LEAST_POINTS = {"polygon": 3, "line": 2, "point": 1}
SHAPE_KEYS = frozenset({"type", "label", "points", "parts", "box", "rle", "path"})


@dataclass(frozen=True)
class Shape:
    """One mark.

    Attributes:
        label: its class.
        kind: `"rectangle"` (two opposite corners, upper left first), `"polygon"`, `"line"` (through its points),
            `"point"` (each of its points), `"class"` (the whole image, without points) or `"mask"` (pixels).
        points: (x, y) in pixels.
        parts: of a polygon, further outlines of the same object.
        mask: of a mask, its pixels, or the path or URL of an image that is not black there.
        box: (x, y, width, height) where the source gives one that the points do not already.
        extra: anything else that is known of it, as JSON types.
    """

    label: str
    kind: Kind
    points: tuple[Point, ...] = ()
    parts: tuple[tuple[Point, ...], ...] = ()
    mask: RunLengths | str | None = None
    box: Box | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Annotation:
    """What is marked in one image.

    Attributes:
        shapes: in the order of the source.
        width: of the upright image in pixels, or 0 where it is not known.
        height: the same.
        image: anything else that is known of the image, as JSON types.
    """

    shapes: tuple[Shape, ...] = ()
    width: int = 0
    height: int = 0
    image: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """True if it tells nothing."""
        return not (self.shapes or self.width or self.height or self.image)


def read_annotation(data: bytes, name: str) -> Annotation:
    """Returns the annotation that a JSON file holds.

    Args:
        data: the file's content.
        name: the file's path or URL, for messages; a relative path of a mask starts at its folder.

    Raises:
        DataError: if it is not JSON, or not of this form.
    """
    try:
        annotation = annotation_of(from_json(data))
    except InvalidInputError as error:
        raise DataError(f"{name}: {error}") from error
    if not any(isinstance(shape.mask, str) for shape in annotation.shapes):
        return annotation
    return replace(annotation, shapes=tuple(_beside(shape, name) for shape in annotation.shapes))


def _beside(shape: Shape, name: str) -> Shape:
    if not isinstance(shape.mask, str) or shape.mask.startswith("/") or "://" in shape.mask:
        return shape
    scheme, found, folder = posixpath.dirname(name).rpartition("://")
    return replace(shape, mask=f"{scheme}{found}{posixpath.normpath(posixpath.join(folder, shape.mask))}")


def write_annotation(annotation: Annotation) -> bytes:
    """Returns the annotation as JSON."""
    return to_json(annotation_json(annotation)).encode("utf-8")


def annotation_of(value: Any) -> Annotation:
    """Returns the annotation that parsed JSON describes.

    Raises:
        InvalidInputError: if it is not of this form.
    """
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"expected an annotation as a JSON object, received {type(value).__name__}")
    image = value.get("image") or {}
    shapes = value.get("annotations", [])
    if not isinstance(image, Mapping) or not isinstance(shapes, list):
        raise InvalidInputError("expected 'image' as an object and 'annotations' as a list, received something else")
    size = {key: image_side(image.get(key), key) for key in ("width", "height")}
    rest = {key: item for key, item in image.items() if key not in size}
    return Annotation(tuple(_shape(item, number) for number, item in enumerate(shapes, start=1)), **size, image=rest)


def annotation_json(annotation: Annotation) -> dict[str, Any]:
    """Returns the annotation as JSON types."""
    size = {key: value for key, value in (("width", annotation.width), ("height", annotation.height)) if value}
    return {
        "image": {**annotation.image, **size},
        "annotations": [_shape_json(shape) for shape in annotation.shapes],
    }


def _shape(value: Any, number: int) -> Shape:
    try:
        if not isinstance(value, Mapping):
            raise InvalidInputError(f"expected an object, received {type(value).__name__}")
        kind, label = value.get("type"), value.get("label")
        if kind not in _KINDS:
            raise InvalidInputError(f"expected a type of {', '.join(_KINDS)}, received {str(kind)[:40]!r}")
        mask = _mask(value) if kind == "mask" else None
        box = value.get("box")
        return Shape(
            label=checked_label(label),
            kind=cast(Kind, kind),
            points=_points(str(kind), value.get("points", [])),
            parts=tuple(_points("polygon", part) for part in value.get("parts", [])),
            mask=mask,
            box=None if box is None else checked_box(box),
            extra={key: item for key, item in value.items() if key not in SHAPE_KEYS},
        )
    except InvalidInputError as error:
        raise InvalidInputError(f"annotation {number}: {error}") from error


def _mask(value: Mapping[str, Any]) -> RunLengths | str:
    path = value.get("path")
    if isinstance(path, str) and path:
        return path
    return read_run_lengths(value.get("rle"))


def _points(kind: str, value: Any) -> tuple[Point, ...]:
    if not isinstance(value, list):
        raise InvalidInputError(f"expected points as a list, received {type(value).__name__}")
    points = []
    for item in value:
        if not isinstance(item, Mapping):
            raise InvalidInputError(f"expected points as {{x, y}}, received {str(item)[:40]!r}")
        points.append((coordinate(item.get("x")), coordinate(item.get("y"))))
    if kind == "rectangle":
        return checked_corners(points)
    if len(points) < _LEAST_POINTS.get(kind, 0):
        raise InvalidInputError(f"expected a {kind} of at least {_LEAST_POINTS[kind]} points, received {len(points)}")
    return tuple(points)


def _shape_json(shape: Shape) -> dict[str, Any]:
    value: dict[str, Any] = {**shape.extra, "type": shape.kind, "label": shape.label}
    if shape.points or shape.kind in _LEAST_POINTS:
        value["points"] = _points_json(shape.points)
    if shape.parts:
        value["parts"] = [_points_json(part) for part in shape.parts]
    if shape.box is not None:
        value["box"] = list(shape.box)
    if isinstance(shape.mask, str):
        value["path"] = shape.mask
    elif shape.mask is not None:
        value["rle"] = shape.mask.json()
    return value


def _points_json(points: Sequence[Point]) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in points]


def coordinate(value: Any) -> float:
    """Returns a coordinate in pixels as a float.

    Raises:
        InvalidInputError: for anything but a finite number within `MAX_COORDINATE`.
    """
    if type(value) is float and -MAX_COORDINATE <= value <= MAX_COORDINATE:
        return value
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise InvalidInputError(f"expected coordinates as numbers, received {str(value)[:40]!r}")
    if abs(value) > MAX_COORDINATE:
        raise InvalidInputError(f"expected coordinates within {MAX_COORDINATE:,.0f} pixels, received {value:g}")
    return float(value)


def checked_box(value: Any) -> Box:
    """Returns (x, y, width, height) in pixels.

    Raises:
        InvalidInputError: for anything but four coordinates, width and height at least 0.
    """
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        raise InvalidInputError(f"expected a box of four numbers, received {str(value)[:60]!r}")
    x, y, width, height = map(coordinate, value)
    if width < 0 or height < 0:
        raise InvalidInputError(f"expected a box of width and height of at least 0, received {width:g} x {height:g}")
    return x, y, width, height


def checked_corners(points: Sequence[Point]) -> tuple[Point, Point]:
    """Returns two opposite corners, upper left first.

    Raises:
        InvalidInputError: for another number of points than two.
    """
    if len(points) != 2:
        raise InvalidInputError(f"expected a rectangle of two corners, received {len(points)} points")
    (x1, y1), (x2, y2) = points
    return (min(x1, x2), min(y1, y2)), (max(x1, x2), max(y1, y2))


def checked_label(value: Any) -> str:
    """Returns a label.

    Raises:
        InvalidInputError: for anything but text that UTF-8 can hold, of at least one character.
    """
    if not isinstance(value, str) or not value:
        raise InvalidInputError(f"expected a label of text, received {str(value)[:40]!r}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"expected a label that UTF-8 can hold, received {value[:40]!r}") from error
    return value


def image_side(value: Any, key: str) -> int:
    """Returns a width or height in pixels; None is 0, which stands for not known.

    Raises:
        InvalidInputError: for anything else than a whole number within `MAX_COORDINATE`.
    """
    if value is None:
        return 0
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= MAX_COORDINATE or value % 1:
        raise InvalidInputError(f"expected the image's {key} as whole pixels, received {str(value)[:40]!r}")
    return int(value)
