"""Chooses whole units so that a share of the samples is met in every stratum and in total.

    chosen = choose_units(units, strata, order, split=0.8)      # (units,) of booleans

Units that lie across strata are settled first, one by one, where each brings the strata nearest to their share. The
others are taken in the order drawn, up to the share of their stratum less what lies there already; whether the unit at
the edge is taken is decided by the error that the strata before have left, so that rounding does not add up.
"""

import bisect

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.column_keys import Codes

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_EXACT = 1e-6


def choose_units(units: Codes, strata: Codes, order: Codes, split: float) -> Flags:
    """Returns which units are in the share.

    Args:
        units: (rows,) the unit of each row, from 0 up without gaps.
        strata: (rows,) the stratum of each row, from 0 up without gaps; they are filled in this order.
        order: (units,) all units in the order in which they are drawn.
        split: the share of the rows, in [0, 1].

    Returns:
        (units,) true for a unit in the share. Rows in it differ from `split` of a stratum by at most one unit where
        all units lie inside one stratum, and in total by at most one unit.
    """
    count = len(order)
    chosen = np.zeros(count, dtype=bool)
    if not count:
        return chosen
    goal = np.asarray(split * np.bincount(strata), dtype=np.float64)
    found, amounts = np.unique(units * len(goal) + strata, return_counts=True)
    pairs = np.stack(np.divmod(found, len(goal)))
    parts = np.bincount(pairs[0], minlength=count)
    mixed = parts[pairs[0]] > 1
    _choose_mixed(chosen, pairs[:, mixed], amounts[mixed], order, split)
    filled = np.zeros(len(goal), dtype=np.float64)
    np.add.at(filled, pairs[1], amounts * chosen[pairs[0]])
    pure = ~mixed
    sizes = np.zeros(count, dtype=np.int64)
    sizes[pairs[0, pure]] = amounts[pure]
    home = np.full(count, -1, dtype=np.int64)
    home[pairs[0, pure]] = pairs[1, pure]
    drawn = order[home[order] >= 0]
    drawn = drawn[np.argsort(home[drawn], kind="stable")]
    _choose_pure(chosen, drawn, sizes[drawn], home[drawn], goal, filled)
    return chosen


def _choose_mixed(chosen: Flags, pairs: Codes, amounts: Codes, order: Codes, split: float) -> None:
    """Takes a unit where that leaves its strata and the total nearer to their share than leaving it. Big ones come
    first, since small ones can mend what big ones leave."""
    if not len(amounts):
        return
    sizes = np.bincount(pairs[0], weights=amounts, minlength=len(order))
    magnitude = np.floor(np.log2(np.maximum(sizes, 1))).astype(np.int64)
    crossing = order[sizes[order] > 0]
    crossing = crossing[np.argsort(-magnitude[crossing], kind="stable")]
    starts = np.searchsorted(pairs[0], np.arange(len(order) + 1)).tolist()
    strata, counts = pairs[1].tolist(), amounts.tolist()
    error = [0.0] * (max(strata) + 1)
    total = 0.0
    for unit in crossing.tolist():
        part = range(starts[unit], starts[unit + 1])
        size = sum(counts[at] for at in part)
        # (e + n(1 - s))² - (e - ns)² = n (2e + n(1 - 2s)), so taking is better where these add up to less than 0.
        worse = size * (2 * total + size * (1 - 2 * split))
        worse += sum(counts[at] * (2 * error[strata[at]] + counts[at] * (1 - 2 * split)) for at in part)
        take = worse < _EXACT if split > 0 else False
        chosen[unit] = take
        change = 1 - split if take else -split
        total += size * change
        for at in part:
            error[strata[at]] += counts[at] * change


def _choose_pure(chosen: Flags, drawn: Codes, sizes: Codes, home: Codes, goal: Floats, filled: Floats) -> None:
    """Takes units from the front of each stratum. `drawn`, `sizes` and `home` are sorted by stratum, then as drawn."""
    ends = [0, *np.cumsum(sizes).tolist()]
    bounds = np.searchsorted(home, np.arange(len(goal) + 1)).tolist()
    taken = np.array(bounds[:-1])
    error = 0.0
    for stratum, wanted in enumerate((goal - filled).tolist()):
        first, last = bounds[stratum], bounds[stratum + 1]
        edge = ends[first] + wanted
        at = max(first, bisect.bisect_right(ends, edge + _EXACT, first, last + 1) - 1)
        under = ends[at] - edge
        if at < last and under < -_EXACT:
            over = ends[at + 1] - edge
            if abs(error + over) <= abs(error + under) + _EXACT:
                under, at = over, at + 1
        error += under
        taken[stratum] = at
    chosen[drawn[np.arange(len(drawn)) < taken[home]]] = True
