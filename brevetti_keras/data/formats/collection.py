"""`Collection`: images with their labels, purposes and annotations, between one format and another.

a folder of COCO, YOLO, VOC or MVTec → read_… → Collection → write_… → a folder of another of them

    collection = read_coco("/data/parts")
    collection.images[0].labels, collection.images[0].annotation.shapes
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from brevetti_keras.data.annotation import Annotation
from brevetti_keras.io.paths import is_text
from brevetti_keras.utils.errors import DataError

_PURPOSES = {
    "train": ("train", "training", "trainval"),
    "devel": ("devel", "development", "dev", "val", "valid", "validation"),
    "test": ("test", "testing"),
}
_ABSOLUTE = re.compile(r"/|[A-Za-z]:/|[A-Za-z][A-Za-z0-9+.-]*://")
# Spaces of other widths and the like are in the names of many a screenshot.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SPLITS = {"train": "train", "devel": "val", "test": "test"}


@dataclass(frozen=True)
class AnnotatedImage:
    """One image.

    Attributes:
        path: the file, absolute or a URL.
        name: its path below the folder that it was read from, or is written to; each image has its own.
        labels: its labels; none for an image of nothing.
        purpose: `"train"`, `"devel"`, `"test"` or another; `""` if it has none.
        annotation: what is marked in it.
        columns: anything else that its samples carry along: text, numbers, booleans.
    """

    path: str
    name: str
    labels: tuple[str, ...]
    purpose: str = ""
    annotation: Annotation = field(default_factory=Annotation)
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Collection:
    """Images of one dataset.

    Attributes:
        images: in the order of their names.
        classes: all labels in the source's order, also those that no image has.
        about: what the source says of the whole, as JSON types.
    """

    images: tuple[AnnotatedImage, ...]
    classes: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)


def purpose_of(split: str) -> str:
    """Returns the purpose that a format's word for a split means: `val` is `devel`; an unknown one stays."""
    return next((purpose for purpose, words in _PURPOSES.items() if split.lower() in words), split)


def split_of(purpose: str) -> str:
    """Returns the word that formats have for a purpose: `val` for `devel`; no purpose is `train`."""
    return _SPLITS.get(purpose, purpose) or "train"


def labels_of(annotation: Annotation, classes: Iterable[str]) -> tuple[str, ...]:
    """Returns the labels that are marked in an image, each once, in the order of `classes`."""
    found = {shape.label for shape in annotation.shapes}
    return tuple(label for label in classes if label in found)


def all_classes(images: Iterable[AnnotatedImage], first: Iterable[str] = ()) -> tuple[str, ...]:
    """Returns `first` and then, sorted, the labels that are not among them."""
    known = tuple(dict.fromkeys(first))
    found = {label for image in images for label in image.labels}
    found |= {shape.label for image in images for shape in image.annotation.shapes}
    return known + tuple(sorted(found - set(known)))


def checked_name(name: Any, where: str) -> str:
    """Returns the path of an image as a format's file names it, tidied.

    Args:
        name: relative to the folder of images.
        where: the file that names it, for messages.

    Raises:
        DataError: for no text, an absolute path, or one that leaves the folder.
    """
    if not isinstance(name, str) or not name or not is_text(name) or _CONTROL.search(name):
        raise DataError(f"{where}: expected the name of an image file, received {str(name)[:80]!r}")
    plain = name.replace("\\", "/") if "\\" in name and "/" not in name else name
    tidy = posixpath.normpath(plain)
    if _ABSOLUTE.match(plain) or ".." in plain.split("/") or tidy == ".":
        raise DataError(f"{where}: expected the name of an image inside the dataset's folder, received {name[:80]!r}")
    return tidy


def by_name(images: Iterable[AnnotatedImage], where: str) -> tuple[AnnotatedImage, ...]:
    """Returns images in the order of their names.

    Raises:
        DataError: if there is none, or two have one name.
    """
    found: dict[str, AnnotatedImage] = {}
    for image in images:
        if image.name in found:
            raise DataError(f"{where}: expected each image once, received {image.name!r} twice")
        found[image.name] = image
    if not found:
        raise DataError(f"{where}: expected at least one image, received none")
    return tuple(found[name] for name in sorted(found))
