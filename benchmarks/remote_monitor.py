"""What reporting costs a training loop: the time a logged value takes, and a `fit` with every callback on beside bare
Keras on the same data in memory.

Figures to reach: at most 20 µs a value; a `fit` at most 1 % longer. Rounds swap which of the two fits goes first, and
each round has its own ratio, of which the median counts. Others on the machine blur the clock by more than 1 %, so the
table tells by how much two bare fits differ, and shows the processor's time beside the clock's: the hooks keep the
training waiting, and what they leave to the background, as facets and charts, takes processor time beside it. What is
done once, as the facets, weighs more in a short fit: half a minute is shorter than any training.

    .venv/bin/python -m benchmarks.remote_monitor [--epochs 10] [--images 8192] [--rounds 4]
"""

import argparse
import functools
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from benchmarks.report import Figure, show
from brevetti_keras.data.data_generator import DataGenerator, OneHotEncoder
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.interfaces.remote_monitor import RemoteMonitor
from brevetti_keras.platform import Job, get_image_samples
from brevetti_keras.server.workspace import open_service
from tests.support.images import write_image_folder
from tests.support.processes import Server

VALUES, CALLS = 20, 500
SIDE = 32


class Measured(Job):
    """A job that does nothing of itself."""

    def run(self) -> None:
        """Nothing."""


def microseconds_a_value(root: str, path: str, values: int) -> float:
    """Returns what one value of an epoch's logs costs the loop."""
    monitor = RemoteMonitor(root=root, path=path)
    logs = {f"metric {number}": np.float32(0.5) for number in range(values)}
    monitor.on_train_begin()
    taken = []
    for epoch in range(CALLS):
        begin = time.perf_counter()
        monitor.on_epoch_end(epoch, logs)
        taken.append(time.perf_counter() - begin)
    monitor.flush(60)
    return 1e6 * statistics.median(taken) / values


def logging_figures(folder: str) -> list[Figure]:
    """Returns the costs with a server over HTTP, and with a workspace."""
    with open_service(f"{folder}/logged") as service:
        config = service.jobs.create("measured")
    figures = []
    with Server(f"{folder}/logged") as server:
        for name, root in (("to a server", server.url), ("to a workspace", config.host_name)):
            for values in (1, VALUES):
                cost = microseconds_a_value(root, config.remote_url, values)
                what = f"a value of {values} at a time, {name}" if values > 1 else f"a value by itself, {name}"
                figures.append(Figure(what, cost, "µs", at_most=20))
    return figures


def network() -> Any:
    """Returns a model whose epochs take seconds."""
    layers = keras.layers
    parts = [
        keras.Input((SIDE, SIDE, 3)), layers.Conv2D(32, 3, activation="relu"), layers.Conv2D(32, 3, activation="relu"),
        layers.GlobalAveragePooling2D(), layers.Dense(2, "softmax"),
    ]  # fmt: skip
    model = keras.Sequential(parts)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def timed_hooks(callbacks: list[Any]) -> tuple[list[float], list[float]]:
    """Lets each hook of the callbacks note its seconds: in the first list those before and after all epochs, in the
    second the others."""
    once: list[float] = []
    each: list[float] = []
    for callback in callbacks:
        for name in dir(callback):
            if name.startswith(("on_", "set_")):
                outer = name.startswith("set_") or name in {"on_train_begin", "on_train_end"}
                setattr(callback, name, timed(getattr(callback, name), once if outer else each))
    return once, each


def timed(hook: Any, spent: list[float]) -> Any:
    """Returns a hook that notes its seconds."""

    # With the attributes of the hook: one that Keras need not call stays one.
    @functools.wraps(hook)
    def run(*arguments: Any, **options: Any) -> Any:
        begin = time.perf_counter()
        try:
            return hook(*arguments, **options)
        finally:
            spent.append(time.perf_counter() - begin)

    return run


