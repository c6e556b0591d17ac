"""`diff_fingerprints`: what changed between two datasets, sample by sample and kind by kind.

    changes = diff_fingerprints(fingerprint(before), fingerprint(after))
    changes[["change", "sample", "other", "before", "after"]]

Samples of one path and equal pixels belong together; of the others those of equal pixels, which were moved; then those
of one path, whose pixels changed; what is left was added or removed. So files that changed places, or numbers because
one was put in between, are told as moved, and no picture as changed.
"""

import pandas as pd

from brevetti_keras.data.fingerprint import Fingerprint

CHANGES = (
    "added", "removed", "moved", "pixels changed", "re-encoded", "relabelled", "annotation changed", "metadata changed",
)  # fmt: skip
DIFF_COLUMNS = ("change", "sample", "other", "before", "after")
_COMPARED = (
    ("pixels changed", "pixels"),
    ("relabelled", "label"),
    ("annotation changed", "annotation"),
    ("metadata changed", "metadata"),
)

_Row = tuple[str, str, str, str, str]
_Leaf = dict[str, str]
_Leaves = dict[tuple[str, int], _Leaf]


def diff_fingerprints(first: Fingerprint, second: Fingerprint) -> pd.DataFrame:
    """Returns the changes from one dataset to another.

    Args:
        first: before.
        second: after.

    Returns:
        One row a change, by kind in the order of `CHANGES`, then by sample: `change`, `sample` (its path before, or
        after where it was added), `other` (its path after, where that differs), `before` and `after` (what changed).
        A sample that changed in several ways has several rows.
    """
    before, after = _by_path(first.leaves), _by_path(second.leaves)
    common = sorted(before.keys() & after.keys())
    kept = [key for key in common if before[key]["pixels"] == after[key]["pixels"]]
    pairs = [(before.pop(key), after.pop(key)) for key in kept]
    moved = _same_pixels(before, after)
    pairs += [(before.pop(key), after.pop(key)) for key in sorted(before.keys() & after.keys())]
    rows: list[_Row] = [("moved", one["path"], other["path"], one["path"], other["path"]) for one, other in moved]
    rows += [("removed", leaf["path"], "", leaf["label"], "") for leaf in before.values()]
    rows += [("added", leaf["path"], "", "", leaf["label"]) for leaf in after.values()]
    for one, other in pairs + moved:
        rows += _changes(one, other)
    frame = pd.DataFrame(sorted(rows, key=lambda row: (CHANGES.index(row[0]), *row[1:])), columns=[*DIFF_COLUMNS])
    return frame.astype("str")


def _by_path(leaves: pd.DataFrame) -> _Leaves:
    turn = leaves.groupby("path").cumcount()
    names = [str(name) for name in leaves.columns]
    rows = [dict(zip(names, map(str, row), strict=True)) for row in leaves.itertuples(index=False, name=None)]
    return {(row["path"], int(count)): row for row, count in zip(rows, turn, strict=True)}


def _same_pixels(before: _Leaves, after: _Leaves) -> list[tuple[_Leaf, _Leaf]]:
    """Takes out of both what has equal pixels; of several those of equal content first."""
    moved = []
    for columns in (("etag", "pixels", "label"), ("etag", "pixels"), ("pixels", "label"), ("pixels",)):
        waiting: dict[tuple[str, ...], list[tuple[str, int]]] = {}
        for key in sorted(after, reverse=True):
            waiting.setdefault(tuple(after[key][column] for column in columns), []).append(key)
        for key in sorted(before):
            found = waiting.get(tuple(before[key][column] for column in columns))
            if found:
                moved.append((before.pop(key), after.pop(found.pop())))
    return moved


def _changes(one: _Leaf, other: _Leaf) -> list[_Row]:
    path = other["path"] if other["path"] != one["path"] else ""
    rows = [
        (change, one["path"], path, one[column], other[column])
        for change, column in _COMPARED
        if one[column] != other[column]
    ]
    if one["pixels"] == other["pixels"] and one["etag"] != other["etag"]:
        rows.append(("re-encoded", one["path"], path, one["etag"], other["etag"]))
    return rows
