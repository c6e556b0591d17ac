"""`DataGenerator` over 10,000,000 samples: time to the first batch, memory a sample, time a batch.

Figures to reach: first batch in under 5 s, also of a worker that goes on in the middle of an epoch; at most 200 bytes
of memory a sample beside the DataFrame. On a machine that others use too, the processor's time is what counts.

    .venv/bin/python -m benchmarks.data_generator
"""

import time
from typing import Any

import numpy as np
import pandas as pd
import psutil
import tensorflow as tf

from benchmarks.report import Figure, show
from brevetti_keras.data.data_generator import DataGenerator

COUNT = 10_000_000
BATCHES = 500
MODES: dict[str, dict[str, Any]] = {
    "in frame order": {},
    "shuffled": {"shuffle": True},
    "groups interleaved": {"sampling_groupby": ["category"], "sampling_group_weighing": "square root"},
    "groups drawn": {"sampling_groupby": ["folder"], "shuffle": True},
}


def make_samples() -> pd.DataFrame:
    """Returns samples with a path of 45 characters, a folder, a category and a size."""
    numbers = pd.Series(np.arange(COUNT))
    category = np.empty(COUNT, dtype=object)
    for offset, labels in enumerate([("good",), ("scratch",), ("dent", "scratch")]):
        category[offset::3] = [labels] * len(category[offset::3])
    path = "/data/vials/line-7/2026-11-23/camera-" + numbers.astype("str")
    folder = pd.Series(np.resize(np.array(["good", "scratch", "dent"], dtype=object), COUNT), dtype="str")
    return pd.DataFrame({"path": path, "category": category, "folder": folder, "size": numbers})


def main() -> None:
    """Prints the table."""
    figures = []
    samples = make_samples()
    tf.data.Dataset.range(1).get_single_element()
    process = psutil.Process()
    for name, arguments in MODES.items():
        before = process.memory_info().rss
        start, processor = time.perf_counter(), time.process_time()
        generator = DataGenerator(samples, seed=1, repeat=True, **arguments)
        batches = generator.get_dataset_numpy()
        next(batches)
        first, processor = time.perf_counter(), time.process_time() - processor
        for _ in range(BATCHES):
            next(batches)
        done = time.perf_counter()
        part = generator.shard(3, 8)
        next(part.get_dataset_numpy(start=(100, len(part) // 2)))
        resumed = time.perf_counter()
        memory = (process.memory_info().rss - before) / COUNT
        figures += [
            Figure(f"first batch, {name}", first - start, "s", at_most=5),
            Figure(f"the processor's time for it, {name}", processor, "s", at_most=5),
            Figure(f"first batch of a shard from the middle of epoch 100, {name}", resumed - done, "s", at_most=5),
            Figure(f"memory a sample, {name}", memory, "bytes", at_most=200),
            Figure(f"a batch of 32, {name}", (done - first) / BATCHES * 1e3, "ms"),
        ]
    show(f"DataGenerator over {COUNT:,} samples", figures)


if __name__ == "__main__":
    main()
