"""Writes YOLO: `data.yaml`, the images below `images/<split>/`, a text file for each below `labels/<split>/`.

write_yolo(collection, Target("/tmp/out"))         # the images are put there by the caller
"""

from collections.abc import Mapping

import yaml

from brevetti_keras.data.annotation import Shape
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection, split_of
from brevetti_keras.data.formats.target import Target
from brevetti_keras.data.formats.yolo import ABOUT, KEYPOINTS, PLACES, key_point_shape, label_file
from brevetti_keras.data.shape_geometry import bounds, corners_of, is_hole, outlines
from brevetti_keras.utils.errors import InvalidInputError

_SPLITS = ("train", "val", "test")


def yolo_place(image: AnnotatedImage) -> str:
    """Returns where an image lies in the folder.

    Raises:
        InvalidInputError: for a purpose that YOLO does not know.
    """
    split = split_of(image.purpose)
    if split not in _SPLITS:
        raise InvalidInputError(
            f"expected the purposes train, devel and test, which YOLO has, received {image.purpose[:40]!r}: "
            "rename it, or leave those samples out"
        )
    return f"images/{split}/{image.name}"


def write_yolo(collection: Collection, target: Target) -> None:
    """Writes `data.yaml` and the text files. Rectangles become boxes, polygons and masks polygons; holes are left out.
    Where what was read had key points, all become boxes with theirs.

    Args:
        collection: what to write; images with a size, named as `yolo_place` tells, of the purposes train, devel, test.
        target: the folder.
    """
    used = {split_of(image.purpose) for image in collection.images}
    splits = [split for split in _SPLITS if split in used]
    told = collection.about.get(ABOUT)
    rest = dict(told) if isinstance(told, Mapping) else {}
    key_points = key_point_shape(rest.get("kpt_shape"))
    own = {**{split: f"images/{split}" for split in splits}, "names": dict(enumerate(collection.classes))}
    content = {**own, **{key: value for key, value in rest.items() if key not in PLACES}}
    if key_points is None:
        content.pop("kpt_shape", None)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=2**20)
    target.write_bytes("data.yaml", text.encode("utf-8"))
    numbers = {label: number for number, label in enumerate(collection.classes)}
    for image in collection.images:
        lines = [
            " ".join([str(numbers[shape.label]), *map(repr, values)])
            for shape in image.annotation.shapes
            if not is_hole(shape)
            for values in _values(shape, image.annotation.width, image.annotation.height, key_points)
        ]
        target.write_bytes(label_file(image.name), "".join(f"{line}\n" for line in lines).encode("ascii"))


def _values(shape: Shape, width: int, height: int, key_points: tuple[int, int] | None) -> list[list[float]]:
    box = bounds(shape) if shape.kind == "rectangle" or key_points else None
    if box is not None:
        (x1, y1), (x2, y2) = corners_of(box)
        values = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height]
        return [values if key_points is None else [*values, *_key_points(shape, width, height, *key_points)]]
    found = [] if key_points else outlines(shape)
    return [[number for x, y in points for number in (x / width, y / height)] for points in found]


def _key_points(shape: Shape, width: int, height: int, count: int, size: int) -> list[float]:
    """What a shape has of key points; of one that has others, or none, nothing is there."""
    given = shape.extra.get(KEYPOINTS)
    fits = isinstance(given, list) and len(given) == 3 * count and all(type(one) in {int, float} for one in given)
    numbers = given if isinstance(given, list) and fits else [0] * (3 * count)
    points = [(numbers[at] / width, numbers[at + 1] / height, numbers[at + 2]) for at in range(0, 3 * count, 3)]
    return [number for point in points for number in point[:size]]
