"""Writes a split of TensorFlow Datasets once as image files, one folder a label, so that hashes and links apply.

    write_split("mnist:3.0.1", "train")      # "~/.cache/brevetti-keras/tfds/mnist/3.0.1/train"

The stored images are written as they are, byte for byte, never decoded.
"""

import os
import re
import shutil
import tempfile
from typing import Any

from brevetti_keras.data.checksums import cache_folder
from brevetti_keras.data.samples import ROOT_NAME
from brevetti_keras.io.local import os_errors
from brevetti_keras.utils.errors import DataError, InvalidInputError, NotFoundError
from brevetti_keras.utils.lazy import lazy_import

tfds = lazy_import("tensorflow_datasets", "tensorflow-datasets")

_ENDINGS = ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpg"), (b"GIF8", "gif"), (b"BM", "bmp"))


def write_split(name: str, split: str, data_dir: str | None) -> str:
    """Returns the folder that holds a split's images; they are written the first time only.

    Args:
        name: as `"mnist"` or `"mnist:3.0.1"`.
        split: as `"train"` or `"train[:10%]"`.
        data_dir: where TensorFlow Datasets keeps its data; by default its own place.

    Raises:
        NotFoundError: if there is no such dataset.
        InvalidInputError: if it has no such split.
        DataError: if its samples have no image.
    """
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        line = str(error).strip().splitlines()[0]
        raise NotFoundError(f"expected a dataset of TensorFlow Datasets, received {name!r}: {line}") from error
    folder = os.path.join(cache_folder(), "tfds", *map(_safe, builder.info.full_name.split("/")), _safe(split))
    if os.path.isdir(folder):
        return folder
    builder.download_and_prepare()
    image, label = _features(builder)
    try:
        samples = builder.as_dataset(split=split, decoders={image: tfds.decode.SkipDecoding()})
    except ValueError as error:
        known = ", ".join(builder.info.splits)
        raise InvalidInputError(f"expected one of the splits {known} of {name}, received {split!r}") from error
    _write(folder, samples, image, label, builder.info.features)
    return folder


def _features(builder: Any) -> tuple[str, str | None]:
    features = builder.info.features
    images = [key for key, feature in features.items() if isinstance(feature, tfds.features.Image)]
    labels = [key for key, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    if not images:
        raise DataError(f"expected a dataset of images, received {builder.name} with {', '.join(features)}")
    return images[0], "label" if "label" in labels else next(iter(labels), None)


def _write(folder: str, samples: Any, image: str, label: str | None, features: Any) -> None:
    parent = os.path.dirname(folder)
    with os_errors(parent):
        os.makedirs(parent, exist_ok=True)
        # Renamed when complete, so that a folder of that name is always whole.
        temporary = tempfile.mkdtemp(prefix=".tfds-", dir=parent)
    try:
        with os_errors(temporary):
            for index, sample in enumerate(samples.as_numpy_iterator()):
                name = _safe(features[label].int2str(int(sample[label]))) if label else ROOT_NAME
                content = sample[image]
                os.makedirs(os.path.join(temporary, name), exist_ok=True)
                with open(os.path.join(temporary, name, f"{index:08d}.{_ending(content)}"), "wb") as file:
                    file.write(content)
            os.rename(temporary, folder)
    except OSError:
        # Two jobs may write the same split; the first one's is as good.
        if not os.path.isdir(folder):
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _ending(content: bytes) -> str:
    return next((ending for start, ending in _ENDINGS if content.startswith(start)), "png")


def _safe(name: str) -> str:
    return re.sub(r"[^\w.\-+ ]", "_", name).strip(". ") or "_"
