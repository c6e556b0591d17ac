"""What an augmenter drew for a picture, in a few short lines for people.

drawn_lines(augmenter.drawn(seeds)[0])      # ("mirrored, turned +12°", "bright +0.10, contrast x0.85")
"""

from collections.abc import Iterable, Mapping
from typing import Any

_STILL = "unchanged"


def drawn_lines(drawn: Mapping[str, Mapping[str, Any]], grey: bool = False) -> tuple[str, ...]:
    """Returns the lines.

    Args:
        drawn: values by name, by the part of the augmenter that drew them; see `ImageAugmenter.drawn`.
        grey: whether the picture has no colours, whose changes are then left out.
    """
    lines: list[str] = []
    motion = drawn.get("random_transformer", {})
    lines += _joined(_flips(motion))
    lines += _joined(_signed(motion, "rotate", "turned", 1, unit="°"), _factor(motion, "scale", "scaled"))
    shifts = [round(100 * motion.get(f"translate_{way}", 0.0)) for way in ("horizontal", "vertical")]
    if any(shifts):
        lines.append(f"shifted {shifts[0]:+d} %, {shifts[1]:+d} %")
    lines += _joined(_signed(motion, "shear", "sheared", 2))
    if "image_deformation" in drawn:
        lines.append(f"deformed by {drawn['image_deformation']['alpha']:g} pixels")
    lines += _filter_line(drawn.get("image_filter", {}))
    noise = drawn.get("image_noise", {})
    lines += _joined(_signed(noise, "brightness", "bright", 2), _factor(noise, "contrast", "contrast"))
    if not grey:
        lines += _joined(_signed(noise, "hue", "hue", 2), _factor(noise, "saturation", "saturation"))
    if "salt_pepper" in drawn:
        lines.append(f"specks at {drawn['salt_pepper']['fraction']:.2%}")
    return tuple(lines) or (_STILL,)


def _joined(*parts: Iterable[str]) -> list[str]:
    words = [word for part in parts for word in part]
    return [", ".join(words)] if words else []


def _flips(motion: Mapping[str, Any]) -> list[str]:
    names = {"flip_left_right": "mirrored", "flip_up_down": "upside down"}
    return [text for name, text in names.items() if motion.get(name)]


def _signed(values: Mapping[str, Any], name: str, text: str, digits: int, unit: str = "") -> list[str]:
    number = round(values.get(name, 0.0), digits)
    return [f"{text} {number:+.{digits}f}{unit}"] if number else []


def _factor(values: Mapping[str, Any], name: str, text: str) -> list[str]:
    number = round(values.get(name, 1.0), 2)
    return [f"{text} x{number:.2f}"] if number != 1 else []


def _filter_line(drawn: Mapping[str, Any]) -> list[str]:
    if not drawn:
        return []
    if drawn["kind"] == "emboss":
        return [f"embossed, strength {drawn['strength']:.2f}"]
    return [f"{drawn['kind']} blur"]
