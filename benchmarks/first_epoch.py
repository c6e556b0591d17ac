"""Where a first epoch's processor time goes: 200 photos of 1280 x 960 are decoded to 224 x 224 and kept in a new cache.

Each step's own time is taken in the thread that does it, and without what it calls of the other steps; what no step of
ours took is TensorFlow's. Figure to reach: decoding takes most of it.

    .venv/bin/python -m benchmarks.first_epoch
"""

import contextlib
import functools
import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2

from benchmarks.decoding import COUNT, SIDE, dataset, write_photos
from benchmarks.report import Figure, show
from brevetti_keras.data.checksums import HashMemory
from brevetti_keras.data.decoded_cache.keys import ContentKeys
from brevetti_keras.data.decoded_cache.store import PixelStore
from brevetti_keras.data.image import ImagePipeline, pixel_reader

STEPS: dict[str, list[tuple[Any, str]]] = {
    "reading files": [(pixel_reader, "read_file")],
    "decoding by OpenCV": [(pixel_reader, "decode_scaled")],
    "resizing": [(pixel_reader, "resize_kept")],
    "hashing contents": [(ContentKeys, "of")],
    "writing the cache, its checksums": [(PixelStore, "add")],
    "remembering hashes": [(HashMemory, "recall"), (HashMemory, "remember")],
    "our other Python": [(ImagePipeline, "_load")],
}


class Meter:
    """Adds up the processor's seconds of steps, in whatever threads they run."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()
        self._within = threading.local()

    def wrap(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that counts its own time as a step's, without that of steps inside it."""

        @functools.wraps(function)
        def run(*arguments: Any, **named: Any) -> Any:
            outer: list[float] = self._within.__dict__.setdefault("inner", [])
            outer.append(0.0)
            start = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                spent = time.thread_time() - start
                with self._lock:
                    self.seconds[step] += spent - outer.pop()
                if outer:
                    outer[-1] += spent

        return run


@contextlib.contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """Counts the steps' times within."""
    with contextlib.ExitStack() as stack:
        for step, places in STEPS.items():
            for place, name in places:
                plain = vars(place)[name]
                static = isinstance(plain, staticmethod)
                counted = meter.wrap(step, plain.__func__ if static else plain)
                stack.enter_context(mock.patch.object(place, name, staticmethod(counted) if static else counted))
        yield


def main() -> None:
    """Prints the table."""
    cv2.setNumThreads(1)  # so that all of a step runs in the thread that is asked for it
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["BREVETTI_CACHE"] = str(folder / "caches")
        paths = write_photos(folder / "photos")
        for _ in dataset(paths[:32], ImagePipeline(target_size=(SIDE, SIDE), cache=str(folder / "warm"))):
            pass
        meter = Meter()
        images = dataset(paths, ImagePipeline(target_size=(SIDE, SIDE), rescale="unit", cache=str(folder / "cache")))
        with metered(meter):
            clock, processor = time.perf_counter(), time.process_time()
            for _ in images:
                pass
            processor, clock = time.process_time() - processor, time.perf_counter() - clock
    seconds = {step: meter.seconds[step] for step in STEPS}
    seconds["TensorFlow's pipeline, and all else"] = processor - sum(seconds.values())
    goals = {"decoding by OpenCV": 50}
    figures = [
        figure
        for step, spent in seconds.items()
        for figure in (
            Figure(f"{step}, an image", 1000 * spent / COUNT, "ms"),
            Figure(f"{step}, share", 100 * spent / processor, "%", at_least=goals.get(step)),
        )
    ]
    figures.append(Figure("all, an image", 1000 * processor / COUNT, "ms"))
    figures.append(Figure("images by the clock", COUNT / clock, "images/s"))
    show(f"A first epoch's processor time, {COUNT} photos to {SIDE} x {SIDE}", figures)


if __name__ == "__main__":
    main()
