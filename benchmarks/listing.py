"""Listing 1,000,000 files beside `os.scandir` and a `stat` of each; then a job's start on them, in its own process.

Figures to reach: listing within 2 × of scandir and stat; all files listed and hashed in 60 s, at most 1.5 GB of memory
for the whole process with TensorFlow in it, and the first batch 5 s later. The files are pictures of 4 x 4 pixels, each
with a content of its own, 1,000 a folder, in memory where /dev/shm has room. On a machine that others use too, the
processor's time is what counts.

    .venv/bin/python -m benchmarks.listing [--files 1000000] [--folder /dev/shm]
"""

import argparse
import concurrent.futures
import functools
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import Figure, in_turn, show

A_FOLDER, ROUNDS = 1000, 2
LONG_AGO = 1_000_000_000
KINDS = ("good", "scratch", "dent", "crack", "fibre")
MEMORY = Path("/dev/shm")
# What a file of a page and its entry take there, and as much again to spare.
BYTES_A_FILE = 10_000
HEADER = struct.pack("<2sIHHI IiiHHIIiiII", b"BM", 102, 0, 0, 54, 40, 4, 4, 1, 24, 0, 48, 2835, 2835, 0, 0)


def write_folder(root: str, count: int, number: int) -> None:
    """Writes one folder of bitmaps."""
    folder = Path(root) / f"line-{number % 10}" / KINDS[number % len(KINDS)] / f"batch-{number:04d}"
    folder.mkdir(parents=True)
    descriptor = os.open(folder, os.O_RDONLY)
    for index in range(number * A_FOLDER, min(count, (number + 1) * A_FOLDER)):
        name = f"camera-{index % 4}-part-{index:07d}.bmp"
        file = os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=descriptor)
        os.write(file, HEADER + index.to_bytes(4, "little") * 12)
        os.close(file)
        os.utime(name, (LONG_AGO, LONG_AGO), dir_fd=descriptor)
    os.close(descriptor)


def write_files(root: str, count: int) -> None:
    """Writes the files of a benchmark."""
    with concurrent.futures.ProcessPoolExecutor() as pool:
        list(pool.map(functools.partial(write_folder, root, count), range(-(-count // A_FOLDER)), chunksize=8))


def scandir_and_stat(root: str) -> int:
    """Returns how many files there are below a folder; asks for the facts of each and keeps none."""
    found, pending = 0, [root]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    entry.stat()
                    found += 1
    return found


def compare(root: str, count: int) -> list[Figure]:
    """Measures both ways of listing, in turn."""
    from brevetti_keras.data.samples import list_files

    processor: dict[str, list[float]] = {"theirs": [], "ours": []}

    def timed(name: str, listed: int, start: float) -> None:
        if listed != count:
            raise SystemExit(f"{name}: expected {count} files, received {listed}")
        processor[name].append(time.process_time() - start)

    clock = in_turn(
        ROUNDS,
        {
            "theirs": lambda: timed(start=time.process_time(), name="theirs", listed=scandir_and_stat(root)),
            "ours": lambda: timed(start=time.process_time(), name="ours", listed=len(list_files(root))),
        },
    )
    least = {name: min(taken) for name, taken in processor.items()}
    return [
        Figure("os.scandir and stat", clock["theirs"], "s"),
        Figure("our listing", clock["ours"], "s"),
        Figure("os.scandir and stat, the processor's time", least["theirs"], "s"),
        Figure("our listing, the processor's time", least["ours"], "s"),
        Figure("ratio by the clock", clock["ours"] / clock["theirs"], "x", at_most=2),
        Figure("ratio of the processor's time", least["ours"] / least["theirs"], "x", at_most=2),
    ]


def start_of_a_job(root: str) -> dict[str, float]:
    """Lists and hashes a dataset, takes a batch of it, and lists it again; returns the times and the memory."""
    import tensorflow as tf

    from brevetti_keras.data.data_generator import DataGenerator
    from brevetti_keras.data.image import ImagePipeline
    from brevetti_keras.platform import get_image_samples

    def peak() -> float:
        # getrusage would tell the most that the process had which started this one.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e9

    tf.data.Dataset.range(1).get_single_element()
    bare, begun = peak(), time.perf_counter()
    samples = get_image_samples([root])
    indexed, after_index = time.perf_counter(), peak()
    generator = DataGenerator(samples, shuffle=True, seed=1).map(ImagePipeline(target_size=(64, 64)))
    next(iter(generator.get_dataset()))
    batch, after_batch = time.perf_counter(), peak()
    get_image_samples([root])
    return {
        "index": indexed - begun,
        "batch": batch - indexed,
        "again": time.perf_counter() - batch,
        "bare": bare,
        "after_index": after_index,
        "after_batch": after_batch,
    }


def job_figures(root: str, cache: str) -> list[Figure]:
    """Runs `start_of_a_job` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.listing", "--start", root]
    environment = {**os.environ, "BREVETTI_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    found = json.loads(done.stdout.splitlines()[-1])
    return [
        Figure("a job lists and hashes all", found["index"], "s", at_most=60),
        Figure("its first batch after that", found["batch"], "s", at_most=5),
        Figure("it lists all again, hashes remembered", found["again"], "s", at_most=60),
        Figure("most memory before, TensorFlow loaded", found["bare"], "GB"),
        Figure("most memory while listing", found["after_index"], "GB", at_most=1.5),
        Figure("most memory to the first batch", found["after_batch"], "GB", at_most=1.5),
    ]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Measures listing beside os.scandir, and a job's start on many files.")
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--folder", help="where the files are made, by default in memory if there is room")
    parser.add_argument("--start", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.start:
        print(json.dumps(start_of_a_job(given.start)))
        return
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > BYTES_A_FILE * given.files
    with tempfile.TemporaryDirectory(dir=given.folder or (MEMORY if roomy else None)) as folder:
        root, cache = str(Path(folder) / "files"), str(Path(folder) / "cache")
        os.environ["BREVETTI_CACHE"] = cache
        write_files(root, given.files)
        figures = [*compare(root, given.files), *job_figures(root, cache)]
    show(f"Listing {given.files:,} files", figures)


if __name__ == "__main__":
    main()
