"""Hashing small images by `HashMemory`, which knows none of them, beside `md5sum` in as many processes, in turn.

Figures to reach: at most 1.3 × md5sum's time, at least 4,150 files a second. The files are in the system's memory, so
that neither waits for a disk. On a machine that others use too, the processor's time is what counts.

    .venv/bin/python -m benchmarks.hashing [--files 20000] [--bytes 20000]
"""

import argparse
import functools
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.report import Figure, show
from brevetti_keras.data.checksums import HashMemory

ROUNDS, A_FOLDER, AT_ONCE = 5, 500, 256
LONG_AGO = 1_000_000_000


def write_files(folder: Path, count: int, size: int) -> list[str]:
    """Writes files of random bytes."""
    random = np.random.default_rng(0)
    paths = []
    for number in range(count):
        path = folder / f"{number // A_FOLDER:03}" / f"part-{number:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.bytes(size))
        os.utime(path, (LONG_AGO, LONG_AGO))
        paths.append(str(path))
    return paths


def md5sum(paths: list[str]) -> list[str]:
    """Returns the hashes by `md5sum` in a process a processor, sorted."""
    command = ["xargs", "-0", "-P", str(os.cpu_count()), "-n", str(AT_ONCE), "md5sum"]
    done = subprocess.run(command, input="\0".join(paths), capture_output=True, text=True, check=True)
    return sorted(line.split()[0] for line in done.stdout.splitlines())


def ours(paths: list[str], folder: str) -> list[str]:
    """Returns the hashes by a memory that is empty at first, sorted."""
    facts = [os.stat(path) for path in paths]
    with tempfile.TemporaryDirectory(dir=folder) as place:
        memory = HashMemory(str(Path(place) / "hashes.sqlite3"))
        return sorted(memory.etags(paths, [one.st_size for one in facts], [one.st_mtime_ns for one in facts]))


def timed(call: Callable[[], list[str]]) -> tuple[float, float, list[str]]:
    """Returns the seconds of the clock, and of the processor with child processes, that a call takes."""
    before, start = processor(), time.perf_counter()
    found = call()
    return time.perf_counter() - start, processor() - before, found


def processor() -> float:
    """Returns the processor's seconds of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Prints the table: medians of rounds in turn."""
    parser = argparse.ArgumentParser(description="Measures hashing beside md5sum.")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=20_000)
    given = parser.parse_args()
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 * given.files * given.bytes
    with tempfile.TemporaryDirectory(dir=memory if roomy else None) as folder:
        paths = write_files(Path(folder), given.files, given.bytes)
        ways = {"md5sum": functools.partial(md5sum, paths), "ours": functools.partial(ours, paths, folder)}
        rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(ROUNDS + 1):
            results = {name: timed(call) for name, call in ways.items()}
            if results["md5sum"][2] != results["ours"][2]:
                raise SystemExit("expected the hashes of md5sum, received others")
            for name, (clock, used, _) in results.items():
                if number:  # the first round warms up
                    rounds[name].append((clock, used))
    (their_clock, their_time), (our_clock, our_time) = (
        (statistics.median(clock for clock, _ in rounds[name]), statistics.median(used for _, used in rounds[name]))
        for name in ways
    )
    figures = [
        Figure("md5sum, as many processes as processors", their_clock, "s"),
        Figure("HashMemory, nothing known", our_clock, "s"),
        Figure("ratio by the clock", our_clock / their_clock, "x", at_most=1.3),
        Figure("ratio of the processor's time", our_time / their_time, "x", at_most=1.3),
        Figure("files a second, md5sum", given.files / their_clock, "files/s"),
        Figure("files a second, HashMemory", given.files / our_clock, "files/s", at_least=4150),
    ]
    show(f"Hashing {given.files:,} files of {given.bytes:,} bytes", figures)


if __name__ == "__main__":
    main()
