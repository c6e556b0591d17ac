"""Facets of 4,096 images and the pivot table of 1,000,000 samples, beside the existing client's.

Figures to reach: at least 5 × the existing client, brevettiai 0.4.2, which runs as published, in the environment of its
own that `make test-client` and `make bench` install; without that environment our times stand alone. The client keeps
no decoded images, so ours are made without a cache, and from the cache that a job has anyway. On a machine that others
use too, the processor's time is what counts.

    .venv/bin/python -m benchmarks.facets_pivot [--samples 1000000] [--images 4096]
"""

import argparse
import functools
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2
import numpy as np
import pandas as pd

from benchmarks import existing_client
from benchmarks.existing_client import Times
from benchmarks.report import Figure, show
from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.interfaces.facets_atlas import build_facets
from brevetti_keras.interfaces.pivot import export_pivot_table

LABELS = (("good",), ("scratch",), ("dent",), ("crack",), ("dent", "scratch"))
SIDE = 224
LONG_AGO = 1_000_000_000


def make_samples(count: int, labels: Sequence[tuple[str, ...]]) -> pd.DataFrame:
    """Returns samples of these labels, twenty folders, three datasets and three purposes."""
    random = np.random.default_rng(0)
    category = np.empty(len(labels), dtype=object)
    category[:] = labels
    return pd.DataFrame(
        {
            "path": "/data/vials/line-7/camera-" + pd.Series(np.arange(count)).astype("str"),
            "category": category[random.integers(0, len(labels), count)],
            "folder": "batch-" + pd.Series(random.integers(0, 20, count)).astype("str"),
            "dataset_id": "vials-" + pd.Series(random.integers(0, 3, count)).astype("str"),
            "purpose": random.choice(["train", "devel", "test"], count, p=[0.7, 0.15, 0.15]),
        }
    )


def write_images(folder: Path, count: int) -> pd.DataFrame:
    """Writes pictures of large shapes with fine detail, as JPEG, and returns them as samples."""
    random = np.random.default_rng(0)
    folder.mkdir()
    samples = make_samples(count, LABELS[:4])  # the client's generator takes no samples of several labels
    samples["path"] = [str(folder / f"{number:05}.jpg") for number in range(count)]
    for path in samples["path"]:
        shapes = cv2.resize(random.integers(0, 256, (6, 6, 3), dtype=np.uint8), (SIDE, SIDE))
        detail = cv2.resize(random.integers(0, 60, (80, 80, 3), dtype=np.uint8), (SIDE, SIDE))
        cv2.imwrite(path, cv2.add(shapes, detail))
        os.utime(path, (LONG_AGO, LONG_AGO))
    return samples


def timed(call: Callable[[], object]) -> Times:
    """Returns the seconds that a call takes, by the clock and the processor's."""
    clock, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - clock, time.process_time() - processor


def client(what: str, samples: pd.DataFrame, folder: str) -> Times | None:
    """Returns the client's seconds, None where it is not installed."""
    table = Path(folder) / f"{what}.csv"
    samples.assign(category=["/".join(labels) for labels in samples["category"]]).to_csv(table, index=False)
    target = Path(folder) / f"client-{what}"
    target.mkdir()
    return existing_client.run("brevettiai_reports.py", what, table, target)


def facets(samples: pd.DataFrame, folder: str, cache: str | bool) -> None:
    """Builds our facets."""
    generator = DataGenerator(samples).map(ImagePipeline(target_size=(64, 64), cache=cache))
    build_facets(generator, folder, count=len(samples))


def figures_of(name: str, ours: dict[str, Times], theirs: Times | None) -> list[Figure]:
    """Returns a line for each time and ratio."""
    found = [Figure(f"{name}, the existing client", theirs[0], "s")] if theirs else []
    for way, times in ours.items():
        found.append(Figure(f"{name}, {way}", times[0], "s"))
        if theirs:
            found.append(Figure(f"{name}, {way}: by the clock", theirs[0] / times[0], "x", at_least=5))
            found.append(Figure(f"{name}, {way}: processor's time", theirs[1] / times[1], "x", at_least=5))
    return found


def same_count(folder: str) -> None:
    """Refuses to compare pivot tables that do not count alike."""
    totals = set()
    for name in ("pivot", "client-pivot"):
        path = Path(folder) / name / "classification_summary.json"
        if path.is_file():
            table = pd.DataFrame(json.loads(path.read_bytes()))
            totals.add(int(table.drop_duplicates("id")["count"].sum()))
    if len(totals) > 1:
        raise SystemExit(f"expected pivot tables of as many samples, received {totals}")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Measures facets and pivot table beside the existing client's.")
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--images", type=int, default=4096)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BREVETTI_CACHE"] = str(Path(folder) / "cache")
        samples = make_samples(given.samples, LABELS)
        ours = {"ours": timed(functools.partial(export_pivot_table, str(Path(folder) / "pivot"), samples))}
        figures = figures_of(f"pivot table of {given.samples:,} samples", ours, client("pivot", samples, folder))
        same_count(folder)
        images = write_images(Path(folder) / "images", given.images)
        facets(images.head(32), str(Path(folder) / "warm"), False)
        place = str(Path(folder) / "facets")
        ours = {
            "ours without a cache": timed(functools.partial(facets, images, place, False)),
            "ours, filling the cache": timed(functools.partial(facets, images, place, str(Path(folder) / "pixels"))),
            "ours from the cache": timed(functools.partial(facets, images, place, str(Path(folder) / "pixels"))),
        }
        figures += figures_of(f"facets of {given.images:,} images", ours, client("facets", images, folder))
    show("Facets and pivot table", figures)


if __name__ == "__main__":
    main()
