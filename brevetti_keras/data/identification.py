"""The identification file: which purpose each sample was given, for this job and all that come after it.

    def decide(known):
        purposes = known.lookup(ids)           # what it says, "" where it says nothing
        known.update(ids, purposes)            # what it said stays
        return purposes

    IdentificationFile("artifacts/sample_identification.csv").settle(decide)

CSV with the columns `etag`, those of another uniqueness, and `purpose`. Ids are text. Nothing is taken out of it.
"""

import contextlib
import csv
import io
import posixpath
from collections.abc import Callable, Sequence
from typing import TypeVar

import pandas as pd

from brevetti_keras.data.text_csv import read_text_csv
from brevetti_keras.io.google_cloud import GoogleStorage
from brevetti_keras.io.local import LocalStorage, folder_lock
from brevetti_keras.io.open import split_url
from brevetti_keras.utils.errors import ConflictError, DataError, NotFoundError

_Result = TypeVar("_Result")

PURPOSE = "purpose"
ETAG = "etag"
_RANKS = {"train": 0, "devel": 1, "development": 1, "test": 2, "": 4}
_OTHER_RANK = 3


class IdentificationFile:
    """A file of purposes by id.

    Args:
        path: of the CSV, as `open_storage` takes paths; it need not exist.
        key: the columns of the uniqueness, if it is not the etag.
    """

    def __init__(self, path: str, key: Sequence[str] = ()) -> None:
        self._name = path
        self._storage, self._path = split_url(path, follow_links=True)
        self._key = [column for column in key if column != ETAG]
        self._known = pd.DataFrame()

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
                after = _as_csv(self._known)
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
        if not data:
            return pd.DataFrame({name: pd.Series(dtype="str") for name in (ETAG, *self._key, PURPOSE)})
        frame = read_text_csv(data, self._name)
        if PURPOSE not in frame or not {ETAG, *self._key}.intersection(frame.columns):
            expected = ", ".join([ETAG, *self._key, PURPOSE])
            raise DataError(
                f"{self._name}: expected the columns {expected}, received {', '.join(frame.columns) or 'none'}"
            )
        for column in (ETAG, *self._key):
            if column not in frame:
                frame[column] = pd.Series("", index=frame.index, dtype="str")
        frame[PURPOSE] = frame[PURPOSE].str.strip()
        return _settle(frame, self._identity(frame))

    def lookup(self, ids: pd.DataFrame) -> "pd.Series[str]":
        """Returns the purpose of each row's id, `""` where the file has none.

        Args:
            ids: columns of text: `etag` and those of the key.
        """
        found = pd.Series("", index=ids.index, dtype="str")
        entries = self._known[self._known[PURPOSE] != ""]
        for columns in ([ETAG], self._key):
            if columns:
                known, asked = _joined(entries, columns), _joined(ids, columns)
                settled = _settle(entries, known)
                purposes = pd.Series(settled[PURPOSE].to_numpy(), index=known[settled.index])
                match = asked.where(asked != "", None).map(purposes[purposes.index != ""])
                found = match.where(match.notna(), found)
        return found.astype("str")

    def update(self, ids: pd.DataFrame, purposes: "pd.Series[str]") -> None:
        """Adds the ids that the file does not have, and gives those without a purpose theirs.

        Args:
            ids: as for `lookup`.
            purposes: text, `""` for none; of several for one id the strongest counts.
        """
        today = ids.assign(**{PURPOSE: purposes})
        identity = self._identity(today)
        today = _settle(today[identity != ""], identity[identity != ""])
        identity = identity[today.index]
        today.index = pd.Index(identity)
        known = self._known
        place = pd.Series(self._identity(known), index=known.index)
        for column in (*self._key, PURPOSE):
            filled = place.map(today[column])
            known[column] = known[column].where((known[column] != "") | filled.isna(), filled)
        fresh = today[~today.index.isin(place)]
        self._known = pd.concat([known, fresh], ignore_index=True).fillna("")

    def _identity(self, frame: pd.DataFrame) -> "pd.Series[str]":
        """One text an entry: the etag, or for want of one the key; `""` for want of both."""
        etag = frame[ETAG]
        if not self._key:
            return etag
        key = _joined(frame, self._key)
        return etag.where(etag != "", ("\0" + key).where(key != "", ""))


def _joined(frame: pd.DataFrame, columns: Sequence[str]) -> "pd.Series[str]":
    """The columns as one text, `""` where one of them has none."""
    joined = frame[columns[0]]
    for column in columns[1:]:
        complete = (joined != "") & (frame[column] != "")
        joined = (joined + "\x1f" + frame[column]).where(complete, "")
    return joined


def _settle(frame: pd.DataFrame, identity: "pd.Series[str]") -> pd.DataFrame:
    """Keeps of the entries of one identity the one with the strongest purpose, in the order of their first."""
    if not identity.duplicated().any():
        return frame
    ranks = frame[PURPOSE].map(_RANKS).fillna(_OTHER_RANK)
    strongest = ranks.sort_values(kind="stable").index
    kept = identity[strongest].drop_duplicates()
    firsts = pd.Series(identity.index, index=identity)[lambda series: ~series.index.duplicated()]
    order = kept.map(firsts).sort_values().index
    return frame.loc[order]


def _as_csv(frame: pd.DataFrame) -> bytes:
    columns = [ETAG, *(name for name in frame.columns if name not in {ETAG, PURPOSE}), PURPOSE]
    columns = [name for name in columns if name != ETAG or (frame[ETAG] != "").any() or len(columns) == 2]
    text = io.StringIO(newline="")
    lists = [frame[name].tolist() for name in columns]
    # The csv module does not quote a carriage return by itself.
    hard = any("\r" in value for values in lists for value in values)
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if hard else csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    writer.writerows(zip(*lists, strict=True))
    return text.getvalue().encode("utf-8")
