"""The identification file: which purpose each sample was given, for this job and all that come after it.

    def decide(known):
        said = known.lookup()                  # what it says of each sample, MISSING where it says nothing
        related = known.others()               # entries of other samples that share an etag, a key or a tie with these
        known.update(purposes)                 # what it said stays
        return purposes

    ids = {"etag": keys.of(["etag"]), "patient": keys.of(["patient"])}
    IdentificationFile("artifacts/sample_identification.csv", ids, key=["patient"]).settle(decide)

CSV with the columns `etag`, those of another uniqueness, of ties that any sample has, and `purpose`. Ids are text.
Nothing is taken out of it.
"""

import contextlib
import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from brevetti_keras.data.column_keys import MISSING, Codes, Key, overlaid, renumbered, text_key
from brevetti_keras.data.text_csv import read_text_csv, text_csv
from brevetti_keras.io.google_cloud import GoogleStorage
from brevetti_keras.io.local import LocalStorage, folder_lock
from brevetti_keras.io.open import split_url
from brevetti_keras.utils.errors import ConflictError, DataError, NotFoundError

_Result = TypeVar("_Result")
_Flags = npt.NDArray[np.bool_]

PURPOSE = "purpose"
ETAG = "etag"
_RANKS = {"train": 0, "devel": 1, "development": 1, "test": 2}
_OTHER_RANK, _BLANK_RANK = 3, 4


