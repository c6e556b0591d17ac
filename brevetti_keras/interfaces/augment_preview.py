"""`augment_preview`: what an augmenter makes of some samples, as one picture.

Each row is a sample: the image as the network gets it, then its variations, each with what was drawn for it. Column k
is what a `DataGenerator(rows, seed=seed)` over these rows gives in its epoch k, so that the sheet shows what training
would see; the same seed gives the same sheet.

    sheet = augment_preview(samples, settings.image_pipeline, settings.augmentation, seed=0)
    sheet.write("augmented.png")
"""

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.data.keyed import derive, permute, seeds
from brevetti_keras.data.sampling import AUGMENT, ORDER
from brevetti_keras.interfaces.contact_sheet import ContactSheet, SheetRow, Tile, draw_sheet
from brevetti_keras.interfaces.drawn_text import drawn_lines
from brevetti_keras.interfaces.pictures import Pixels, as_rgb
from brevetti_keras.io.local import atomic_write
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import DataError, DecodeError, InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

pillow = lazy_import("PIL.Image", install="pillow")

Masks = Callable[[str], npt.NDArray[Any] | None]
_ENDINGS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_COLORS = np.array([(230, 57, 70), (29, 120, 216), (42, 157, 78), (240, 150, 20), (142, 68, 173), (0, 170, 170)])
_OPACITY = 0.45
_MOST_TILES = 400


@dataclass(frozen=True)
class PreviewedSample:
    """One row of the sheet.

    Attributes:
        path: the file.
        label: its labels, joined by `/`.
        shape: of what the network gets.
        drawn: for each variation what was drawn: values by name, by the part of the augmenter that drew them.
    """

    path: str
    label: str
    shape: tuple[int, ...]
    drawn: tuple[dict[str, dict[str, Any]], ...]


@dataclass(frozen=True)
class AugmentPreview:
    """The sheet.

    Attributes:
        picture: (height, width, 3) uint8.
        samples: its rows.
        unreadable: paths that were drawn and could not be decoded, with the reasons; others took their places.
    """

    picture: Pixels
    samples: tuple[PreviewedSample, ...]
    unreadable: dict[str, str]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes the picture as PNG, JPEG or WebP, by the path's ending.

        Raises:
            InvalidInputError: for another ending.
            OSError: if the file cannot be written.
        """
        kind = picture_kind(path)
        buffer = io.BytesIO()
        pillow.fromarray(self.picture).save(buffer, kind, quality=92)
        atomic_write(os.fspath(path), buffer.getvalue())


def picture_kind(path: str | os.PathLike[str]) -> str:
    """Returns Pillow's name of the kind that a path's ending means.

    Raises:
        InvalidInputError: for an ending of no such kind.
    """
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending not in _ENDINGS:
        raise InvalidInputError(f"expected a picture's path ending in {', '.join(_ENDINGS)}, received {path!r}")
    return _ENDINGS[ending]


def augment_preview(
    samples: pd.DataFrame,
    image: ImagePipeline | Mapping[str, Any] | None = None,
    augmentation: ImageAugmenter | Mapping[str, Any] | None = None,
    *,
    count: int = 6,
    versions: int = 6,
    seed: int = 0,
    side: int = 160,
    title: str = "",
    masks: Masks | None = None,
) -> AugmentPreview:
    """Draws samples and their variations, each folder's in turn.

    Args:
        samples: with the column `path`; `folder` and `category` are used if they are there.
        image: the pipeline or its settings.
        augmentation: the augmenter or its settings.
        count: samples, each one row.
        versions: variations of each, beside the image itself.
        seed: decides which samples, and how they vary.
        side: of each picture on the sheet, in pixels.
        title: the sheet's first line.
        masks: returns an image's mask by the image's path, or None if it has none: (height, width) integers, 0 the
            background, or (height, width, classes), in the size that the network gets. It is laid over the image.

    Raises:
        DataError: if there is no sample, or none that can be decoded.
        InvalidInputError: for counts that cannot be drawn, or components of another kind.
    """
    pipeline, augmenter = _components(image, augmentation)
    limits: tuple[tuple[str, Any, int], ...] = (
        ("count", count, 100),
        ("versions", versions, 100),
        ("side", side, 1024),
    )
    for name, value, most in limits:
        if not isinstance(value, int) or not 1 <= value <= most:
            raise InvalidInputError(f"{name}: expected an integer from 1 to {most}, received {value!r}")
    if count * (versions + 1) > _MOST_TILES:
        raise InvalidInputError(f"expected at most {_MOST_TILES} pictures, received {count} x {versions + 1}")
    chosen, unreadable = _choose(samples, pipeline, count, seed)
    rows, told = [], []
    for position, (row, picture) in enumerate(chosen):
        mask = None if masks is None else masks(row["path"])
        tiles, drawn = _tiles(picture, mask, augmenter, _pairs(seed, position, versions))
        labels = row.get("category", ())
        label = labels if isinstance(labels, str) else "/".join(map(str, labels))
        size = " x ".join(map(str, picture.shape))
        rows.append(SheetRow((os.path.basename(row["path"]), label, size), tiles))
        told.append(PreviewedSample(row["path"], label, picture.shape, tuple(drawn)))
    headings = ("as the network gets it", *map(str, range(1, versions + 1)))
    sheet = ContactSheet(title or "Augmentation", _notes(samples, augmenter, len(rows), seed), headings, tuple(rows))
    return AugmentPreview(draw_sheet(sheet, side), tuple(told), unreadable)


def _components(image: Any, augmentation: Any) -> tuple[ImagePipeline, ImageAugmenter]:
    if image is None or isinstance(image, Mapping):
        image = ImagePipeline.from_config({} if image is None else image)
    if augmentation is None or isinstance(augmentation, Mapping):
        augmentation = ImageAugmenter.from_config({} if augmentation is None else augmentation)
    if not isinstance(image, ImagePipeline):
        raise InvalidInputError(f"image: expected an ImagePipeline or its settings, received {image!r}")
    if not isinstance(augmentation, ImageAugmenter):
        raise InvalidInputError(f"augmentation: expected an ImageAugmenter or its settings, received {augmentation!r}")
    return image, augmentation.bind([image])


def _choose(
    samples: pd.DataFrame, pipeline: ImagePipeline, count: int, seed: int
) -> tuple[list[tuple[dict[str, Any], npt.NDArray[np.float32]]], dict[str, str]]:
    """Returns samples, each folder's in turn, with their images; and which others could not be read."""
    if "path" not in samples.columns or samples.empty:
        raise DataError("expected samples with a column 'path', received none: is there an image in the dataset?")
    mixed = samples.iloc[permute(np.arange(len(samples)), len(samples), derive(seed, ORDER))]
    if "folder" in samples.columns:
        turns = mixed.groupby("folder", sort=False, dropna=False).cumcount()
        mixed = mixed.iloc[np.argsort(turns.to_numpy(), kind="stable")]
    chosen: list[tuple[dict[str, Any], npt.NDArray[np.float32]]] = []
    unreadable: dict[str, str] = {}
    for values in mixed.itertuples(index=False, name=None):
        row = dict(zip(map(str, mixed.columns), values, strict=True))
        try:
            chosen.append((row, pipeline.load_image(row["path"])))
        except DecodeError as error:
            unreadable[row["path"]] = error.reason
        if len(chosen) == count:
            break
    if not chosen:
        path, reason = next(iter(unreadable.items()))
        raise DataError(f"expected images that can be read, received {len(unreadable)} that cannot; {path}: {reason}")
    return chosen, unreadable


