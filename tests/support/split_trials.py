"""Splits random datasets that grow, shrink and change their order, and counts what must not happen.

run_trials(range(100), folder)["straddling units, with the identification file"]     # 0
"""

import logging
import os
from collections.abc import Iterable

import numpy as np
import pandas as pd

from brevetti_keras.data.sample_integrity import SampleSplit
from brevetti_keras.utils.counting import counted

COUNTS = (
    "trials",
    "straddling units, with the identification file",
    "moved samples, with the identification file",
    "conflicts set aside, with the identification file",
    "conflicts not named in the log",
    "samples moved for a conflict",
    "moved samples, hash mode by uniqueness",
    "moved samples, hash mode by etag",
    "straddling units, hash mode by uniqueness",
    "leaks not reported, hash mode",
)


def run_trials(seeds: Iterable[int], folder: str) -> dict[str, int]:
    """Returns how often each of `COUNTS` was met."""
    counts = dict.fromkeys(COUNTS, 0)
    for seed in seeds:
        counts["trials"] += 1
        rng = np.random.default_rng(seed)
        population = _population(rng)
        path = os.path.join(folder, f"ids-{seed}.csv")
        _trial_of_file(population, path, rng, counts)
        _trial_of_hashes(population, rng, counts)
    return counts


class Messages(logging.Handler):
    """Keeps what the split logs."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())

    def __enter__(self) -> "Messages":
        log = logging.getLogger("brevetti_keras.data.sample_integrity")
        self._before = log.propagate
        log.propagate = False
        log.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        log = logging.getLogger("brevetti_keras.data.sample_integrity")
        log.removeHandler(self)
        log.propagate = self._before


def _population(rng: np.random.Generator) -> pd.DataFrame:
    count = int(rng.integers(20, 120))
    patients = int(rng.integers(3, max(4, count // 2)))
    patient = rng.integers(0, patients, count).astype(object)
    patient[rng.random(count) < 0.1] = None
    etag = np.array([f"e{value}" for value in rng.integers(0, count * 3, count)])
    # Equal files have equal pixels, so they are in one group.
    drawn = {one: f"g{rng.integers(0, count // 3)}" if rng.random() < 0.2 else "" for one in sorted(set(etag))}
    group = [drawn[one] for one in etag]
    return pd.DataFrame(
        {
            "path": [f"/d/{index:04d}.png" for index in range(count)],
            "etag": pd.Series(etag, dtype="str"),
            "patient": patient,
            "leak_group": pd.Series(group, dtype="str"),
            "category": rng.choice(list("abc"), count),
        }
    )


def _arrivals(population: pd.DataFrame, rng: np.random.Generator) -> list[pd.DataFrame]:
    """Subsets in random order: some samples at first, then others come, some go."""
    return [population[rng.random(len(population)) < share].sample(frac=1, random_state=int(rng.integers(2**31)))
            for share in (rng.uniform(0.1, 0.6), rng.uniform(0.3, 0.9), 1.0)]  # fmt: skip


def straddling(samples: pd.DataFrame, columns: Iterable[str]) -> int:
    """Values of the columns whose samples, apart from those set aside, have more than one purpose."""
    kept = samples[samples.purpose != "conflict"]
    total = 0
    for column in columns:
        value = kept[column].map(lambda one: "" if pd.isna(one) else str(one))
        total += int((kept[value != ""].groupby(value[value != ""]).purpose.nunique() > 1).sum())
    return total


def _trial_of_file(population: pd.DataFrame, path: str, rng: np.random.Generator, counts: dict[str, int]) -> None:
    settings = {"stratification": [None, ["category"]][rng.integers(2)], "split": float(rng.uniform(0.2, 0.9))}
    known: dict[str, str] = {}
    for samples in _arrivals(population, rng):
        splitter = SampleSplit(uniqueness=["patient"], seed=int(rng.integers(2**32)), **settings)
        with Messages() as messages:
            result = splitter.update_unassigned(samples, path)
        conflicts = result[result.purpose == "conflict"]
        counts["straddling units, with the identification file"] += straddling(
            result, ("patient", "etag", "leak_group")
        )
        moved = [p for p, purpose in zip(result.path, result.purpose, strict=True) if known.get(p, purpose) != purpose]
        counts["moved samples, with the identification file"] += len(moved)
        counts["samples moved for a conflict"] += len(moved) if len(conflicts) else 0
        counts["conflicts set aside, with the identification file"] += len(conflicts)
        if len(conflicts):
            text = " ".join(messages.texts)
            told = (
                counted(len(conflicts), "sample ties", "samples tie") in text
                and conflicts.path.isin(text.replace(",", " ").split()).any()
            )
            counts["conflicts not named in the log"] += not told
        known.update(zip(result.path, result.purpose, strict=True))
        known = {p: purpose for p, purpose in known.items() if purpose != "conflict"}


def _trial_of_hashes(population: pd.DataFrame, rng: np.random.Generator, counts: dict[str, int]) -> None:
    seed, split = int(rng.integers(2**32)), float(rng.uniform(0.2, 0.9))
    for name, uniqueness in (("uniqueness", ["patient"]), ("etag", None)):
        splitter = SampleSplit(uniqueness=uniqueness, seed=seed, split=split, mode="murmurhash3")
        known: dict[str, str] = {}
        for samples in _arrivals(population, rng):
            with Messages() as messages:
                result = splitter.assign(samples, remainder="devel")
            counts[f"moved samples, hash mode by {name}"] += sum(
                known.get(p, purpose) != purpose for p, purpose in zip(result.path, result.purpose, strict=True)
            )
            known.update(zip(result.path, result.purpose, strict=True))
            if name == "uniqueness":
                counts["straddling units, hash mode by uniqueness"] += straddling(result, ("patient",))
            leaks = straddling(result, ("etag", "leak_group"))
            reported = any("with samples of several purposes" in text for text in messages.texts)
            counts["leaks not reported, hash mode"] += bool(leaks) != reported
