"""Our own form: a CSV of samples with a JSON file an annotated image, which refers to the images where they lie.

    path = write_table(collection, "/data/platform/datasets/parts")      # …/parts/samples.csv, a dataset like any CSV
    collection_of(samples, path)                                # from get_image_samples(path, annotations=True)

`samples.csv` has `path`, `categories` (a JSON list of labels), `purpose`, `annotation_path` and what the samples carry
along; `annotations/` the JSON files; `dataset.json` the classes in their order and what the source says of the whole.
"""

import contextlib
import hashlib
import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from brevetti_keras.data.annotation import Annotation, read_annotation, write_annotation
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection, all_classes
from brevetti_keras.data.samples import COLUMNS
from brevetti_keras.data.text_csv import text_csv
from brevetti_keras.io.files import Files
from brevetti_keras.io.local import os_errors
from brevetti_keras.io.local_copies import fetch_copies, local_copy
from brevetti_keras.io.open import local_path_of
from brevetti_keras.io.scratch import scratch_folder
from brevetti_keras.utils.encode import from_json, to_json, to_jsonable
from brevetti_keras.utils.errors import ConflictError, DataError, InvalidInputError

TABLE = "samples.csv"
ABOUT = "dataset.json"
# Tells of what content the folder is, without reading it.
_DIGEST = ".content"
_SCRATCH = ".import-"
_TRIES = 10
_OURS = ("path", "categories", "purpose", "annotation_path")


def write_table(collection: Collection, folder: str, *, replace: bool = False) -> str:
    """Writes a collection so that `get_image_samples` lists it; the images stay where they are.

    Args:
        collection: its images' paths are absolute.
        folder: a folder of this machine that is made in one step.
        replace: whether one that is there is replaced; one of the same content stays, so that who reads it, or writes
            it at the same time, is not disturbed.

    Returns:
        The path of the CSV.

    Raises:
        InvalidInputError: for images elsewhere than on this machine or in a bucket, to which a CSV cannot refer.
        ConflictError: if the folder is there and may not be replaced.
        StorageError: for what the system refuses.
    """
    elsewhere = next((image.path for image in collection.images if not _can_be_named(image.path)), None)
    if elsewhere is not None:
        raise InvalidInputError(
            f"expected images on this machine or in a bucket to refer to, received {elsewhere}: copy the dataset to a "
            "folder first"
        )
    folder = local_path_of(folder) or ""
    parent = os.path.dirname(folder)
    with os_errors(folder), scratch_folder(parent, _SCRATCH) as temporary:
        os.mkdir(os.path.join(temporary, "annotations"))
        digest = hashlib.sha256()
        for name, content in table_files(collection):
            digest.update(b"%d %d " % (len(name), len(content)) + name.encode() + content)
            with open(os.path.join(temporary, name), "wb") as file:
                file.write(content)
        with open(os.path.join(temporary, _DIGEST), "w") as file:
            file.write(digest.hexdigest())
        os.chmod(temporary, 0o755)
        if not _moved(temporary, folder, replace):
            raise ConflictError(f"expected no folder {folder}, found one: choose another name")
    return os.path.join(folder, TABLE)


def _moved(temporary: str, folder: str, replace: bool) -> bool:
    """Moves a written folder to its place; returns False if another is there that may not be replaced."""
    content = _digest(temporary)
    for _ in range(_TRIES):
        if replace and _digest(folder) == content:
            return True
        with contextlib.suppress(OSError):
            os.rename(temporary, folder)
            return True
        if not replace:
            return False
        # Out of the way by one step: who replaces it at the same time must not take files out of the new one.
        old = tempfile.mkdtemp(prefix=_SCRATCH, dir=os.path.dirname(folder))
        with contextlib.suppress(OSError):
            os.rename(folder, old)
        shutil.rmtree(old, ignore_errors=True)
    return False


def _digest(folder: str) -> str:
    try:
        with open(os.path.join(folder, _DIGEST)) as file:
            return file.read()
    except OSError:
        return ""


def _can_be_named(path: str) -> bool:
    return path.startswith("gs://") or "://" not in path


def table_files(collection: Collection) -> Iterator[tuple[str, bytes]]:
    """Yields the names and contents of the files that hold a collection, but for its images.

    Args:
        collection: its images' paths are absolute, or relative to the folder of the files.
    """
    names = list(dict.fromkeys(name for image in collection.images for name in image.columns))
    rows = []
    for number, image in enumerate(collection.images):
        place = f"annotations/{number:08d}.json" if not image.annotation.is_empty else ""
        if place:
            yield place, write_annotation(image.annotation)
        carried = ["" if (value := image.columns.get(name)) is None else str(value) for name in names]
        rows.append([image.path, to_json(list(image.labels)), image.purpose, place, *carried])
    yield TABLE, text_csv(pd.DataFrame(rows, columns=[*_OURS, *names], dtype="str"))
    yield ABOUT, to_json({"classes": collection.classes, "about": collection.about}, indent=1).encode("utf-8")


def collection_of(samples: pd.DataFrame, bucket: str) -> Collection:
    """Returns the collection that samples are.

    Args:
        samples: of one dataset, from `get_image_samples(…, annotations=True)`.
        bucket: the dataset's, where its classes may be told.

    Raises:
        DataError: for an annotation that cannot be read.
        NotFoundError: for one that is not there.
    """
    top = posixpath.dirname(bucket) if bucket.lower().endswith(".csv") else bucket
    shared = _shared_folder(top, samples.path.tolist())
    carried = [name for name in samples.columns if name not in {*COLUMNS, "annotation_path", "purpose"}]
    files = Files()
    fetch_copies(samples.get("annotation_path", ()))
    images = []
    for row in samples.to_dict("records"):
        path, place = row["path"], row.get("annotation_path", "")
        annotation = read_annotation(files.read_file(_here(place)), place) if place else Annotation()
        name = path.removeprefix(shared)
        purpose = row.get("purpose")
        columns = {key: to_jsonable(row[key]) for key in carried}
        given = purpose if isinstance(purpose, str) else ""
        images.append(AnnotatedImage(path, name, tuple(row["category"]), given, annotation, columns))
    classes, about = _told(top)
    return Collection(tuple(images), all_classes(images, classes), about)


def _here(place: str) -> str:
    return local_copy(place) if place.startswith("gs://") else place


def _shared_folder(top: str, paths: list[str]) -> str:
    """The dataset's folder, or that of all its images where a CSV names some that lie elsewhere."""
    if all(path.startswith(f"{top}/") for path in paths):
        return f"{top}/"
    # The first and the last in order share what all share; URLs have no path that could be compared by its parts.
    first, last = min(paths), max(paths)
    same = next((place for place, letter in enumerate(first) if last[place : place + 1] != letter), len(first))
    return first[: first.rfind("/", 0, same) + 1]


def _told(top: str) -> tuple[list[str], Mapping[str, Any]]:
    place = posixpath.join(top, ABOUT)
    files = Files()
    if not files.isfile(place):
        return [], {}
    try:
        value = from_json(files.read_file(place))
    except InvalidInputError as error:
        raise DataError(f"{place}: {error}") from error
    classes, about = (value.get(key) for key in ("classes", "about")) if isinstance(value, Mapping) else (None, None)
    if not isinstance(classes, list) or not all(isinstance(label, str) for label in classes):
        raise DataError(f"{place}: expected 'classes' as a list of text, received something else")
    return classes, about if isinstance(about, Mapping) else {}
