"""From a folder (or a CSV of samples) to the table of samples that everything downstream reads.

    samples = samples_of("/data/vials", dataset_id="vials", dataset_name="Vials")
    samples[["path", "category", "etag"]]

A storage is walked → image files → labels from their folders → hashes from the memory → one row a file, sorted by path.
The walk only stats. A file that cannot be a sample at all (its name is not text) is in `Listing.skipped`.
"""

import logging
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from brevetti_keras.data.checksums import HashMemory, md5_of
from brevetti_keras.data.found_files import FoundFiles, taken
from brevetti_keras.data.named_objects import named_objects
from brevetti_keras.data.sample_choice import ClassMapping as ClassMapping
from brevetti_keras.data.sample_choice import SampleFilter as SampleFilter
from brevetti_keras.data.sample_choice import labels_of, predicate_of
from brevetti_keras.data.samples_csv import read_samples_csv
from brevetti_keras.io.local import LocalStorage
from brevetti_keras.io.local_copies import fetch_copies
from brevetti_keras.io.open import open_storage, split_url
from brevetti_keras.io.paths import is_text, shown_path
from brevetti_keras.io.storage import FileInfo, Storage
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError, StorageError
from brevetti_keras.wire.routes import download_urls

_log = logging.getLogger(__name__)

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
ROOT_NAME = "__root__"
ANNOTATIONS = ".annotations"
COLUMNS = (
    "path", "category", "folder", "etag", "size", "bucket", "dataset", "dataset_id", "reference", "url",
)  # fmt: skip
SKIPPED_COLUMNS = ("path", "dataset", "dataset_id", "category", "size", "reason")

NOT_TEXT = "its name is not text in UTF-8: rename it"
_OURS = ["etag", "size", "bucket", "dataset", "dataset_id", "url"]
_WINDOW = 50_000


@dataclass(frozen=True)
class Listing:
    """What a dataset holds.

    Attributes:
        samples: one row a sample, columns `COLUMNS` and what a CSV carries along.
        skipped: one row an image file that cannot be a sample, columns `SKIPPED_COLUMNS`; the bytes of its name that
            are not text are written as `\\xNN`.
    """

    samples: pd.DataFrame
    skipped: pd.DataFrame


def samples_of(
    bucket: str,
    dataset_id: str,
    dataset_name: str,
    reference: str = "",
    class_mapping: ClassMapping | None = None,
    classes: Iterable[str] | None = None,
    sample_filter: SampleFilter | None = None,
    annotations: bool = False,
    hashes: HashMemory | None = None,
) -> pd.DataFrame:
    """Returns the samples of one dataset, see `list_samples`; what was skipped is logged."""
    listing = list_samples(
        bucket, dataset_id, dataset_name, reference, class_mapping, classes, sample_filter, annotations, hashes
    )
    for path, reason in zip(listing.skipped.path, listing.skipped.reason, strict=True):
        _log.warning("skipped %s: %s", path, reason)
    return listing.samples


