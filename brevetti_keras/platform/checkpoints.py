"""Checkpoints: where a job stands after each epoch, kept so that a crash at any moment leaves one that loads.

    checkpoints = Checkpoints("/data/jobs/3f2a/checkpoints")
    first = checkpoints.restore(model)                               # 0, or the epoch to go on with
    model.fit(x, initial_epoch=first, callbacks=[checkpoints.callback(model)], …)

A checkpoint holds every variable of the model (weights, statistics, the states of random layers) and of its optimizer,
as `epoch-000003.npz`, and beside it its sha256. Each file is written in one step, the checksum last, so a checkpoint
counts once it is whole. The last two are kept; a damaged one is passed over for the one before it.
"""

import hashlib
import io
import logging
import os
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from brevetti_keras.interfaces.keras_hooks import KerasHooks, Logs, unharmed
from brevetti_keras.io.local import atomic_write, os_errors
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import IntegrityError, InvalidInputError

_LOGGER = logging.getLogger(__name__)
_NAME = re.compile(r"epoch-(\d{6})\.json")
KEEP = 2


class Checkpoints:
    """The checkpoints of one job.

    Args:
        folder: where they lie; made when the first is saved.
        keep: how many to keep.
    """

    def __init__(self, folder: str, keep: int = KEEP) -> None:
        self._folder = folder
        self._keep = keep

    def save(self, model: Any, epochs: int) -> None:
        """Saves a model and its optimizer.

        Args:
            model: a built Keras model.
            epochs: how many epochs are done.

        Raises:
            StorageError: if the disk refuses it; earlier checkpoints are then as they were.
        """
        content = _packed(_variables(model))
        stem = os.path.join(self._folder, f"epoch-{epochs:06d}")
        facts = {"epochs": epochs, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        atomic_write(f"{stem}.npz", content)
        atomic_write(f"{stem}.json", to_json(facts).encode("ascii"))
        for old in self.epochs()[: -self._keep]:
            for ending in ("json", "npz"):
                path = os.path.join(self._folder, f"epoch-{old:06d}.{ending}")
                with os_errors(path):
                    os.unlink(path)

    def epochs(self) -> list[int]:
        """Returns the checkpoints there are, by how many epochs were done, ascending; they are not checked."""
        try:
            names = os.listdir(self._folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(int(found.group(1)) for name in names if (found := _NAME.fullmatch(name)))

    def restore(self, model: Any) -> int:
        """Loads the last checkpoint that is whole into a model and its optimizer.

        Args:
            model: built, and compiled if it was when the checkpoint was saved.

        Returns:
            How many epochs are done, which is `fit`'s `initial_epoch`; 0 without any checkpoint.

        Raises:
            InvalidInputError: if the checkpoint is of a model with other variables.
            IntegrityError: if there are checkpoints and all are damaged.
        """
        present = self.epochs()
        for epochs in reversed(present):
            try:
                arrays = self._read(epochs)
            except IntegrityError as error:
                _LOGGER.warning("%s; going on from the checkpoint before it", error)
                continue
            _assign(_variables(model), arrays)
            _LOGGER.info("went on from the checkpoint after epoch %d", epochs)
            return epochs
        if present:
            raise IntegrityError(f"expected a whole checkpoint in {self._folder}, found only damaged ones: start anew")
        return 0

    def callback(self, model: Any = None) -> "CheckpointCallback":
        """Returns a Keras callback that saves after each epoch.

        Args:
            model: what to save; by default the model that is fitted.
        """
        return CheckpointCallback(self.save, model)

    def _read(self, epochs: int) -> Mapping[str, np.ndarray[Any, Any]]:
        stem = os.path.join(self._folder, f"epoch-{epochs:06d}")
        damaged = f"expected the checkpoint {stem}.npz as it was saved, found it damaged"
        try:
            with open(f"{stem}.json", "rb") as file:
                facts = from_json(file.read())
            with open(f"{stem}.npz", "rb") as file:
                content = file.read()
        except (OSError, InvalidInputError) as error:
            raise IntegrityError(f"{damaged} ({error})") from error
        if not isinstance(facts, dict) or hashlib.sha256(content).hexdigest() != facts.get("sha256"):
            raise IntegrityError(damaged)
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as packed:
                return {name: packed[name] for name in packed.files}
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise IntegrityError(damaged) from error


class CheckpointCallback(KerasHooks):
    """Saves a checkpoint after each epoch; what keeps it from saving is logged and never stops `fit`."""

    def __init__(self, save: Callable[[Any, int], None], model: Any = None) -> None:
        super().__init__()
        self._save = save
        self._chosen = model

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Saves where training stands after the epoch, counted from 0."""
        with unharmed(f"no checkpoint was saved after epoch {epoch + 1}"):
            self._save(self.model if self._chosen is None else self._chosen, epoch + 1)


def _variables(model: Any) -> dict[str, Any]:
    """Every variable that training changes, by a name that depends on its place alone."""
    named = {f"model/{index}": variable for index, variable in enumerate(model.variables)}
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
        named |= {f"optimizer/{index}": variable for index, variable in enumerate(optimizer.variables)}
    return named


def _packed(variables: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{name: np.asarray(one.numpy()) for name, one in variables.items()})
    return buffer.getvalue()


def _assign(variables: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    saved = {name: tuple(array.shape) for name, array in arrays.items()}
    needed = {name: tuple(variable.shape) for name, variable in variables.items()}
    if saved != needed:
        differing = sorted(name for name in {*saved, *needed} if saved.get(name) != needed.get(name))
        raise InvalidInputError(
            f"expected a checkpoint of this model ({len(needed)} variables), received one of another "
            f"({len(saved)} variables): {_difference(differing, needed, saved)}; resume with the settings of its job"
        )
    for name, variable in variables.items():
        array = arrays[name]
        # numpy's files know no bfloat16 and keep such values as raw bytes.
        variable.assign(array.view(np.asarray(variable.numpy()).dtype) if array.dtype.kind == "V" else array)


def _difference(names: Sequence[str], needed: Mapping[str, Any], saved: Mapping[str, Any]) -> str:
    name = names[0]
    return f"{name} has shape {needed.get(name, 'none')} here and {saved.get(name, 'none')} there"
