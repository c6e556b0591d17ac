"""Writes Pascal VOC: `Annotations/*.xml`, `ImageSets/Main/*.txt`, images in `JPEGImages/`, and masks with their lists.

write_voc(collection, Target("/tmp/out"))         # the images are put there by the caller
"""

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from brevetti_keras.data.annotation import Shape
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection, split_of
from brevetti_keras.data.formats.names import file_word
from brevetti_keras.data.formats.target import Target
from brevetti_keras.data.formats.voc import ATTRIBUTE, IMAGES, LISTS, MASK_LISTS, MASK_PURPOSE, SIDES, USUAL, XML
from brevetti_keras.data.formats.voc_masks import KEPT_OBJECT_VOID, KEPT_VOID, LABEL_MAP, stem_of
from brevetti_keras.data.formats.voc_masks_writing import label_map, mask_files
from brevetti_keras.data.image.index_image import VOID
from brevetti_keras.data.shape_geometry import bounds, corners_of, is_hole

_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# What XML 1.0, section 2.2, leaves out.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OWN_TAGS = frozenset(
    {"filename", "folder", "path", "size", "object", "name", "bndbox", "depth", KEPT_VOID, KEPT_OBJECT_VOID}
)


def voc_place(image: AnnotatedImage) -> str:
    """Returns where an image lies in the folder."""
    return f"{IMAGES}/{image.name}"


def write_voc(collection: Collection, target: Target) -> None:
    """Writes the XML files and the lists. Each shape gets the box around it; polygons and masks are drawn, too.

    Args:
        collection: what to write; images with a size, in `JPEGImages`, that differ without their endings.
        target: the folder.
    """
    numbers = {label: number for number, label in enumerate(collection.classes, start=1)}
    lists: dict[str, list[str]] = {}
    drawn = False
    for image in collection.images:
        stem = stem_of(image.name)
        marked = (shape for shape in image.annotation.shapes if not is_hole(shape))
        shapes = [shape for shape in marked if bounds(shape) is not None or shape.kind == "class"]
        target.write_bytes(f"{XML}/{stem}.xml", _xml(image, shapes))
        _list(lists, LISTS, image.purpose, stem)
        masks = list(mask_files(image, shapes, numbers))
        for name, data in masks:
            target.write_bytes(name, data)
        drawn = drawn or bool(masks)
        if masks or MASK_PURPOSE in image.columns:
            _list(lists, MASK_LISTS, image.columns.get(MASK_PURPOSE) or image.purpose, stem)
    for name, lines in lists.items():
        target.write_bytes(f"{name}.txt", "".join(lines).encode("utf-8"))
    if drawn and len(numbers) < VOID:
        target.write_bytes(LABEL_MAP, label_map(collection.classes))


def _list(lists: dict[str, list[str]], folder: str, purpose: object, stem: str) -> None:
    if isinstance(purpose, str) and purpose:
        lists.setdefault(f"{folder}/{file_word(split_of(purpose))}", []).append(f"{stem}\n")


def _xml(image: AnnotatedImage, shapes: Sequence[Shape]) -> bytes:
    root = Element("annotation")
    _add(root, "folder", IMAGES)
    _add(root, "filename", posixpath.basename(image.name))
    size = SubElement(root, "size")
    depth = image.annotation.image.get("depth")
    _add(size, "width", str(image.annotation.width))
    _add(size, "height", str(image.annotation.height))
    if isinstance(depth, str):
        _add(size, "depth", depth)
    _add_others(root, image.annotation.image, _OWN_TAGS)
    for shape in shapes:
        _add_object(root, shape)
    indent(root)
    return str(tostring(root, encoding="unicode")).encode("utf-8")


def _add_object(root: Element, shape: Shape) -> None:
    element = SubElement(root, "object")
    _add(element, "name", shape.label)
    _add_others(element, {**USUAL, **shape.extra}, _OWN_TAGS)
    box = bounds(shape)
    if box is None:
        return
    (x1, y1), (x2, y2) = corners_of(box)
    place = SubElement(element, "bndbox")
    for side, value in zip(SIDES, (x1 + 1, y1 + 1, x2, y2), strict=True):
        _add(place, side, str(int(value)) if value == int(value) else repr(value))


def _add_others(element: Element, values: Mapping[str, Any], known: frozenset[str] = frozenset()) -> None:
    """Adds text, and dicts and lists of it, but for the known; what else there is has no form in VOC."""
    for tag, value in values.items():
        if tag.startswith(ATTRIBUTE) and _TAG.fullmatch(tag[1:]) and isinstance(value, str):
            element.set(tag[1:], _NO_XML.sub("_", value))
        if not _TAG.fullmatch(tag) or tag in known:
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str):
                _add(element, tag, one)
            elif isinstance(one, Mapping):
                _add_others(SubElement(element, tag), one)


def _add(element: Element, tag: str, text: str) -> None:
    SubElement(element, tag).text = _NO_XML.sub("_", text).strip() or "_"
