"""Which samples belong together: keys of columns, ties between them, and purposes that spread along both.

    key = key_of(frame, ["patient"])                # a code a row, -1 where a value is missing
    units = join([key, key_of(frame, ["etag"])], len(frame))
    spread([key, …], units, given)                  # purposes of a unit go to its members; CONFLICT where they differ

All of it is arithmetic on arrays of codes, one value a row, so that a million rows take a second.
"""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from brevetti_keras.utils.errors import InvalidInputError

Codes = npt.NDArray[np.int64]

MISSING = -1
CONFLICT = -2
_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Key:
    """What identifies rows.

    Attributes:
        codes: (rows,) from 0 up, equal where the key is; MISSING where it has no value.
        texts: the key of each code as text, the same for the same values whatever their column's dtype.
    """

    codes: Codes
    texts: list[str]


def key_of(frame: pd.DataFrame, columns: Sequence[str]) -> Key:
    """Returns the key that `columns` are together; a row that misses one of them (NA or `""`) has none.

    Raises:
        InvalidInputError: for samples that are no frame, a column that does not exist, or one that exists twice.
    """
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInputError(f"expected samples in a DataFrame, received {type(frame).__name__}")
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise InvalidInputError(
            f"expected the samples to have the column {absent[0]!r}, received {', '.join(map(str, frame.columns))}"
        )
    twice = [column for column in columns if isinstance(frame[column], pd.DataFrame)]
    if twice:
        raise InvalidInputError(f"expected each column once, received {twice[0]!r} twice: rename or drop one")
    key = _column_key(frame[columns[0]])
    for column in columns[1:]:
        other = _column_key(frame[column])
        both = key.codes * max(1, len(other.texts)) + other.codes
        both[(key.codes < 0) | (other.codes < 0)] = MISSING
        codes, found = _factorize(both)
        first, second = np.divmod(found, max(1, len(other.texts)))
        texts = [
            f"{key.texts[a]}{_SEPARATOR}{other.texts[b]}" for a, b in zip(first.tolist(), second.tolist(), strict=True)
        ]
        key = Key(codes, texts)
    return key


def extended(key: Key, entries: pd.DataFrame, columns: Sequence[str]) -> Key:
    """Returns a key with further rows after its own.

    Args:
        key: of the first rows.
        entries: the further rows, columns of text; `""` is missing.
        columns: those that the key is of. A value that no row of the first ones has is MISSING, since it joins nothing.
    """
    texts = entries[columns[0]]
    for column in columns[1:]:
        whole = (texts != "") & (entries[column] != "")
        texts = (texts + _SEPARATOR + entries[column]).where(whole, "")
    codes = pd.Index(key.texts, dtype="object").get_indexer(pd.Index(texts, dtype="object"))
    return Key(np.concatenate([key.codes, codes.astype(np.int64)]), key.texts)


def pattern_key(frame: pd.DataFrame, pattern: str) -> Key:
    """Returns the key that the first group of a regular expression finds in `path`; a row that it misses has none.

    Raises:
        InvalidInputError: if there is no column `path`.
    """
    key = key_of(frame, ["path"])
    search = re.compile(pattern).search
    groups = [found.group(1) if (found := search(text)) else None for text in key.texts]
    inner = _column_key(pd.Series(groups, dtype="object"))
    return Key(np.append(inner.codes, MISSING)[key.codes], inner.texts)


def _column_key(values: "pd.Series[Any]") -> Key:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    try:
        codes, found = pd.factorize(values)
    except TypeError:  # lists and other values without a hash
        codes, found = pd.factorize(values.map(lambda value: None if _is_missing(value) else as_text(value)))
    texts = found.tolist()
    if isinstance(values.dtype, pd.StringDtype) and "" not in texts:
        return Key(codes.astype(np.int64), texts)
    texts = [as_text(value) for value in texts]
    merged, distinct = pd.factorize(pd.Series([text or None for text in texts], dtype="object"))
    return Key(np.append(merged, MISSING).astype(np.int64)[codes], [str(text) for text in distinct])


def as_text(value: Any) -> str:
    """Returns a key's value as text: `1`, `1.0` and `"1"` alike, a tuple by its parts, missing as `""`."""
    if isinstance(value, str):
        return value
    if isinstance(value, (tuple, list, np.ndarray)):
        return _SEPARATOR.join(as_text(part) for part in value)
    if _is_missing(value):
        return ""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, (datetime.date, np.datetime64)):
        return pd.Timestamp(value).isoformat()
    return str(value)


def _is_missing(value: Any) -> bool:
    return value is None or (np.ndim(value) == 0 and bool(pd.isna(value)))


def _factorize(values: Codes) -> tuple[Codes, Codes]:
    """Numbers values in the order of their first row; negative ones stay MISSING."""
    codes, found = pd.factorize(np.where(values < 0, MISSING, values))
    codes = codes.astype(np.int64)
    at = np.flatnonzero(found == MISSING)
    if at.size:
        codes = np.where(codes == at[0], MISSING, codes - (codes > at[0]))
        found = np.delete(found, at)
    return codes, found.astype(np.int64)


def join(keys: Sequence[Key], count: int) -> Codes:
    """Returns the unit of each of `count` rows, numbered by first row: rows that share a key are in one unit, also over
    a chain of others."""
    if not keys:
        return np.arange(count, dtype=np.int64)
    # Rows are nodes 0 … count-1, each key's codes are nodes after them.
    starts = np.cumsum([count, *(len(key.texts) for key in keys)])
    rows = [np.flatnonzero(key.codes >= 0) for key in keys]
    ends = [key.codes[row] + start for key, row, start in zip(keys, rows, starts, strict=False)]
    source, target = np.concatenate(rows), np.concatenate(ends)
    size = int(starts[-1])
    graph = coo_array((np.ones(len(source), dtype=bool), (source, target)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1][:count]
    return _factorize(labels.astype(np.int64))[0]


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
    new, found = _factorize(codes)
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
