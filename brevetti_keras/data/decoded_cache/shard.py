"""`Shard`: one file of decoded images and its index, for reading.

    shard = Shard.open("/cache/decoded/1f…/18…")
    shard.refresh()                                # rows that were appended since
    row = shard.index.find(key)
    shard.read(row, out)                           # False for pixels that are not what was written

As long as a shard is in use its pixels are locked for sharing, which is what keeps eviction from it; the lock ends with
the process that holds it, however that ends.
"""

import contextlib
import fcntl
import os
import time
import weakref
from typing import Any, Self

import google_crc32c
import numpy as np
import numpy.typing as npt

from brevetti_keras.data.decoded_cache.index import ROW, ROW_BYTES, Form, Index, read_rows

PIXELS, INDEX = ".pixels", ".index"
_TOUCH_SECONDS = 60.0


def checksum(pixels: npt.NDArray[Any]) -> int:
    """Returns the CRC-32C of an array's bytes."""
    return int(google_crc32c.value(pixels.reshape(-1).view(np.uint8)))


def open_file(path: str, flags: int, lock: int) -> int | None:
    """Opens and locks a file, or returns None if another holds it or has removed it.

    Raises:
        OSError: for what else the system refuses.
    """
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, lock | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink:
            return descriptor
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


class Shard:
    """A shard that is open for reading; made by `open`.

    Attributes:
        path: of both files, without their ending.
        index: its rows as of the last `refresh`.
    """

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self.index = Index(np.empty(0, ROW))
        self._descriptor = descriptor
        self._touched = -_TOUCH_SECONDS
        # Closed with the last reference, so that no thread reads from a number that stands for another file by then.
        weakref.finalize(self, os.close, descriptor)

    @classmethod
    def open(cls, path: str) -> Self | None:
        """Returns the shard, None if it is being removed.

        Raises:
            OSError: if it cannot be opened.
        """
        descriptor = open_file(path + PIXELS, os.O_RDONLY, fcntl.LOCK_SH)
        return None if descriptor is None else cls(path, descriptor)

    def refresh(self) -> None:
        """Reads the rows that were appended since the last time."""
        with contextlib.suppress(FileNotFoundError), open(self.path + INDEX, "rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size // ROW_BYTES > self.index.count:
                self.index = Index(read_rows(file.readall()))

    def read(self, row: int, out: npt.NDArray[Any]) -> bool:
        """Fills `out` with the image of a row of the index.

        Args:
            row: of the index.
            out: contiguous, of the row's form.

        Returns:
            Whether these are the bytes that were once written.
        """
        offset, crc = self.index.place(row)
        flat = out.reshape(-1).view(np.uint8)
        try:
            whole = os.preadv(self._descriptor, [flat.data], offset) == flat.nbytes
        except OSError:  # a bad block
            return False
        return whole and checksum(flat) == crc

    def form(self, row: int) -> Form:
        """Returns the form of a row's image."""
        return self.index.form(row)

    def touch(self) -> None:
        """Notes that it is in use, which puts it last in the order of eviction."""
        now = time.monotonic()
        if now - self._touched >= _TOUCH_SECONDS:
            self._touched = now
            with contextlib.suppress(OSError):  # a cache on a read-only disk
                os.utime(self.path + PIXELS)

    def forget(self, row: int) -> None:
        """Blanks a row out, for this process and all others."""
        with contextlib.suppress(OSError):
            descriptor = os.open(self.path + INDEX, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, bytes(ROW_BYTES), row * ROW_BYTES)
            finally:
                os.close(descriptor)
        self.index = self.index.without(row)