class IdentificationFile:
    """A file of purposes by id, beside the samples of today.

    Args:
        path: of the CSV, as `open_storage` takes paths; it need not exist.
        ids: what the samples are known by, a row a sample: their `etag`, and the columns named by `key` and `ties`.
        key: the columns of the uniqueness, if it is not the etag.
        ties: the columns that keep samples together, each on its own; those beyond the id are kept beside it. If the
            etag is one of them, or there is no key, all entries of an etag have one purpose; else all of an id have.
    """

    def __init__(self, path: str, ids: Mapping[str, Key], key: Sequence[str] = (), ties: Sequence[str] = ()) -> None:
        self._name = path
        self._storage, self._path = split_url(path, follow_links=True)
        self._ids = ids
        self._key = [column for column in key if column != ETAG]
        self._ties = [column for column in ties if column not in {ETAG, *self._key}]
        self._columns = [ETAG, *self._key, *self._ties]
        self._settled_by = [ETAG] if ETAG in ties or not self._key else [ETAG, *self._key]
        self._known = pd.DataFrame()
        # The entries' values by column, in the numbers of the ids, then in further ones.
        self._codes: dict[str, Codes] = {}
        self._numbered: dict[tuple[tuple[str, ...], bool], tuple[Codes, Codes]] = {}
        self._changed = False

    def settle(self, decide: Callable[["IdentificationFile"], _Result]) -> _Result:
        """Reads the file, lets `decide` look up and update, writes it if it changed, and returns what was decided.

        Of jobs that do so at once nothing is lost: on this machine the others wait; in a bucket who comes second reads
        again and decides anew, so that both go on with what the file says.

        Args:
            decide: called with this file, possibly more than once.
        """
        local = isinstance(self._storage, LocalStorage)
        with folder_lock(posixpath.dirname(self._storage.resolve(self._path))) if local else contextlib.nullcontext():
            while True:
                before, version = self._read()
                self._known = self._parse(before)
                decided = decide(self)
                if not self._changed:
                    return decided
                after = _as_csv(self._known, self._ties)
                if after == before or self._written(after, version):
                    return decided

    def _read(self) -> tuple[bytes, int]:
        try:
            if isinstance(self._storage, GoogleStorage):
                return self._storage.read_version(self._path)
            return self._storage.read_bytes(self._path), 0
        except NotFoundError:
            return b"", 0

    def _written(self, content: bytes, version: int) -> bool:
        """Writes the file; False if somebody else did since it was read."""
        if not isinstance(self._storage, GoogleStorage):
            self._storage.write_bytes(self._path, content)
            return True
        try:
            self._storage.write_version(self._path, content, version)
        except ConflictError:
            return False
        return True

    def _parse(self, data: bytes) -> pd.DataFrame:
        self._changed = False
        self._numbered.clear()
        if not data:
            self._codes = dict.fromkeys(self._columns, np.zeros(0, dtype=np.int64))
            return pd.DataFrame({name: pd.Series(dtype="str") for name in (*self._columns, PURPOSE)})
        frame = read_text_csv(data, self._name)
        if PURPOSE not in frame or not {ETAG, *self._key}.intersection(frame.columns):
            expected = ", ".join([ETAG, *self._key, PURPOSE])
            raise DataError(
                f"{self._name}: expected the columns {expected}, received {', '.join(frame.columns) or 'none'}"
            )
        older = not set(self._key).intersection(frame.columns)
        count, said = len(frame), frame[PURPOSE]
        for column in self._columns:
            if column not in frame:
                frame[column] = pd.Series("", index=frame.index, dtype="str")
        self._codes = {column: _coded(frame[column], self._ids[column].texts) for column in self._columns}
        frame[PURPOSE] = said.str.strip()
        purposes = text_key(frame[PURPOSE])
        # A sample that was set aside has no purpose, whatever others of its etag have.
        unsettled = (purposes.codes < 0) | (self._codes[ETAG] < 0)
        number = np.where(unsettled, MISSING, self._numbers(self._settled_by)[0])
        repeated = _repeated(number)
        if repeated.any():
            rows = np.flatnonzero(repeated)
            strongest = rows[_strongest(number[rows], purposes.at(rows))]
            best = np.full(int(number.max()) + 1, MISSING, dtype=np.int64)
            best[number[strongest]] = purposes.codes[strongest]
            purposes.codes[rows] = best[number[rows]]
            frame[PURPOSE] = purposes.series()
        kept = _strongest(self._numbers(self._columns)[0], purposes)
        self._changed = len(kept) != count or not frame[PURPOSE].equals(said)
        if len(kept) != count:
            frame = frame.iloc[kept].reset_index(drop=True)
            self._codes = {column: codes[kept] for column, codes in self._codes.items()}
            self._numbered.clear()
        return self._completed(frame) if older and self._key else frame

    def _completed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Gives the entries of a file from before the uniqueness the key of today's sample with their etag."""
        self._changed = True
        self._numbered.clear()
        etag = self._ids[ETAG]
        keyed = np.flatnonzero(_any_of(self._ids, self._key) & (etag.codes >= 0))[::-1]
        sample = np.full(len(etag.texts) + 1, MISSING, dtype=np.int64)
        sample[etag.codes[keyed]] = keyed
        # Etags that no sample has today have numbers beyond the samples'.
        found = sample[np.minimum(self._codes[ETAG], len(etag.texts))]
        for column in (*self._key, *self._ties) if keyed.size else ():
            key = self._ids[column].at(found)
            frame[column] = key.series().where(found >= 0, frame[column])
            self._codes[column] = np.where(found >= 0, key.codes, self._codes[column])
        return frame

    def lookup(self) -> Key:
        """Returns the purpose of each sample's own id, MISSING where the file has none."""
        return self._said([ETAG, *self._key])

    def overruled(self, given: Key, *stays: str) -> Key:
        """Returns the purposes given to samples by others than the file, or where it has settled one for all samples of
        their etag, or of their id, that one: a purpose given to one of them must not move the rest.

        Args:
            given: of each sample.
            stays: purposes that are not overruled.
        """
        open_to = np.array([*(text not in stays for text in given.texts), False])[given.codes]
        if not open_to.any():
            return given
        said = self._said(self._settled_by)
        return overlaid(Key(np.where(open_to, said.codes, MISSING), said.texts), given)

    def same(self) -> Codes:
        """Returns a number for each sample, equal for those of one id, which cannot be known apart again."""
        return self._numbers([ETAG, *self._key])[1]

    def _said(self, columns: Sequence[str]) -> Key:
        purposes = text_key(self._known[PURPOSE])
        known, asked = self._numbers(columns)
        named = np.flatnonzero((known >= 0) & (purposes.codes >= 0))[::-1]
        # One more, for the ids that are MISSING. Of several entries of an id the first counts: it is set last.
        found = np.full(int(max(known.max(initial=-1), asked.max(initial=-1))) + 2, MISSING, dtype=np.int64)
        found[known[named]] = purposes.codes[named]
        return Key(found[asked], purposes.texts)

    def others(self) -> pd.DataFrame:
        """Returns the entries with a purpose that are not of these samples, yet share an etag, a key or a tie with one.

        Returns:
            Columns of the ids, and `purpose`.
        """
        known, asked = self._numbers([ETAG, *self._key])
        related = np.zeros(len(self._known), dtype=bool)
        for columns in ([ETAG], self._key, *([tie] for tie in self._ties)):
            if columns:
                of_entry, of_id = self._numbers(columns, whole=True)
                related |= (of_entry >= 0) & _among(of_entry, of_id)
        related &= (self._known[PURPOSE] != "").to_numpy(dtype=bool) & ~((known >= 0) & _among(known, asked))
        return self._known[related]

    def update(self, purposes: Key) -> None:
        """Adds the ids that the file does not have, and gives those without a purpose theirs.

        Args:
            purposes: of each sample; of several for one id the strongest counts.
        """
        known = self._known
        before, today = self._numbers(self._columns)
        # What an id with neither etag nor a whole key says could not be found again.
        named = np.flatnonzero(self._numbers([ETAG, *self._key])[1] >= 0)
        blank = (known[PURPOSE] == "").to_numpy(dtype=bool) & (before >= 0)
        if blank.any():
            settled = named[_strongest(today[named], purposes.at(named))]
            found = np.full(int(max(before.max(), today.max(initial=-1))) + 1, MISSING, dtype=np.int64)
            found[today[settled]] = purposes.codes[settled]
            filled = Key(np.where(blank, found[before], MISSING), purposes.texts).series(known.index)
            known[PURPOSE] = filled.where(blank, known[PURPOSE])
            self._changed = True
        fresh = named[~_among(today, before)[named]]
        if fresh.size:
            added = fresh[_strongest(today[fresh], purposes.at(fresh))]
            columns = {name: self._ids[name].at(added).series() for name in self._columns}
            entries = pd.DataFrame({**columns, PURPOSE: purposes.at(added).series()})
            self._known = pd.concat([known, entries], ignore_index=True).fillna("")
            self._changed = True

    def _numbers(self, columns: Sequence[str], whole: bool = False) -> tuple[Codes, Codes]:
        """Returns a number for each entry and for each sample, equal where the columns are; MISSING where all of them
        are blank, or with `whole` one. An id is MISSING too where the etag is blank and the key not whole."""
        asked = (tuple(columns), whole)
        if asked not in self._numbered:
            self._numbered[asked] = self._make_numbers(columns, whole)
        return self._numbered[asked]

    def _make_numbers(self, columns: Sequence[str], whole: bool) -> tuple[Codes, Codes]:
        count = len(self._codes[ETAG])
        number = np.concatenate([self._codes[columns[0]], self._ids[columns[0]].codes])
        blank = number < 0
        for column in columns[1:]:
            codes = np.concatenate([self._codes[column], self._ids[column].codes])
            empty = codes < 0
            blank = blank | empty if whole else blank & empty
            number = (number + 1) * (codes.max(initial=-1) + 2) + codes + 1
            number = renumbered(np.where(blank, MISSING, number))[0]
        if columns == [ETAG, *self._key] and len(self._key) > 1:
            parts = [np.concatenate([self._codes[column], self._ids[column].codes]) < 0 for column in columns]
            number = np.where(parts[0] & np.logical_or.reduce(parts[1:]), MISSING, number)
        return number[:count], number[count:]


