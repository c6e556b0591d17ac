"""`ShardWriter`: appends decoded images to a shard that no other process writes.

    writer = ShardWriter.take(folder, limit)        # goes on with a shard that has room, else begins one
    row = writer.append(key, image)

Pixels are written before the row that tells of them: whatever ends the process in between, a row never tells of pixels
that are not there. Nothing is flushed to the disk on purpose; what a power loss takes, the checksums show.
"""

import fcntl
import os
import secrets
import time
import weakref
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.decoded_cache.index import ROW_BYTES, ContentKey, Form, Index, make_row, read_rows
from brevetti_keras.data.decoded_cache.shard import INDEX, PIXELS, checksum, open_file

_ALIGNMENT = 64
OVERHEAD = ROW_BYTES + _ALIGNMENT
"""Bytes that an image takes beside its pixels, at most."""


class ShardWriter:
    """A shard that is open for appending; made by `take`.

    Attributes:
        path: of both files, without their ending.
    """

    def __init__(self, path: str, index: int, pixels: int, rows: int, end: int) -> None:
        self.path = path
        self.process = os.getpid()
        self._index, self._pixels = index, pixels
        self._rows, self._end = rows, end
        for descriptor in (index, pixels):
            weakref.finalize(self, os.close, descriptor)

    @classmethod
    def take(cls, folder: str, limit: int) -> Self:
        """Returns the writer of a shard of less than `limit` bytes that nobody writes, or of a new one.

        Raises:
            OSError: if the folder cannot be written.
        """
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for name in sorted(os.listdir(folder), reverse=True):
            stem, ending = os.path.splitext(os.path.join(folder, name))
            if ending != INDEX:
                continue
            try:
                taken = cls._open(stem, 0) if os.stat(stem + PIXELS).st_size < limit else None
            except OSError:  # removed meanwhile, or another's
                continue
            if taken is not None:
                return taken
        while True:
            made = cls._open(os.path.join(folder, f"{time.time_ns():016x}-{secrets.token_hex(4)}"), os.O_CREAT)
            if made is not None:
                return made

    @classmethod
    def _open(cls, path: str, create: int) -> Self | None:
        index = open_file(path + INDEX, os.O_RDWR | create, fcntl.LOCK_EX)
        if index is None:
            return None
        try:
            pixels = open_file(path + PIXELS, os.O_RDWR | create, fcntl.LOCK_SH)
            if pixels is None:
                os.close(index)
                return None
            rows = read_rows(os.pread(index, os.fstat(index).st_size, 0))
            # Behind whatever was written, also by a process that was ended before it could tell of it.
            return cls(path, index, pixels, len(rows), max(Index(rows).end, os.fstat(pixels).st_size))
        except OSError:
            os.close(index)
            raise

    @property
    def size(self) -> int:
        """Bytes of pixels so far."""
        return self._end

    def append(self, key: ContentKey, image: npt.NDArray[Any], form: Form) -> int:
        """Writes an image and its row; one call at a time.

        Returns:
            The row.

        Raises:
            OSError: if the disk is full, or refuses; the shard is then as it was.
        """
        flat = np.ascontiguousarray(image).reshape(-1).view(np.uint8)
        offset = -(-self._end // _ALIGNMENT) * _ALIGNMENT
        try:
            _write_all(self._pixels, flat.data, offset)
            row = make_row(key, offset, checksum(flat), form)
            _write_all(self._index, memoryview(row.tobytes()), self._rows * ROW_BYTES)
        except OSError:
            # Nobody reads behind the last row: what did not fit is given back.
            os.truncate(self._pixels, self._end)
            os.truncate(self._index, self._rows * ROW_BYTES)
            raise
        self._end = offset + flat.nbytes
        self._rows += 1
        return self._rows - 1


def _write_all(descriptor: int, data: memoryview, offset: int) -> None:
    while data.nbytes:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written
