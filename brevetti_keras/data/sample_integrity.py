"""`SampleSplit`: gives each sample a purpose so that what belongs together stays together.

    samples = find_leak_groups(samples)                 # copies of one picture get a `leak_group`, which ties them
    split = SampleSplit(stratification=["category"], uniqueness=["patient"], split=0.8, seed=0)
    samples = split.assign(samples, purpose="train", remainder="devel")
    samples = split.update_unassigned(samples, id_path="artifacts/sample_identification.csv")

Rows → units (samples of one key, or tied by equal content) → purposes already given spread over their units → of the
units left, `split` of the samples in each stratum are chosen → a new frame. The order of rows plays no part.
"""

import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import mmh3
import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import field_validator

from brevetti_keras.data.fractions import choose_units
from brevetti_keras.data.identification import ETAG, PURPOSE, IdentificationFile
from brevetti_keras.data.leaks.finder import find_leak_groups, find_leak_pairs
from brevetti_keras.data.units import CONFLICT, MISSING, Codes, Key, bounds, extended, join, key_of, pattern_key, spread
from brevetti_keras.schema.fields import setting
from brevetti_keras.schema.settings import Settings
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
        given = _given(df, column)
        return df.assign(**{column: self._purposes(df, given, purpose, remainder)})

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
        given = _given(df, column)
        ids = self._ids(df)
        key = [name for name in ids.columns if name != ETAG]
        ties = [name for name in dict.fromkeys(self.tie) if name in df.columns and name not in ids.columns]
        ids = ids.assign(**{name: _texts(key_of(df, [name])) for name in ties})

        def decide(known: IdentificationFile) -> "pd.Series[str]":
            said = known.lookup(ids)
            settled = said.where(said != "", given)
            purposes = self._purposes(df, settled, purpose, remainder, known.others(ids), key)
            known.update(ids, purposes.where(purposes != CONFLICT_PURPOSE, None).fillna("").reset_index(drop=True))
            return purposes

        return df.assign(**{column: IdentificationFile(id_path, key, ties).settle(decide)})

    def _purposes(
        self,
        df: pd.DataFrame,
        given: "pd.Series[str]",
        purpose: str,
        remainder: str | None,
        others: pd.DataFrame | None = None,
        columns: Sequence[str] = (),
    ) -> "pd.Series[str]":
        """Returns every row's purpose; `given` is text, `""` for none, in the frame's order. `others` are entries of
        samples absent today, which tie as if they were here, and `columns` those of their uniqueness."""
        strata = self._key(df, self.stratification)
        uniqueness = self._key(df, self.uniqueness)
        ties = {name: key_of(df, [name]) for name in dict.fromkeys(self.tie) if name in df.columns}
        keys: list[tuple[Key, Sequence[str]]] = [] if uniqueness is None else [(uniqueness, columns)]
        if self.mode == self.MODE_SORTED_PERMUTATION:
            keys += [(key, [name]) for name, key in ties.items()]
        set_aside = (given == CONFLICT_PURPOSE).to_numpy(dtype=bool)
        joined = [Key(np.where(set_aside, MISSING, key.codes), key.texts) for key, _ in keys]
        known = given.where((given != "") & ~set_aside, None)
        if others is not None and len(others):
            joined = [extended(key, others, by) for key, (_, by) in zip(joined, keys, strict=True)]
            known = pd.concat([known, others[PURPOSE]], ignore_index=True)
        codes, names = pd.factorize(known)
        codes, units = spread(joined, join(joined, len(known)), codes.astype(np.int64))
        codes, units = codes[: len(df)], units[: len(df)]
        result = np.append(names.to_numpy(dtype=object), [CONFLICT_PURPOSE, None])[codes]
        result[set_aside] = CONFLICT_PURPOSE
        free = np.flatnonzero((codes == MISSING) & ~set_aside)
        texts = _identities(df.iloc[free], _rows(uniqueness, free))
        if self.mode == self.MODE_MURMURHASH3:
            chosen = _hashes(texts, int(self.seed or 0)) < self.split * 2.0**64
        else:
            chosen = self._chosen(df, free, units[free], _rows(strata, free), texts)
        result[free] = remainder
        result[free[chosen]] = purpose
        _report_conflicts(df, codes == CONFLICT)
        _report_leaks(ties, result)
        return pd.Series(result, index=df.index, dtype="str")

    def _chosen(
        self, df: pd.DataFrame, free: Codes, units: Codes, strata: Key | None, texts: Sequence[str]
    ) -> npt.NDArray[np.bool_]:
        units = pd.factorize(units)[0].astype(np.int64)
        order = _draw(units, texts, lambda: _paths(df.iloc[free], texts), int(self.seed or 0))
        if strata is None:
            codes = np.zeros(len(free), dtype=np.int64)
        else:
            names = np.array([*strata.texts, ""], dtype=object)[strata.codes]
            codes = pd.factorize(names, sort=True)[0].astype(np.int64)
        return choose_units(units, codes, order, self.split)[units]

    def _key(self, df: pd.DataFrame, by: tuple[str, ...] | str | None) -> Key | None:
        if by is None:
            return None
        return pattern_key(df, by) if isinstance(by, str) else key_of(df, by)

    def _ids(self, df: pd.DataFrame) -> pd.DataFrame:
        """Returns what the identification file knows samples by, as text, in the frame's order."""
        columns: dict[str, Any] = {}
        if ETAG in df.columns:
            columns[ETAG] = _texts(key_of(df, [ETAG]))
        if isinstance(self.uniqueness, str):
            columns[PATTERN_COLUMN] = _texts(pattern_key(df, self.uniqueness))
        else:
            for name in self.uniqueness or ():
                columns[name] = _texts(key_of(df, [name]))
        if not columns:
            raise InvalidInputError(
                "expected samples with a column 'etag', or a uniqueness, to know them again by, received neither"
            )
        columns.setdefault(ETAG, pd.Series("", index=range(len(df)), dtype="str"))
        return pd.DataFrame(columns)


