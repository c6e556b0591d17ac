"""How far two pictures are apart, pixel by pixel, once the one is laid over the other.

    distance(work_a, work_b, orientation=1)     # grey levels; 0 for a copy that lost nothing

Turned → moved by phase correlation, to a fraction of a pixel → brightness and contrast fitted by least squares → the
root of the mean squared difference, lightly blurred so that the noise of compression counts less than what there is to
see, with a margin left out that a shift may have taken.
"""

import numpy as np

from brevetti_keras.data.leaks.signature import WORK_SIDE, Floats, orientations
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

_BLUR = 2.0
_MARGIN = 16
_FARTHEST = 24.0


def distance(first: Floats, second: Floats, orientation: int = 0) -> float:
    """Returns the root mean squared difference of two pictures once aligned.

    Args:
        first: (256, 256) grey, see `work_picture`.
        second: the same.
        orientation: how `first` is to be turned, 0 to 7, as `orientations` lists them.

    Returns:
        Grey levels, on the scale of `second`.
    """
    turned = np.ascontiguousarray(orientations(first)[orientation])
    window = cv2.createHanningWindow((WORK_SIDE, WORK_SIDE), cv2.CV_32F)
    (across, down), _ = cv2.phaseCorrelate(_edges(turned), _edges(second), window)
    candidates = [turned]
    if max(abs(across), abs(down)) <= _FARTHEST:
        move = np.array([[1, 0, across], [0, 1, down]], np.float32)
        candidates.append(cv2.warpAffine(turned, move, (WORK_SIDE, WORK_SIDE), borderMode=cv2.BORDER_REPLICATE))
    return min(_difference(candidate, second) for candidate in candidates)


def _edges(picture: Floats) -> Floats:
    fine: Floats = picture - cv2.GaussianBlur(picture, (0, 0), 6.0)
    return fine


def _difference(first: Floats, second: Floats) -> float:
    inner = slice(_MARGIN, -_MARGIN)
    one, other = (cv2.GaussianBlur(picture, (0, 0), _BLUR)[inner, inner] for picture in (first, second))
    one, other = one - one.mean(), other - other.mean()
    energy = float((one * one).sum())
    gain = float((one * other).sum()) / energy if energy > 0 else 0.0
    # A copy is brightened or darkened a little; a gain without bounds would explain one picture by any other.
    gain = min(max(gain, 0.75), 4 / 3)
    return float(np.sqrt(np.mean((gain * one - other) ** 2)))
