"""What identifies rows: the values of columns as numbers, each with its text.

    keys = ColumnKeys(frame)
    keys.of(["patient"]).codes                  # a number a row, -1 where a value is missing
    keys.of(["line", "batch"])                  # several columns are one key
    keys.matching(r"/(lot-\\d+)/")              # what an expression finds in `path`

Of a million rows turning text into numbers takes most of the time, so each column is turned once; all that follows is
arithmetic on the numbers.
"""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from brevetti_keras.utils.errors import InvalidInputError

Codes = npt.NDArray[np.int64]

MISSING = -1
_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Key:
    """What identifies rows.

    Attributes:
        codes: (rows,) from 0 up, equal where the key is; MISSING where it has no value.
        texts: the key of each code as text, the same for the same values whatever their column's dtype; none is `""`.
    """

    codes: Codes
    texts: list[str]

    def at(self, rows: Codes) -> "Key":
        """Returns the key of some rows."""
        return Key(self.codes[rows], self.texts)

    def series(self, index: pd.Index | None = None, missing: str | None = "") -> "pd.Series[str]":
        """Returns the text of each row, of dtype `str`.

        Args:
            index: of the rows.
            missing: what stands where the key has no value, None for NA.
        """
        # Taken from a small array of text, for to turn a million objects into text takes long.
        texts = pd.array(self.texts, dtype="str").take(self.codes, allow_fill=True, fill_value=missing)
        return pd.Series(texts, index=index, copy=False)


class ColumnKeys:
    """The keys of one frame.

    Args:
        frame: the rows. It must not change meanwhile.

    Raises:
        InvalidInputError: for samples that are no frame.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        if not isinstance(frame, pd.DataFrame):
            raise InvalidInputError(f"expected samples in a DataFrame, received {type(frame).__name__}")
        self.frame = frame
        self._made: dict[Any, Key] = {}

    def __contains__(self, column: object) -> bool:
        return column in self.frame.columns

    def of(self, columns: Sequence[str]) -> Key:
        """Returns the key that `columns` are together; a row that misses one of them (NA or `""`) has none.

        Raises:
            InvalidInputError: for a column that does not exist, or one that exists twice.
        """
        frame = self.frame
        absent = [column for column in columns if column not in frame.columns]
        if absent:
            raise InvalidInputError(
                f"expected the samples to have the column {absent[0]!r}, received {', '.join(map(str, frame.columns))}"
            )
        twice = [column for column in columns if isinstance(frame[column], pd.DataFrame)]
        if twice:
            raise InvalidInputError(f"expected each column once, received {twice[0]!r} twice: rename or drop one")
        for column in columns:
            if column not in self._made:
                self._made[column] = text_key(frame[column])
        key = self._made[columns[0]]
        for column in columns[1:]:
            key = _joined(key, self._made[column])
        return key

    def matching(self, pattern: str) -> Key:
        """Returns the key that the first group of a regular expression finds in `path`; a row that it misses has none.

        Raises:
            InvalidInputError: if there is no column `path`.
        """
        key = self.of(["path"])
        search = re.compile(pattern).search
        groups = [found.group(1) if (found := search(text)) else None for text in key.texts]
        inner = text_key(pd.Series(groups, dtype="object"))
        return Key(np.append(inner.codes, MISSING)[key.codes], inner.texts)


def absent_key(count: int) -> Key:
    """Returns the key of rows none of which has a value."""
    return Key(np.full(count, MISSING, dtype=np.int64), [])


def overlaid(first: Key, second: Key) -> Key:
    """Returns a key that is the first where that has a value, else the second; one text may have several numbers."""
    codes = np.where(second.codes < 0, MISSING, second.codes + len(first.texts))
    return Key(np.where(first.codes < 0, codes, first.codes), [*first.texts, *second.texts])


def merged(key: Key) -> Key:
    """Returns the key with one number a text."""
    places = {text: place for place, text in enumerate(dict.fromkeys(key.texts))}
    numbers = np.array([*map(places.__getitem__, key.texts), MISSING], dtype=np.int64)
    return Key(numbers[key.codes], list(places))


def extended(key: Key, entries: pd.DataFrame, columns: Sequence[str]) -> Key:
    """Returns a key with further rows after its own.

    Args:
        key: of the first rows.
        entries: the further rows, columns of text; `""` is missing.
        columns: those that the key is of, none if the further rows have no value of it. A value that no row of the
            first ones has is MISSING, since it joins nothing.
    """
    if not columns:
        return Key(np.append(key.codes, np.full(len(entries), MISSING)), key.texts)
    texts = entries[columns[0]]
    for column in columns[1:]:
        whole = (texts != "") & (entries[column] != "")
        texts = (texts + _SEPARATOR + entries[column]).where(whole, "")
    codes = pd.Index(key.texts, dtype="object").get_indexer(pd.Index(texts, dtype="object"))
    return Key(np.concatenate([key.codes, codes.astype(np.int64)]), key.texts)


def text_key(values: "pd.Series[Any]") -> Key:
    """Returns the key that one column is."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    try:
        codes, found = pd.factorize(values)
    except TypeError:  # lists and other values without a hash
        codes, found = pd.factorize(values.map(lambda value: None if _is_missing(value) else as_text(value)))
    texts = found.tolist()
    if isinstance(values.dtype, pd.StringDtype):
        blank = texts.index("") if "" in texts else len(texts)
        codes = np.where(codes == blank, MISSING, codes - (codes > blank)).astype(np.int64)
        return Key(codes, [*texts[:blank], *texts[blank + 1 :]])
    texts = [as_text(value) for value in texts]
    numbers, distinct = pd.factorize(pd.Series([text or None for text in texts], dtype="object"))
    return Key(np.append(numbers, MISSING).astype(np.int64)[codes], [str(text) for text in distinct])


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


def _joined(key: Key, other: Key) -> Key:
    """Returns the key that two are together."""
    both = key.codes * max(1, len(other.texts)) + other.codes
    both[(key.codes < 0) | (other.codes < 0)] = MISSING
    codes, found = renumbered(both)
    first, second = np.divmod(found, max(1, len(other.texts)))
    texts = [
        f"{key.texts[a]}{_SEPARATOR}{other.texts[b]}" for a, b in zip(first.tolist(), second.tolist(), strict=True)
    ]
    return Key(codes, texts)


def renumbered(values: Codes) -> tuple[Codes, Codes]:
    """Numbers values in the order of their first row; negative ones stay MISSING.

    Returns:
        The numbers, and the value of each number.
    """
    codes, found = pd.factorize(np.where(values < 0, MISSING, values))
    codes = codes.astype(np.int64)
    at = np.flatnonzero(found == MISSING)
    if at.size:
        codes = np.where(codes == at[0], MISSING, codes - (codes > at[0]))
        found = np.delete(found, at)
    return codes, found.astype(np.int64)
