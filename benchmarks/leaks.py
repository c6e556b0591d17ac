"""How well leaks are found and kept out: copies of pictures by kind, and splits over random orders and additions.

Figures to reach: of each kind of copy at least 99 of 100 found, of 1,000 parts that look alike at most 1 % merged; over
1,000 trials no unit straddles purposes with the identification file, and in hash mode no sample moves. The defaults are
the whole of it. Families are drawn from seeds and a photograph that no bound was chosen by, unless `--fitted` is given.

    .venv/bin/python -m benchmarks.leaks [--parts 1000] [--copies 100] [--pictures 1000] [--trials 1000] [--fitted]
"""

import argparse
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.leak_families import FAMILIES, draw, frame_of_part
from brevetti_keras.data.leaks.candidates import similar_pairs
from brevetti_keras.data.leaks.finder import Leaks, find_leaks
from tests.support.parts import COPIES, PARTS, Picture, brighten, draw_part, jpeg, shift, write_picture
from tests.support.split_trials import run_trials

_SHIFTS = ((2, 0), (0, 2), (-2, 0), (0, -2), (2, 2), (-2, 2), (2, -2), (-2, -2))
_FRAMES = 5

_Change = Callable[[Picture, int], Picture]

# Those of the goal, and all at once; shifts go every way, since what many copies share counts as the part's own look.
CHANGES: dict[str, _Change] = {
    "JPEG 75": lambda picture, _: jpeg(picture, 75),
    "JPEG 50": lambda picture, _: jpeg(picture, 50),
    "turned": lambda picture, number: np.rot90(picture, 1 + number % 3),
    "brighter": lambda picture, _: brighten(picture),
    "shifted": lambda picture, number: shift(picture, *_SHIFTS[number % 8]),
    "all": lambda picture, number: jpeg(shift(brighten(np.rot90(picture)), *_SHIFTS[number % 8]), 75),
}


class Copied:
    """Pictures and copies of them, written to a folder, and what is found among them.

    Args:
        folder: where they go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.way: list[str] = []
        self.number: list[int] = []
        self._paths: list[Path] = []

    def add(self, way: str, number: int, picture: Picture) -> None:
        """Writes a picture, or a copy made in some way of the picture of that number."""
        name = f"{len(self._paths):05d}.png"
        self._paths.append(write_picture(self._folder / name, picture))
        self.way.append(way)
        self.number.append(number)

    def samples(self) -> pd.DataFrame:
        """Lists the files."""
        etags = [hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() for path in self._paths]
        return pd.DataFrame({"path": [str(path) for path in self._paths], "etag": etags})

    def found(self, leaks: Leaks, way: str) -> tuple[int, int]:
        """Returns how many copies of a way are in their original's group, of how many."""
        groups = leaks.groups.to_numpy()
        rows = [row for row, one in enumerate(self.way) if one == way]
        return sum(groups[row] != "" and groups[row] == groups[self.number[row]] for row in rows), len(rows)

    def merged(self, leaks: Leaks) -> int:
        """Returns how many pictures are in one group with another, or a copy of another."""
        together = pd.DataFrame({"group": leaks.groups.to_numpy(), "number": self.number})
        counts = together[together["group"] != ""].groupby("group")["number"].nunique()
        return int(counts[counts > 1].sum())

    def resembling(self, leaks: Leaks) -> tuple[int, int]:
        """Returns how many copies resemble their original enough to be compared with it, of how many."""
        paths = [str(path) for path in self._paths]
        spectra = np.stack([leaks.signatures.signatures[path].spectrum for path in paths])
        pairs = similar_pairs(spectra)
        known = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
        rows = [row for row, way in enumerate(self.way) if way]
        return sum((self.number[row], row) in known for row in rows), len(rows)


def copies_table(parts: int, copies: int, folder: Path) -> None:
    """Prints of each kind of copy how many are found, beside parts that look alike."""
    pictures = Copied(folder)
    for number in range(parts):
        pictures.add("", number, draw_part(PARTS[number % len(PARTS)], number))
    for at, (way, make) in enumerate(COPIES.items()):
        # Each kind has originals of its own, so that no picture has more than two copies or so.
        for number in ((at * copies + step) % parts for step in range(copies)):
            pictures.add(way, number, make(draw_part(PARTS[number % len(PARTS)], number)))
    samples = pictures.samples()
    start = time.perf_counter()
    found = find_leaks(samples, progress=False)
    first = time.perf_counter()
    find_leaks(samples, progress=False)
    second = time.perf_counter()
    for name in COPIES:
        print(f"{name:40} found {'{:4d} of {}'.format(*pictures.found(found, name))}")
    wrong = pictures.merged(found)
    print(f"{parts} parts that look alike: {wrong} merged with another part ({wrong / parts:.2%})")
    print(f"{len(samples)} files: {first - start:.1f} s, again {second - first:.1f} s, {len(found.pairs)} links")


def families_table(families: Iterable[str], count: int, copies: int, held_out: bool, folder: Path) -> None:
    """Prints of each family how many copies of each change are found, and how many different pictures are merged.

    `compared` is the share of the copies that resemble their original enough to be compared with it pixel by pixel.
    """
    print(f"\n{count} pictures of each family, {copies} copies a change: of 100, found")
    print(f"{'':32}{''.join(f'{name:>10}' for name in (*CHANGES, 'compared', 'merged', 's'))}")
    for at, family in enumerate(families):
        pictures = Copied(folder / str(at))
        originals = [draw(family, number, held_out) for number in range(count)]
        for number, picture in enumerate(originals):
            pictures.add("", number, picture)
        for place, (way, change) in enumerate(CHANGES.items()):
            for number in ((place * copies + step) % count for step in range(copies)):
                pictures.add(way, number, change(originals[number], number))
        samples = pictures.samples()
        start = time.perf_counter()
        found = find_leaks(samples, progress=False)
        taken = time.perf_counter() - start
        shares = [100 * np.divide(*pictures.found(found, way)) for way in CHANGES]
        shares.append(100 * np.divide(*pictures.resembling(found)))
        told = "".join(f"{share:10.4g}" for share in shares)
        print(f"{family:32}{told}{pictures.merged(found) / count:10.2%}{taken:10.1f}", flush=True)


def frames_row(parts: int, folder: Path) -> None:
    """Prints how many exposures of parts that do not move are found, and how many parts are merged."""
    pictures = Copied(folder)
    for number in range(parts):
        for frame in range(_FRAMES):
            pictures.add("frame" if frame else "", number * _FRAMES, frame_of_part(number, frame))
    found = find_leaks(pictures.samples(), progress=False)
    hits, of = pictures.found(found, "frame")
    print(f"{_FRAMES} exposures of each of {parts} parts: {hits} of {of} found, {pictures.merged(found)} parts merged")


def main() -> None:
    """Prints the tables and the machine's load."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parts", type=int, default=1000)
    parser.add_argument("--copies", type=int, default=100)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--families", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--fitted", action="store_true")
    parser.add_argument("--trials", type=int, default=1000)
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BREVETTI_CACHE"] = os.path.join(folder, "cache")
        if given.parts:
            copies_table(given.parts, given.copies, Path(folder, "parts"))
        if given.pictures:
            families_table(given.families, given.pictures, given.copies, not given.fitted, Path(folder, "families"))
            frames_row(given.pictures // _FRAMES, Path(folder, "frames"))
        if given.trials:
            for name, figure in run_trials(range(given.trials), folder).items():
                print(f"{name:70} {figure:6d}")
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
