"""`SampleSplit`: gives each sample a purpose so that what belongs together stays together.

    samples = find_leak_groups(samples)                 # copies of one picture get a `leak_group`, which ties them
    split = SampleSplit(stratification=["category"], uniqueness=["patient"], split=0.8, seed=0)
    samples = split.assign(samples, purpose="train", remainder="devel")
    samples = split.update_unassigned(samples, id_path="artifacts/sample_identification.csv")

Rows → units (samples of one key, or tied by equal content) → purposes already given spread over their units → of the
units left, `split` of the samples in each stratum are chosen → a new frame. The order of rows plays no part.
"""

import itertools
import logging
import operator
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

import mmh3
import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import field_validator

from brevetti_keras.data.column_keys import (
    MISSING,
    Codes,
    ColumnKeys,
    Key,
    absent_key,
    extended,
    merged,
    overlaid,
    text_key,
)
from brevetti_keras.data.fractions import choose_units
from brevetti_keras.data.identification import ETAG, PURPOSE, IdentificationFile
from brevetti_keras.data.leaks.finder import find_leak_groups, find_leak_pairs
from brevetti_keras.data.units import CONFLICT, bounds, join, spread
from brevetti_keras.schema.fields import setting
from brevetti_keras.schema.settings import Settings
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import InvalidInputError

__all__ = ["SampleSplit", "find_leak_groups", "find_leak_pairs"]

_log = logging.getLogger(__name__)

CONFLICT_PURPOSE = "conflict"
PATTERN_COLUMN = "uniqueness"
_NAMED = 5
_SEEDS = 2**32


