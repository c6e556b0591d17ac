"""`RunLengths`: a mask as the lengths of its runs, in COCO's order: column by column, background first.

    runs = RunLengths.of(mask)              # (height, width) of any type, not 0 inside
    runs.mask()                             # bool (height, width)

Both of COCO's forms are read: the list of lengths, and the text that packs them into 6 bits a character. A few bytes
may claim any number of pixels, so the size is bounded before anything is allocated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from brevetti_keras.utils.errors import InvalidInputError

MAX_PIXELS = 100_000_000
"""As for images."""

_FIRST_CHARACTER = 48
_LAST_CHARACTER = 48 + 63


@dataclass(frozen=True)
class RunLengths:
    """A mask.

    Attributes:
        height: rows.
        width: columns.
        counts: pixels of the runs down the columns, outside and inside in turn; the first may be 0.
    """

    height: int
    width: int
    counts: tuple[int, ...]

    @classmethod
    def of(cls, mask: npt.NDArray[Any]) -> Self:
        """Returns the runs of a mask (height, width) that is not 0 inside."""
        flat = (np.asarray(mask) != 0).ravel(order="F")
        ends = np.flatnonzero(np.diff(flat)) + 1
        counts = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist() if flat.size else []
        height, width = mask.shape
        return cls(height, width, tuple([0, *counts] if flat.size and flat[0] else counts))

    def mask(self) -> npt.NDArray[np.bool_]:
        """Returns the mask as bool (height, width)."""
        inside = np.arange(len(self.counts)) % 2 == 1
        return np.repeat(inside, self.counts).reshape((self.height, self.width), order="F")

    @property
    def area(self) -> int:
        """Pixels inside."""
        return sum(self.counts[1::2])

    def json(self) -> dict[str, Any]:
        """Returns COCO's uncompressed form, `{"size": [height, width], "counts": […]}`."""
        return {"size": [self.height, self.width], "counts": list(self.counts)}


def read_run_lengths(value: Any) -> RunLengths:
    """Returns the mask that COCO's JSON describes.

    Args:
        value: `{"size": [height, width], "counts": […] or "packed text"}`.

    Raises:
        InvalidInputError: for another form, a mask of more than `MAX_PIXELS`, or runs that do not fill it.
    """
    if not isinstance(value, Mapping):
        raise InvalidInputError(
            f"expected a mask of run lengths with 'size' and 'counts', received {str(value)[:40]!r}"
        )
    size, counts = value.get("size"), value.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not all(type(side) is int and side >= 0 for side in size):
        raise InvalidInputError(f"expected a mask's size as [height, width], received {str(size)[:40]!r}")
    height, width = size
    if height * width > MAX_PIXELS or max(size) > MAX_PIXELS:
        raise InvalidInputError(f"expected a mask of at most {MAX_PIXELS:,} pixels, received {height} x {width}")
    if isinstance(counts, str):
        counts = _unpacked(counts, height * width)
    if not isinstance(counts, list) or not all(type(count) is int and count >= 0 for count in counts):
        raise InvalidInputError("expected a mask's counts as lengths of at least 0, received others")
    if sum(counts) != height * width:
        raise InvalidInputError(
            f"expected run lengths that fill {height} x {width} pixels, received {sum(counts):,} pixels"
        )
    return RunLengths(height, width, tuple(counts))


def _unpacked(text: str, pixels: int) -> list[int]:
    """Reads COCO's packed counts: 5 bits a character, the sixth says that more follow, the fifth of the last is the
    sign; from the fourth count on they are differences from the one before last (cocodataset.org, maskApi)."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        if not _FIRST_CHARACTER <= ord(character) <= _LAST_CHARACTER or shift > 30:
            raise InvalidInputError("expected a mask's counts as COCO packs them, received other text")
        bits = ord(character) - _FIRST_CHARACTER
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        if not 0 <= counts[-1] <= pixels:
            raise InvalidInputError(f"expected a mask's counts within its {pixels:,} pixels, received {counts[-1]}")
        value = shift = 0
    if shift:
        raise InvalidInputError("expected a mask's counts as COCO packs them, received text that is cut off")
    return counts
