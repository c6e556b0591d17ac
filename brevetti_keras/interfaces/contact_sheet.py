"""A contact sheet: rows of pictures with a label in front and a caption below each, drawn with OpenCV's own font,
which has the letters of most scripts.

sheet = ContactSheet("vials", ("seed 0",), ("as it is", "1", "2"), rows)
Pixels = draw_sheet(sheet, side=160)             # (height, width, 3) uint8
"""

from dataclasses import dataclass

import numpy as np

from brevetti_keras.interfaces.pictures import Pixels, shrink
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

_MARGIN, _GAP, _LABEL_WIDTH = 20, 10, 150
_PAPER, _INK, _FAINT, _FRAME = (255, 255, 255), (24, 28, 34), (104, 112, 122), (208, 212, 218)
_TITLE_SIZE, _TEXT_SIZE, _CAPTION_SIZE = 19, 13, 11
_ELLIPSIS = "…"
_REGULAR = 400


@dataclass(frozen=True)
class Tile:
    """A picture, (height, width, 3) uint8, and lines below it."""

    picture: Pixels
    caption: tuple[str, ...] = ()


@dataclass(frozen=True)
class SheetRow:
    """A row: its label's lines, the first one in bold ink, and its tiles."""

    label: tuple[str, ...]
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class ContactSheet:
    """What stands on a sheet.

    Attributes:
        title: the first line.
        notes: lines below it.
        headings: one a column of tiles.
        rows: each with as many tiles as there are headings.
    """

    title: str
    notes: tuple[str, ...]
    headings: tuple[str, ...]
    rows: tuple[SheetRow, ...]


def draw_sheet(sheet: ContactSheet, side: int) -> Pixels:
    """Returns the picture of a sheet, (height, width, 3).

    Args:
        sheet: what stands on it.
        side: of the square that each picture fills, in pixels.
    """
    line = _CAPTION_SIZE + 4
    top = _MARGIN + _TITLE_SIZE + 10 + len(sheet.notes) * (_TEXT_SIZE + 6) + 10
    first_row = top + _TEXT_SIZE + 8
    heights = [side + 8 + line * max(len(tile.caption) for tile in row.tiles) + 12 for row in sheet.rows]
    width = 2 * _MARGIN + _LABEL_WIDTH + len(sheet.headings) * (side + _GAP)
    image = np.full((first_row + sum(heights) + _MARGIN // 2, width, 3), _PAPER, np.uint8)
    pen = _Pen(image, width - 2 * _MARGIN)
    pen.write((_MARGIN, _MARGIN), sheet.title, _TITLE_SIZE, _INK)
    for index, note in enumerate(sheet.notes):
        pen.write((_MARGIN, _MARGIN + _TITLE_SIZE + 10 + index * (_TEXT_SIZE + 6)), note, _TEXT_SIZE, _FAINT)
    for column, heading in enumerate(sheet.headings):
        pen.write((_left(column, side), top), heading, _TEXT_SIZE, _INK, side)
    y = first_row
    for row, height in zip(sheet.rows, heights, strict=True):
        _draw_row(image, pen, row, y, side)
        y += height
    return image


def _left(column: int, side: int) -> int:
    return _MARGIN + _LABEL_WIDTH + column * (side + _GAP)


def _draw_row(image: Pixels, pen: "_Pen", row: SheetRow, y: int, side: int) -> None:
    for index, text in enumerate(row.label):
        place = (_MARGIN, y + index * (_TEXT_SIZE + 5))
        pen.write(place, text, _TEXT_SIZE, _FAINT if index else _INK, _LABEL_WIDTH - 2 * _GAP)
    for column, tile in enumerate(row.tiles):
        x = _left(column, side)
        small = shrink(tile.picture, side, enlarge=True)
        left, top = x + (side - small.shape[1]) // 2, y + (side - small.shape[0]) // 2
        right, bottom = left + small.shape[1], top + small.shape[0]
        image[top:bottom, left:right] = small
        cv2.rectangle(image, (left - 1, top - 1), (right, bottom), _FRAME)
        for index, text in enumerate(tile.caption):
            pen.write((x, y + side + 6 + index * (_CAPTION_SIZE + 4)), text, _CAPTION_SIZE, _FAINT, side)


class _Pen:
    """Writes lines that end in an ellipsis where they would not fit."""

    def __init__(self, image: Pixels, width: int) -> None:
        self._image = image
        self._width = width
        self._font = cv2.FontFace("sans")

    def write(
        self, place: tuple[int, int], text: str, size: int, ink: tuple[int, int, int], width: int | None = None
    ) -> None:
        # A name from disk may hold what is no character, or would break the line.
        text = "".join(character if character.isprintable() else "?" for character in text)
        if self._length(text, size) > (width or self._width):
            while text and self._length(text + _ELLIPSIS, size) > (width or self._width):
                text = text[:-1]
            text += _ELLIPSIS
        cv2.putText(self._image, text, (place[0], place[1] + size), ink, self._font, size, _REGULAR)

    def _length(self, text: str, size: int) -> int:
        return int(cv2.getTextSize((0, 0), text, (0, 0), self._font, size, _REGULAR)[2])
