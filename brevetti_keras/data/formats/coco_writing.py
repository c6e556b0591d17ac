"""Writes COCO: a JSON file a split in `annotations/`, the images below `images/`.

write_coco(collection, Target("/tmp/out"))         # the images are put there by the caller
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from brevetti_keras.data.annotation import Shape
from brevetti_keras.data.formats.coco import IMAGES, NUMBERED
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection, split_of
from brevetti_keras.data.formats.drawing import mask_with_holes
from brevetti_keras.data.formats.names import file_word
from brevetti_keras.data.formats.target import Target
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.data.shape_geometry import area, bounds, holes_of, is_hole, mask_of
from brevetti_keras.utils.encode import to_json


def coco_place(image: AnnotatedImage) -> str:
    """Returns where an image lies in the folder."""
    return f"{IMAGES}/{image.name}"


def write_coco(collection: Collection, target: Target) -> None:
    """Writes the JSON files.

    Lines and points are no objects of COCO's; the caller keeps them aside. What has holes becomes a mask.

    Args:
        collection: what to write; images with a size.
        target: the folder.
    """
    splits: dict[str, list[AnnotatedImage]] = {}
    for image in collection.images:
        splits.setdefault(file_word(split_of(image.purpose)) if image.purpose else "default", []).append(image)
    categories = _categories(collection)
    own_ids = _own_ids(collection.images)
    for split, images in splits.items():
        content = _content(images, categories, own_ids)
        about = {key: value for key, value in collection.about.items() if key not in {*content, "categories"}}
        if not own_ids:
            about["info"] = {**_mapping(collection.about.get("info")), "ids": NUMBERED}
        target.write_bytes(f"annotations/instances_{split}.json", to_json({**about, **content}).encode("utf-8"))


def _content(images: list[AnnotatedImage], categories: list[dict[str, Any]], own_ids: bool) -> dict[str, Any]:
    ids = {category["name"]: category["id"] for category in categories}
    image_records: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    for number, image in enumerate(images, start=1):
        given = image.annotation
        numbered = {} if own_ids else {"id": number}
        file = {"file_name": image.name.removeprefix(f"{IMAGES}/"), "width": given.width, "height": given.height}
        image_records.append({**given.image, **numbered, **file})
        holes = [shape for shape in given.shapes if is_hole(shape)]
        for shape in given.shapes:
            record = None if is_hole(shape) else _record(shape, holes, (given.height, given.width))
            if record is not None:
                numbered = {} if own_ids else {"id": len(records) + 1}
                place = {"image_id": image_records[-1]["id"], "category_id": ids[shape.label]}
                records.append({**shape.extra, **record, **numbered, **place})
    return {"images": image_records, "annotations": records, "categories": categories}


def _record(shape: Shape, holes: Sequence[Shape], size: tuple[int, int]) -> dict[str, Any] | None:
    if shape.kind in {"polygon", "mask"} and holes_of(shape, holes):
        # COCO's polygons are unions, which have no holes.
        shape = replace(
            shape, kind="mask", points=(), parts=(), mask=RunLengths.of(mask_with_holes(shape, holes, size))
        )
    box = bounds(shape)
    if shape.kind in {"line", "point", "class"} or box is None:
        return None
    record: dict[str, Any] = {"bbox": list(box), "iscrowd": shape.extra.get("iscrowd", 0)}
    if shape.kind == "polygon":
        record["segmentation"] = [
            [number for point in part for number in point] for part in (shape.points, *shape.parts)
        ]
    if shape.kind == "mask":
        runs = shape.mask if isinstance(shape.mask, RunLengths) else RunLengths.of(mask_of(shape))
        record["segmentation"] = runs.json()
    told = shape.extra.get("area")
    return {**record, "area": area(shape, None if shape.box else box) if told is None else told}


def _categories(collection: Collection) -> list[dict[str, Any]]:
    """The source's own categories as long as they are those of the collection, in its order."""
    given = collection.about.get("categories")
    names = [_mapping(record).get("name") for record in given] if isinstance(given, list) else []
    if names == list(collection.classes):
        return [dict(record) for record in given or []]
    return [{"id": number, "name": label} for number, label in enumerate(collection.classes, start=1)]


def _own_ids(images: Iterable[AnnotatedImage]) -> bool:
    """Whether every image and every object has an id of its own."""
    found = [image.annotation.image.get("id") for image in images]
    inner = [shape.extra.get("id") for image in images for shape in image.annotation.shapes]
    return all(all(type(one) is int for one in ids) and len(set(ids)) == len(ids) for ids in (found, inner))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
