"""Pictures of kinds that copies are looked for among: each family is 1,000 different pictures of one kind.

    picture = draw("brushed metal", 7)                # another number, another picture of the kind
    picture = draw("brushed metal", 7, held_out=True) # of seeds, and of photographs, that nothing was fitted to

The photographs are the two that scikit-learn brings; all else is drawn.
"""

import functools
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_sample_image

from tests.support.parts import PARTS, Picture, draw_part

_SIDE = 256
_HELD_OUT = 1_000_000
_CROP = 64
_STEPS = 7
_PLAIN = 2.0
_KINDS = 40

_Field = npt.NDArray[np.float64]


def draw(family: str, number: int, held_out: bool = False) -> Picture:
    """Returns a grey picture; equal arguments, equal pixels.

    Args:
        family: one of `FAMILIES`.
        number: of the picture, below 1,000; of crops that are fitted, below 600.
        held_out: of those that were not looked at while bounds were chosen.
    """
    return FAMILIES[family](number + _HELD_OUT * held_out)


def _picture(values: _Field) -> Picture:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _field(rng: np.random.Generator, down: float, across: float, deviation: float) -> _Field:
    """Returns noise as smooth as a blur of so many pixels makes it, of a standard deviation in grey levels."""
    noise = cv2.GaussianBlur(
        rng.standard_normal((_SIDE, _SIDE)), (0, 0), sigmaX=across, sigmaY=down, borderType=cv2.BORDER_REFLECT
    )
    return np.asarray(deviation * noise / noise.std())


def _texture(rng: np.random.Generator, deviation: float) -> _Field:
    fields = [_field(rng, scale, scale, deviation / 3**0.5) for scale in (1.5, 4, 10)]
    return np.sum(fields, axis=0)


def _part(number: int) -> Picture:
    return draw_part(PARTS[number % len(PARTS)], number)


def _own_texture(number: int) -> Picture:
    rng = np.random.default_rng([11, number])
    return _picture(128 + _texture(rng, 12) + rng.normal(0, 2, (_SIDE, _SIDE)))


def _weave(down: float, across: float) -> _Field:
    rows, columns = np.mgrid[:_SIDE, :_SIDE]
    return np.asarray(18 * np.sin((rows + down) * 0.39) * np.sin((columns + across) * 0.39) + 8 * np.sin(rows * 0.06))


def _shared_texture(number: int, deviation: float = 3) -> Picture:
    rng = np.random.default_rng([12, number])
    return _picture(120 + _weave(0, 0) + _texture(rng, deviation) + rng.normal(0, 2, (_SIDE, _SIDE)))


def _moved_texture(number: int) -> Picture:
    rng = np.random.default_rng([13, number])
    return _picture(120 + _weave(*rng.uniform(0, 16, 2)) + _texture(rng, 3) + rng.normal(0, 2, (_SIDE, _SIDE)))


def _noise(number: int) -> Picture:
    rng = np.random.default_rng([14, number])
    return _picture(128 + _field(rng, 0.7, 0.7, 12))


def _brushed(number: int) -> Picture:
    rng = np.random.default_rng([15, number])
    light = 20 * np.cos(np.linspace(-1, 1, _SIDE))
    return _picture(110 + light + _field(rng, 0.7, 40, 8) + rng.normal(0, 2, (_SIDE, _SIDE)))


def _kinds(number: int) -> Picture:
    rng = np.random.default_rng([18, number])
    name = "flower.jpg" if number >= _HELD_OUT else "china.jpg"
    top, left = _places(name, plain=False)[number % _KINDS]
    look = cv2.resize(_grey(name)[top : top + _CROP, left : left + _CROP], (_SIDE, _SIDE)).astype(np.float64)
    return _picture(20 + 0.8 * look + _texture(rng, 3) + rng.normal(0, 2, (_SIDE, _SIDE)))


def _nearly_plain(number: int) -> Picture:
    rng = np.random.default_rng([16, number])
    rows, columns = np.mgrid[:_SIDE, :_SIDE] / _SIDE
    slopes = rng.uniform(-4, 4, 2)
    return _picture(150 + slopes[0] * rows + slopes[1] * columns + rng.normal(0, 1, (_SIDE, _SIDE)))


def _photograph(number: int, plain: bool = False) -> Picture:
    name = "flower.jpg" if number >= _HELD_OUT else "china.jpg"
    top, left = _places(name, plain)[number % _HELD_OUT]
    return np.ascontiguousarray(_grey(name)[top : top + _CROP, left : left + _CROP])


@functools.cache
def _places(name: str, plain: bool) -> list[tuple[int, int]]:
    """Returns top and left of the crops that show sky or blurred background alone, or of the others, shuffled.

    They are a seventh of their side apart or more: beyond what counts as a shifted copy.
    """
    picture = _grey(name).astype(np.float32)
    fine = np.abs(picture - cv2.GaussianBlur(picture, (0, 0), 4))
    places = [
        (top, left)
        for top in range(0, picture.shape[0] - _CROP + 1, _CROP // _STEPS)
        for left in range(0, picture.shape[1] - _CROP + 1, _CROP // _STEPS)
        if (fine[top : top + _CROP, left : left + _CROP].mean() < _PLAIN) == plain
    ]
    return [places[index] for index in np.random.default_rng(0).permutation(len(places))]


@functools.cache
def _grey(name: str) -> Picture:
    return np.asarray(cv2.cvtColor(load_sample_image(name), cv2.COLOR_RGB2GRAY))


def frame_of_part(number: int, frame: int, noise: float = 2.0) -> Picture:
    """Returns one of several exposures of a part that does not move: they differ by the camera's noise."""
    still = draw_part(PARTS[number % len(PARTS)], number, noise=0)
    rng = np.random.default_rng([17, number, frame])
    return _picture(still + rng.normal(0, noise, still.shape))


FAMILIES: dict[str, Callable[[int], Picture]] = {
    "parts on a plain background": _part,
    "own texture fills the frame": _own_texture,
    "shared texture fills the frame": _shared_texture,
    "shared texture, moved": _moved_texture,
    "shared texture, own one weak": functools.partial(_shared_texture, deviation=1),
    "noise-like surface": _noise,
    "brushed metal": _brushed,
    "parts of forty kinds": _kinds,
    "nearly plain": _nearly_plain,
    "crops of photographs": _photograph,
    "crops of sky or background": functools.partial(_photograph, plain=True),
}
