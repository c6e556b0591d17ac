"""Writes, loads and uses model packages; see `brevetti_keras.model_package` for the format.

path = package_model(model, job.temp_path("model.tar.gz"), classes=classes, image_pipeline=pipeline)
load_package(path).predict(paths)
"""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from brevetti_keras.data.image.decode import verify_image
from brevetti_keras.data.image.pipeline import ImagePipeline
from brevetti_keras.data.samples import NOT_TEXT
from brevetti_keras.io.local import atomic_write
from brevetti_keras.io.paths import is_text
from brevetti_keras.model_package import archive
from brevetti_keras.model_package.keras_file import keras_bytes, load_keras, read_config
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import DecodeError, InvalidInputError
from brevetti_keras.utils.lazy import lazy_import
from brevetti_keras.utils.redact import Redactor

tf = lazy_import("tensorflow")

_ENDING = ".tar.gz"
_VERSION_DIGITS = 12


@dataclass(frozen=True)
class ModelPackage:
    """A loaded package.

    Attributes:
        model: the Keras model, not compiled.
        classes: what the model's outputs mean, in their order; empty if it was packaged without.
        image_pipeline: turns a file into the model's input, as in training; None if it was packaged without.
        metadata: what the packager added: settings, metrics, versions.
        name: what the package is called.
        version: 12 hexadecimal digits, the same for the same weights, layers, classes and pipeline.
    """

    model: Any
    classes: tuple[str, ...] = ()
    image_pipeline: ImagePipeline | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    version: str = ""

    def predict(self, paths: Sequence[str | os.PathLike[str]], batch_size: int = 32) -> pd.DataFrame:
        """Predicts image files, read and scaled by the very pipeline the model was trained with.

        Args:
            paths: of images.
            batch_size: images at a time.

        Returns:
            One row a path, in the given order: `path`, `prediction` (a class), `probability` (float, of that class),
            and a column `score_<class>` (float) for each class.

        Raises:
            InvalidInputError: if it was packaged without pipeline or classes, or `batch_size` is below 1.
            DecodeError: naming the first file that cannot be read.
        """
        if self.image_pipeline is None or not self.classes:
            raise InvalidInputError(
                "expected a package with classes and an image pipeline to predict files, "
                f"received {self.name!r} without: call its .model yourself"
            )
        if isinstance(paths, (str, os.PathLike)):
            raise InvalidInputError(f"expected a list of paths, received one: predict([{os.fspath(paths)!r}])")
        if batch_size < 1:
            raise InvalidInputError(f"expected batch_size of at least 1, received {batch_size}")
        names = [os.fspath(path) for path in paths]
        for name in names:
            if not is_text(name):
                raise DecodeError(name, NOT_TEXT)
        # Without a target size images keep their own, so they cannot share a batch.
        step = batch_size if self.image_pipeline.output_shape[0] is not None else 1
        batches = [self._scores(self.image_pipeline, names[at : at + step]) for at in range(0, len(names), step)]
        scores = np.concatenate(batches) if batches else np.empty((0, len(self.classes)), np.float32)
        return score_table(names, scores, self.classes)

    def _scores(self, pipeline: ImagePipeline, paths: list[str]) -> Any:
        try:
            images = pipeline({pipeline.path_key: tf.constant(paths, tf.string)})[pipeline.output_key]
        except (tf.errors.OpError, DecodeError) as error:
            for path in paths:
                reason = verify_image(path)
                if reason is not None:
                    raise DecodeError(path, reason) from error
            raise
        return np.asarray(self.model(images, training=False))


def score_table(paths: Sequence[str], scores: Any, classes: Sequence[str]) -> pd.DataFrame:
    """Returns predictions as a table.

    Args:
        paths: n paths.
        scores: (n, classes) probabilities.
        classes: the columns' meaning.

    Returns:
        `path`, `prediction`, `probability` and `score_<class>` columns, one row a path.
    """
    best = scores.argmax(axis=1)
    table = {
        "path": pd.Series(list(paths), dtype="str"),
        "prediction": pd.Series([classes[index] for index in best], dtype="str"),
        "probability": scores[np.arange(len(best)), best].astype(float),
    }
    return pd.DataFrame({**table, **{f"score_{name}": scores[:, i].astype(float) for i, name in enumerate(classes)}})