def _coded(values: "pd.Series[str]", texts: Sequence[str]) -> Codes:
    """Returns the number of each value: its place in `texts`, or one beyond for values that are not there; MISSING for
    a blank one."""
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    # Texts are distinct and come first, so their numbers are their places.
    both = pd.concat([pd.Series(texts, dtype="str"), values], ignore_index=True)
    codes = pd.factorize(both)[0][len(texts) :].astype(np.int64)
    codes[(values == "").to_numpy(dtype=bool)] = MISSING
    return codes


def _any_of(ids: Mapping[str, Key], columns: Sequence[str]) -> _Flags:
    named: _Flags = np.logical_or.reduce([ids[column].codes >= 0 for column in columns])
    return named


def _among(numbers: Codes, others: Codes) -> _Flags:
    """Tells of each number, MISSING included, whether it is among the others."""
    found = np.zeros(int(max(numbers.max(initial=-1), others.max(initial=-1))) + 2, dtype=bool)
    found[others] = True
    among: _Flags = found[numbers]
    return among


def _repeated(numbers: Codes) -> _Flags:
    """Tells which rows have a number that others have too."""
    counts = np.bincount(numbers + 1)
    counts[:1] = 0
    repeated: _Flags = counts[numbers + 1] > 1
    return repeated


def _strongest(numbers: Codes, purposes: Key) -> Codes:
    """Returns of the rows of each number the one with the strongest purpose, in the order of the numbers' first rows.

    MISSING is a number like others.
    """
    if np.bincount(numbers + 1).max(initial=0) <= 1:
        return np.arange(len(numbers))
    ranks = np.array([*(_RANKS.get(text, _OTHER_RANK) for text in purposes.texts), _BLANK_RANK])[purposes.codes]
    order = np.lexsort((ranks, numbers))
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-2))
    firsts = np.minimum.reduceat(order, starts)
    kept: Codes = order[starts][np.argsort(firsts)]
    return kept


def _as_csv(frame: pd.DataFrame, ties: Sequence[str]) -> bytes:
    empty = {name for name in ties if not (frame[name] != "").any()}
    columns = [ETAG, *(name for name in frame.columns if name not in {ETAG, PURPOSE, *empty}), PURPOSE]
    columns = [name for name in columns if name != ETAG or (frame[ETAG] != "").any() or len(columns) == 2]
    return text_csv(frame[columns])