@dataclass(frozen=True)
class Fit:
    """What one `fit` took, in seconds; the hooks' time is 0 in a bare one."""

    clock: float
    processor: float
    once: float = 0.0
    each: float = 0.0


class Fits:
    """Fits of the same network on the same data in memory, bare and with every callback.

    Args:
        folder: where the jobs and the vials lie.
        images: how many images an epoch has.
        epochs: how many epochs a fit has.
    """

    def __init__(self, folder: str, images: int, epochs: int) -> None:
        self._folder = folder
        self._epochs = epochs
        self._vials = write_image_folder(Path(folder) / "vials", {"good": 32, "bad": 32})
        self._images = np.random.default_rng(0).random((images, SIDE, SIDE, 3), "float32")
        self._labels = keras.utils.to_categorical(np.arange(images) % 2)

    def run(self, *, reported: bool) -> Fit:
        """Runs one."""
        model = network()
        callbacks = self._callbacks() if reported else []
        once, each = timed_hooks(callbacks)
        begin, begin_processor = time.perf_counter(), time.process_time()
        model.fit(self._images, self._labels, batch_size=64, epochs=self._epochs, verbose=0, callbacks=callbacks)
        return Fit(time.perf_counter() - begin, time.process_time() - begin_processor, sum(once), sum(each))

    def _callbacks(self) -> list[Any]:
        os.environ["BREVETTI_HOME"] = f"{self._folder}/fit"
        job = Measured.init(argv=[], datasets=[str(self._vials)], name="measured")
        generator = DataGenerator(
            get_image_samples(job.datasets), batch_size=16, seed=0, output_structure=("img", "onehot")
        )
        return job.callbacks(generator.map([ImagePipeline(target_size=(SIDE, SIDE)), OneHotEncoder(["bad", "good"])]))


def fit_figures(folder: str, images: int, epochs: int, rounds: int) -> list[Figure]:
    """Returns how much longer a `fit` takes with every callback, by the clock and by the processor."""
    warm = Fits(folder, images // 8, 2)
    first = warm.run(reported=False), warm.run(reported=True)
    fits = Fits(folder, images, epochs)
    pairs = []
    for number in range(rounds):
        taken = {reported: fits.run(reported=reported) for reported in (number % 2 == 1, number % 2 == 0)}
        pairs.append((taken[False], taken[True]))
        bare, reported = pairs[-1]
        print(f"  bare {bare.clock:.2f} s, reported {reported.clock:.2f} s ({reported.clock / bare.clock:.3f} x)")
    median = statistics.median
    bare_clocks = [bare.clock for bare, _ in pairs]
    hooks = median(100 * (full.once + full.each) / bare.clock for bare, full in pairs)
    by_clock = median(100 * (full.clock / bare.clock - 1) for bare, full in pairs)
    by_processor = median(100 * (full.processor / bare.processor - 1) for bare, full in pairs)
    return [
        Figure("bare Keras", median(bare_clocks), "s"),
        Figure("with every callback", median(full.clock for _, full in pairs), "s"),
        Figure("in the callbacks before and after, for 64 images", median(full.once for _, full in pairs), "s"),
        Figure("in the callbacks an epoch", 1000 * median(full.each for _, full in pairs) / epochs, "ms"),
        Figure("in the callbacks, of the bare fit", hooks, "%", at_most=1),
        Figure("longer by the clock", by_clock, "%", at_most=1),
        Figure("  by which two bare fits differ", 100 * (max(bare_clocks) / min(bare_clocks) - 1), "%"),
        Figure("longer by the processor's time", by_processor, "%"),
        Figure("  a fit", median(full.processor - bare.processor for bare, full in pairs), "s"),
        Figure("  the process' first fit, short", first[1].processor - first[0].processor, "s"),
    ]


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show("Logging from the training loop", logging_figures(folder))
        figures = fit_figures(folder, given.images, given.epochs, given.rounds)
        show(f"fit of {given.epochs} epochs of {given.images:,} images", figures)


if __name__ == "__main__":
    main()