def list_samples(
    bucket: str,
    dataset_id: str,
    dataset_name: str,
    reference: str = "",
    class_mapping: ClassMapping | None = None,
    classes: Iterable[str] | None = None,
    sample_filter: SampleFilter | None = None,
    annotations: bool = False,
    hashes: HashMemory | None = None,
) -> Listing:
    """Lists one dataset.

    Args:
        bucket: a folder or other storage (see `open_storage`), or the path of a CSV of samples with the columns `path`
            (relative to the CSV, or all `gs://…` of one bucket), `category` or `categories` (optional, see
            `read_samples_csv`), `annotation_path` (optional, the same) and any others, which are carried along.
        dataset_id: goes into `dataset_id`.
        dataset_name: goes into `dataset`.
        reference: goes into `reference`; `N/A` if empty.
        class_mapping: folder names to a label or labels; of a file's folders, the innermost that it names counts.
        classes: keep only these labels (text is one), and only samples that have one.
        sample_filter: keep only samples whose path below the dataset this regular expression finds (any case), or for
            which this function returns True.
        annotations: add `annotation_path`: the CSV's, else the last file of `.annotations/<path of the image>/`, `""`
            if none.
        hashes: where `etag` comes from; by default the memory in its usual place.

    Raises:
        NotFoundError: if there is no such folder or CSV.
        DataError: for a CSV that cannot be read as samples.
    """
    wanted = {classes} if isinstance(classes, str) else None if classes is None else set(classes)
    frame, skipped = _hashed(bucket, class_mapping or {}, wanted, sample_filter, annotations, hashes or HashMemory())
    frame["dataset"] = pd.Series(dataset_name, index=frame.index, dtype="str")
    frame["dataset_id"] = pd.Series(dataset_id, index=frame.index, dtype="str")
    given = frame["reference"] if "reference" in frame else pd.Series("", index=frame.index, dtype="str")
    frame["reference"] = given.where(given != "", reference or "N/A")
    frame["url"] = _urls(frame.path)
    columns = [*COLUMNS, *(column for column in frame.columns if column not in COLUMNS)]
    frame = _by_path(frame[columns])
    skipped = skipped.assign(dataset=dataset_name, dataset_id=dataset_id)[[*SKIPPED_COLUMNS]]
    _log.info("%s: %s, %s skipped", bucket, counted(len(frame), "sample"), counted(len(skipped), "file"))
    return Listing(frame, skipped)


def _urls(paths: "pd.Series[str]") -> "pd.Series[str]":
    # A window at a time: a million of them as Python's texts would take more memory than all the columns.
    windows = [
        pd.Series(download_urls(paths.iloc[start : start + _WINDOW]), dtype="str")
        for start in range(0, max(1, len(paths)), _WINDOW)
    ]
    return pd.concat(windows, ignore_index=True).set_axis(paths.index)


def list_images(storage: Storage, *, root_name: str = ROOT_NAME) -> pd.DataFrame:
    """Returns the images of a storage without reading one.

    Args:
        storage: of which all that is not hidden is walked.
        root_name: the folder's name for files at the top.

    Returns:
        Columns path (absolute, or a URL), category (tuple of the folder's name), folder, etag (where the storage has
        it without reading, else `""`), size (bytes), bucket (the storage's root); sorted by path.
    """
    source = _Source(storage, "", _image_files(storage))
    chosen = _choose(source, {}, None, None, root_name)
    return _frame(source, chosen)


def list_files(bucket: str) -> pd.DataFrame:
    """Returns the images of a dataset, a folder or a CSV of samples, without reading one.

    Args:
        bucket: as for `list_samples`.

    Returns:
        As `list_images`.

    Raises:
        NotFoundError: if there is no such folder or CSV.
        DataError: for a CSV that cannot be read as samples.
    """
    source = _open_source(bucket)
    return _by_path(_frame(source, _choose(source, {}, None, None)))


@dataclass(frozen=True)
class _Source:
    """Files found, before any is chosen: relative to the storage, which the dataset shares from `top` down; `labels`,
    `annotations` and `extras` (a row a file) where a CSV gives them."""

    storage: Storage
    top: str
    files: FoundFiles
    labels: list[tuple[str, ...] | None] | None = None
    annotations: list[str] | None = None
    extras: pd.DataFrame | None = None
    root: str = ""

    def below(self, path: str) -> str:
        """The path as seen from the dataset's root."""
        return path.removeprefix(f"{self.top}/") if self.top else path


@dataclass(frozen=True)
class _Chosen:
    """The files that are samples, their labels and folders, and those that cannot be."""

    files: FoundFiles
    rows: Sequence[int]
    categories: list[tuple[str, ...]]
    folders: list[str]
    skipped: pd.DataFrame


def _open_source(bucket: str) -> _Source:
    storage, inner = split_url(bucket, follow_links=True)
    if inner.lower().endswith(".csv") and storage.isfile(inner):
        return _csv_source(storage, inner, bucket)
    storage = open_storage(bucket, follow_links=True)
    if isinstance(storage, LocalStorage) and not Path(storage.root).is_dir():
        raise NotFoundError(f"expected a folder of images or a CSV of samples at {bucket}, found neither")
    if not is_text(storage.root):
        raise InvalidInputError(f"expected a folder whose path is text in UTF-8, received {shown_path(bucket)}")
    return _Source(storage, "", _image_files(storage))