class SampleSplit(Settings):
    """Splits samples into purposes.

    Args:
        stratification: columns, or a regular expression on `path` whose first group is the stratum.
        uniqueness: columns, or a regular expression on `path` whose first group is the unit; a missing value is a unit
            of its own, and without uniqueness each sample is.
        tie: columns whose equal values make one unit of several; those that the frame lacks are passed over.
        split: the share of the samples without a purpose that gets the first one.
        seed: equal seeds split equal samples equally, whatever their order; None draws one, which `.seed` then holds.
        mode: `"sorted_permutation"` meets the share exactly; `"murmurhash3"` decides by each key's hash alone.
    """

    MODE_SORTED_PERMUTATION: ClassVar[str] = "sorted_permutation"
    MODE_MURMURHASH3: ClassVar[str] = "murmurhash3"
    positional: ClassVar[tuple[str, ...]] = ("stratification", "uniqueness", "tie", "split", "seed", "mode")

    stratification: tuple[str, ...] | str | None = setting(
        None, description="Columns whose every combination is split alike, or a regular expression on the path"
    )
    uniqueness: tuple[str, ...] | str | None = setting(
        None, description="Columns whose samples stay together, or a regular expression on the path"
    )
    tie: tuple[str, ...] = setting(
        ("etag", "leak_group"), advanced=True, description="Columns whose equal values keep samples together too"
    )
    split: float = setting(0.8, ge=0, le=1, description="Share of the samples that is trained on")
    seed: int | None = setting(0, ge=0, lt=_SEEDS, description="Equal seeds give equal splits; empty draws one")
    mode: Literal["sorted_permutation", "murmurhash3"] = setting(
        "sorted_permutation", advanced=True, description="Exact shares, or a purpose that hangs on each key alone"
    )

    @field_validator("stratification", "uniqueness")
    @classmethod
    def _check_key(cls, value: tuple[str, ...] | str | None) -> tuple[str, ...] | str | None:
        if isinstance(value, str) and value:
            try:
                groups = re.compile(value).groups
            except re.error as error:
                raise ValueError(f"expected columns or a regular expression, received {value!r}: {error}") from error
            if not groups:
                raise ValueError(
                    f"expected a list of columns, or a regular expression on the path with a group, received {value!r}"
                )
        return value or None

    @field_validator("seed")
    @classmethod
    def _draw_seed(cls, value: int | None) -> int:
        if value is None:
            value = secrets.randbelow(_SEEDS)
            _log.info("SampleSplit drew the seed %d", value)
        return value

    def assign(
        self, df: pd.DataFrame, purpose: str = "train", remainder: str | None = None, column: str = "purpose"
    ) -> pd.DataFrame:
        """Returns a new frame, in the same order, with a purpose for the samples that have none.

        Args:
            df: samples; those that have text in `column` keep it, and pass it to their unit.
            purpose: for `split` of the others.
            remainder: for the rest of them; None leaves them missing.
            column: where the purposes are and go.

        Raises:
            ValueError: if a column of `stratification` or `uniqueness` does not exist.
        """
        keys, given = _given(df, column)
        return df.assign(**{column: self._purposes(keys, given, purpose, remainder).series(df.index, missing=None)})

    def update_unassigned(
        self,
        df: pd.DataFrame,
        id_path: str,
        purpose: str = "train",
        remainder: str | None = "devel",
        column: str = "purpose",
    ) -> pd.DataFrame:
        """As `assign`, with what the identification file says put first and the outcome written to it.

        Args:
            df: samples, with an `etag` or columns of uniqueness to know them by.
            id_path: the file, made if it is not there; jobs may share it.
            purpose: see `assign`.
            remainder: see `assign`.
            column: see `assign`.

        Raises:
            ValueError: if a column does not exist, or the samples have nothing to be known by.
            DataError: if the file is not one of ids and purposes.
        """
        keys, given = _given(df, column)
        ids = self._ids(keys)
        unit = [PATTERN_COLUMN] if isinstance(self.uniqueness, str) else [*(self.uniqueness or ())]
        key = [name for name in ids if name != ETAG]
        # By a hash, etags tie nothing: samples of one etag have purposes of their own, which the file must not settle.
        apart = {ETAG} if self.mode == self.MODE_MURMURHASH3 else set()
        ties = [name for name in dict.fromkeys(self.tie) if name in keys and name not in apart]
        ids |= {name: keys.of([name]) for name in ties if name not in ids}

        def decide(known: IdentificationFile) -> "pd.Series[str]":
            settled = overlaid(known.lookup(), known.overruled(given, CONFLICT_PURPOSE))
            purposes = self._purposes(
                keys, settled, purpose, remainder, known.others(), unit, known.same() if ETAG not in ties else None
            )
            known.update(_without(purposes, CONFLICT_PURPOSE, ""))
            return purposes.series(df.index, missing=None)

        return df.assign(**{column: IdentificationFile(id_path, ids, key, ties).settle(decide)})

    def _purposes(
        self,
        keys: ColumnKeys,
        given: Key,
        purpose: str,
        remainder: str | None,
        others: pd.DataFrame | None = None,
        columns: Sequence[str] = (),
        same: Codes | None = None,
    ) -> Key:
        """Returns every row's purpose, MISSING for none; `given` are those of before. `others` are entries of samples
        absent today, which tie as if they were here, and `columns` those of their uniqueness. `same` numbers the rows
        by what the file knows them by, where nothing else ties the rows of one number."""
        rows = len(keys.frame)
        strata = self._key(keys, self.stratification)
        uniqueness = self._key(keys, self.uniqueness)
        ties = {name: keys.of([name]) for name in dict.fromkeys(self.tie) if name in keys}
        tying: list[tuple[Key, Sequence[str]]] = [] if uniqueness is None else [(uniqueness, columns)]
        if self.mode == self.MODE_SORTED_PERMUTATION:
            tying += [(key, [name]) for name, key in ties.items()]
            if same is not None:
                tying.append((Key(same, [""] * (int(same.max(initial=-1)) + 1)), ()))
        known = _without(given, CONFLICT_PURPOSE)
        set_aside = (known.codes < 0) & (given.codes >= 0)
        joined = [Key(np.where(set_aside, MISSING, key.codes), key.texts) for key, _ in tying]
        if others is not None and len(others):
            joined = [extended(key, others, by) for key, (_, by) in zip(joined, tying, strict=True)]
            known = _followed(known, text_key(others[PURPOSE]))
        known = merged(known)
        codes, units = spread(joined, join(joined, len(known.codes)), known.codes)
        codes, units = codes[:rows], units[:rows]
        names = [*known.texts, CONFLICT_PURPOSE, purpose, *([] if remainder is None else [remainder])]
        conflict, first = len(known.texts), len(known.texts) + 1
        result = np.where(set_aside | (codes == CONFLICT), conflict, codes)
        free = np.flatnonzero(result == MISSING)
        identity = _identity(keys, uniqueness, free)
        if self.mode == self.MODE_MURMURHASH3:
            chosen = _hashes(identity, int(self.seed or 0)) < self.split * 2.0**64
        else:
            chosen = self._chosen(keys, free, units[free], strata, identity)
        result[free] = np.where(chosen, first, MISSING if remainder is None else first + 1)
        _report_conflicts(keys.frame, codes == CONFLICT)
        found = merged(Key(result, names))
        _report_leaks(ties, _without(found, CONFLICT_PURPOSE).codes)
        return found

    def _chosen(
        self, keys: ColumnKeys, free: Codes, units: Codes, strata: Key | None, identity: Key
    ) -> npt.NDArray[np.bool_]:
        units = pd.factorize(units)[0].astype(np.int64)
        order = _draw(
            units,
            identity,
            lambda: keys.of(["path"]).at(free) if "path" in keys else identity,
            int(self.seed or 0),
        )
        codes = np.zeros(len(free), dtype=np.int64) if strata is None else _sorted_codes(strata.at(free))
        return choose_units(units, codes, order, self.split)[units]

    def _key(self, keys: ColumnKeys, by: tuple[str, ...] | str | None) -> Key | None:
        if by is None:
            return None
        return keys.matching(by) if isinstance(by, str) else keys.of(by)

    def _ids(self, keys: ColumnKeys) -> dict[str, Key]:
        """Returns what the identification file knows samples by."""
        ids: dict[str, Key] = {}
        if ETAG in keys:
            ids[ETAG] = keys.of([ETAG])
        if isinstance(self.uniqueness, str):
            ids[PATTERN_COLUMN] = keys.matching(self.uniqueness)
        else:
            ids |= {name: keys.of([name]) for name in self.uniqueness or ()}
        if not ids:
            raise InvalidInputError(
                "expected samples with a column 'etag', or a uniqueness, to know them again by, received neither"
            )
        ids.setdefault(ETAG, absent_key(len(keys.frame)))
        return ids


