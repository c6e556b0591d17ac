"""`SampleSplit` over 1,000,000 samples beside scikit-learn's `StratifiedGroupKFold` and the existing client's
`SampleSplit`: time, their ratios, and the memory that each takes at its peak.

Figures to reach: at least 5 × StratifiedGroupKFold, at least 20 × the existing client, memory at most 5 × the input's.
All are given the same DataFrame, of text in the `str` of their pandas, and return one with a purpose for every sample,
four fifths to train on. All split the same column of categories alike and keep the same column of patients together;
one row has no more than that. In the others ours does more, which is not taken off: equal etags are tied and a leak is
looked for. That StratifiedGroupKFold is asked for one fold favours nobody: it finds all five before it gives the first.
The client, brevettiai 0.4.2, is asked for the same as we are, in the environment of its own that `make test-client` and
`make bench` install; without it the other figures stand alone. Ratios are those of the processor's time, since others
may use the machine too; on one that is idle they are those of the seconds.

    .venv/bin/python -m benchmarks.sample_split [samples]
"""

import gc
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks import existing_client
from benchmarks.report import Figure, show
from brevetti_keras.data.sample_integrity import SampleSplit

COUNT = 1_000_000


def make_samples(count: int) -> pd.DataFrame:
    """Returns samples with a path, an etag of 32 characters, a category of five, a patient of seven samples and
    a batch of two hundred."""
    numbers = pd.Series(np.arange(count))
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "path": "/data/vials/line-7/2026-11-23/camera-" + numbers.astype("str"),
            "etag": pd.Series([value.hex() for value in _chunks(rng, count)], dtype="str"),
            "category": pd.Series(rng.choice(["good", "scratch", "dent", "crack", "fibre"], count), dtype="str"),
            "patient": "P" + pd.Series(rng.integers(0, count // 7, count)).astype("str"),
            "batch": "B" + pd.Series(rng.integers(0, max(1, count // 200), count)).astype("str"),
            "size": numbers,
        }
    )


def _chunks(rng: np.random.Generator, count: int) -> list[bytes]:
    data = rng.bytes(16 * count)
    return [data[start : start + 16] for start in range(0, len(data), 16)]


@dataclass(frozen=True)
class Way:
    """A way of splitting: with an identification file if the split `keeps` one."""

    name: str
    split: SampleSplit
    keeps: bool = False

    def run(self, samples: pd.DataFrame, ids: str) -> pd.DataFrame:
        """Returns the samples with their purposes."""
        if self.keeps:
            return self.split.update_unassigned(samples, ids)
        return self.split.assign(samples, "train", "devel")


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


def figures_of(way: Way, samples: pd.DataFrame, table: Path, peer: Measured) -> list[Figure]:
    """Returns what one way of splitting comes to."""
    size = int(samples.memory_usage(deep=True).sum())
    with tempfile.TemporaryDirectory() as folder:
        ids = str(Path(folder) / "ids.csv")
        ours = measured(lambda: way.run(samples, ids))
        again = measured(lambda: way.run(samples, ids)) if way.keeps else None
    figures: list[Figure] = []
    for name, one in {way.name: ours, f"{way.name}, all known": again}.items():
        if one is None:
            continue
        figures += [
            Figure(name, one.seconds, "s"),
            Figure("the processor's time for it", one.processor, "s"),
            Figure("speed, StratifiedGroupKFold being 1", peer.processor / one.processor, "times", at_least=5),
            Figure("memory it takes, the input being 1", one.memory / size, "times", at_most=5),
        ]
    told = {"stratification": way.split.stratification, "uniqueness": way.split.uniqueness, "mode": way.split.mode}
    arguments = json.dumps({name: value for name, value in told.items() if value is not None})
    client = existing_client.run("brevettiai_split.py", "update" if way.keeps else "assign", table, arguments)
    if client is not None:
        figures += [
            Figure(f"{way.name}, the existing client", client[0], "s"),
            Figure("speed of ours, the existing client being 1", client[1] / ours.processor, "times", at_least=20),
        ]
    return figures


def main() -> None:
    """Prints the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    samples = make_samples(count)
    size = int(samples.memory_usage(deep=True).sum())
    keys: dict[str, Any] = {"stratification": ["category"], "uniqueness": ["patient"]}
    SampleSplit().assign(samples.head(1000))
    peer = measured(lambda: assigned_by_peer(samples))
    figures = [
        Figure("StratifiedGroupKFold(5)", peer.seconds, "s"),
        Figure("the processor's time for it", peer.processor, "s"),
        Figure("memory it takes, the input being 1", peer.memory / size, "times"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "samples.csv"
        samples.to_csv(table, index=False)
        for way in (
            Way("assign, units and strata, the peers' columns", SampleSplit(**keys, tie=())),
            Way("assign, units and strata, etags tied", SampleSplit(**keys)),
            Way("assign, samples alone", SampleSplit(stratification=["category"])),
            Way("assign, samples alone, a stratum a batch", SampleSplit(stratification=["batch"])),
            Way("assign, murmurhash3, units", SampleSplit(uniqueness=["patient"], mode="murmurhash3")),
            Way("assign, murmurhash3, samples alone", SampleSplit(mode="murmurhash3")),
            Way("update_unassigned, units and strata, a new file", SampleSplit(**keys), keeps=True),
            Way("update_unassigned, samples alone, a new file", SampleSplit(), keeps=True),
        ):
            figures += figures_of(way, samples, table, peer)
    show(f"SampleSplit over {count:,} samples of {size / 1e6:.0f} MB", figures)


if __name__ == "__main__":
    main()
