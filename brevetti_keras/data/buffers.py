"""`Buffers`: arrays for TensorFlow's batches, used again once nobody holds them.

    buffers = Buffers()
    batch = buffers.empty((32, 224, 224, 3), np.float32)

A fresh array of 20 MB costs more to be given by the system, page by page, than to be filled. TensorFlow holds an array
that a host call returned for as long as it uses it, which shows in the array's reference count; and it takes an array
as it is only where its address is a multiple of 64, else it copies. The arrays are mappings of their own: from the
allocator they would come from whichever thread's heap, and leave holes there that no two epochs fill alike.
"""

import math
import mmap
import sys
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

_LARGEST_SUM = 512 * 10**6


def _holders(arrays: list[npt.NDArray[np.uint8]]) -> list[int]:
    """How many hold each array, whom the count itself adds included."""
    return [sys.getrefcount(array) for array in arrays]


# Versions of Python differ in whom the count adds, so one that only a list holds is counted.
_UNUSED = _holders([np.empty(0, np.uint8)])[0]


class Buffers:
    """A few arrays that go round.

    Args:
        largest_sum: bytes that are kept at most; more are given, and then not kept.
    """

    def __init__(self, largest_sum: int = _LARGEST_SUM) -> None:
        self._largest_sum = largest_sum
        self._lock = threading.Lock()
        self._kept: list[npt.NDArray[np.uint8]] = []

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy begins without arrays."""
        return type(self), (self._largest_sum,)

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Returns an array of any values that nobody else holds."""
        kind = np.dtype(dtype)
        count = math.prod(shape) * kind.itemsize
        with self._lock:
            return self._unused(count)[:count].view(kind).reshape(shape)

    def _unused(self, count: int) -> npt.NDArray[np.uint8]:
        holders = _holders(self._kept)
        free = [raw.nbytes for raw, held in zip(self._kept, holders, strict=True) if held == _UNUSED]
        # The smallest that fits: an epoch's last batch goes where the others went.
        size = min((size for size in free if size >= count), default=0)
        for raw, held in zip(self._kept, holders, strict=True):
            if held == _UNUSED and raw.nbytes == size:
                return raw
        # Those that nobody holds are all too small, for batches that are done with.
        self._kept = [raw for raw, held in zip(self._kept, holders, strict=True) if held > _UNUSED]
        raw = np.frombuffer(mmap.mmap(-1, max(count, 1), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), np.uint8)
        if sum(kept.nbytes for kept in self._kept) + count <= self._largest_sum:
            self._kept.append(raw)
        return raw
