"""`PixelReader`: a file to the pixels that an `ImagePipeline` scales and hands on, and a cache keeps.

path → bytes → decode (upright, every bit) → mosaic → regions → resize → colour → padding

    reader = PixelReader(target_size=(224, 224))
    reader.decode("a.jpg", reader.read("a.jpg"))        # (224, 224, 3) uint8

Pixels keep the depth of their file: uint8, uint16, or float32 for what is deeper. What resizing computes is rounded to
that depth here, whether it is kept or not, so that a picture from the cache is the same to the last bit.
"""

import importlib.metadata
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.color import ColorMode, demosaic, to_color
from brevetti_keras.data.image.decode import MAX_PIXELS, decode_scaled, read_file, to_255
from brevetti_keras.data.image.geometry import PaddingMode, Roi, Size, crop, fit_size, pad, shrink_factor
from brevetti_keras.data.image.resampling import ResizeMethod, resize_kept
from brevetti_keras.utils.errors import DecodeError, InvalidInputError

Array = npt.NDArray[Any]

# Raised whenever the same file and settings would give other pixels than before.
_VERSION = 5
_DECODERS = ("opencv-python-headless", "pillow", "tifffile")


@dataclass(frozen=True)
class PixelReader:
    """Settings that decide pixels; see `ImagePipeline` for what each means."""

    target_size: Size | None = None
    rois: tuple[Roi, ...] | None = None
    roi_mode: Literal["concatenate_height", "as_timeseries"] = "concatenate_height"
    color_mode: ColorMode = "rgb"
    keep_aspect_ratio: bool = False
    resize_method: ResizeMethod = "bilinear"
    antialias: bool = False
    padding_mode: PaddingMode = "CONSTANT"
    center_padding: bool = False
    max_pixels: int = MAX_PIXELS

    def settings(self) -> dict[str, Any]:
        """Returns all that decides the pixels of a file, as JSON types: the settings, and who decodes."""
        told = self.to_json()
        del told["max_pixels"]
        return {**told, "version": _VERSION, **decoder_versions()}

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """Returns the reader that `to_json` told of."""
        size, rois = told["target_size"], told["rois"]
        pairs = None if rois is None else tuple(tuple(tuple(corner) for corner in roi) for roi in rois)
        return cls(**{**told, "target_size": None if size is None else tuple(size), "rois": pairs})

    @property
    def may_refuse(self) -> bool:
        """Whether a sound image may yet be unfit: too small for a region, or in colour where a mosaic is expected."""
        return bool(self.rois) or self.color_mode == "bayer"

    def has_regions(self, height: int, width: int) -> bool:
        """Tells whether an upright image of this size holds all regions of interest."""
        return all(x2 <= width and y2 <= height for _, (x2, y2) in self.rois or ())

    def read(self, path: str) -> bytes:
        """Returns a file's bytes.

        Raises:
            DecodeError: for a file that is missing, or does not begin as an image.
        """
        return read_file(path)

    def decode(self, path: str, data: bytes) -> Array:
        """Returns the pixels of a file.

        Args:
            path: of the file, for errors.
            data: its bytes.

        Returns:
            (height, width, channels), a time series of regions with its length in front; uint8, uint16 or float32 on
            the scale [0, 255].

        Raises:
            DecodeError: for a file that cannot be decoded, or lacks a region.
        """
        image, extent = decode_scaled(path, data, self.shrink, self.max_pixels)
        if image.dtype not in (np.uint8, np.uint16):
            image = to_255(image)
        try:
            if self.color_mode == "bayer":
                image = demosaic(image)
            parts = [crop(image, roi) for roi in self.rois or ()]
        except InvalidInputError as error:
            raise DecodeError(path, str(error)) from error
        if parts and self.roi_mode == "as_timeseries":
            return np.stack([self._fit(part, None) for part in parts])
        return self._fit(np.concatenate(parts), None) if parts else self._fit(image, extent)

    @property
    def _may_shrink(self) -> bool:
        # Nearest picks true pixels, and the coordinates of regions and mosaics are those of the full image. What counts
        # every pixel by itself comes nearer to the averaged picture, at any scale, than what follows on a transform.
        return (
            self.target_size is not None
            and not self.rois
            and self.resize_method not in {"nearest", "area"}
            and not self.antialias
            and self.color_mode != "bayer"
        )

    def shrink(self, height: int, width: int) -> int:
        """Returns by which of 1, 4 and 8 a JPEG of this upright height and width is decoded smaller."""
        return shrink_factor(height, width, self.fitted_size(height, width)) if self._may_shrink else 1

    def fitted_size(self, height: float, width: float) -> Size:
        """Returns the size, before padding, that a picture of this height and width is resized to."""
        target = self.target_size or (round(height), round(width))
        return fit_size(height, width, target) if self.keep_aspect_ratio else target

    def _fit(self, image: Array, extent: tuple[float, float] | None) -> Array:
        if self.target_size is None:
            return np.ascontiguousarray(to_color(image, self.color_mode))
        # The full size decides the shape, so that it does not depend on how much smaller a file was decoded.
        size = self.fitted_size(*(extent or image.shape[:2]))
        scaled = resize_kept(image, size, self.resize_method, self.antialias, extent)
        colored = to_color(scaled, self.color_mode)
        return np.ascontiguousarray(pad(colored, self.target_size, self.padding_mode, self.center_padding))


def decoder_versions() -> dict[str, str]:
    """Returns the versions of the libraries that decode: another one may give other pixels, or another verdict."""
    return {name: _version(name) for name in _DECODERS}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # another build of the same library, as opencv-python
        return ""
