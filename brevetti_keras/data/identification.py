"""The identification file: which purpose each sample was given, for this job and all that come after it.

    def decide(known):
        purposes = known.lookup(ids)           # what it says, "" where it says nothing
        related = known.others(ids)            # entries of other samples that share an etag, a key or a tie with these
        known.update(ids, purposes)            # what it said stays
        return purposes

    IdentificationFile("artifacts/sample_identification.csv").settle(decide)

CSV with the columns `etag`, those of another uniqueness, of ties that any sample has, and `purpose`. Ids are text.
Nothing is taken out of it.
"""

import contextlib
import csv
import io
import posixpath
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from brevetti_keras.data.text_csv import read_text_csv
from brevetti_keras.data.units import Codes
from brevetti_keras.io.google_cloud import GoogleStorage
from brevetti_keras.io.local import LocalStorage, folder_lock
from brevetti_keras.io.open import split_url
from brevetti_keras.utils.errors import ConflictError, DataError, NotFoundError

_Result = TypeVar("_Result")

PURPOSE = "purpose"
ETAG = "etag"
_RANKS = {"train": 0, "devel": 1, "development": 1, "test": 2, "": 4}
_OTHER_RANK = 3
NOTHING = -1


class IdentificationFile:
    """A file of purposes by id.

    Args:
        path: of the CSV, as `open_storage` takes paths; it need not exist.
        key: the columns of the uniqueness, if it is not the etag.
        ties: further columns that keep samples together, each on its own; they are kept beside the id.
    """

    def __init__(self, path: str, key: Sequence[str] = (), ties: Sequence[str] = ()) -> None:
        self._name = path
        self._storage, self._path = split_url(path, follow_links=True)
        self._key = [column for column in key if column != ETAG]
        self._ties = [column for column in ties if column not in {ETAG, *self._key}]
        self._columns = [ETAG, *self._key, *self._ties]
        self._known = pd.DataFrame()
        self._older = False
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
        self._changed = self._older = False
        if not data:
            return pd.DataFrame({name: pd.Series(dtype="str") for name in (*self._columns, PURPOSE)})
        frame = read_text_csv(data, self._name)
        if PURPOSE not in frame or not {ETAG, *self._key}.intersection(frame.columns):
            expected = ", ".join([ETAG, *self._key, PURPOSE])
            raise DataError(
                f"{self._name}: expected the columns {expected}, received {', '.join(frame.columns) or 'none'}"
            )
        self._older = not set(self._key).intersection(frame.columns)
        count, said = len(frame), frame[PURPOSE]
        for column in self._columns:
            if column not in frame:
                frame[column] = pd.Series("", index=frame.index, dtype="str")
        frame[PURPOSE] = frame[PURPOSE].str.strip()
        # A sample that was set aside has no purpose, whatever others of its etag have.
        etag = frame[ETAG].where((frame[ETAG] != "") & (frame[PURPOSE] != ""), None)
        repeated = etag.duplicated() & etag.notna()
        if repeated.any():
            several = etag.isin(etag[repeated])
            strongest = _settle(frame[several], etag[several]).set_index(ETAG)[PURPOSE]
            frame.loc[several, PURPOSE] = etag[several].map(strongest)
        settled = _settle(frame, _numbered(frame, self._columns)).reset_index(drop=True)
        self._changed = len(settled) != count or not frame[PURPOSE].equals(said)
        return settled

    def lookup(self, ids: pd.DataFrame) -> "pd.Series[str]":
        """Returns the purpose of each row's own id, `""` where the file has none.

        Args:
            ids: columns of text: `etag`, those of the key and of the ties.
        """
        self._complete(ids)
        entries = self._known[self._known[PURPOSE] != ""]
        known, asked = _numbered_together(entries, ids, [ETAG, *self._key])
        purposes = pd.Series(entries[PURPOSE].to_numpy(), index=known)
        purposes = purposes[(purposes.index != NOTHING) & ~purposes.index.duplicated()]
        found = purposes.reindex(asked).fillna("").astype("str")
        return found.set_axis(ids.index)

    def others(self, ids: pd.DataFrame) -> pd.DataFrame:
        """Returns the entries with a purpose that are not of these ids, yet share an etag, a key or a tie with one.

        Args:
            ids: as for `lookup`, after it.

        Returns:
            Columns of the ids, and `purpose`.
        """
        entries = self._known[self._known[PURPOSE] != ""]
        known, asked = _numbered_together(entries, ids, [ETAG, *self._key])
        entries = entries[~np.isin(known, asked)]
        related = np.zeros(len(entries), dtype=bool)
        if len(entries):
            for columns in ([ETAG], self._key, *([tie] for tie in self._ties)):
                if columns:
                    of_entry, of_id = _numbered_together(entries, ids, columns, whole=True)
                    related |= np.isin(of_entry, of_id[of_id != NOTHING])
        return entries[related]

    def update(self, ids: pd.DataFrame, purposes: "pd.Series[str]") -> None:
        """Adds the ids that the file does not have, and gives those without a purpose theirs.

        Args:
            ids: as for `lookup`, after it.
            purposes: text, `""` for none; of several for one id the strongest counts.
        """
        known = self._known
        before, today = _numbered_together(known, ids, self._columns)
        frame = ids[self._columns].assign(**{PURPOSE: purposes.to_numpy()})
        # What an id with neither etag nor key says could not be found again.
        named = (ids[[ETAG, *self._key]] != "").any(axis=1).to_numpy()
        numbers = pd.Series(today, index=frame.index)
        blank = (known[PURPOSE] == "").to_numpy() & (before != NOTHING)
        if blank.any():
            settled = _settle(frame[named], numbers[named])
            filled = pd.Series(before[blank]).map(settled[PURPOSE].set_axis(numbers[settled.index].to_numpy()))
            known.loc[blank, PURPOSE] = filled.fillna("").to_numpy()
            self._changed = True
        fresh = named & ~np.isin(today, before)
        if fresh.any():
            added = _settle(frame[fresh], numbers[fresh])
            self._known = pd.concat([known, added], ignore_index=True).fillna("")
            self._changed = True

    def _complete(self, ids: pd.DataFrame) -> None:
        """Gives the entries of a file from before the uniqueness the key of today's sample with their etag."""
        if not self._older or not self._key:
            return
        known, self._changed = self._known, True
        keyed = (ids[self._key] != "").any(axis=1) & (ids[ETAG] != "")
        first = ids[keyed].drop_duplicates(ETAG).set_index(ETAG)
        for column in (*self._key, *self._ties):
            found = known[ETAG].map(first[column])
            known[column] = known[column].where(found.isna(), found)