def _given(df: pd.DataFrame, column: str) -> "pd.Series[str]":
    if column not in getattr(df, "columns", [column]):
        return pd.Series("", index=range(len(df)), dtype="str")
    return _texts(key_of(df, [column]))


def _texts(key: Key) -> "pd.Series[str]":
    return pd.Series(np.array([*key.texts, ""], dtype=object)[key.codes], dtype="str")


def _rows(key: Key | None, rows: Codes) -> Key | None:
    return None if key is None else Key(key.codes[rows], key.texts)


def _identities(df: pd.DataFrame, uniqueness: Key | None) -> list[str]:
    """Returns the text that each row is drawn by: its key, else its etag, else its path."""
    if uniqueness is None and not {ETAG, "path"}.intersection(df.columns):
        uniqueness = key_of(df.astype("object").fillna("-"), list(df.columns)) if len(df.columns) else None
    result = np.full(len(df), "", dtype=object)
    empty = np.ones(len(df), dtype=bool)
    for name in (None, ETAG, "path"):
        if not empty.any():
            break
        key = uniqueness if name is None else key_of(df, [name]) if name in df.columns else None
        if key is not None:
            fill = empty & (key.codes >= 0)
            result[fill] = np.array([*key.texts, ""], dtype=object)[key.codes[fill]]
            empty &= ~fill
    return result.tolist()


def _hashes(texts: Sequence[str], seed: int) -> npt.NDArray[np.uint64]:
    values = (mmh3.hash64(text.encode("utf-8", "surrogatepass"), seed, signed=False)[0] for text in texts)
    return np.fromiter(values, dtype=np.uint64, count=len(texts))


def _paths(df: pd.DataFrame, texts: Sequence[str]) -> Sequence[str]:
    return list(_texts(key_of(df, ["path"]))) if "path" in df.columns else texts


def _draw(units: Codes, texts: Sequence[str], others: Callable[[], Sequence[str]], seed: int) -> Codes:
    """Returns the units in an order that depends on the seed and on what is in them, not on where it stands. Units of
    equal `texts` are drawn by `others`."""
    count = int(units.max(initial=-1)) + 1
    drawn = _drawn(units, texts, count, seed)
    if len(np.unique(drawn)) == count:
        return np.argsort(drawn)
    return np.lexsort((_drawn(units, others(), count, seed), drawn))


def _drawn(units: Codes, texts: Sequence[str], count: int, seed: int) -> npt.NDArray[np.uint64]:
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
            "%d samples tie units of different purposes and are set aside as %r: %s%s",
            rows.sum(), CONFLICT_PURPOSE, names, ", …" if rows.sum() > _NAMED else "",
        )  # fmt: skip


def _report_leaks(ties: Mapping[str, Key], purposes: npt.NDArray[np.object_]) -> None:
    """Warns of values of the tie columns whose samples have more than one purpose."""
    settled = pd.Series(purposes, dtype="object")
    codes = pd.factorize(settled.where(settled != CONFLICT_PURPOSE, None))[0].astype(np.int64)
    for name, key in ties.items():
        low, high = bounds(key.codes, codes, len(key.texts))
        straddling = int((low != high).sum())
        if straddling:
            _log.warning("%d values of the tie column %s straddle purposes: a leak", straddling, name)
