"""How far two pictures are apart, pixel by pixel, once the one is laid over the other.

    distance(prepare(work_a, orientation=1), prepare(work_b))     # grey levels; 0 for a copy that lost nothing

Turned → lightly blurred, so that the noise of compression counts less than what there is to see, and the spectrum of
its edges taken (once a picture, however many it is compared with) → moved by phase correlation, to a fraction of a
pixel → brightness and contrast fitted by least squares → the root of the mean squared difference, with a margin left
out that a shift may have taken.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.leaks.signature import WORK_SIDE, Floats, turned
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

_BLUR = 2.0
_EDGE_BLUR = 6.0
_MARGIN = 16
_FARTHEST = 24
_AROUND = 2


@dataclass(frozen=True)
class Prepared:
    """A picture, ready to be compared with many.

    Attributes:
        blurred: (256, 256) grey levels.
        spectrum: (256, 129) of its edges, each frequency of length 1.
    """

    blurred: Floats
    spectrum: npt.NDArray[np.complex64]


def prepare(work: Floats, orientation: int = 0) -> Prepared:
    """Returns what comparing a picture needs.

    Args:
        work: (256, 256) grey, see `work_picture`.
        orientation: how it is to be turned first, 0 to 7, as `orientations` lists them.
    """
    picture = turned(work, orientation)
    edges = picture - cv2.GaussianBlur(picture, (0, 0), _EDGE_BLUR)
    spectrum = np.fft.rfft2(edges * cv2.createHanningWindow((WORK_SIDE, WORK_SIDE), cv2.CV_32F))
    spectrum /= np.maximum(np.abs(spectrum), np.finfo(np.float32).tiny)
    return Prepared(cv2.GaussianBlur(picture, (0, 0), _BLUR), spectrum.astype(np.complex64, copy=False))


def distance(first: Prepared, second: Prepared) -> float:
    """Returns the root mean squared difference of two pictures once aligned: grey levels, on the scale of `second`."""
    down, across = _shift(first, second)
    move = np.array([[1, 0, across], [0, 1, down]], np.float32)
    moved = cv2.warpAffine(first.blurred, move, (WORK_SIDE, WORK_SIDE), borderMode=cv2.BORDER_REPLICATE)
    return min(_difference(candidate, second.blurred) for candidate in (first.blurred, moved))


def _shift(first: Prepared, second: Prepared) -> tuple[float, float]:
    """Returns by how many pixels the first is to be moved down and across, at most 24, by phase correlation."""
    match = np.fft.irfft2(second.spectrum * first.spectrum.conj(), (WORK_SIDE, WORK_SIDE))
    steps = np.arange(-_FARTHEST, _FARTHEST + 1)
    near = match[np.ix_(steps, steps)]
    row, column = divmod(int(near.argmax()), len(steps))
    rows = slice(max(0, row - _AROUND), row + _AROUND + 1)
    columns = slice(max(0, column - _AROUND), column + _AROUND + 1)
    peak = np.maximum(near[rows, columns], 0)
    total = float(peak.sum())
    if total <= 0:
        return 0.0, 0.0
    return float(peak.sum(axis=1) @ steps[rows]) / total, float(peak.sum(axis=0) @ steps[columns]) / total


def _difference(first: Floats, second: Floats) -> float:
    inner = slice(_MARGIN, -_MARGIN)
    one, other = first[inner, inner], second[inner, inner]
    one, other = one - one.mean(), other - other.mean()
    energy = float(np.vdot(one, one))
    gain = float(np.vdot(one, other)) / energy if energy > 0 else 0.0
    # A copy is brightened or darkened a little; a gain without bounds would explain one picture by any other.
    gain = min(max(gain, 0.75), 4 / 3)
    rest = gain * one - other
    return float(np.sqrt(np.vdot(rest, rest) / rest.size))
