"""What reporting costs a training loop: the time a logged value takes, and a `fit` with every callback on beside bare
Keras on the same data in memory.

Figures to reach: at most 20 µs a value; a `fit` at most 1 % longer. Others on the machine blur the second figure by
more than that, so the processor's time is shown beside the clock's.

    .venv/bin/python -m benchmarks.remote_monitor [--epochs 10] [--rounds 2]
"""

import argparse
import os
import statistics
import tempfile
import time
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

    def run(*arguments: Any, **options: Any) -> Any:
        begin = time.perf_counter()
        try:
            return hook(*arguments, **options)
        finally:
            spent.append(time.perf_counter() - begin)

    return run


def fit_figures(folder: str, epochs: int, rounds: int) -> list[Figure]:
    """Returns how much longer a `fit` takes with every callback, by the clock and by the processor."""
    vials = write_image_folder(Path(folder) / "vials", {"good": 32, "bad": 32})
    images = np.random.default_rng(0).random((2048, SIDE, SIDE, 3), "float32")
    labels = keras.utils.to_categorical(np.arange(len(images)) % 2)
    clock: dict[str, list[float]] = {"bare": [], "reported": []}
    processor: dict[str, list[float]] = {"bare": [], "reported": []}
    once: list[float] = []
    each: list[float] = []
    for number in range(rounds + 1):
        for name in clock:
            model, callbacks = network(), []
            if name == "reported":
                os.environ["BREVETTI_HOME"] = f"{folder}/fit"
                job = Measured.init(argv=[], datasets=[str(vials)], name=f"round {number}")
                samples = get_image_samples(job.datasets)
                generator = DataGenerator(samples, batch_size=16, seed=0, output_structure=("img", "onehot"))
                maps = [ImagePipeline(target_size=(SIDE, SIDE)), OneHotEncoder(["bad", "good"])]
                callbacks = job.callbacks(generator.map(maps))
            outside, inside = timed_hooks(callbacks)
            begin, begin_processor = time.perf_counter(), time.process_time()
            model.fit(images, labels, batch_size=64, epochs=epochs, verbose=0, callbacks=callbacks)
            if number:
                clock[name].append(time.perf_counter() - begin)
                processor[name].append(time.process_time() - begin_processor)
                if callbacks:
                    once.append(sum(outside))
                    each.append(sum(inside))
    bare, reported = statistics.median(clock["bare"]), statistics.median(clock["reported"])
    bare_processor, reported_processor = (statistics.median(processor[name]) for name in ("bare", "reported"))
    return [
        Figure("bare Keras", bare, "s"),
        Figure("with every callback", reported, "s"),
        Figure("in the callbacks before and after, for 64 images", statistics.median(once), "s"),
        Figure("in the callbacks an epoch", 1000 * statistics.median(each) / epochs, "ms"),
        Figure(
            "in the callbacks, of the bare fit",
            100 * statistics.median(map(sum, zip(once, each, strict=True))) / bare,
            "%",
            at_most=1,
        ),
        Figure("longer by the clock", 100 * (reported / bare - 1), "%", at_most=1),
        Figure("longer by the processor's time", 100 * (reported_processor / bare_processor - 1), "%"),
    ]


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show("Logging from the training loop", logging_figures(folder))
        show(f"fit of {given.epochs} epochs", fit_figures(folder, given.epochs, given.rounds))


if __name__ == "__main__":
    main()
