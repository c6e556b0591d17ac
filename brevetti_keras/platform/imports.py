"""Datasets of other tools become datasets of ours, and the other way round; an import refers to the images.

import_dataset(connect(), "coco", "/data/parts", name="parts")       # a dataset of the workspace
import_table("coco", "/data/parts")                                  # only the CSV of samples, in the cache
export_dataset(record, "yolo", "/tmp/parts")
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Sequence
from typing import Any

from brevetti_keras.data.formats.collection import Collection
from brevetti_keras.data.formats.names import file_word
from brevetti_keras.data.formats.reading import READERS, read_format
from brevetti_keras.data.formats.samples_table import collection_of, write_table
from brevetti_keras.data.formats.writing import WRITERS, Written, write_format
from brevetti_keras.io.cache_folder import cache_folder
from brevetti_keras.io.open import local_path_of
from brevetti_keras.platform.embedded_platform import EmbeddedPlatform
from brevetti_keras.platform.platform import Platform
from brevetti_keras.platform.samples import SampleSource, get_image_samples
from brevetti_keras.platform.tfds import read_tfds
from brevetti_keras.platform.tfds_writing import write_tfds
from brevetti_keras.utils.errors import BrevettiError, InvalidInputError
from brevetti_keras.wire.records import Dataset as DatasetRecord

IMPORTS = (*READERS, "tfds")
EXPORTS = (*WRITERS, "tfds")


def import_dataset(
    platform: Platform,
    form: str,
    path: str,
    name: str | None = None,
    tags: Sequence[str] = (),
    notes: str = "",
    splits: Sequence[str] = (),
    data_dir: str | None = None,
) -> DatasetRecord:
    """Adds a dataset of another form to a workspace.

    Args:
        platform: a workspace on this machine.
        form: one of `IMPORTS`.
        path: the folder or its URL, see `read_format`; of `tfds` the dataset's name, or where one is stored.
        name: unique; by default the folder's.
        tags: as `"key=value"`.
        notes: free text.
        splits: of `tfds`, which ones; none stands for all.
        data_dir: of `tfds`, where it keeps its data.

    Raises:
        InvalidInputError: for another form, or a platform on another machine.
        NotFoundError, DataError: for what cannot be read, see `read_format` and `read_tfds`.
        ConflictError: if another dataset has the name.
    """
    collection = read_source(platform, form, path, splits, data_dir)
    return add_collection(platform, collection, name_of(path), name, tags, notes)


def read_source(
    platform: Platform, form: str, path: str, splits: Sequence[str] = (), data_dir: str | None = None
) -> Collection:
    """Returns what a dataset of another form holds; the first half of `import_dataset`, whose arguments it has."""
    if form == "tfds":
        return read_tfds(path, splits, data_dir, os.path.join(_datasets_folder(platform), "tfds"))
    return read_format(form, _expanded(path))


def add_collection(
    platform: Platform,
    collection: Collection,
    default_name: str,
    name: str | None = None,
    tags: Sequence[str] = (),
    notes: str = "",
) -> DatasetRecord:
    """Adds a collection as a dataset; the second half of `import_dataset`.

    Args:
        platform: a workspace on this machine.
        collection: its images stay where they are.
        default_name: what it is called without `name`, with a number where that is taken.
        name: unique.
        tags: as `"key=value"`.
        notes: free text.

    Raises:
        InvalidInputError: for a platform on another machine, or images that a CSV cannot refer to.
        ConflictError: if another dataset has the name.
    """
    chosen = name or default_name
    folder = os.path.join(_datasets_folder(platform), f"{file_word(chosen)}-{secrets.token_hex(4)}")
    table = write_table(collection, folder)
    try:
        free = _free(platform, chosen) if name is None else name
        return platform.datasets.add(table, name=free, tags=tags, notes=notes)
    except BrevettiError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _datasets_folder(platform: Platform) -> str:
    if not isinstance(platform, EmbeddedPlatform):
        raise InvalidInputError(
            "expected a workspace on this machine, received a server: import where its workspace lies"
        )
    return os.path.join(platform.home, "datasets")


def import_table(form: str, path: str | os.PathLike[str]) -> str:
    """Returns the path of a CSV of samples in the cache that lists a dataset of another form, read anew each time.

    Raises:
        InvalidInputError, NotFoundError, DataError: see `read_format`.
    """
    place = _expanded(os.fspath(path))
    return cached_table(read_format(form, place), form, place)


def cached_table(collection: Collection, form: str, source: Any) -> str:
    """Writes a collection into the cache and returns the path of its CSV, the same for the same source."""
    key = hashlib.sha256(str(source).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return write_table(collection, os.path.join(cache_folder(), "imports", form, key), replace=True)


def export_dataset(dataset: SampleSource, form: str, folder: str | os.PathLike[str]) -> Written:
    """Writes a dataset's images, copied, with their labels, purposes and annotations.

    Args:
        dataset: a Dataset, or a platform's record of one.
        form: `"csv"`, `"coco"`, `"yolo"`, `"voc"`, `"mvtec"` or `"tfds"`.
        folder: a path or URL where there is nothing yet.

    Raises:
        InvalidInputError: for another form, or what it has no place for.
        ConflictError: if there is something in the folder.
        DataError: for no image, or an image or annotation that cannot be read.
    """
    samples = get_image_samples([dataset], annotations=True)
    collection = collection_of(samples, dataset.bucket)
    if form == "tfds":
        return write_tfds(collection, dataset.name, _expanded(os.fspath(folder)))
    return write_format(collection, form, _expanded(os.fspath(folder)))


def _expanded(path: str) -> str:
    return local_path_of(os.path.expanduser(path)) or path


def name_of(path: str) -> str:
    """Returns what a dataset at a path is called by default."""
    stem = (
        os.path.basename(_expanded(path).rstrip("/")).removesuffix(".json").removesuffix(".yaml").removesuffix(".yml")
    )
    printable = "".join(character if character.isprintable() else "_" for character in stem)
    return printable.encode("utf-8", "replace").decode("utf-8")[:180] or "dataset"


def _free(platform: Platform, name: str) -> str:
    taken = {dataset.name for dataset in platform.datasets.list()}
    names = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3)))
    return next(one for one in names if one not in taken)
