"""`check_dataset`: what is wrong or odd in a dataset, before anything is trained on it.

    found = check_dataset(get_image_samples("/data/vials"))
    found.summary           # what was looked for, and how much of it there is
    found.duplicates        # equal pictures and near-duplicates, and whether they lie across classes or purposes

Signatures of all files (remembered by etag) → copies by `find_leaks`, odd files by what most files are, outliers of
brightness by the median of their class.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from brevetti_keras.data.leaks.content_memory import ContentMemory
from brevetti_keras.data.leaks.finder import EQUAL, NEAR, Leaks, equal_pairs, find_leaks
from brevetti_keras.data.leaks.reading import with_text
from brevetti_keras.data.leaks.signature import Signature

DUPLICATE_COLUMNS = (
    "first", "second", "reason", "across", "first_class", "second_class", "orientation", "distance", "apart",
)  # fmt: skip
_UNUSUAL_SHARE = 0.05
_OUTLYING = 6.0
_LEAST_SPREAD = 2.0
# Of a normal distribution, what the median absolute deviation is to be multiplied by for the standard deviation.
_MAD_TO_SIGMA = 1.4826
_FEW_OF_CLASS = 10
_IMBALANCE = 10


@dataclass(frozen=True)
class DatasetCheck:
    """What was found; every table is of text and numbers.

    Attributes:
        count: files checked, those that cannot be samples among them.
        classes: class, samples, share; by size.
        duplicates: `DUPLICATE_COLUMNS`; a file that several samples name is a pair of itself; `across` is `""`,
            `"classes"`, `"purposes"` or `"classes, purposes"`.
        unreadable: path, reason.
        odd: path, reason: files that can be read and are not like the others in size, depth or channels.
        brightness: path, class, brightness, usual: outliers, the farthest first.
    """

    count: int
    classes: pd.DataFrame
    duplicates: pd.DataFrame
    unreadable: pd.DataFrame
    odd: pd.DataFrame
    brightness: pd.DataFrame

    @property
    def summary(self) -> pd.DataFrame:
        """One row a kind of finding: finding, count, meaning."""
        pairs = self.duplicates
        across = pairs["across"]
        sizes = self.classes["samples"]
        small = int((sizes < _FEW_OF_CLASS).sum())
        uneven = int(len(sizes) > 1 and sizes.max() > _IMBALANCE * sizes.min())
        rows = [
            ("unreadable files", len(self.unreadable), "they would be set aside by a job"),
            ("copies across classes", int(across.str.contains("classes").sum()), "one picture, two labels"),
            ("copies across purposes", int(across.str.contains("purposes").sum()), "a leak: test what was trained on"),
            ("equal pictures", int((pairs["reason"] == EQUAL).sum()), "equal pixels in two files, or one file twice"),
            ("near-duplicates", int((pairs["reason"] == NEAR).sum()), "copies that were changed a little"),
            ("odd files", len(self.odd), "other size, depth or channels than most"),
            ("brightness outliers", len(self.brightness), "far from the median of their class"),
            ("small classes", small, f"fewer than {_FEW_OF_CLASS} samples"),
            ("uneven classes", uneven, f"the largest has over {_IMBALANCE} times the samples of the smallest"),
        ]
        return pd.DataFrame(rows, columns=["finding", "count", "meaning"])

    @property
    def severe(self) -> int:
        """How many findings spoil what is measured: unreadable files, and copies across classes or purposes."""
        return len(self.unreadable) + int((self.duplicates["across"] != "").sum())

    def to_dict(self) -> dict[str, Any]:
        """Returns all of it as JSON types."""
        tables = ("summary", "classes", "duplicates", "unreadable", "odd", "brightness")
        return {
            "samples": self.count,
            "severe": self.severe,
            **{name: _records(getattr(self, name)) for name in tables},
        }


def check_dataset(
    samples: pd.DataFrame,
    max_cluster: int = 50,
    memory: ContentMemory | None = None,
    progress: bool = True,
    skipped: pd.DataFrame | None = None,
) -> DatasetCheck:
    """Checks samples.

    Args:
        samples: as `get_image_samples` lists them; with a column `purpose` copies across purposes are told.
        max_cluster: see `find_leak_groups`.
        memory: by default the one in the cache folder.
        progress: show a bar on a terminal while files are decoded.
        skipped: with `path`, `category` and `reason`, as `Listing.skipped`: files that cannot be samples, which count
            as unreadable.

    Raises:
        InvalidInputError: for samples without `path`.
    """
    if skipped is None:
        skipped = pd.DataFrame(columns=["path", "category", "reason"])
    samples = with_text(samples)
    leaks = find_leaks(samples, max_cluster, memory, progress)
    labels = _labels(samples)
    facts = _facts(samples, leaks, labels)
    return DatasetCheck(
        len(samples) + len(skipped),
        _classes(pd.concat([labels, _labels(skipped)])),
        _duplicates(samples, leaks, labels),
        pd.concat([leaks.unreadable, skipped[["path", "reason"]].astype("str")], ignore_index=True),
        _odd(facts),
        _bright(facts),
    )


def _labels(samples: pd.DataFrame) -> "pd.Series[str]":
    if "category" not in samples.columns:
        return pd.Series("", index=samples.index, dtype="str")
    joined = ["/".join(sorted(map(str, v))) if isinstance(v, (tuple, list)) else str(v) for v in samples["category"]]
    return pd.Series(joined, index=samples.index, dtype="str")


def _classes(labels: "pd.Series[str]") -> pd.DataFrame:
    counts = labels.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return pd.DataFrame(
        {
            "class": counts.index.astype("str"),
            "samples": counts.to_numpy(),
            "share": counts.to_numpy() / max(1, len(labels)),
        }
    )


def _duplicates(samples: pd.DataFrame, leaks: Leaks, labels: "pd.Series[str]") -> pd.DataFrame:
    pairs = pd.concat([leaks.pairs, _listed_again(samples, leaks)], ignore_index=True)
    label = _of_paths(samples["path"], labels)
    purpose = {}
    if "purpose" in samples.columns:
        purpose = _lent(_of_paths(samples["path"], samples["purpose"]), pairs[pairs["reason"] == EQUAL])
    kinds: list[str] = []
    for first, second in zip(pairs["first"], pairs["second"], strict=True):
        classes = label.get(first, set()) | label.get(second, set())
        purposes = (purpose.get(first, set()) | purpose.get(second, set())) - {""}
        kinds.append(", ".join(["classes"] * (len(classes) > 1) + ["purposes"] * (len(purposes) > 1)))
    named = {path: ", ".join(sorted(found)) for path, found in label.items()}
    for column in ("first", "second"):
        pairs[f"{column}_class"] = pairs[column].map(named).astype("str")
    pairs["across"] = pd.Series(kinds, index=pairs.index, dtype="str")
    worst_first = pairs.sort_values(
        ["across", "reason", "distance", "first", "second"], ascending=[False, True, True, True, True], kind="stable"
    )
    return worst_first[[*DUPLICATE_COLUMNS]].reset_index(drop=True)


def _listed_again(samples: pd.DataFrame, leaks: Leaks) -> pd.DataFrame:
    """Returns the files that several samples name as pairs of themselves: their labels and purposes may differ."""
    repeated = samples["path"][samples["path"].duplicated()].drop_duplicates()
    readable = repeated[repeated.isin(list(leaks.signatures.signatures))].sort_values()
    return equal_pairs(readable, readable)


def _lent(said: dict[str, set[str]], pairs: pd.DataFrame) -> dict[str, set[str]]:
    """Returns purposes by path, where the first of several equal pictures, which stands for all in their pairs, has
    those of the others if it has none: else two copies of it could lie in two purposes and no pair would tell."""
    found = dict(said)
    for first, second in zip(pairs["first"], pairs["second"], strict=True):
        if said[first] == {""}:
            found[first] = found[first] | said[second]
    return found


def _of_paths(paths: "pd.Series[str]", values: "pd.Series[Any]") -> dict[str, set[str]]:
    """Returns what the samples of each path say, `""` where they say nothing."""
    said: dict[str, set[str]] = {}
    for path, value in zip(paths, values.astype("object").fillna("").astype("str"), strict=True):
        said.setdefault(path, set()).add(value)
    return said


def _facts(samples: pd.DataFrame, leaks: Leaks, labels: "pd.Series[str]") -> pd.DataFrame:
    rows = []
    for path, label in sorted(set(zip(samples["path"], labels, strict=True))):
        found: Signature | None = leaks.signatures.signatures.get(path)
        if found is not None:
            size = f"{found.width} × {found.height}"
            kind = "grey" if found.channels == 1 else "colour"
            rows.append((path, label, size, found.depth, kind, found.brightness, found.contrast))
    return pd.DataFrame(rows, columns=["path", "class", "size", "depth", "channels", "brightness", "contrast"])


def _odd(facts: pd.DataFrame) -> pd.DataFrame:
    """Names files whose size, depth or channels few share while most share another; and plain ones."""
    reasons: dict[str, list[str]] = {}
    for column in ("size", "depth", "channels"):
        shares = facts[column].value_counts(normalize=True)
        if len(shares) > 1 and shares.iloc[0] > 0.5:
            rare = facts[column].map(shares) <= _UNUSUAL_SHARE
            for path, value in zip(facts["path"][rare], facts[column][rare], strict=True):
                reasons.setdefault(path, []).append(f"{value}, where most are {shares.index[0]}")
    for path in facts["path"][facts["contrast"] == 0]:
        reasons.setdefault(path, []).append("a single colour")
    rows = [(path, "; ".join(texts)) for path, texts in sorted(reasons.items())]
    return pd.DataFrame(rows, columns=["path", "reason"], dtype="str")


def _bright(facts: pd.DataFrame) -> pd.DataFrame:
    usual = facts.groupby("class")["brightness"].transform("median").to_numpy(dtype=np.float64)
    apart = np.abs(facts["brightness"].to_numpy(dtype=np.float64) - usual)
    spread = pd.Series(apart).groupby(facts["class"]).transform("median").to_numpy(dtype=np.float64) * _MAD_TO_SIGMA
    far = apart / np.maximum(spread, _LEAST_SPREAD)
    order = np.argsort(-far, kind="stable")
    found = facts.assign(usual=usual)[["path", "class", "brightness", "usual"]]
    return pd.DataFrame(found.iloc[order[far[order] > _OUTLYING]].reset_index(drop=True))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    names = [str(name) for name in frame.columns]
    rows = frame.astype("object").where(frame.notna(), None).itertuples(index=False, name=None)
    return [dict(zip(names, row, strict=True)) for row in rows]
