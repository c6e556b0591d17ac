"""Writes a dataset of TensorFlow Datasets: a split a purpose, the files' own bytes, labels and boxes.

    write_tfds(collection, "parts", "/tmp/out")         # tfds.builder_from_directory("/tmp/out/parts/1.0.0")

What TensorFlow Datasets has no feature for stands in the feature `brevetti` as JSON, from which an import takes it;
what is told of the whole stands under the same name in the builder's `info.metadata`.
"""

import contextlib
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from brevetti_keras.data.annotation import Annotation
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection, split_of
from brevetti_keras.data.formats.kept_aside import image_content
from brevetti_keras.data.formats.names import file_word
from brevetti_keras.data.formats.staging import staged
from brevetti_keras.data.formats.writing import Written
from brevetti_keras.data.image.upright_size import upright_size
from brevetti_keras.data.shape_geometry import bounds, corners_of
from brevetti_keras.io.files import Files
from brevetti_keras.io.local_copies import local_copy
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import DataError
from brevetti_keras.utils.lazy import lazy_import

tfds = lazy_import("tensorflow_datasets", "tensorflow-datasets")

EXACT = "brevetti"
VERSION = "1.0.0"
_METADATA = "metadata.json"


def write_tfds(collection: Collection, name: str, folder: str) -> Written:
    """Writes `folder/<name>/1.0.0`.

    Args:
        collection: what to write.
        name: the dataset's; other characters than letters, digits and `_` become `_`.
        folder: a path or URL where there is nothing yet.

    Raises:
        ConflictError: if there is something in the folder.
        DataError: for no image, or one that cannot be read.
    """
    if not collection.images:
        raise DataError("expected at least one image to export, received none")
    splits: dict[str, list[AnnotatedImage]] = {}
    for image in collection.images:
        splits.setdefault(re.sub(r"\W", "_", split_of(image.purpose)), []).append(image)
    names = [_name(label) for label in collection.classes]
    features = {
        "image": tfds.features.Image(shape=(None, None, 3)),
        "labels": tfds.features.Sequence(tfds.features.ClassLabel(names=names)),
        "objects": tfds.features.Sequence(
            {"bbox": tfds.features.BBoxFeature(), "label": tfds.features.ClassLabel(names=names)}
        ),
        EXACT: tfds.features.Text(),
    }
    numbers = {label: number for number, label in enumerate(collection.classes)}
    # Standard output is for answers.
    with staged(folder) as local, contextlib.redirect_stdout(sys.stderr):
        builder = tfds.dataset_builders.store_as_tfds_dataset(
            name=re.sub(r"\W", "_", file_word(name).lower()).strip("_") or "dataset",
            version=VERSION,
            features=tfds.features.FeaturesDict(features),
            split_datasets={split: _Examples(images, numbers) for split, images in splits.items()},
            data_dir=local,
            disable_shuffling=True,
        )
        if collection.about:
            told = to_json({EXACT: collection.about})
            from_json(told)  # what could not be read again is refused while it still is where it came from
            Files().write_file(f"{builder.data_dir}/{_METADATA}", told)
    return Written(len(collection.images), 0)


def _name(label: str) -> str:
    """A name is a line in a file: a label that is none, or looks like what stands for such, is quoted as JSON."""
    plain = label.isprintable() and label.strip() == label and not label.startswith('"')
    return label if plain else to_json(label)


def about_of(builder: Any) -> Mapping[str, Any]:
    """Returns what `write_tfds` told of the whole; nothing for others' datasets.

    Raises:
        DataError: for a file of it that is damaged.
    """
    try:
        told = builder.info.metadata
    except ValueError as error:
        raise DataError(f"{builder.data_dir}/{_METADATA}: expected JSON, received other text") from error
    about = told.get(EXACT) if isinstance(told, Mapping) else None
    return about if isinstance(about, Mapping) else {}


def label_of(name: str) -> str:
    """Returns the label that `write_tfds` gave a name."""
    return str(from_json(name)) if name.startswith('"') else name


class _Examples:
    """The examples of a split, as often as they are asked for."""

    def __init__(self, images: list[AnnotatedImage], numbers: dict[str, int]) -> None:
        self._images = images
        self._numbers = numbers

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        files = Files()
        for key, image in enumerate(self._images):
            yield (
                key,
                {
                    "image": files.read_file(local_copy(image.path)),
                    "labels": [self._numbers[label] for label in image.labels],
                    "objects": self._objects(image.annotation, image.path),
                    EXACT: to_json(image_content(image)),
                },
            )

    def _objects(self, annotation: Annotation, path: str) -> list[dict[str, Any]]:
        if not annotation.shapes:
            return []
        known = annotation.height and annotation.width
        height, width = (annotation.height, annotation.width) if known else upright_size(path)
        found = []
        for shape in annotation.shapes:
            box = bounds(shape)
            if box is not None:
                (x1, y1), (x2, y2) = corners_of(box)
                shares = [min(max(value, 0.0), 1.0) for value in (y1 / height, x1 / width, y2 / height, x2 / width)]
                found.append({"bbox": tfds.features.BBox(*shares), "label": self._numbers[shape.label]})
        return found