def package_model(
    model: Any,
    path: str | os.PathLike[str],
    *,
    classes: Sequence[str] = (),
    image_pipeline: ImagePipeline | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> str:
    """Writes a model with its classes and preprocessing as one file, in one step.

    Args:
        model: a built Keras model.
        path: where to, ending in `.tar.gz`.
        classes: what the outputs mean, in their order.
        image_pipeline: turns a file into the model's input.
        metadata: anything that JSON can hold: settings, metrics, versions. Passwords in URLs become `***`.

    Returns:
        The path, which is what a job's `run()` returns.

    Raises:
        InvalidInputError: for a path of another ending, or classes that do not fit the model's output.
        StorageError: if the system refuses the write; no half file is left.
    """
    target = os.fspath(path)
    if not target.endswith(_ENDING) or os.path.basename(target) == _ENDING:
        raise InvalidInputError(f"expected a path ending in {_ENDING}, received {target!r}")
    labels = [str(name) for name in classes]
    _check_classes(model, labels, "package_model")
    members = {
        archive.MODEL: keras_bytes(model),
        archive.CLASSES: to_json(labels).encode(),
        archive.IMAGE_PIPELINE: to_json(None if image_pipeline is None else image_pipeline.get_config()).encode(),
    }
    name = os.path.basename(target).removesuffix(_ENDING)
    version = _version(model, members)
    # A package goes from hand to hand: an address in its settings leaves its password here.
    members[archive.METADATA] = Redactor().text(to_json(dict(metadata or {}), indent=1)).encode()
    atomic_write(target, archive.pack(members, name=name, version=version))
    return target


def load_package(path: str | os.PathLike[str]) -> ModelPackage:
    """Checks a package and loads it. Nothing in it can run code, and a refused one leaves nothing behind.

    Args:
        path: of a file that `package_model` wrote.

    Raises:
        NotFoundError: if there is no such file.
        StorageError: if the system refuses to read it.
        InvalidInputError: if it is no model package, or holds anything that a package may not hold.
        IntegrityError: if it is damaged.
    """
    source = os.fspath(path)
    members = archive.unpack(source)
    manifest = archive.read_manifest(members)
    classes = from_json(members[archive.CLASSES])
    pipeline = from_json(members[archive.IMAGE_PIPELINE])
    metadata = from_json(members[archive.METADATA])
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise InvalidInputError(f"{source}: expected {archive.CLASSES} to be a list of names, received {classes!r:.80}")
    if not isinstance(metadata, dict) or not isinstance(pipeline, (dict, type(None))):
        raise InvalidInputError(f"{source}: expected {archive.METADATA} and {archive.IMAGE_PIPELINE} to be objects")
    model = load_keras(members[archive.MODEL], source)
    _check_classes(model, classes, source)
    return ModelPackage(
        model=model,
        classes=tuple(classes),
        image_pipeline=None if pipeline is None else ImagePipeline.from_config(pipeline),
        metadata=metadata,
        name=str(manifest["name"]),
        version=str(manifest["version"]),
    )


def _check_classes(model: Any, classes: Sequence[str], source: str) -> None:
    if not classes:
        return
    if len(set(classes)) != len(classes):
        raise InvalidInputError(f"{source}: expected each class once, received {list(classes)}")
    shape = getattr(model, "output_shape", None)
    if isinstance(shape, tuple) and shape[-1] != len(classes):
        raise InvalidInputError(
            f"{source}: expected as many classes as the model has outputs ({shape[-1]}), received {len(classes)}"
        )


def _version(model: Any, members: Mapping[str, bytes]) -> str:
    """Hashes what decides a prediction. The `.keras` file itself differs each time: it holds a date and addresses."""
    layers = _without_incidentals(read_config(members[archive.MODEL], archive.MODEL))
    digest = hashlib.sha256(to_json([layers, from_json(members[archive.CLASSES])]).encode())
    digest.update(members[archive.IMAGE_PIPELINE])
    for values in model.get_weights():
        array = np.ascontiguousarray(values)
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:_VERSION_DIGITS]


def _without_incidentals(node: Any) -> Any:
    """Leaves out what differs between two equal models: memory addresses, training state, counted names."""
    if isinstance(node, list):
        return [_without_incidentals(item) for item in node]
    if not isinstance(node, dict):
        return re.sub(r"_\d+$", "", node) if isinstance(node, str) else node
    left_out = ("shared_object_id", "compile_config", "build_config")
    return {key: _without_incidentals(value) for key, value in node.items() if key not in left_out}
