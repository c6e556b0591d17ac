"""How far two pictures are apart, pixel by pixel, once the one is laid over the other.

    found = compare(prepare(work_a, way=1), prepare(work_b))
    found.distance, found.own           # grey levels: 0 for a copy that lost nothing, and what there was to compare
    found.half_turned                   # the first had to be turned by 180° more

Turned → the structure between the noise of compression and the light that falls on the part, and the spectrum of its
edges (once a picture, however many it is compared with) → moved by phase correlation, to a fraction of a pixel →
brightness fitted by least squares, clipped pixels left out → the root of the mean squared difference, with a margin
left out that a shift may have taken.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.leaks.signature import turned
from brevetti_keras.data.leaks.spectrum import COARSE_BLUR, FINE_BLUR, GAINS, WORK_SIDE, Floats
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

_EDGE_BLUR = 3.0
# What compression changes from pixel to pixel is to be left out of small pictures too.
_LEAST_BLUR = 0.8
_MARGIN = 8
_FARTHEST = 12
_AROUND = 2
_BLACK, _WHITE = 2.0, 253.0
_CLIPPED = 0.01
_LEAST_SHOWN = 0.05
# A peak that is this much of the other's may be the right one where noise has been compressed away.
_PEAK_WORTH = 0.5


@dataclass(frozen=True)
class Prepared:
    """A picture, ready to be compared with many.

    Attributes:
        structure: (side, side) grey levels, of zero mean nearly everywhere.
        clipped: (side, side) where black or white hides what there was; None where nothing is.
        spectrum: (side, side // 2 + 1) of its edges, each frequency of length 1.
    """

    structure: Floats
    clipped: npt.NDArray[np.bool_] | None
    spectrum: npt.NDArray[np.complex64]


class Comparison(NamedTuple):
    """What laying one picture over another shows.

    Attributes:
        distance: root mean squared difference of their structure, grey levels on the scale of the second.
        own: root mean square of the second's structure there.
        peak: of phase correlation, 1 where all frequencies agree: what has few of them fits by chance, but not this.
        half_turned: whether the first lies upside down, compared with the way it was prepared.
    """

    distance: float
    own: float
    peak: float
    half_turned: bool


def prepare(work: Floats, way: int = 0) -> Prepared:
    """Returns what comparing a picture needs.

    Args:
        work: (side, side) grey, see `work_picture`; blurs and shifts are in 128ths of the side.
        way: how it is to be turned first, 0 to 7, see `turned`.
    """
    picture = turned(work, way)
    unit = len(picture) / WORK_SIDE
    edges = picture - cv2.GaussianBlur(picture, (0, 0), _EDGE_BLUR * unit)
    spectrum = np.fft.rfft2(edges * cv2.createHanningWindow(picture.shape, cv2.CV_32F))
    spectrum /= np.maximum(np.abs(spectrum), np.finfo(np.float32).tiny)
    fine_blur = max(_LEAST_BLUR, FINE_BLUR * unit)
    fine, coarse = (cv2.GaussianBlur(picture, (0, 0), blur) for blur in (fine_blur, COARSE_BLUR * unit))
    clipped = ((picture <= _BLACK) | (picture >= _WHITE)).astype(np.float32)
    hidden = cv2.GaussianBlur(clipped, (0, 0), fine_blur) > _CLIPPED if clipped.any() else None
    return Prepared(fine - coarse, hidden, spectrum.astype(np.complex64, copy=False))


def compare(first: Prepared, second: Prepared) -> Comparison:
    """Lays the first over the second, as it is and turned by 180°, and returns how they compare where they fit best."""
    upright = _shift(second.spectrum * first.spectrum.conj(), 0)
    # A half turn is a point reflection, whose spectrum is the conjugate; and the first pixel then is the last.
    reversed_ = _shift(second.spectrum * first.spectrum, 1)
    most = max(upright[0], reversed_[0])
    found = []
    for half, (peak, shifts) in enumerate((upright, reversed_)):
        if peak >= _PEAK_WORTH * most:
            moves = dict.fromkeys([(0.0, 0.0), *shifts])
            found += [Comparison(*_difference(first, second, bool(half), move), peak, bool(half)) for move in moves]
    return min(found)


def _shift(product: npt.NDArray[np.complex64], offset: int) -> tuple[float, list[tuple[float, float]]]:
    """Returns how well the first fits, and by how many pixels it may have to be moved down and across, at most 12 of
    128: to the peak, and to where its sides say that it lies between pixels."""
    side = len(product)
    farthest = _FARTHEST * side // WORK_SIDE
    steps = np.arange(-farthest, farthest + 1)
    # Only the rows and columns that are looked at: half of what the whole transform costs.
    match = np.fft.irfft(np.fft.ifft(product, axis=0)[steps - offset], side, axis=1)
    near = match[:, steps - offset]
    row, column = divmod(int(near.argmax()), len(steps))
    rows = slice(max(0, row - _AROUND), row + _AROUND + 1)
    columns = slice(max(0, column - _AROUND), column + _AROUND + 1)
    peak = np.maximum(near[rows, columns], 0)
    total = float(peak.sum())
    if total <= 0:
        return 0.0, []
    between = float(peak.sum(axis=1) @ steps[rows] / total), float(peak.sum(axis=0) @ steps[columns] / total)
    return float(near[row, column]), [(float(steps[row]), float(steps[column])), between]


def _difference(first: Prepared, second: Prepared, half: bool, shift: tuple[float, float]) -> tuple[float, float]:
    margin = _MARGIN * len(first.structure) // WORK_SIDE
    inner = slice(margin, -margin)
    one, other = _moved(first.structure, half, shift)[inner, inner], second.structure[inner, inner]
    if first.clipped is not None or second.clipped is not None:
        shown = np.ones(one.shape, np.bool_)
        if first.clipped is not None:
            shown &= _moved(first.clipped.astype(np.float32), half, shift)[inner, inner] == 0
        if second.clipped is not None:
            shown &= ~second.clipped[inner, inner]
        if shown.mean() >= _LEAST_SHOWN:
            one, other = one[shown], other[shown]
    one, other = one - one.mean(), other - other.mean()
    energy = float(np.vdot(one, one))
    gain = float(np.vdot(one, other)) / energy if energy > 0 else 0.0
    gain = min(max(gain, GAINS[0]), GAINS[1])
    rest = gain * one - other
    return float(np.sqrt(np.vdot(rest, rest) / rest.size)), float(np.sqrt(np.vdot(other, other) / other.size))


def _moved(picture: Floats, half: bool, shift: tuple[float, float]) -> Floats:
    if half:
        picture = np.ascontiguousarray(picture[::-1, ::-1])
    if shift == (0.0, 0.0):
        return picture
    move = np.array([[1, 0, shift[1]], [0, 1, shift[0]]], np.float32)
    moved: Floats = cv2.warpAffine(picture, move, picture.shape, borderMode=cv2.BORDER_REPLICATE)
    return moved
