"""`Buffers`: arrays for TensorFlow's batches, used again once nobody holds them.

    buffers = Buffers()
    batch = buffers.empty((32, 224, 224, 3), np.float32)

A fresh array of 20 MB costs more to be given by the system, page by page, than to be filled. TensorFlow holds an array
that a host call returned for as long as it uses it, which shows in the array's reference count; and it takes an array
as it is only where its address is a multiple of 64, else it copies.
"""

import math
import sys
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

_ALIGNMENT = 64
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
            raw = self._unused(count + _ALIGNMENT)
            start = -raw.__array_interface__["data"][0] % _ALIGNMENT
            return raw[start : start + count].view(kind).reshape(shape)

    def _unused(self, count: int) -> npt.NDArray[np.uint8]:
        holders = _holders(self._kept)
        for raw, held in zip(self._kept, holders, strict=True):
            if raw.nbytes == count and held == _UNUSED:
                return raw
        # Batches of another size are done with: an epoch's last one, or those of files without a common size.
        held_or_fits = [held > _UNUSED or raw.nbytes == count for raw, held in zip(self._kept, holders, strict=True)]
        self._kept = [raw for raw, stays in zip(self._kept, held_or_fits, strict=True) if stays]
        raw = np.empty(count, np.uint8)
        if sum(kept.nbytes for kept in self._kept) + count <= self._largest_sum:
            self._kept.append(raw)
        return raw
