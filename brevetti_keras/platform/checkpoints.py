"""Checkpoints: where a job stands after each epoch, kept so that a crash at any moment leaves one that loads.

    checkpoints = Checkpoints("/data/jobs/3f2a/checkpoints")
    first = checkpoints.restore(model)                               # 0, or the epoch to go on with
    model.fit(x, initial_epoch=first, callbacks=[checkpoints.callback(model)], …)

A checkpoint holds every variable of the model (weights, statistics, the states of random layers) and of its optimizer,
as `epoch-000003.npz`, and beside it its sha256. Each file is written in one step, the checksum last, so a checkpoint
counts once it is whole. The last two are kept; a damaged one is passed over for the one before it.

During `fit` an epoch's end only copies the variables, of which two copies are held at most; the files are written
beside the next epochs, a pause after the last ones, and at once when `fit`, the job or the process ends, by whatever
but a kill. So a kill may cost the epochs that ended within the pause, and nothing else does.
"""

import hashlib
import io
import logging
import os
import re
import time
import weakref
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from brevetti_keras.interfaces.keras_hooks import KerasHooks, Logs, unharmed
from brevetti_keras.interfaces.latest_worker import LatestWorker
from brevetti_keras.io.local import atomic_write, os_errors
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import IntegrityError, InvalidInputError, NotFoundError

_LOGGER = logging.getLogger(__name__)
_NAME = re.compile(r"epoch-(\d{6,})\.json")
_UNFINISHED = re.compile(r"(epoch-\d{6,})\.npz|\.[0-9a-f]+\.tmp")
# So old are files of a process that was ended while it wrote them.
_ABANDONED = 3600.0
KEEP = 2
PAUSE = 5.0
_END = 60.0
_Arrays = Mapping[str, np.ndarray[Any, Any]]


class Checkpoints:
    """The checkpoints of one job.

    Args:
        folder: where they lie; made when the first is saved.
        keep: how many to keep.
        pause: seconds between two that are saved beside the training; of the epochs that end meanwhile, the last is
            saved after it. With 0 an epoch waits for no more than the one before it to be written.
    """

    def __init__(self, folder: str, keep: int = KEEP, pause: float = PAUSE) -> None:
        self._folder = folder
        self._keep = keep
        self._worker = LatestWorker(pause)
        # Also when the process ends: its threads end with it, whatever they are at.
        weakref.finalize(self, self._worker.wait, _END)

    def save(self, model: Any, epochs: int) -> None:
        """Saves a model and its optimizer, and returns when that is done.

        Args:
            model: a built Keras model.
            epochs: how many epochs are done.

        Raises:
            StorageError: if the disk refuses it; earlier checkpoints are then as they were.
        """
        self.settle()
        _write(self._folder, self._keep, _arrays(model), epochs)

    def save_soon(self, model: Any, epochs: int) -> None:
        """Copies a model's and its optimizer's variables and saves them in the background; a failure is a warning.

        Args:
            model: see `save`.
            epochs: see `save`.
        """
        self._worker.submit(partial(_written, self._folder, self._keep, _arrays(model), epochs))

    def settle(self, timeout: float = _END) -> bool:
        """Has what is to be saved written now, and waits for it.

        Args:
            timeout: seconds at most.

        Returns:
            Whether nothing is left to save.
        """
        return self._worker.wait(timeout)

    def epochs(self) -> list[int]:
        """Returns the checkpoints there are, by how many epochs were done, ascending; they are not checked."""
        self.settle()
        return _present(self._folder)

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
        """Returns a Keras callback that saves after each epoch, see `save_soon`, and settles when `fit` ends.

        Args:
            model: what to save; by default the model that is fitted.
        """
        return CheckpointCallback(self, model)

    def _read(self, epochs: int) -> _Arrays:
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

    def __init__(self, checkpoints: Checkpoints, model: Any = None) -> None:
        super().__init__()
        self._checkpoints = checkpoints
        self._chosen = model

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Has it saved where training stands after the epoch, counted from 0."""
        with unharmed(_not_saved(epoch + 1)):
            self._checkpoints.save_soon(self.model if self._chosen is None else self._chosen, epoch + 1)

    def on_train_end(self, logs: Logs = None) -> None:
        """Waits until the last epoch's is written, a bounded time."""
        if not self._checkpoints.settle():
            _LOGGER.warning("the last checkpoint is not yet written: the disk took longer than %g s", _END)


def _not_saved(epochs: int) -> str:
    return f"no checkpoint was saved after epoch {epochs}"


def _written(folder: str, keep: int, arrays: _Arrays, epochs: int) -> None:
    with unharmed(_not_saved(epochs)):
        _write(folder, keep, arrays, epochs)


def _write(folder: str, keep: int, arrays: _Arrays, epochs: int) -> None:
    content = _packed(arrays)
    stem = os.path.join(folder, f"epoch-{epochs:06d}")
    facts = {"epochs": epochs, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    atomic_write(f"{stem}.npz", content)
    atomic_write(f"{stem}.json", to_json(facts).encode("ascii"))
    present = _present(folder)
    # Those of later epochs are of a training that went back behind them, as after a damaged checkpoint.
    for old in {*present[: present.index(epochs) + 1][:-keep], *(other for other in present if other > epochs)}:
        for ending in ("json", "npz"):
            path = os.path.join(folder, f"epoch-{old:06d}.{ending}")
            with suppress(NotFoundError), os_errors(path):
                os.unlink(path)
    _remove_abandoned(folder)


def _remove_abandoned(folder: str) -> None:
    """Removes what saves left that were killed: each holds as much as a checkpoint, and each kill would leave one."""
    names = set(os.listdir(folder))
    for name in names:
        found = _UNFINISHED.fullmatch(name)
        if found is None or f"{found.group(1)}.json" in names:
            continue
        path = os.path.join(folder, name)
        with suppress(NotFoundError), os_errors(path):
            if time.time() - os.stat(path).st_mtime > _ABANDONED:
                os.unlink(path)


def _present(folder: str) -> list[int]:
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(found.group(1)) for name in names if (found := _NAME.fullmatch(name)))


def _variables(model: Any) -> dict[str, Any]:
    """Every variable that training changes, by a name that depends on its place alone."""
    named = {f"model/{index}": variable for index, variable in enumerate(model.variables)}
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
        named |= {f"optimizer/{index}": variable for index, variable in enumerate(optimizer.variables)}
    return named


def _arrays(model: Any) -> _Arrays:
    # A Keras variable's `numpy` copies.
    return {name: np.asarray(one.numpy()) for name, one in _variables(model).items()}


def _packed(arrays: _Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _assign(variables: Mapping[str, Any], arrays: _Arrays) -> None:
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
