"""`SampleSplit` over 1,000,000 samples beside scikit-learn's `StratifiedGroupKFold`: time, their ratio, and
the memory that each takes at its peak.

Figures to reach: at least 5 × StratifiedGroupKFold, memory at most 5 × the input's.

    .venv/bin/python benchmarks/sample_split.py [samples]
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import psutil
from sklearn.model_selection import StratifiedGroupKFold

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


def measured(work: Callable[[], Any]) -> tuple[float, int]:
    """Returns the seconds that `work` takes and by how many bytes the process grows meanwhile at most."""
    process = psutil.Process()
    before = process.memory_info().rss
    peak, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            peak.append(max(peak[-1], process.memory_info().rss))
            del peak[:-1]

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    return seconds, peak[-1] - before


def main() -> None:
    """Prints one line a way of splitting."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    samples = make_samples(count)
    size = int(samples.memory_usage(deep=True).sum())
    print(f"{count:,} samples of {size / 1e6:.0f} MB, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    plain = SampleSplit(stratification=["category"])
    grouped = SampleSplit(stratification=["category"], uniqueness=["patient"])
    SampleSplit().assign(samples.head(1000))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ids.csv")
        theirs, their_memory = measured(
            lambda: next(iter(StratifiedGroupKFold(5).split(np.zeros(count), samples["category"], samples["patient"])))
        )
        print(f"{'StratifiedGroupKFold(5), first fold':48} {theirs:7.2f} s   {their_memory / size:5.2f} × the input's")
        for name, work in {
            "assign, samples alone": lambda: plain.assign(samples),
            "assign, units and strata": lambda: grouped.assign(samples, remainder="devel"),
            "assign, murmurhash3": lambda: SampleSplit(uniqueness=["patient"], mode="murmurhash3").assign(samples),
            "update_unassigned, a new file": lambda: grouped.update_unassigned(samples, path),
            "update_unassigned, all known": lambda: grouped.update_unassigned(samples, path),
        }.items():
            ours, memory = measured(work)
            print(
                f"{name:48} {ours:7.2f} s   {memory / size:5.2f} × the input's   "
                f"{theirs / ours:6.1f} × StratifiedGroupKFold"
            )


if __name__ == "__main__":
    main()
