"""Writes splits of TensorFlow Datasets once as image files, one folder a label, so that hashes and links apply.

    write_split("mnist:3.0.1", "train")          # "~/.cache/brevetti-keras/tfds/mnist/3.0.1/train"
    read_tfds("voc/2007")                        # a Collection of all splits: labels, boxes, masks, purposes

The stored images are written as they are, byte for byte, never decoded.
"""

import contextlib
import hashlib
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from brevetti_keras.data.formats.collection import AnnotatedImage, Collection, all_classes, by_name, purpose_of
from brevetti_keras.data.formats.kept_aside import with_content
from brevetti_keras.data.formats.staging import fetched_folder
from brevetti_keras.data.samples import ROOT_NAME
from brevetti_keras.io.cache_folder import cache_folder
from brevetti_keras.io.files import Files
from brevetti_keras.io.local import os_errors
from brevetti_keras.io.open import local_path_of, open_storage
from brevetti_keras.io.scratch import scratch_folder
from brevetti_keras.platform.tfds_features import Features, features_of
from brevetti_keras.platform.tfds_writing import about_of
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import DataError, InvalidInputError, NotFoundError
from brevetti_keras.utils.lazy import lazy_import

tfds = lazy_import("tensorflow_datasets", "tensorflow-datasets")

_ENDINGS = ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpg"), (b"GIF8", "gif"), (b"BM", "bmp"))
_CONTENT = ".content.json"
_INFO = "dataset_info.json"


def read_tfds(
    source: Any, splits: Sequence[str] = (), data_dir: str | None = None, parent: str | None = None
) -> Collection:
    """Returns the images of splits, which are written as files the first time only.

    Args:
        source: a name, as `"mnist"` or `"mnist:3.0.1"`, a builder, or the folder or URL of a stored dataset.
        splits: as `"train"` or `"train[:10%]"`; none stands for all that there are.
        data_dir: where TensorFlow Datasets keeps its data; by default its own place.
        parent: the folder for the files; by default one in the cache.

    Returns:
        The images with their label, or those of their boxes and masks; of several splits, with the split's purpose.

    Raises:
        NotFoundError: if there is no such dataset.
        InvalidInputError: if it has no such split.
        DataError: if its samples have no image, or a box or mask that makes no sense.
    """
    if isinstance(source, str) and local_path_of(source) is None:
        return _read_remote(source, splits, data_dir, parent)
    return _read(source, splits, data_dir, parent, "")


def _read_remote(url: str, splits: Sequence[str], data_dir: str | None, parent: str | None) -> Collection:
    stored = [info for info in open_storage(url).walk() if info.path.endswith(_INFO)]
    since = hashlib.sha256(f"{url} {[info.modified_ns for info in stored]}".encode()).hexdigest()[:12]
    with fetched_folder(url) as folder:
        return _read(folder, splits, data_dir, parent, since)


def _read(source: Any, splits: Sequence[str], data_dir: str | None, parent: str | None, key: str) -> Collection:
    builder = _builder(source, data_dir)
    if not splits:
        _prepare(builder)  # which splits there are is told by what is stored
    chosen = tuple(splits) or tuple(builder.info.splits)
    images: list[AnnotatedImage] = []
    classes: list[str] = []
    for split in chosen:
        folder = write_split(source, split, data_dir, parent, key)
        content = from_json(Files().read_file(os.path.join(folder, _CONTENT)))
        classes = content["classes"]
        purpose = purpose_of(re.split(r"\W", split)[0]) if len(chosen) > 1 else ""
        for name, entry in content["images"].items():
            image = with_content(AnnotatedImage(os.path.join(folder, name), f"{_safe(split)}/{name}", ()), entry)
            images.append(image if content["exact"] else replace(image, purpose=purpose))
    return Collection(by_name(images, builder.info.full_name), all_classes(images, classes), about_of(builder))


