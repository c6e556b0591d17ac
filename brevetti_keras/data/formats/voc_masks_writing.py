"""Writes Pascal VOC's masks: `SegmentationClass`, `SegmentationObject`, and the classes' names in `labelmap.txt`.

    for name, data in mask_files(image, shapes, numbers):       # shapes: those that the XML has, in its order
        target.write_bytes(name, data)

Where marks overlap, the later one is seen; the caller finds that out by reading back, and keeps it aside.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.annotation import Annotation, Shape
from brevetti_keras.data.formats.collection import AnnotatedImage
from brevetti_keras.data.formats.drawing import window_of
from brevetti_keras.data.formats.voc_masks import CLASSES, KEPT_OBJECT_VOID, KEPT_VOID, OBJECTS, stem_of
from brevetti_keras.data.image.index_image import VOID, voc_colors, write_indices
from brevetti_keras.data.run_lengths import read_run_lengths
from brevetti_keras.data.shape_geometry import is_hole
from brevetti_keras.utils.errors import InvalidInputError

_DRAWN = frozenset({"mask", "polygon"})


def mask_files(
    image: AnnotatedImage, shapes: Sequence[Shape], numbers: Mapping[str, int]
) -> Iterator[tuple[str, bytes]]:
    """Yields the names and contents of an image's masks; none if nothing in it has pixels of its own.

    Args:
        image: with a size.
        shapes: its marks but for holes, the first of which is object 1.
        numbers: the number of each label; more than 254 have no place in a mask, and leave only the objects.
    """
    given = image.annotation
    void = _kept(given, KEPT_VOID)
    if void is None and not any(shape.kind in _DRAWN for shape in shapes):
        return
    holes = [shape for shape in given.shapes if is_hole(shape)]
    classes, objects = (np.zeros((given.height, given.width), np.uint8) for _ in range(2))
    for number, shape in enumerate(shapes, start=1):
        if shape.kind in _DRAWN:
            rows, columns, found = window_of(shape, holes, (given.height, given.width))
            classes[rows, columns][found] = min(numbers[shape.label], VOID)
            objects[rows, columns][found] = min(number, VOID)
    if void is not None:
        classes[void] = VOID
    object_void = _kept(given, KEPT_OBJECT_VOID)
    rest = void if object_void is None else object_void
    if rest is not None:
        objects[rest & (objects == 0)] = VOID
    stem = stem_of(image.name)
    if max(numbers.values(), default=0) < VOID:
        yield f"{CLASSES}/{stem}.png", write_indices(classes)
    if len(shapes) < VOID:
        yield f"{OBJECTS}/{stem}.png", write_indices(objects)


def _kept(given: Annotation, key: str) -> npt.NDArray[np.bool_] | None:
    """What nobody decided, if that is told as an import tells it."""
    value: Any = given.image.get(key)
    if not isinstance(value, Mapping):
        return None
    try:
        runs = read_run_lengths(value)
    except InvalidInputError:
        return None  # another tool's word for something else
    return runs.mask() if (runs.height, runs.width) == (given.height, given.width) else None


def label_map(labels: Iterable[str]) -> bytes:
    """Returns `labelmap.txt`: the background, then each label with the colour of its number.

    Args:
        labels: at most 254; what no line can hold becomes `_`.
    """
    lines = ["# label:color_rgb:parts:actions", "background:0,0,0::"]
    taken: set[str] = set()
    for label, color in zip(labels, voc_colors()[1:].tolist(), strict=False):
        plain = "".join(one if one.isprintable() else "_" for one in label).strip() or "_"
        first = f"_{plain[1:]}" if plain.startswith("#") else plain
        name, number = first, 1
        while name in taken:
            number += 1
            name = f"{first}-{number}"
        taken.add(name)
        lines.append(f"{name}:{','.join(map(str, color))}::")
    return "".join(f"{line}\n" for line in lines).encode("utf-8")
