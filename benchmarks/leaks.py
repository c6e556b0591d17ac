"""How well leaks are found and kept out: copies of pictures by kind, and splits over random orders and additions.

Figures to reach: of each kind of copy at least 99 of 100 found, of 1,000 parts that look alike at most 1 % merged; over
1,000 trials no unit straddles purposes with the identification file, and in hash mode no sample moves. The defaults are
the whole table.

    .venv/bin/python -m benchmarks.leaks [--parts 1000] [--copies 100] [--trials 1000]
"""

import argparse
import hashlib
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from brevetti_keras.data.leaks.finder import find_leaks
from tests.support.parts import COPIES, PARTS, draw_part, write_picture
from tests.support.split_trials import run_trials


def copies_table(parts: int, copies: int, folder: Path) -> None:
    """Prints of each kind of copy how many are found, beside parts that look alike."""
    rows = []
    for number in range(parts):
        picture = draw_part(PARTS[number % len(PARTS)], number)
        rows.append(("", number, write_picture(folder / f"{number:04d}.png", picture)))
    for at, (way, make) in enumerate(COPIES.items()):
        # Each kind has originals of its own, so that no picture has more than two copies or so.
        numbers = [(at * copies + step) % parts for step in range(copies)]
        for number in numbers:
            picture = make(draw_part(PARTS[number % len(PARTS)], number))
            rows.append((way, number, write_picture(folder / str(at) / f"{number:04d}.png", picture)))
    samples = pd.DataFrame(
        {
            "path": [str(path) for _, _, path in rows],
            "etag": [hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() for _, _, path in rows],
        }
    )
    way = np.array([name for name, _, _ in rows])
    number = np.array([number for _, number, _ in rows])
    start = time.perf_counter()
    found = find_leaks(samples, progress=False)
    first = time.perf_counter()
    find_leaks(samples, progress=False)
    second = time.perf_counter()
    groups = found.groups.to_numpy()
    for name in COPIES:
        rows_of = np.flatnonzero(way == name)
        hits = sum(groups[row] != "" and groups[row] == groups[number[row]] for row in rows_of)
        print(f"{name:40} found {hits:4d} of {len(rows_of)}")
    together = pd.DataFrame({"group": groups, "number": number})[groups != ""]
    merged = together.groupby("group").number.nunique()
    wrong = int(merged[merged > 1].sum())
    print(f"{parts} parts that look alike: {wrong} merged with another part ({wrong / parts:.2%})")
    print(f"{len(samples)} files: {first - start:.1f} s, again {second - first:.1f} s, {len(found.pairs)} links")


def main() -> None:
    """Prints both tables and the machine's load."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parts", type=int, default=1000)
    parser.add_argument("--copies", type=int, default=100)
    parser.add_argument("--trials", type=int, default=1000)
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BREVETTI_CACHE"] = os.path.join(folder, "cache")
        if given.parts:
            copies_table(given.parts, given.copies, Path(folder))
        if given.trials:
            for name, figure in run_trials(range(given.trials), folder).items():
                print(f"{name:70} {figure:6d}")
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