def _csv_source(storage: Storage, inner: str, bucket: str) -> _Source:
    frame = read_samples_csv(storage.read_bytes(inner), bucket)
    top = posixpath.dirname(inner)
    labels = frame.pop("category").tolist()
    named = frame.pop("annotation_path").tolist() if "annotation_path" in frame else None
    annotations = None if named is None else [_resolved(storage, top, path) for path in named]
    paths = frame.pop("path").tolist()
    extras = frame.drop(columns=_OURS, errors="ignore")
    objects = named_objects(paths, bucket, None if isinstance(storage, LocalStorage) else storage)
    if objects is not None:
        root = storage.resolve(top)
        return _Source(objects[0], "", FoundFiles.of(objects[1]), labels, annotations, extras, root)
    infos = []
    # One listing of a bucket is quicker than a question for each file.
    listed = {} if isinstance(storage, LocalStorage) else {info.path: info for info in storage.walk(top, hidden=True)}
    for path in paths:
        # Joined to an absolute path so that `..` may lead to a neighbour of the CSV's folder, but not above the top.
        clean = posixpath.normpath(posixpath.join("/", top, path)).lstrip("/")
        try:
            infos.append(listed.get(clean) or storage.stat(clean))
        except (NotFoundError, StorageError):
            infos.append(FileInfo(clean, 0))  # its inspection says that it is missing
    return _Source(storage, top, FoundFiles.of(infos), labels, annotations, extras)


def _resolved(storage: Storage, top: str, path: str) -> str:
    if not path or path.startswith("gs://"):
        return path
    return storage.resolve(posixpath.normpath(posixpath.join("/", top, path)).lstrip("/"))


def _image_files(storage: Storage) -> FoundFiles:
    return FoundFiles.of(storage.walk(), IMAGE_ENDINGS)


def _choose(
    source: _Source,
    mapping: ClassMapping,
    classes: set[str] | None,
    sample_filter: SampleFilter | None,
    root_name: str = ROOT_NAME,
) -> _Chosen:
    wanted = predicate_of(sample_filter)
    labels = labels_of(mapping)
    paths = [source.below(path) for path in source.files.paths] if source.top else source.files.paths
    folders = [path.rpartition("/")[0] for path in paths]
    places = {folder: _place(folder, labels, root_name) for folder in set(folders)}
    categories = [places[folder][1] for folder in folders]
    for row, given in enumerate(source.labels or ()):
        if given is not None:
            categories[row] = tuple(dict.fromkeys(one for label in given for one in labels.get(label, (label,))))
    rows: Sequence[int] = range(len(paths))
    if classes is not None:
        categories = [tuple(label for label in category if label in classes) for category in categories]
        rows = [row for row in rows if categories[row]]
    if wanted is not None:
        rows = [row for row in rows if wanted(paths[row])]
    rows, skipped = _named(source, rows, categories)
    names = [places[folder][0] for folder in folders]
    return _Chosen(source.files.take(rows), rows, taken(categories, rows), taken(names, rows), skipped)


def _named(
    source: _Source, rows: Sequence[int], categories: list[tuple[str, ...]]
) -> tuple[Sequence[int], pd.DataFrame]:
    """Returns the rows of files whose names are text, and a table of the others."""
    files, skipped = source.files, []
    if not all(map(str.isascii, files.paths)):
        for row in rows:
            if not is_text(files.paths[row]):
                shown = tuple(shown_path(label) for label in categories[row])
                path = shown_path(source.storage.resolve(files.paths[row]))
                skipped.append((path, "", "", shown, files.sizes[row], NOT_TEXT))
        rows = [row for row in rows if is_text(files.paths[row])]
    return rows, pd.DataFrame(skipped, columns=[*SKIPPED_COLUMNS])


