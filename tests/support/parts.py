"""Draws parts that look alike, as one line's camera sees them, and makes copies of pictures in the ways that leak.

picture = draw_part("vial", 7)            # another number, another part: own texture, level, jitter, noise
copy = COPIES["brightened by 5 %"](picture)
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

PARTS = ("ampoule", "vial", "disc")


def draw_part(kind: str, number: int, side: int = 256, texture: float = 3.0, noise: float = 2.0) -> Picture:
    """Returns a grey picture (side, side); equal arguments, equal pixels.

    Args:
        kind: one of `PARTS`.
        number: of the part.
        side: pixels.
        texture: standard deviation of the part's own texture, grey levels.
        noise: standard deviation of the camera's noise, grey levels.
    """
    rng = np.random.default_rng([PARTS.index(kind), number])
    axis = (np.arange(side) + 0.5) / side - 0.5
    jitter = rng.uniform(-2, 2, 2) / side
    x, y = np.meshgrid(axis + jitter[0], axis + jitter[1])
    image = {"ampoule": _ampoule, "vial": _vial, "disc": _disc}[kind](x, y, rng) * rng.uniform(0.99, 1.01)
    for scale in (1.5, 4, 10):
        field = cv2.GaussianBlur(rng.standard_normal((side, side)), (0, 0), scale * side / 256)
        image += texture / 3**0.5 * field / field.std()
    image += rng.normal(0, noise, image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _edge(distance: npt.NDArray[np.float64], width: float = 0.004) -> npt.NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(distance / width, -60, 60)))


def _ampoule(x, y, rng):
    half = 0.16 - 0.08 * _edge(-0.15 - y, 0.02)
    inside = _edge(half - abs(x)) * _edge(0.42 - abs(y))
    glass = 60 * np.exp(-(((abs(x) - half) / 0.012) ** 2)) * _edge(0.42 - abs(y))
    liquid = 25 * _edge(y - rng.normal(0.02, 0.004)) * inside
    glint = 50 * np.exp(-(((x + 0.07) / 0.01) ** 2)) * _edge(0.3 - abs(y), 0.01) * inside
    return 180 - 40 * inside - glass - liquid + glint


def _vial(x, y, rng):
    body = _edge(0.28 - abs(x)) * _edge(0.4 - y) * _edge(y + 0.22)
    neck = _edge(0.16 - abs(x)) * _edge(-0.22 - y) * _edge(y + 0.4)
    liquid = body * _edge(y - rng.normal(0.05, 0.005))
    rim = 40 * np.exp(-(((abs(x) - 0.27) / 0.015) ** 2)) * body
    return 60 + 70 * body + 90 * neck - 35 * liquid + rim + 15 * liquid * np.cos(x * 8)


def _disc(x, y, rng):
    radius = np.hypot(x, y)
    face = _edge(0.4 - radius) * _edge(radius - 0.1)
    brushed = 8 * np.sin(radius * 260) * face
    return 40 + 120 * face + brushed + 20 * x * face + 60 * np.exp(-(((radius - 0.38) / 0.008) ** 2))


def jpeg(picture: Picture, quality: int) -> Picture:
    """Returns what a JPEG keeps of a picture."""
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)


def brighten(picture: Picture, factor: float = 1.05) -> Picture:
    """Returns a picture made brighter."""
    return np.clip(np.rint(picture * factor), 0, 255).astype(np.uint8)


def shift(picture: Picture, down: int, across: int) -> Picture:
    """Returns a picture moved by whole pixels; its border is repeated."""
    move = np.array([[1, 0, across], [0, 1, down]], np.float32)
    return cv2.warpAffine(picture, move, picture.shape[::-1], borderMode=cv2.BORDER_REPLICATE)


def resize(picture: Picture, factor: float) -> Picture:
    """Returns a picture of another size."""
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


COPIES: dict[str, Callable[[Picture], Picture]] = {
    "JPEG of quality 95": lambda picture: jpeg(picture, 95),
    "JPEG of quality 75": lambda picture: jpeg(picture, 75),
    "JPEG of quality 50": lambda picture: jpeg(picture, 50),
    "turned by 90°": lambda picture: np.rot90(picture),
    "turned by 180°": lambda picture: np.rot90(picture, 2),
    "turned by 270°": lambda picture: np.rot90(picture, 3),
    "mirrored": lambda picture: picture[:, ::-1],
    "brightened by 5 %": brighten,
    "shifted by 2 pixels": lambda picture: shift(picture, 2, 0),
    "shifted by 2 pixels both ways": lambda picture: shift(picture, -2, 2),
    "resized to 90 %": lambda picture: resize(picture, 0.9),
    "turned, brightened, JPEG of quality 50": lambda picture: jpeg(brighten(np.rot90(picture)), 50),
}


def write_picture(path: Path, picture: Picture) -> Path:
    """Writes a picture in the format of its path's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.ascontiguousarray(picture))
    return path
