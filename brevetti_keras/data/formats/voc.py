"""Pascal VOC: an XML file an image with a box an object, and masks (host.robots.ox.ac.uk/pascal/VOC).

    collection = read_voc("/data/VOC2012")

`Annotations/*.xml`, `JPEGImages/`, masks as `voc_masks` reads them, and purposes from the lists in `ImageSets/Main/`,
else from those of the masks in `ImageSets/Segmentation/`; or XML files beside their images. An image that the two kinds
of lists have for different purposes carries that of its masks along in the column `segmentation_purpose`. VOC counts
pixels from 1 and includes the last; in ours a box of one pixel, `xmin = xmax = 1`, is 0 to 1.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element

from brevetti_keras.data.annotation import Annotation, Shape, checked_corners, checked_label, coordinate, image_side
from brevetti_keras.data.formats.collection import (
    AnnotatedImage,
    Collection,
    all_classes,
    by_name,
    checked_name,
    labels_of,
    purpose_of,
)
from brevetti_keras.data.formats.safe_xml import read_xml
from brevetti_keras.data.formats.source import Source, refuse_missing
from brevetti_keras.data.formats.voc_masks import CLASSES, VocMasks, inner_stem, stem_of
from brevetti_keras.data.samples import IMAGE_ENDINGS
from brevetti_keras.utils.errors import DataError, InvalidInputError

IMAGES = "JPEGImages"
XML = "Annotations"
LISTS = "ImageSets/Main"
MASK_LISTS = "ImageSets/Segmentation"
MASK_PURPOSE = "segmentation_purpose"
ATTRIBUTE = "@"
SIDES = ("xmin", "ymin", "xmax", "ymax")
_IMAGE_TAGS = frozenset({"filename", "folder", "path", "size", "object"})
_OBJECT_TAGS = frozenset({"name", "bndbox"})
USUAL = {"pose": "Unspecified", "truncated": "0", "difficult": "0", "occluded": "0"}
_NOTHING = 1e-6
_ENDINGS = (*IMAGE_ENDINGS, *(ending.upper() for ending in IMAGE_ENDINGS))


def read_voc(path: str) -> Collection:
    """Returns the images that the XML files below a folder describe, and those of `JPEGImages` that none does.

    Args:
        path: the folder that holds `Annotations` or `SegmentationClass`, and `JPEGImages`; or XML files beside images.

    Raises:
        DataError: for XML that is not VOC's, has a document type, or a box that makes no sense; an image that is
            missing, described twice, or whose name leads out; a mask of another size, or whose classes nothing names.
        DecodeError: for a mask that cannot be read.
        NotFoundError: if there is no such folder.
    """
    source = Source(path)
    files = source.below(XML, (".xml",)) or source.below("", (".xml",))
    if not files and not source.below(CLASSES, (".png",)):
        raise DataError(f"{source.root}: expected XML files in {XML} or masks in {CLASSES}, found none")
    found = [_Reader(source, file).image() for file in source.fetched(files)]
    refuse_missing([name for name in found if isinstance(name, str)], source.root)
    images = [image for image in found if isinstance(image, AnnotatedImage)]
    named = {image.name for image in images}
    images += [AnnotatedImage(source.resolve(name), name, ()) for name in source.below(IMAGES) if name not in named]
    masks = VocMasks(source, images)
    if masks:
        images = masks.all_drawn(images)
    purposes, own = _purposes(source, LISTS), _purposes(source, MASK_LISTS)
    images = [_with_purpose(image, purposes, own) for image in images]
    return Collection(by_name(images, source.root), all_classes(images, masks.classes))


def _with_purpose(image: AnnotatedImage, purposes: Mapping[str, str], own: Mapping[str, str]) -> AnnotatedImage:
    of_masks = _told(own, image.name) or ""
    purpose = _told(purposes, image.name) or of_masks
    return replace(image, purpose=purpose, columns={MASK_PURPOSE: of_masks} if of_masks not in {"", purpose} else {})


def _told(purposes: Mapping[str, str], name: str) -> str | None:
    """What lists say of an image, which they name by its path below its folder, or by its bare name."""
    return purposes.get(inner_stem(name), purposes.get(stem_of(name)))


def _purposes(source: Source, folder: str) -> dict[str, str]:
    """What the lists in a folder say, by the images' names, or their paths below their folder, without ending."""
    found: dict[str, str] = {}
    # Lists of one class have its name before `_`; trainval is both, so it speaks last, for what the others leave.
    lists = [file for file in source.below(folder, (".txt",)) if "_" not in stem_of(file)]
    for file in sorted(lists, key=lambda file: stem_of(file) == "trainval"):
        for line in source.text(file).splitlines():
            found.setdefault(line.strip(), purpose_of(stem_of(file)))
    return found