def _pairs(seed: int, position: int, versions: int) -> npt.NDArray[np.int32]:
    """The seeds that a generator's first random map gets for this position in its first epochs."""
    return np.concatenate([seeds(derive(seed, epoch, AUGMENT), [position], 1)[:, 0] for epoch in range(versions)])


def _tiles(
    image: npt.NDArray[np.float32],
    mask: npt.NDArray[Any] | None,
    augmenter: ImageAugmenter,
    pairs: npt.NDArray[np.int32],
) -> tuple[tuple[Tile, ...], list[dict[str, dict[str, Any]]]]:
    limits = augmenter.value_range
    drawn = augmenter.drawn(pairs)
    pictures = [as_rgb(one, limits) for one in augmenter.vary(np.repeat(image[None], len(pairs), axis=0), pairs)]
    pictures.insert(0, as_rgb(image, limits))
    if mask is not None:
        moved = augmenter.vary_masks(np.repeat(mask[None], len(pairs), axis=0), pairs)
        pictures = [overlay(picture, one) for picture, one in zip(pictures, [mask, *moved], strict=True)]
    captions = [(), *(drawn_lines(row, grey=image.shape[-1] == 1) for row in drawn)]
    return tuple(Tile(picture, caption) for picture, caption in zip(pictures, captions, strict=True)), drawn


def overlay(picture: Pixels, mask: npt.NDArray[Any]) -> Pixels:
    """Returns a picture with its mask laid over in a colour a class; for the mask's form see `augment_preview`.

    Raises:
        InvalidInputError: for a mask of another size.
    """
    if mask.shape[:2] != picture.shape[:2]:
        raise InvalidInputError(f"expected a mask of {picture.shape[:2]}, received {mask.shape}")
    planes = mask if mask.ndim == 3 else mask[..., None] == np.arange(1, int(mask.max(initial=0)) + 1)
    result = picture.astype(np.float32)
    for number in range(planes.shape[-1]):
        inside = planes[..., number] > 0.5
        result[inside] += _OPACITY * (_COLORS[number % len(_COLORS)] - result[inside])
    return np.rint(result).astype(np.uint8)


def _notes(samples: pd.DataFrame, augmenter: ImageAugmenter, shown: int, seed: int) -> tuple[str, ...]:
    low, high = augmenter.value_range or (0.0, 1.0)
    chances = [
        f"{name.replace('_', ' ')} {getattr(augmenter, name).chance:.0%}"
        for name in ("random_transformer", "image_filter", "image_noise", "salt_pepper", "image_deformation")
        if getattr(augmenter, name).chance > 0
    ]
    return (
        f"{shown} of {counted(len(samples), 'image')}, seed {seed}; values from {low:g} to {high:g}",
        f"chance for an image: {', '.join(chances) or 'nothing is varied'}",
    )
