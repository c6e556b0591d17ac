"""Pascal VOC's masks: PNGs whose pixels are the number of a class in `SegmentationClass`, of an object in
`SegmentationObject`; 0 is the background, 255 what nobody decided (the border of an object).

    masks = VocMasks(source, images)
    masks.drawn(images[0])                      # the image, its marks with their pixels

A mask is that of the image of its path below the folder, `SegmentationClass/a/1.png` of `JPEGImages/a/1.jpg`, else of
the only one of its name.
Object 3 is the third `<object>` of the image's XML. Classes are named by `labelmap.txt` (as CVAT writes it) or
`class_names.txt` (labelme), else they are VOC's own twenty. What nobody decided is kept as run lengths in
`annotation.image["void"]`.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from brevetti_keras.data.annotation import Shape, checked_label
from brevetti_keras.data.formats.collection import AnnotatedImage, all_classes, labels_of
from brevetti_keras.data.formats.source import Source, refuse_missing
from brevetti_keras.data.image.index_image import VOID, Color, Indices, read_indices, voc_colors
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.data.shape_geometry import box_of, plain_bounds
from brevetti_keras.utils.errors import DataError, InvalidInputError

CLASSES = "SegmentationClass"
OBJECTS = "SegmentationObject"
LABEL_MAP = "labelmap.txt"
_TOPS = frozenset({"JPEGImages", "images", CLASSES, OBJECTS})
KEPT_VOID = "void"
KEPT_OBJECT_VOID = "object_void"
_CLASS_NAMES = "class_names.txt"
_VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip

_Mask = npt.NDArray[np.bool_]


class VocMasks:
    """The masks of a folder.

    Args:
        source: the folder.
        images: those of its XML files and of `JPEGImages`; where all of their labels are VOC's own, so are the classes
            that no file names.

    Raises:
        DataError: for a file of names that makes no sense, or masks of images that are not there.
    """

    def __init__(self, source: Source, images: Sequence[AnnotatedImage]) -> None:
        self._source = source
        labels = all_classes(images)
        masks = {folder: source.below(folder, (".png",)) for folder in (CLASSES, OBJECTS)}
        names = [image.name for image in images]
        self._files = {folder: _by_image(files, names) for folder, files in masks.items()}
        self._refuse_strangers(masks)
        self.classes: tuple[str, ...] = ()
        self._names: tuple[str, ...] = () if set(labels) - set(_VOC_CLASSES) else _VOC_CLASSES
        colors = {tuple(color): index for index, color in enumerate(voc_colors().tolist())}
        self._object_colors: Mapping[Color, int] = colors
        self._class_colors: Mapping[Color, int] = colors
        if self and LABEL_MAP in source.files:
            self._read_label_map()
        elif self and _CLASS_NAMES in source.files:
            self._name(_CLASS_NAMES, source.text(_CLASS_NAMES).splitlines())

    def __bool__(self) -> bool:
        return any(self._files.values())

    def _read_label_map(self) -> None:
        lines = [line for line in self._source.text(LABEL_MAP).splitlines() if line.strip() and line[0] != "#"]
        rows = [line.rsplit(":", 3) for line in lines]
        colors = [_color(row[1]) if len(row) == 4 else None for row in rows]
        for line, color in zip(lines, colors, strict=True):
            if color is None:
                where = self._source.resolve(LABEL_MAP)
                raise DataError(f"{where}: expected lines 'label:red,green,blue:parts:actions', received {line[:60]!r}")
        self._name(LABEL_MAP, [row[0] for row in rows])
        named = {color: index for index, color in enumerate(colors) if color is not None}
        # VOC's colour of what nobody decided stands for that, whatever else is named so.
        self._class_colors = {**self._object_colors, **named, _color_of(VOID): VOID}

    def _name(self, file: str, lines: list[str]) -> None:
        where = self._source.resolve(file)
        names = [line.strip() for line in lines if line.strip()]
        if not names or names[0].strip("_").lower() != "background":
            raise DataError(f"{where}: expected the background in the first line, received {''.join(names[:1])[:40]!r}")
        try:
            self.classes = self._names = tuple(checked_label(name) for name in names[1:])
        except InvalidInputError as error:
            raise DataError(f"{where}: {error}") from error
        if len(set(self.classes)) != len(self.classes) or len(self.classes) >= VOID:
            raise DataError(f"{where}: expected at most {VOID - 1} labels, each once, received others")

    def _refuse_strangers(self, masks: Mapping[str, Sequence[str]]) -> None:
        taken = {file for files in self._files.values() for file in files.values()}
        found = [file for files in masks.values() for file in files if file not in taken]
        refuse_missing([f"that of {file}" for file in found], self._source.root)

    def all_drawn(self, images: Sequence[AnnotatedImage]) -> list[AnnotatedImage]:
        """Returns images as `drawn` does each, their masks fetched many at a time."""
        masks = [file for files in self._files.values() for file in files.values()]
        marked = {name for files in self._files.values() for name in files}
        unsized = [image.name for image in images if not image.annotation.width and image.name in marked]
        self._source.fetch([*masks, *unsized])
        return [self.drawn(image) for image in tqdm(images, desc="reading masks", unit="", disable=None, leave=False)]

    def drawn(self, image: AnnotatedImage) -> AnnotatedImage:
        """Returns an image whose marks are those of its XML with their pixels, and then what the masks hold beside.

        Raises:
            DataError: for a mask of another size than the image, a class or an object that nothing names.
            DecodeError: for a mask that cannot be read.
        """
        files = [self._files[folder].get(image.name) for folder in (CLASSES, OBJECTS)]
        if not any(files):
            return image
        size = (image.annotation.height, image.annotation.width)
        size = size if all(size) else self._source.size_of(image.name)
        classes = self._indices(files[0], size, self._class_colors)
        objects = self._indices(files[1], size, self._object_colors)
        shapes = _merged(image.annotation.shapes, self._groups(image, files, classes, objects))
        rest = {**image.annotation.image, **_void(files, classes, objects)}
        annotation = replace(image.annotation, shapes=shapes, height=size[0], width=size[1], image=rest)
        return replace(
            image, labels=labels_of(annotation, sorted({shape.label for shape in shapes})), annotation=annotation
        )

    def _indices(self, file: str | None, size: tuple[int, int], colors: Mapping[Color, int]) -> Indices:
        if file is None:
            return np.zeros(size, np.uint8)
        found = read_indices(self._source.resolve(file), colors)
        if found.shape != size:
            raise DataError(
                f"{self._source.resolve(file)}: expected a mask of the image's {size[0]} x {size[1]} pixels "
                f"(height x width), received {found.shape[0]} x {found.shape[1]}"
            )
        return found

    def _groups(
        self, image: AnnotatedImage, files: list[str | None], classes: Indices, objects: Indices
    ) -> dict[tuple[int, str], _Mask]:
        """The pixels of each object (0 is none) and label."""
        both = objects.astype(np.uint16) * 256 + classes
        groups: dict[tuple[int, str], _Mask] = {}
        for value in np.flatnonzero(np.bincount(both.ravel())).tolist():
            number, index = value // 256 % VOID, value % 256
            label = self._label(image, files, number, index)
            if label:
                mask = both == value
                groups[number, label] = groups[number, label] | mask if (number, label) in groups else mask
        return groups

    def _label(self, image: AnnotatedImage, files: list[str | None], number: int, index: int) -> str:
        marked = image.annotation.shapes[number - 1].label if 0 < number <= len(image.annotation.shapes) else ""
        if not 0 < index < VOID:
            if number and not marked:
                raise DataError(
                    f"{self._source.resolve(files[1] or '')}: expected objects of the image's XML, or a class in "
                    f"{CLASSES} for each, received the object {number} without either"
                )
            return marked
        if index > len(self._names) and (self._names or not marked):
            known = f"classes up to {len(self._names)}, as named" if self._names else f"{LABEL_MAP} that names classes"
            raise DataError(f"{self._source.resolve(files[0] or '')}: expected {known}, received the class {index}")
        return self._names[index - 1] if self._names else marked


def _merged(shapes: tuple[Shape, ...], groups: dict[tuple[int, str], _Mask]) -> tuple[Shape, ...]:
    found = []
    for number, shape in enumerate(shapes, start=1):
        mask = groups.pop((number, shape.label), None)
        if mask is None:
            found.append(shape)
            continue
        own = replace(shape, kind="mask", points=(), mask=RunLengths.of(mask))
        box = box_of(shape.points) if shape.points else None
        found.append(replace(own, box=None if box == plain_bounds(own) else box))
    rest = (Shape(label, "mask", mask=RunLengths.of(mask)) for (_, label), mask in sorted(groups.items(), key=_place))
    return (*found, *rest)


def _place(group: tuple[tuple[int, str], _Mask]) -> tuple[int, str]:
    """Objects in their order, then what belongs to none."""
    (number, label), _ = group
    return number or VOID, label


def _void(files: list[str | None], classes: Indices, objects: Indices) -> dict[str, Any]:
    first = classes if files[0] else objects
    void = {KEPT_VOID: first == VOID}
    if all(files) and ((objects == VOID) != (classes == VOID)).any():
        void[KEPT_OBJECT_VOID] = objects == VOID
    return {key: RunLengths.of(mask).json() for key, mask in void.items() if key != KEPT_VOID or mask.any()}


def _by_image(files: Sequence[str], images: Sequence[str]) -> dict[str, str]:
    """The mask of each image that has one."""
    by_path = {inner_stem(file): file for file in files}
    by_name: dict[str, list[str]] = {}
    for inner, file in by_path.items():
        by_name.setdefault(posixpath.basename(inner), []).append(file)
    paths = {inner_stem(image) for image in images}
    alike = Counter(map(posixpath.basename, paths))
    found = {}
    for image in images:
        inner, name = inner_stem(image), stem_of(image)
        of_name = by_name.get(name, [])
        if inner in by_path:
            found[image] = by_path[inner]
        elif len(of_name) == alike[name] == 1:
            found[image] = of_name[0]
    return found


def inner_stem(path: str) -> str:
    """Returns the path of a file without ending, below the folder of images or of masks that it lies in."""
    top, slash, inner = posixpath.splitext(path)[0].partition("/")
    return inner if slash and top in _TOPS else f"{top}{slash}{inner}"


def stem_of(path: str) -> str:
    """Returns the name of a file without folder and ending."""
    return posixpath.splitext(posixpath.basename(path))[0]


def _color(text: str) -> Color | None:
    parts = text.split(",")
    if len(parts) != 3 or not all(re.fullmatch(r"\s*[0-9]{1,3}\s*", part) for part in parts):
        return None
    red, green, blue = (int(part) for part in parts)
    return (red, green, blue) if max(red, green, blue) <= 255 else None


def _color_of(index: int) -> Color:
    red, green, blue = voc_colors()[index].tolist()
    return red, green, blue