def _place(folder: str, labels: dict[str, tuple[str, ...]], root_name: str) -> tuple[str, tuple[str, ...]]:
    """Returns the name of a file's folder and the labels that it gives."""
    way = [root_name, *(part for part in folder.split("/") if part)]
    mapped = next((labels[part] for part in reversed(way) if part in labels), None)
    return way[-1], (way[-1],) if mapped is None else mapped


def _frame(source: _Source, chosen: _Chosen) -> pd.DataFrame:
    start = "" if source.storage.root == "/" else source.storage.root
    categories = pd.Series(chosen.categories, dtype="object")
    frame = pd.DataFrame(
        {
            "path": pd.Series([f"{start}/{path}" for path in chosen.files.paths], dtype="str"),
            "category": categories,
            "folder": pd.Series(chosen.folders, dtype="str"),
            "etag": pd.Series(chosen.files.md5s, dtype="str"),
            "size": pd.Series(chosen.files.sizes, dtype="int64"),
        }
    )
    frame["bucket"] = pd.Series(source.root or source.storage.resolve(source.top), index=frame.index, dtype="str")
    if source.extras is not None:
        extras = source.extras.iloc[list(chosen.rows)].reset_index(drop=True)
        for column in extras.columns:
            frame[column] = extras[column]
        if "purpose" in extras and isinstance(extras["purpose"].dtype, pd.StringDtype):
            frame["purpose"] = extras["purpose"].where(extras["purpose"] != "")  # none given is missing, not text
    return frame


def _hashed(
    bucket: str,
    mapping: ClassMapping,
    classes: set[str] | None,
    sample_filter: SampleFilter | None,
    annotations: bool,
    hashes: HashMemory,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns what a dataset's files tell of its samples, and what was skipped; what was found on the way goes."""
    source = _open_source(bucket)
    chosen = _choose(source, mapping, classes, sample_filter)
    frame = _frame(source, chosen)
    frame["etag"] = _etags(source.storage, frame["path"], chosen.files, hashes)
    if annotations:
        frame["annotation_path"] = _annotation_paths(source, chosen)
    return frame, chosen.skipped


def _by_path(frame: pd.DataFrame) -> pd.DataFrame:
    # What a walk found is sorted, and a sorted copy of a million rows takes as much memory again.
    if frame["path"].is_monotonic_increasing:
        return frame
    return frame.sort_values("path", kind="stable", ignore_index=True)


def _etags(storage: Storage, paths: "pd.Series[str]", files: FoundFiles, hashes: HashMemory) -> "pd.Series[str]":
    etags = list(files.md5s)
    missing: Sequence[int] = range(len(etags))
    if any(etags):
        missing = [index for index, etag in enumerate(etags) if not etag]
    if missing and isinstance(storage, LocalStorage):
        asked = files.take(missing)
        # The column itself, of which a window at a time is taken: a million paths as a list are long.
        column: Any = paths.array if len(missing) == len(paths) else paths.iloc[list(missing)].array
        found = hashes.etags(column, asked.sizes, asked.modified_ns, progress=True)
        for index, etag in zip(missing, found, strict=True):
            etags[index] = etag
    elif missing:
        # What was composed of other objects has no md5 until somebody reads it; what is not there has no time either.
        urls = paths.tolist()
        copies = fetch_copies((urls[index] for index in missing if files.modified_ns[index]), progress=True)
        for index in missing:
            etags[index] = md5_of(copies[urls[index]]) if urls[index] in copies else ""
    return pd.Series(etags, dtype="str")


def _annotation_paths(source: _Source, chosen: _Chosen) -> "pd.Series[str]":
    if source.annotations is not None:
        return pd.Series([source.annotations[row] for row in chosen.rows], dtype="str")
    start = f"{source.top}/{ANNOTATIONS}".lstrip("/")
    last = {
        posixpath.dirname(info.path[len(start) + 1 :]): source.storage.resolve(info.path)
        for info in source.storage.walk(start, hidden=True)
    }
    return pd.Series([last.get(source.below(path), "") for path in chosen.files.paths], dtype="str")