class _Reader:
    """One XML file."""

    def __init__(self, source: Source, file: str) -> None:
        self._source = source
        self._file = file
        self._where = source.resolve(file)
        self._root = read_xml(source.data(file), self._where)
        if self._root.tag != "annotation":
            raise DataError(f"{self._where}: expected an <annotation>, received <{self._root.tag[:40]}>")

    def image(self) -> AnnotatedImage | str:
        """The image, or the name of one that is missing."""
        name = checked_name((self._root.findtext("filename") or "").strip() or stem_of(self._file), self._where)
        place = self._place(name)
        if place is None:
            return name
        try:
            shapes = [self._shape(element) for element in self._root.iter("object")]
            width, height = (image_side(self._number(f"size/{side}"), side) for side in ("width", "height"))
        except InvalidInputError as error:
            raise DataError(f"{self._where}: {error}") from error
        rest = {"depth": depth} if (depth := self._root.findtext("size/depth")) else {}
        annotation = Annotation(tuple(shapes), width, height, {**_others(self._root, _IMAGE_TAGS), **rest})
        labels = labels_of(annotation, sorted({shape.label for shape in shapes}))
        return AnnotatedImage(self._source.resolve(place), place, labels, annotation=annotation)

    def _number(self, path: str) -> float | None:
        text = self._root.findtext(path)
        return None if text is None or not text.strip() else _number(text)

    def _place(self, name: str) -> str | None:
        # Tools are careless of the ending, so the name that the XML file itself has counts too.
        stems = (name, *(f"{stem}{end}" for stem in (name, stem_of(self._file)) for end in _ENDINGS))
        folder = posixpath.dirname(self._file)
        # Annotations/a/1.xml describes JPEGImages/a/1.jpg, also where it names only 1.jpg.
        inner = folder.removeprefix(XML).lstrip("/") if folder.startswith(f"{XML}/") else ""
        own = (posixpath.join(IMAGES, inner), posixpath.join("images", inner)) if inner else ()
        tops = (*own, IMAGES, folder, "images", "")
        places = (posixpath.join(top, one) for one in stems for top in tops)
        return next((file for file in map(self._source.named, places) if file is not None), None)

    def _shape(self, element: Element) -> Shape:
        label = checked_label((element.findtext("name") or "").strip())
        box = element.find("bndbox")
        extra = {tag: value for tag, value in _others(element, _OBJECT_TAGS).items() if value != USUAL.get(tag)}
        if box is None:
            return Shape(label, "class", extra=extra)
        x1, y1, x2, y2 = (coordinate(_number(box.findtext(side) or "")) for side in SIDES)
        left, top = x1 - 1, y1 - 1
        # Counting from 1 rounds what is nearly nothing away.
        if left > x2 + _NOTHING or top > y2 + _NOTHING:
            raise InvalidInputError(f"expected a box with xmin <= xmax and ymin <= ymax, received {x1, y1, x2, y2}")
        return Shape(label, "rectangle", checked_corners([(left, top), (x2, y2)]), extra=extra)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInputError(f"expected a number, received {text[:40]!r}") from error


def _others(element: Element, known: frozenset[str]) -> dict[str, Any]:
    """What an element holds beside the known: text, dicts, lists where a tag comes again, and attributes by `@name`."""
    found: dict[str, Any] = {f"{ATTRIBUTE}{name}": value for name, value in element.attrib.items()}
    for child in element:
        if child.tag in known:
            continue
        value = _others(child, frozenset()) if len(child) else (child.text or "").strip()
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(found[child.tag], list):
            found[child.tag].append(value)
        else:
            found[child.tag] = [found[child.tag], value]
    return found
