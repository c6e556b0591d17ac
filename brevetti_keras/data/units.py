"""Which samples belong together: units of rows that share a key, and purposes that spread along the keys.

    keys = ColumnKeys(frame)
    units = join([keys.of(["patient"]), keys.of(["etag"])], len(frame))
    spread([key, …], units, given)                  # purposes of a unit go to its members; CONFLICT where they differ

All of it is arithmetic on arrays of codes, one value a row, so that a million rows take a second.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from brevetti_keras.data.column_keys import MISSING, Codes, Key, renumbered

CONFLICT = -2


def join(keys: Sequence[Key], count: int) -> Codes:
    """Returns the unit of each of `count` rows, numbered by first row: rows that share a key are in one unit, also over
    a chain of others."""
    # Rows of a value that no other row has are not tied by it: so etags, nearly all of them, cost nothing below.
    tying = [(_shared(key), len(key.texts)) for key in keys]
    starts = np.cumsum([0, *(size for _, size in tying)])
    nodes = [np.where(codes < 0, MISSING, codes + start) for (codes, _), start in zip(tying, starts, strict=False)]
    # Values are nodes, and a row that has several of them ties these together.
    first, ties = np.full(count, MISSING, dtype=np.int64), []
    for values in nodes:
        both = (first >= 0) & (values >= 0)
        ties.append((first[both], values[both]))
        first = np.where(first < 0, values, first)
    labels = np.where(first < 0, starts[-1] + 1 + np.arange(count), _components(ties, int(starts[-1]))[first])
    return renumbered(labels)[0]


def _shared(key: Key) -> Codes:
    """Returns the codes that several rows have, MISSING elsewhere."""
    sizes = np.bincount(key.codes + 1, minlength=len(key.texts) + 1)
    return np.where(sizes[key.codes + 1] > 1, key.codes, MISSING)


def _components(ties: Sequence[tuple[Codes, Codes]], count: int) -> Codes:
    """Returns the number of each node's component, and one for no node at its end."""
    source = np.concatenate([np.zeros(0, dtype=np.int64), *(low for low, _ in ties)])
    target = np.concatenate([np.zeros(0, dtype=np.int64), *(high for _, high in ties)])
    if not source.size:
        return np.arange(count + 1)
    graph = coo_array((np.ones(len(source), dtype=bool), (source, target)), shape=(count + 1, count + 1))
    labels: Codes = connected_components(graph, directed=False)[1].astype(np.int64)
    return labels


def spread(keys: Sequence[Key], units: Codes, given: Codes) -> tuple[Codes, Codes]:
    """Gives each unit's purpose to its members.

    Args:
        keys: those that `join` made the units of.
        units: (rows,) as `join` returns them.
        given: (rows,) a purpose's code, or MISSING.

    Returns:
        The purposes, CONFLICT for a row that ties together rows of different purposes; and the units of the rows that
        are still without one, since a conflict holds nothing together.
    """
    count = int(units.max(initial=-1)) + 1
    low, high = bounds(units, given, count)
    result = np.where(given >= 0, given, high[units] if count else given)
    torn = (low != high)[units] & (high >= 0)[units] if count else np.zeros(0, dtype=bool)
    if not torn.any():
        return result, units
    rows = np.flatnonzero(torn)
    inner = [Key(*_narrow(key.codes[rows])) for key in keys]
    settled = _settle(inner, given[rows])
    result[rows] = settled
    free = np.flatnonzero(settled == MISSING)
    units = units.copy()
    units[rows[free]] = count + join([Key(*_narrow(key.codes[free])) for key in inner], len(free))
    return result, units


def _narrow(codes: Codes) -> tuple[Codes, list[str]]:
    new, found = renumbered(codes)
    return new, [""] * len(found)


def bounds(groups: Codes, purposes: Codes, count: int) -> tuple[Codes, Codes]:
    """Returns the lowest and highest purpose in each group, MISSING for both where it has none."""
    known = (purposes >= 0) & (groups >= 0)
    high = np.full(count, MISSING, dtype=np.int64)
    np.maximum.at(high, groups[known], purposes[known])
    low = np.full(count, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(low, groups[known], purposes[known])
    return np.where(high < 0, MISSING, low), high


def _settle(keys: Sequence[Key], given: Codes) -> Codes:
    """Spreads purposes step by step from the rows that have one; where two meet, the rows between are a CONFLICT."""
    result = given.copy()
    limits = [bounds(key.codes, result, len(key.texts)) for key in keys]
    while True:
        low, high = _reach(keys, limits, len(result))
        open_rows = (result == MISSING) & (high >= 0)
        if not open_rows.any():
            return result
        result[open_rows & (low != high)] = CONFLICT
        fresh = open_rows & (low == high)
        # Two rows that get different purposes in this step must not share a key that had none before it.
        tentative = np.where(fresh, high, MISSING)
        for key, (_, known) in zip(keys, limits, strict=True):
            new_low, new_high = bounds(key.codes, tentative, len(key.texts))
            clash = np.append((known < 0) & (new_low != new_high), False)
            result[fresh & clash[key.codes]] = CONFLICT
        fresh &= result == MISSING
        result[fresh] = high[fresh]
        limits = [bounds(key.codes, result, len(key.texts)) for key in keys]


def _reach(keys: Sequence[Key], limits: Sequence[tuple[Codes, Codes]], count: int) -> tuple[Codes, Codes]:
    """Returns the lowest and highest purpose that each row's keys have."""
    low = np.full(count, np.iinfo(np.int64).max, dtype=np.int64)
    high = np.full(count, MISSING, dtype=np.int64)
    for key, (key_low, key_high) in zip(keys, limits, strict=True):
        reached = np.append(key_high, MISSING)[key.codes]
        known = reached >= 0
        high = np.maximum(high, reached)
        low[known] = np.minimum(low[known], np.append(key_low, MISSING)[key.codes][known])
    return low, high