def write_split(source: Any, split: str, data_dir: str | None, parent: str | None = None, key: str = "") -> str:
    """Returns the folder that holds a split's images; they are written the first time only.

    Args:
        source: a name, as `"mnist"` or `"mnist:3.0.1"`, or a builder.
        split: as `"train"` or `"train[:10%]"`.
        data_dir: where TensorFlow Datasets keeps its data; by default its own place.
        parent: the folder for the files; by default one in the cache.
        key: tells what is stored from others of its name; by default where it lies, and since when.

    Raises:
        NotFoundError: if there is no such dataset.
        InvalidInputError: if it has no such split.
        DataError: if its samples have no image.
    """
    builder = _builder(source, data_dir)
    parent = parent or os.path.join(cache_folder(), "tfds")
    name = (
        _safe(split)
        if isinstance(source, str) and not os.path.isdir(source)
        else f"{_safe(split)}-{key or _key(builder)}"
    )
    folder = os.path.join(parent, *map(_safe, builder.info.full_name.split("/")), name)
    if os.path.isfile(os.path.join(folder, _CONTENT)):
        return folder
    _prepare(builder)
    features = features_of(builder)
    try:
        samples = builder.as_dataset(split=split, decoders=features.decoders())
    except ValueError as error:
        known = ", ".join(builder.info.splits)
        raise InvalidInputError(f"expected one of the splits {known} of {builder.name}, received {split!r}") from error
    _write(folder, samples, features)
    return folder


def _prepare(builder: Any) -> None:
    if _is_folder(builder):
        return  # its images lie there already, and it raises when asked
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for answers
        builder.download_and_prepare()


def _is_folder(builder: Any) -> bool:
    return isinstance(builder, tfds.ImageFolder)


def _builder(source: Any, data_dir: str | None) -> Any:
    if not isinstance(source, str):
        if not isinstance(source, tfds.core.DatasetBuilder):
            raise InvalidInputError(f"expected a name or a builder of TensorFlow Datasets, received {source!r:.80}")
        return source
    if os.path.isdir(source):
        return _stored_builder(source)
    try:
        return tfds.builder(source, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        line = str(error).strip().splitlines()[0]
        raise NotFoundError(f"expected a dataset of TensorFlow Datasets, received {source!r}: {line}") from error


def _key(builder: Any) -> str:
    """Tells builders of one name and version apart: where they lie, and since when."""
    place = str(builder.data_dir)
    if _is_folder(builder):
        held = [(info.path, info.size, info.modified_ns) for info in open_storage(place, follow_links=True).walk()]
        return hashlib.sha256(f"{place} {held}".encode("utf-8", "surrogateescape")).hexdigest()[:12]
    info = os.path.join(place, _INFO)
    since = os.stat(info).st_mtime_ns if os.path.isfile(info) else 0
    return hashlib.sha256(f"{place} {since}".encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _stored_builder(folder: str) -> Any:
    found = [top for top, _, names in os.walk(folder) if _INFO in names]
    if len(found) != 1:
        raise DataError(f"{folder}: expected one stored dataset of TensorFlow Datasets below it, found {len(found)}")
    return tfds.builder_from_directory(found[0])


def _write(folder: str, samples: Any, features: Features) -> None:
    # Renamed when complete, so that a folder of that name is always whole.
    with scratch_folder(os.path.dirname(folder), ".tfds-") as temporary, os_errors(temporary):
        try:
            images: dict[str, Any] = {}
            for index, sample in enumerate(samples.as_numpy_iterator()):
                content, labels = sample[features.image], features.labels(sample)
                name = f"{_safe(labels[0]) if labels else ROOT_NAME}/{index:08d}.{_ending(content)}"
                path = os.path.join(temporary, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(content)
                images[name] = features.content(sample, path, f"{os.path.basename(folder)}, sample {index}")
            Files().write_file(
                os.path.join(temporary, _CONTENT),
                to_json({"classes": features.classes, "exact": features.exact is not None, "images": images}),
            )
            os.rename(temporary, folder)
        except OSError:
            # Two jobs may write the same split; the first one's is as good.
            if not os.path.isfile(os.path.join(folder, _CONTENT)):
                raise


def _ending(content: bytes) -> str:
    return next((ending for start, ending in _ENDINGS if content.startswith(start)), "png")


def _safe(name: str) -> str:
    return re.sub(r"[^\w.\-+ ]", "_", name).strip(". ") or "_"
