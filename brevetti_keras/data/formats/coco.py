"""COCO: boxes, polygons and masks of objects, in a JSON file a split (cocodataset.org/#format-data).

    collection = read_coco("/data/parts")                    # a folder, or one of its JSON files
    collection = read_coco("/data/parts/annotations/instances_train.json")

An image's labels are the categories of its objects; its purpose follows from the JSON file's name. What COCO tells of
an object or an image beside its place (`id`, `iscrowd`, `attributes`, `date_captured`, …) is carried along.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm

from brevetti_keras.data.annotation import (
    MAX_COORDINATE,
    Annotation,
    Box,
    Point,
    Shape,
    checked_box,
    checked_label,
    coordinate,
    image_side,
)
from brevetti_keras.data.formats.collection import (
    AnnotatedImage,
    Collection,
    by_name,
    checked_name,
    labels_of,
    purpose_of,
)
from brevetti_keras.data.formats.kept_aside import ASIDE
from brevetti_keras.data.formats.source import Source, folder_of, refuse_missing
from brevetti_keras.data.run_lengths import read_run_lengths
from brevetti_keras.data.shape_geometry import area, corners_of, plain_bounds
from brevetti_keras.io.open import split_url
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import DataError, InvalidInputError

IMAGES = "images"
NUMBERED = "numbered on export"
_OWN_FILES = re.compile(r"(^|/)(instances_[^/]*|_annotations\.coco)\.json$")
_PLACED = frozenset({"id", "image_id", "category_id", "bbox", "segmentation", "area", "iscrowd"})
_IMAGE_KEYS = frozenset({"file_name", "width", "height"})


def read_coco(path: str) -> Collection:
    """Returns the images that COCO's JSON files list.

    Args:
        path: a folder with JSON files in it or in `annotations/`, or one such file.

    Raises:
        DataError: for a file that is not COCO's JSON, a mark that makes no sense, an image that is missing or named
            twice, or a name that leads out of the folder.
        NotFoundError: if there is no such folder or file.
    """
    source, files = _found(path)
    classes: list[str] = []
    images: list[AnnotatedImage] = []
    about: dict[str, Any] = {}
    for file in files:
        reader = _Reader(source, file)
        images.extend(reader.images())
        classes.extend(reader.names)
        about = {**reader.about, **about}
    return Collection(by_name(images, source.root), tuple(dict.fromkeys(classes)), about)


def _found(path: str) -> tuple[Source, list[str]]:
    source = Source(folder_of(path))
    own = split_url(path, follow_links=True)
    if own[0].isfile(own[1]):
        return source, [own[0].resolve(own[1]).removeprefix(f"{source.root}/")]
    found = [file for file in source.below("", (".json",)) if file.count("/") <= 1 and file != ASIDE]
    files = [file for file in found if _OWN_FILES.search(file)] or found
    if not files:
        raise DataError(f"{source.root}: expected COCO's JSON files there or in annotations/, found none")
    return source, files


class _Reader:
    """One JSON file."""

    def __init__(self, source: Source, file: str) -> None:
        self._source = source
        self._file = file
        self._where = source.resolve(file)
        try:
            value = from_json(source.text(file))
        except InvalidInputError as error:
            raise DataError(f"{self._where}: {error}") from error
        if not isinstance(value, Mapping):
            raise DataError(f"{self._where}: expected COCO's JSON object, received {type(value).__name__}")
        self._images = self._records(value, "images")
        self._annotations = self._records(value, "annotations")
        records = self._records(value, "categories")
        self.categories = {
            identity: self._checked(checked_label, record.get("name")) for identity, record in records.items()
        }
        self.names = list(self.categories.values())
        self._refuse_equal_names()
        info = value.get("info")
        self._own_ids = not (isinstance(info, Mapping) and info.get("ids") == NUMBERED)
        self._known = _PLACED - {"id"} if self._own_ids else _PLACED
        lists = {"images", "annotations", "categories", *(() if self._own_ids else ("info",))}
        self.about = {key: item for key, item in value.items() if key not in lists}
        if list(records.values()) != [{"id": number, "name": name} for number, name in enumerate(self.names, start=1)]:
            self.about["categories"] = [dict(record) for record in records.values()]

    def _refuse_equal_names(self) -> None:
        name, count = Counter(self.names).most_common(1)[0] if self.names else ("", 0)
        if count > 1:
            raise DataError(f"{self._where}: expected each category's name once, received {name[:80]!r} twice")

    def _records(self, value: Mapping[str, Any], key: str) -> dict[Any, Mapping[str, Any]]:
        """The records of a list by their ids."""
        # The files of images to test on, `image_info_…`, have no annotations.
        records = value.get(key, [] if key == "annotations" else None)
        if not isinstance(records, list) or not all(isinstance(record, Mapping) for record in records):
            raise DataError(f"{self._where}: expected COCO's list {key!r}, received a file without it")
        found: dict[Any, Mapping[str, Any]] = {}
        for number, record in enumerate(records):
            # Annotations are not referred to, so those without an id do no harm.
            identity = record.get("id", f"#{number}" if key == "annotations" else None)
            if type(identity) not in {int, str}:
                raise DataError(f"{self._where}: expected an id in each of {key!r}, received {str(identity)[:40]!r}")
            if identity in found:
                raise DataError(f"{self._where}: expected each id in {key!r} once, received {identity!r} twice")
            found[identity] = record
        return found

    def images(self) -> list[AnnotatedImage]:
        shapes = self._shapes()
        found, missing = [], []
        for identity, record in self._images.items():
            name = checked_name(record.get("file_name"), self._where)
            place = self._place(name)
            if place is None:
                missing.append(name)
                continue
            annotation = Annotation(
                tuple(shapes.get(identity, ())),
                self._checked(image_side, record.get("width"), "width"),
                self._checked(image_side, record.get("height"), "height"),
                {key: value for key, value in record.items() if self._is_extra(key, _IMAGE_KEYS)},
            )
            labels = labels_of(annotation, self.names)
            purpose = self._purpose()
            found.append(AnnotatedImage(self._source.resolve(place), place, labels, purpose, annotation))
        refuse_missing(missing, self._where)
        return found

    def _is_extra(self, key: str, known: frozenset[str]) -> bool:
        return key not in known and (self._own_ids or key != "id")

    def _place(self, name: str) -> str | None:
        folder, base = posixpath.split(self._file)
        split = re.sub(r"^(instances|person_keypoints|image_info)_", "", base.removesuffix(".json"))
        own = (folder, "", IMAGES, f"{folder}/{IMAGES}")
        words = (split, split.rpartition("_")[2])
        tops = (*own, *(top for word in words for top in (word, f"{IMAGES}/{word}", f"{word}/{IMAGES}")))
        places = (posixpath.join(top, name) for top in tops)
        return next((file for file in map(self._source.named, places) if file is not None), None)

    def _purpose(self) -> str:
        folder, base = posixpath.split(self._file)
        known = (purpose_of(word) for word in re.split(r"[^A-Za-z]+", f"{base} {folder}"))
        return next((purpose for purpose in known if purpose in {"train", "devel", "test"}), "")

    def _shapes(self) -> dict[Any, list[Shape]]:
        found: dict[Any, list[Shape]] = {}
        progress = tqdm(self._annotations.items(), desc="reading annotations", unit="", disable=None, leave=False)
        for identity, record in progress:
            image, category = record.get("image_id"), record.get("category_id")
            # Lists and objects cannot be looked up, and true is not 1; they are no ids either.
            if isinstance(image, (list, dict, bool)) or image not in self._images:
                raise DataError(f"{self._where}: annotation {identity}: expected a known image_id, received {image!r}")
            if isinstance(category, (list, dict, bool)) or category not in self.categories:
                raise DataError(
                    f"{self._where}: annotation {identity}: expected a known category_id, received {category!r}"
                )
            try:
                found.setdefault(image, []).append(self._shape(record, self.categories[category]))
            except InvalidInputError as error:
                raise DataError(f"{self._where}: annotation {identity}: {error}") from error
        return found

    def _shape(self, record: Mapping[str, Any], label: str) -> Shape:
        box = checked_box(record["bbox"]) if record.get("bbox") is not None else None
        plain = _placed(label, record.get("segmentation"), box)
        extra = {} if record.keys() <= self._known else {key: record[key] for key in record if key not in self._known}
        if record.get("iscrowd"):
            extra["iscrowd"] = record["iscrowd"]
        # What follows from the points is not kept beside them.
        own = plain_bounds(plain)
        if record.get("area") is not None and record["area"] != area(plain, own):
            extra["area"] = record["area"]
        return Shape(label, plain.kind, plain.points, plain.parts, plain.mask, None if box == own else box, extra)

    def _checked(self, check: Any, *values: Any) -> Any:
        try:
            return check(*values)
        except InvalidInputError as error:
            raise DataError(f"{self._where}: {error}") from error


def _placed(label: str, segmentation: Any, box: Box | None) -> Shape:
    if isinstance(segmentation, Mapping):
        return Shape(label, "mask", mask=read_run_lengths(segmentation))
    if segmentation:
        points, *parts = _outlines(segmentation)
        return Shape(label, "polygon", points, tuple(parts))
    return Shape(label, "rectangle", corners_of(box)) if box is not None else Shape(label, "class")


def _outlines(segmentation: Any) -> list[tuple[Point, ...]]:
    found = []
    for numbers in segmentation if isinstance(segmentation, list) else [None]:
        if not isinstance(numbers, list) or len(numbers) < 6 or len(numbers) % 2:
            raise InvalidInputError(
                f"expected polygons as [x, y, x, y, x, y, …], at least three points, received {str(numbers)[:40]!r}"
            )
        # Millions of them: one look at all before a look at each, which says what is wrong.
        plain = {type(number) for number in numbers} <= {int, float} and max(map(abs, numbers)) <= MAX_COORDINATE
        values = [float(number) if plain else coordinate(number) for number in numbers]
        found.append(tuple(zip(values[::2], values[1::2], strict=True)))
    return found
