"""Which pixel of a file's image each pixel of an `ImagePipeline`'s output shows, by the nearest.

    frames = frames_of(pipeline.reader, 960, 1280)          # one, or one a region of a time series
    frames[0].draw(lambda grid: covered(shape, grid))       # (height, width) as the network's image

Regions, resizing, the shape kept or not, padding: all are choices of rows and columns, so that a mask is never resized,
only looked up. Padding that mirrors the picture mirrors the mask.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.geometry import Roi, Size, crop, pad, roi_size
from brevetti_keras.data.image.pixel_reader import PixelReader
from brevetti_keras.data.image.segmentation_raster import Grid, Mask

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Frame:
    """One picture of the output.

    Attributes:
        size: (height, width).
        pieces: rows of the output with the pixels that they show; rows in none show nothing.
    """

    size: Size
    pieces: tuple[tuple[Indices, Grid], ...]

    def draw(self, draw: Callable[[Grid], Mask]) -> Mask:
        """Returns bool (height, width) of what `draw` finds for the pieces."""
        result = np.zeros(self.size, bool)
        for rows, grid in self.pieces:
            result[rows] = draw(grid)
        return result


def frames_of(reader: PixelReader, height: int, width: int) -> list[Frame]:
    """Returns the frames of an image's output.

    Args:
        reader: of the pipeline, whose geometry it has.
        height: of the upright image in pixels.
        width: the same.

    Raises:
        InvalidInputError: if a region reaches beyond the image.
    """
    rois: tuple[Roi, ...] = reader.rois or (((0, 0), (width, height)),)
    for roi in rois:
        crop(np.broadcast_to(np.uint8(0), (height, width)), roi)
    groups = [(roi,) for roi in rois] if reader.roi_mode == "as_timeseries" else [rois]
    return [_frame(reader, group) for group in groups]


def _frame(reader: PixelReader, rois: tuple[Roi, ...]) -> Frame:
    sizes = [roi_size(roi) for roi in rois]
    height, width = sum(rows for rows, _ in sizes), sizes[0][1]
    fitted = reader.fitted_size(height, width)
    target = reader.target_size or fitted
    rows = _padded(_picked(height, fitted[0]), target[0], reader)
    columns = _padded(_picked(width, fitted[1]), target[1], reader)
    pieces = []
    start = 0
    for ((x, y), _), (part, _) in zip(rois, sizes, strict=True):
        places = np.flatnonzero((rows >= start) & (rows < start + part))
        pieces.append((places, Grid(rows[places] - start + y, np.where(columns < 0, -1, columns + x))))
        start += part
    return Frame(target, tuple(pieces))


def _picked(length: int, size: int) -> Indices:
    # As resizing by the nearest does; divided last, so that a middle between two pixels comes out exact.
    return np.minimum(((np.arange(size) + 0.5) * length / size).astype(np.int64), length - 1)


def _padded(indices: Indices, target: int, reader: PixelReader) -> Indices:
    """Pads a row of indices as the picture is, nothing being -1."""
    column: npt.NDArray[Any] = (indices + 1)[:, None, None]
    padded = pad(column, (target, 1), reader.padding_mode, reader.center_padding)
    return np.asarray(padded[:, 0, 0] - 1, np.int64)
