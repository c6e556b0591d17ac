"""The index of a shard: rows of 64 bytes that say whose pixels lie where, each with checksums.

A row that is torn, damaged or blanked out does not pass its check and is passed over, so that an index needs no repair.

    rows = read_rows(data)                       # all of a file's rows, those that fail marked by `valid_rows`
    Index(rows).find(key)                        # the last row of that content, or None
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

ROW_BYTES = 64
ROW: np.dtype[Any] = np.dtype(
    [
        ("md5", "<u8", 2),
        ("file_size", "<u8"),
        ("offset", "<u8"),
        ("crc", "<u4"),
        ("dtype", "u1"),
        ("rank", "u1"),
        ("version", "<u2"),
        ("shape", "<u4", 4),
        ("unused", "<u4"),
        ("check", "<u4"),
    ]
)
_DTYPES: tuple[np.dtype[Any], ...] = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))
_VERSION = 1
_LARGEST_RANK = 4
# Odd, so that no flipped bit of any word leaves the sum as it was.
_WEIGHTS = (np.arange(1, ROW_BYTES // 4, dtype=np.uint32) * np.uint32(2654435760) + np.uint32(1)).astype(np.uint32)

Rows = npt.NDArray[np.void]


class ContentKey(NamedTuple):
    """What a file holds: the two halves of its md5, and its size in bytes."""

    high: int
    low: int
    size: int

    @classmethod
    def of(cls, md5: str, size: int) -> "ContentKey":
        """Returns the key of a content whose md5 (hex) and size are known."""
        return cls(int(md5[:16], 16), int(md5[16:], 16), size)


class Form(NamedTuple):
    """How an image lies in memory."""

    dtype: "np.dtype[Any]"
    shape: tuple[int, ...]
    bytes: int


def form_of(image: npt.NDArray[Any]) -> Form | None:
    """Returns an image's form, None for one that a row cannot tell."""
    fits = image.dtype in _DTYPES and image.ndim <= _LARGEST_RANK and image.size > 0
    return Form(image.dtype, image.shape, image.nbytes) if fits else None


def make_row(key: ContentKey, offset: int, crc: int, form: Form) -> Rows:
    """Returns one row."""
    row = np.zeros(1, ROW)
    row["md5"] = key.high, key.low
    row["file_size"], row["offset"], row["crc"] = key.size, offset, crc
    row["dtype"], row["rank"], row["version"] = _DTYPES.index(form.dtype), len(form.shape), _VERSION
    row["shape"][0, : len(form.shape)] = form.shape
    row["check"] = _checks(row)
    return row


def read_rows(data: bytes) -> Rows:
    """Returns the whole rows of an index file; a torn one at its end is left out."""
    return np.frombuffer(data[: len(data) - len(data) % ROW_BYTES], ROW)


def _checks(rows: Rows) -> npt.NDArray[np.uint32]:
    words = np.ascontiguousarray(rows).view(np.uint32).reshape(len(rows), ROW_BYTES // 4)[:, :-1]
    return np.asarray((words * _WEIGHTS).sum(axis=1, dtype=np.uint32))


def _valid(rows: Rows) -> npt.NDArray[np.bool_]:
    sound = (_checks(rows) == rows["check"]) & (rows["version"] == _VERSION)
    return np.asarray(sound & (rows["dtype"] < len(_DTYPES)) & (rows["rank"] <= _LARGEST_RANK))


class Index:
    """Rows, ready to be searched by content.

    Args:
        rows: all of a shard, whether they pass their check or not.
    """

    def __init__(self, rows: Rows) -> None:
        self.count = len(rows)
        self._rows = rows
        self._valid = _valid(rows)
        passed = np.flatnonzero(self._valid)
        # Stable, so that of several rows of one content the last stands last.
        self._order = passed[np.argsort(rows["md5"][passed, 0], kind="stable")]
        self._sorted = rows["md5"][self._order, 0]
        self._forms: dict[bytes, Form] = {}

    @property
    def end(self) -> int:
        """Where the last pixels end, in bytes from the shard's beginning."""
        return max((int(self._rows["offset"][row]) + self.form(row).bytes for row in self._order.tolist()), default=0)

    def __len__(self) -> int:
        return len(self._order)

    def holds(self, row: int) -> bool:
        """Tells whether there is such a row, and it passes its check."""
        return row < self.count and bool(self._valid[row])

    def find(self, key: ContentKey) -> int | None:
        """Returns the last row of a content, None if there is none."""
        place = int(np.searchsorted(self._sorted, np.uint64(key.high), side="right")) - 1
        while place >= 0 and int(self._sorted[place]) == key.high:
            row = int(self._order[place])
            if (int(self._rows["md5"][row, 1]), int(self._rows["file_size"][row])) == key[1:]:
                return row
            place -= 1
        return None

    def without(self, row: int) -> "Index":
        """Returns the same index with a row blanked out."""
        rows = self._rows.copy()
        rows[row] = np.zeros((), ROW)
        return Index(rows)

    def form(self, row: int) -> Form:
        """Returns the form of a row's image."""
        stored = self._rows[row]
        told = bytes(stored["shape"]) + bytes((int(stored["dtype"]), int(stored["rank"])))
        form = self._forms.get(told)
        if form is None:
            dtype = _DTYPES[int(stored["dtype"])]
            shape = tuple(int(side) for side in stored["shape"][: int(stored["rank"])])
            form = self._forms[told] = Form(dtype, shape, int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
        return form

    def place(self, row: int) -> tuple[int, int]:
        """Returns the offset of a row's pixels in bytes, and their checksum."""
        return int(self._rows["offset"][row]), int(self._rows["crc"][row])
