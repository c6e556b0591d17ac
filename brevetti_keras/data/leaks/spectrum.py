"""How strong each frequency of a picture is: the same for a picture and its shifted copy, turned as the picture is.

    spectra = np.stack([spectrum_of(grey) for grey in pictures])        # (pictures, 33, 17)
    turned = spectra.reshape(len(spectra), -1)[:, TURNS[1]]             # those of the pictures, a quarter turned

Grey → 64 × 64 by averages → less its mean, faded towards the border, where a shift brings in something else → Fourier
transform, up to 16 cycles a picture, its phase left out. A half turn changes nothing either, so that of eight ways a
picture may lie four are left.
"""

import numpy as np
import numpy.typing as npt

from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

Floats = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.float16]

CYCLES = 16
SPECTRUM_SHAPE = (2 * CYCLES + 1, CYCLES + 1)
# What a spectrum tells apart: as it is, a quarter turned, and the same mirrored. `way ^ 2` is half a turn more.
WAYS = (0, 1, 4, 5)
# Pictures are compared at this side, in pixels, by what lies between two blurs: less is noise, more is how light falls.
WORK_SIDE = 128
FINE_BLUR, COARSE_BLUR = 1.0, 6.0
# A copy is brightened or darkened a little; a gain without bounds would explain one picture by any other.
GAINS = (0.75, 4 / 3)
_SIDE = 64
_FADED = 8
# Amplitudes below are what rounding and strong compression change.
_FLOOR = 2.0


def spectrum_of(grey: Floats) -> Spectra:
    """Returns how strong each frequency of a grey picture is.

    Args:
        grey: (height, width) in [0, 255].

    Returns:
        (33, 17): -16 to 16 cycles down, 0 to 16 across. The square root of the amplitude, so that strong outlines do
        not outweigh fine structure; level where there is less than what compression changes.
    """
    small = squared(grey, _SIDE)
    window = _window()
    small = (small - (small * window).sum() / window.sum()) * window
    half = np.fft.rfft2(small)[:, : CYCLES + 1] / _SIDE
    amplitude = np.abs(np.roll(half, CYCLES, axis=0)[: SPECTRUM_SHAPE[0]])
    return np.asarray((amplitude**2 + _FLOOR**2) ** 0.25, dtype=np.float16)


def strengths(spectra: Floats) -> Floats:
    """Returns of flat spectra, (pictures, 561), the amplitudes of what is compared pixel by pixel.

    Amplitudes of two pictures differ by no more than the pictures do, however the one is moved over the other.
    """
    return np.asarray(np.sqrt(np.maximum(spectra**4 - _FLOOR**2, 0)) * _PASSED, np.float32)


def squared(grey: Floats, side: int) -> Floats:
    """Returns a grey picture stretched to a square: averages where it shrinks, between pixels where it grows."""
    height, width = (max(length, side) for length in grey.shape)
    if (height, width) != grey.shape:
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_LINEAR)
    small: Floats = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
    return small


def _window() -> Floats:
    fade = np.ones(_SIDE, np.float32)
    fade[:_FADED] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(_FADED) + 0.5) / _FADED)
    fade[-_FADED:] = fade[:_FADED][::-1]
    return np.outer(fade, fade)


def _turns() -> npt.NDArray[np.int64]:
    """Returns for each of `WAYS` where in a flat spectrum the values of the turned picture's stand."""
    places = np.arange(SPECTRUM_SHAPE[0] * SPECTRUM_SHAPE[1]).reshape(SPECTRUM_SHAPE)
    # The other half of a real picture's spectrum is the same, point-reflected.
    whole = np.concatenate([places[::-1, :0:-1], places], axis=1)
    quarters = [whole, np.rot90(whole)]
    return np.stack([one[:, CYCLES:].ravel() for one in (*quarters, quarters[0][:, ::-1], quarters[1][:, ::-1])])


def _passed() -> Floats:
    """Returns what of each frequency the two blurs leave; those across stand for their other half too."""
    down, across = np.ogrid[-CYCLES : CYCLES + 1, : CYCLES + 1]
    cycles = (down**2 + across**2) / WORK_SIDE**2
    fine, coarse = (np.exp(-2 * np.pi**2 * blur**2 * cycles) for blur in (FINE_BLUR, COARSE_BLUR))
    return np.asarray((fine - coarse) * np.where(across == 0, 1, 2**0.5), np.float32).ravel()


TURNS = _turns()
_PASSED = _passed()