def _given(df: pd.DataFrame, column: str) -> tuple[ColumnKeys, Key]:
    keys = ColumnKeys(df)
    return keys, keys.of([column]) if column in keys else absent_key(len(df))


def _without(key: Key, *texts: str) -> Key:
    """Returns the key with these texts MISSING."""
    left_out = np.array([*(text in texts for text in key.texts), True])
    return Key(np.where(left_out[key.codes], MISSING, key.codes), key.texts)


def _followed(first: Key, second: Key) -> Key:
    """Returns the key of the rows of one and then of the other; one text may have several numbers."""
    later = np.where(second.codes < 0, MISSING, second.codes + len(first.texts))
    return Key(np.concatenate([first.codes, later]), [*first.texts, *second.texts])


def _identity(keys: ColumnKeys, uniqueness: Key | None, rows: Codes) -> Key:
    """Returns what these rows are drawn by: their key, else their etag, else their path."""
    if uniqueness is None and ETAG not in keys and "path" not in keys and len(keys.frame.columns):
        whole = keys.frame.iloc[rows].astype("object").fillna("-")
        return ColumnKeys(whole).of(list(whole.columns))
    result = absent_key(len(rows)) if uniqueness is None else uniqueness.at(rows)
    for name in (ETAG, "path"):
        if name in keys and (result.codes < 0).any():
            result = overlaid(result, keys.of([name]).at(rows))
    return result


def _hashes(key: Key, seed: int) -> npt.NDArray[np.uint64]:
    """Returns a hash of each row's text, `""` where it is MISSING."""
    used = np.zeros(len(key.texts) + 1, dtype=bool)
    used[key.codes] = True
    result = np.zeros(len(used), dtype=np.uint64)
    texts = itertools.compress([*key.texts, ""], used.tolist())
    encoded = map(operator.methodcaller("encode", "utf-8", "surrogatepass"), texts)
    digests = b"".join(map(mmh3.mmh3_x64_128_digest, encoded, itertools.repeat(seed)))
    result[used] = np.frombuffer(digests, dtype="<u8")[::2]
    return result[key.codes]


def _sorted_codes(key: Key) -> Codes:
    """Returns numbers from 0 up without gaps in the order of the rows' texts, `""` where the key is MISSING."""
    places = np.empty(len(key.texts) + 1, dtype=np.int64)
    places[np.argsort(np.array([*key.texts, ""], dtype=object))] = np.arange(len(places))
    codes = places[key.codes]
    present = np.bincount(codes, minlength=len(places)) > 0
    numbers: Codes = (np.cumsum(present) - 1)[codes]
    return numbers


def _draw(units: Codes, identity: Key, others: Callable[[], Key], seed: int) -> Codes:
    """Returns the units in an order that depends on the seed and on what is in them, not on where it stands. Units of
    equal `identity` are drawn by `others`."""
    count = int(units.max(initial=-1)) + 1
    drawn = _drawn(units, identity, count, seed)
    order = np.argsort(drawn)
    if (np.diff(drawn[order]) > 0).all():
        return order
    return np.lexsort((_drawn(units, others(), count, seed), drawn))


def _drawn(units: Codes, texts: Key, count: int, seed: int) -> npt.NDArray[np.uint64]:
    # Sums wrap around; the least or greatest hash of a unit would draw big units earlier or later than small ones.
    sums = np.zeros(count, dtype=np.uint64)
    np.add.at(sums, units, _hashes(texts, 0))
    return _mix(sums + np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64))


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Spreads 64-bit values evenly: the finaliser of SplitMix64 (https://prng.di.unimi.it/splitmix64.c)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _report_conflicts(df: pd.DataFrame, rows: npt.NDArray[np.bool_]) -> None:
    if rows.any():
        labels = df["path"] if "path" in df.columns else pd.Series(df.index)
        names = ", ".join(str(name) for name in labels[rows].head(_NAMED))
        _log.warning(
            "%s set aside as %r: %s%s",
            counted(
                int(rows.sum()),
                "sample ties units of different purposes and is",
                "samples tie units of different purposes and are",
            ),
            CONFLICT_PURPOSE, names, ", …" if rows.sum() > _NAMED else "",
        )  # fmt: skip


def _report_leaks(ties: Mapping[str, Key], purposes: Codes) -> None:
    """Warns of values of the tie columns whose samples have more than one purpose."""
    for name, key in ties.items():
        low, high = bounds(key.codes, purposes, len(key.texts))
        straddling = int((low != high).sum())
        if straddling:
            _log.warning(
                "%s of the tie column %s with samples of several purposes: a leak", counted(straddling, "value"), name
            )
