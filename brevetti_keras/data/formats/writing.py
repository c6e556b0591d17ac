"""`write_format`: a `Collection` to a folder that another tool reads, and that reads back as it was.

    write_format(collection, "yolo", "/tmp/parts")          # Written(images=200, kept_aside=3)

sizes from the files' headers → names that the format can have → images → its own files → read back → what came back
different is kept aside. So whatever a format cannot hold is found out, not guessed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tqdm import tqdm

from brevetti_keras.data.formats.coco_writing import coco_place, write_coco
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection
from brevetti_keras.data.formats.kept_aside import in_pixels, keep_aside
from brevetti_keras.data.formats.mvtec_writing import mvtec_place, write_mvtec
from brevetti_keras.data.formats.names import unique_names
from brevetti_keras.data.formats.reading import READERS
from brevetti_keras.data.formats.samples_table import table_files
from brevetti_keras.data.formats.staging import staged
from brevetti_keras.data.formats.target import Target
from brevetti_keras.data.formats.voc_writing import voc_place, write_voc
from brevetti_keras.data.formats.yolo_writing import write_yolo, yolo_place
from brevetti_keras.data.image.upright_size import upright_size
from brevetti_keras.io.open import local_path_of
from brevetti_keras.utils.errors import DataError, DecodeError, InvalidInputError


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        images: how many.
        kept_aside: how many of them hold what the format cannot, which lies in `brevetti.json`.
    """

    images: int
    kept_aside: int


@dataclass(frozen=True)
class _Writer:
    write: Callable[[Collection, Target], None]
    place: Callable[[AnnotatedImage], str]
    by_stem: bool = True
    flat: bool = False


def write_format(collection: Collection, name: str, folder: str) -> Written:
    """Writes images, copied, with their labels, purposes and annotations.

    Args:
        collection: what to write.
        name: `"csv"`, `"coco"`, `"yolo"`, `"voc"` or `"mvtec"`.
        folder: a path or URL where there is nothing yet.

    Raises:
        InvalidInputError: for another name, or what a format has no place for at all.
        ConflictError: if there is something in the folder.
        DataError: for no image, or one that cannot be read.
    """
    if name not in WRITERS:
        raise InvalidInputError(f"expected one of the formats {', '.join(WRITERS)}, received {name[:40]!r}")
    if not collection.images:
        raise DataError("expected at least one image to export, received none")
    writer = WRITERS[name]
    placed = _placed(collection, writer)
    with staged(folder) as local:
        target = Target(local, by_link=local_path_of(folder) is None)
        writer.write(placed, target)
        for image in tqdm(placed.images, desc="copying images", unit="image", disable=None, leave=False):
            target.copy(image.path, image.name)
        kept = keep_aside(placed, READERS[name](local), target) if name in READERS else 0
    return Written(len(placed.images), kept)


def _write_csv(collection: Collection, target: Target) -> None:
    images = tuple(replace(in_pixels(image), path=image.name) for image in collection.images)
    for name, content in table_files(replace(collection, images=images)):
        target.write_bytes(name, content)


def _csv_place(image: AnnotatedImage) -> str:
    return f"images/{image.name}"


def _placed(collection: Collection, writer: _Writer) -> Collection:
    names = unique_names(collection.images, by_stem=writer.by_stem, flat=writer.flat)
    images = []
    for image, short in zip(collection.images, names, strict=True):
        annotation = image.annotation
        if not (annotation.width and annotation.height):
            height, width = _size_of(image.path)
            annotation = replace(annotation, width=width, height=height)
        named = replace(image, name=short, annotation=annotation)
        images.append(replace(named, name=writer.place(named)))
    return replace(collection, images=tuple(images))


def _size_of(path: str) -> tuple[int, int]:
    try:
        return upright_size(path)
    except DecodeError as error:
        advice = "mend or remove it before an export; `brevetti-keras dataset check` names all such files"
        raise DecodeError(error.path, f"{error.reason}: {advice}") from error


WRITERS = {
    "csv": _Writer(_write_csv, _csv_place, by_stem=False),
    "coco": _Writer(write_coco, coco_place, by_stem=False),
    "yolo": _Writer(write_yolo, yolo_place),
    "voc": _Writer(write_voc, voc_place, flat=True),
    "mvtec": _Writer(write_mvtec, mvtec_place, flat=True),
}
