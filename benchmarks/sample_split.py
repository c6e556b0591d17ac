"""`SampleSplit` over 1,000,000 samples beside scikit-learn's `StratifiedGroupKFold`: time, their ratio, and the memory
that each takes at its peak.

Figures to reach: at least 5 × StratifiedGroupKFold, memory at most 5 × the input's. Both are given the same DataFrame,
of text in pandas' own `str`, and return one with a purpose for every sample, four fifths to train on. Both split the
same column of categories alike and keep the same column of patients together; one row has no more than that. In the
others ours does more, which is not taken off: equal etags are tied and a leak is looked for, an identification file of
a million lines is read or written. That the peer is asked for one fold favours nobody: it finds all five before it
gives the first. The ratio is that of the processor's time, since others may use the machine too; on one that is idle
it is that of the seconds.

    .venv/bin/python -m benchmarks.sample_split [samples]
"""

import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import psutil
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks.report import Figure, show
from brevetti_keras.data.sample_integrity import SampleSplit

COUNT = 1_000_000


def make_samples(count: int) -> pd.DataFrame:
    """Returns samples with a path, an etag of 32 characters, a category of five, and a patient of seven samples."""
    numbers = pd.Series(np.arange(count))
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "path": "/data/vials/line-7/2026-11-23/camera-" + numbers.astype("str"),
            "etag": pd.Series([value.hex() for value in _chunks(rng, count)], dtype="str"),
            "category": pd.Series(rng.choice(["good", "scratch", "dent", "crack", "fibre"], count), dtype="str"),
            "patient": "P" + pd.Series(rng.integers(0, count // 7, count)).astype("str"),
            "size": numbers,
        }
    )


def _chunks(rng: np.random.Generator, count: int) -> list[bytes]:
    data = rng.bytes(16 * count)
    return [data[start : start + 16] for start in range(0, len(data), 16)]


@dataclass(frozen=True)
class Measured:
    """What some work took: seconds, the processor's seconds, and by how many bytes the process grew meanwhile."""

    seconds: float
    processor: float
    memory: int


def measured(work: Callable[[], Any]) -> Measured:
    """Returns what `work` takes; the memory is that at its peak."""
    process = psutil.Process()
    gc.collect()
    before = process.memory_info().rss
    peak, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            peak.append(max(peak[-1], process.memory_info().rss))
            del peak[:-1]

    watcher = threading.Thread(target=watch)
    watcher.start()
    start, processor = time.perf_counter(), time.process_time()
    work()
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    done.set()
    watcher.join()
    return Measured(seconds, processor, peak[-1] - before)


def assigned_by_peer(samples: pd.DataFrame) -> pd.DataFrame:
    """Returns the samples with a purpose, the first of five folds held out of training."""
    folds = StratifiedGroupKFold(5).split(np.zeros(len(samples)), samples["category"], samples["patient"])
    purpose = np.full(len(samples), "train", dtype=object)
    purpose[next(folds)[1]] = "devel"
    return samples.assign(purpose=pd.Series(purpose, index=samples.index, dtype="str"))


def main() -> None:
    """Prints the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    samples = make_samples(count)
    size = int(samples.memory_usage(deep=True).sum())
    keys: dict[str, Any] = {"stratification": ["category"], "uniqueness": ["patient"]}
    plain, grouped = SampleSplit(stratification=["category"]), SampleSplit(**keys)
    SampleSplit().assign(samples.head(1000))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ids.csv")
        theirs = measured(lambda: assigned_by_peer(samples))
        figures = [
            Figure("StratifiedGroupKFold(5)", theirs.seconds, "s"),
            Figure("the processor's time for it", theirs.processor, "s"),
            Figure("memory it takes, the input being 1", theirs.memory / size, "times"),
        ]
        for name, work in {
            "assign, units and strata, the peer's columns": lambda: SampleSplit(**keys, tie=()).assign(
                samples, "train", "devel"
            ),
            "assign, units and strata, etags tied": lambda: grouped.assign(samples, "train", "devel"),
            "assign, samples alone": lambda: plain.assign(samples, "train", "devel"),
            "assign, murmurhash3": lambda: SampleSplit(uniqueness=["patient"], mode="murmurhash3").assign(samples),
            "update_unassigned, a new file": lambda: grouped.update_unassigned(samples, path),
            "update_unassigned, all known": lambda: grouped.update_unassigned(samples, path),
        }.items():
            ours = measured(work)
            figures += [
                Figure(name, ours.seconds, "s"),
                Figure("the processor's time for it", ours.processor, "s"),
                Figure("speed, StratifiedGroupKFold being 1", theirs.processor / ours.processor, "times", at_least=5),
                Figure("memory it takes, the input being 1", ours.memory / size, "times", at_most=5),
            ]
    show(f"SampleSplit over {count:,} samples of {size / 1e6:.0f} MB", figures)


if __name__ == "__main__":
    main()