def _numbered(frame: pd.DataFrame, columns: Sequence[str], whole: bool = False) -> "pd.Series[Any]":
    """Returns a number a row, equal where the columns are; NOTHING where all of them are blank, or with `whole` one."""
    number = np.zeros(len(frame), dtype=np.int64)
    blank = np.full(len(frame), not whole)
    for column in columns:
        codes, found = pd.factorize(frame[column])
        number = codes.astype(np.int64) if column == columns[0] else pd.factorize(number * len(found) + codes)[0]
        empty = (frame[column] == "").to_numpy(dtype=bool)
        blank = blank | empty if whole else blank & empty
    return pd.Series(np.where(blank, NOTHING, number).astype(np.int64), index=frame.index)


def _numbered_together(
    known: pd.DataFrame, asked: pd.DataFrame, columns: Sequence[str], whole: bool = False
) -> tuple[Codes, Codes]:
    """Numbers the rows of two frames alike."""
    both = pd.concat([known[[*columns]], asked[[*columns]]], ignore_index=True)
    numbers = _numbered(both, columns, whole).to_numpy(dtype=np.int64)
    return numbers[: len(known)], numbers[len(known) :]


def _settle(frame: pd.DataFrame, identity: "pd.Series[Any]") -> pd.DataFrame:
    """Keeps of the entries of one identity the one with the strongest purpose, in the order of their first."""
    if not identity.duplicated().any():
        return frame
    ranks = frame[PURPOSE].map(_RANKS).fillna(_OTHER_RANK)
    strongest = ranks.sort_values(kind="stable").index
    kept = identity[strongest].drop_duplicates()
    firsts = pd.Series(identity.index, index=identity)[lambda series: ~series.index.duplicated()]
    order = kept.map(firsts).sort_values().index
    return frame.loc[order]


def _as_csv(frame: pd.DataFrame, ties: Sequence[str]) -> bytes:
    empty = {name for name in ties if not (frame[name] != "").any()}
    columns = [ETAG, *(name for name in frame.columns if name not in {ETAG, PURPOSE, *empty}), PURPOSE]
    columns = [name for name in columns if name != ETAG or (frame[ETAG] != "").any() or len(columns) == 2]
    text = io.StringIO(newline="")
    lists = [frame[name].tolist() for name in columns]
    # The csv module does not quote a carriage return by itself.
    hard = any("\r" in value for values in lists for value in values)
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if hard else csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    writer.writerows(zip(*lists, strict=True))
    return text.getvalue().encode("utf-8")
