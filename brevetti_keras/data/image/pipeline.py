"""`ImagePipeline`: paths to a batch of images as the network takes them.

path → pixels (pixel_reader.py), once; then from the decoded cache → scale → (batch, height, width, channels)

    pipeline = ImagePipeline(target_size=(224, 224), rescale="unit")
    pipeline({"path": tf.constant(["a.jpg", "b.png"])})["img"]          # (2, 224, 224, 3) float32
    dataset.batch(32).map(pipeline, num_parallel_calls=tf.data.AUTOTUNE)

The same function runs eagerly and inside `Dataset.map`, there by one `tf.numpy_function` a batch, so that pixels are
equal in both. Decoding and resizing release Python's lock: batches are prepared in parallel.
"""

import functools
import os
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import field_validator, model_validator

from brevetti_keras.data.buffers import Buffers
from brevetti_keras.data.decoded_cache import DecodedCache
from brevetti_keras.data.host_call import HostCall
from brevetti_keras.data.image.color import CHANNELS, VALUE_RANGES, ColorMode, Rescale, rescale
from brevetti_keras.data.image.decode import MAX_PIXELS
from brevetti_keras.data.image.geometry import PaddingMode, Roi, Size, roi_size
from brevetti_keras.data.image.pipeline_graph import graph_pipeline
from brevetti_keras.data.image.pixel_reader import PixelReader
from brevetti_keras.data.image.resampling import ResizeMethod
from brevetti_keras.data.image.segmentation import SegmentationLoader
from brevetti_keras.data.mapping import GraphForm
from brevetti_keras.schema import Settings, code_field, setting
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")

Floats = npt.NDArray[np.float32]
_OPENED = "_opened_cache"
_BUFFERS = "_opened_buffers"


class ImagePipeline(Settings):
    """Reads images and brings them to the size, colours and scale of the network.

    Called with a dict of batched tensors it returns a new one, with the images under `output_key`.
    """

    target_size: Size | None = setting(
        None, description="Height and width that the network gets; empty keeps the size of the files", unit="pixels"
    )
    rois: tuple[Roi, ...] | None = setting(
        None, description="Regions of interest, each ((x1, y1), (x2, y2)) in pixels of the upright image"
    )
    roi_mode: Literal["concatenate_height", "as_timeseries"] = setting(
        "concatenate_height", description="Several regions are stacked along the height, or become a time series"
    )
    color_mode: ColorMode = setting("rgb", description="Colours of the output; bayer reads raw mosaics (RGGB)")
    rescale: Rescale | None = setting(
        None, description="Scale of the output: none 0 to 255, unit 0 to 1, imagenet -1 to 1"
    )
    keep_aspect_ratio: bool = setting(False, description="Keep the shape of the picture and pad the rest")
    resize_method: ResizeMethod = setting("bilinear", description="How pixels are interpolated", advanced=True)
    antialias: bool = setting(False, description="Average all pixels when an image becomes smaller", advanced=True)
    padding_mode: PaddingMode = setting(
        "CONSTANT", description="Padding is black, or the picture mirrored without or with its edge", advanced=True
    )
    center_padding: bool = setting(False, description="Pad on all sides instead of below and right", advanced=True)
    max_megapixels: float = setting(
        MAX_PIXELS / 1e6, gt=0, description="Refuse larger images, which may not fit in memory", advanced=True
    )
    cache: str | Literal[False] | None = code_field(
        None, description="Folder that keeps decoded images; None is the default place, False decodes every time"
    )
    segmentation: SegmentationLoader | None = code_field(
        None, description="Draws the masks of the images from their annotations, by the same geometry"
    )
    path_key: str = code_field("path", description="Key of the paths in the batch", min_length=1)
    output_key: str = code_field("img", description="Key of the images in the result", min_length=1)

    @field_validator("rescale", mode="before")
    @classmethod
    def _rescale_none(cls, value: Any) -> Any:
        # Forms offer it as a word.
        return None if value in {"None", "none", ""} else value

    @field_validator("target_size")
    @classmethod
    def _check_target_size(cls, value: Size | None) -> Size | None:
        if value is not None and (min(value) < 1 or value[0] * value[1] > MAX_PIXELS):
            raise ValueError(f"expected a height and width of at least 1 and at most 100 megapixels, received {value}")
        return value

    @field_validator("rois")
    @classmethod
    def _check_rois(cls, value: tuple[Roi, ...] | None) -> tuple[Roi, ...] | None:
        for roi in value or ():
            (x1, y1), (x2, y2) = roi
            if not (0 <= x1 < x2 and 0 <= y1 < y2):
                raise ValueError(
                    f"expected rois ((x1, y1), (x2, y2)) with 0 <= x1 < x2 and 0 <= y1 < y2, received {roi}"
                )
        return value or None

    @model_validator(mode="after")
    def _check_stacking(self) -> Self:
        sizes = {roi_size(roi) for roi in self.rois or ()}
        if self.roi_mode == "concatenate_height" and len({width for _, width in sizes}) > 1:
            raise ValueError(f"expected rois of one width to stack them along the height, received {self.rois}")
        if self.roi_mode == "as_timeseries" and self.target_size is None and len(sizes) > 1:
            raise ValueError(f"expected rois of one size for a time series without target_size, received {self.rois}")
        return self

    @property
    def value_range(self) -> tuple[float, float]:
        """Lowest and highest value of the output."""
        return VALUE_RANGES[self.rescale]

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """(height, width, channels) of one image, None where files decide; a time series has its length in front."""
        size: tuple[int | None, int | None] = self.target_size or (None, None)
        rois = [roi_size(roi) for roi in self.rois or ()]
        if rois and self.target_size is None:
            height = rois[0][0] if self._is_series else sum(height for height, _ in rois)
            size = (height, rois[0][1])
        series = (len(rois),) if self._is_series else ()
        return (*series, *size, CHANNELS[self.color_mode])

    @property
    def _is_series(self) -> bool:
        return self.rois is not None and self.roi_mode == "as_timeseries"

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the batch with the images that its paths name.

        Args:
            batch: tensors by key; `path_key` is text of shape (batch,), or a single path ().

        Returns:
            A new dict with `output_key` added: float32 (batch, *output_shape), or output_shape for a single path. With
            `segmentation`, and paths of annotations in the batch, also its masks: float32 of 0 and 1, the same shape
            with a channel a class.

        Raises:
            DecodeError: for a file that cannot be read or lacks a region; its text starts with the path. Inside
                `Dataset.map` TensorFlow raises it as its own kind of error with the same text.
            InvalidInputError: for a batch without paths, or of images that differ in size without `target_size`.
        """
        if self.path_key not in batch:
            raise InvalidInputError(f"expected a batch with the key {self.path_key!r}, received {sorted(batch)}")
        paths = tf.convert_to_tensor(batch[self.path_key])
        if paths.dtype != tf.string or (paths.shape.rank or 0) > 1:
            raise InvalidInputError(
                f"expected paths as text of shape (batch,) or (), received {paths.dtype.name} {paths.shape}"
            )
        names = [paths]
        loader = self.segmentation
        if loader is not None and loader.annotation_key in batch:
            names.append(tf.convert_to_tensor(batch[loader.annotation_key]))
        if tf.executing_eagerly():
            results = [tf.constant(array) for array in self._load_all(Buffers(), *(tensor.numpy() for tensor in names))]
        else:
            call = HostCall(functools.partial(self._load_all, self._buffers), self._blank_all)
            results = tf.numpy_function(call, names, [tf.float32] * len(names), stateful=False)
            for result, shape in zip(results, self._shapes, strict=False):
                result.set_shape(paths.shape.concatenate(shape))
        keys = [self.output_key, *([] if loader is None else [loader.output_key])]
        return {**batch, **dict(zip(keys, results, strict=False))}

    @property
    def _shapes(self) -> list[tuple[int | None, ...]]:
        """Of an image and, if there are any, its masks."""
        masks = [] if self.segmentation is None else [(*self.output_shape[:-1], len(self.segmentation.classes))]
        return [self.output_shape, *masks]

    @property
    def _buffers(self) -> Buffers:
        # One for all data sets of a pipeline: what a call inside a data set refers to stays until the program ends.
        buffers: Buffers = self.__dict__.setdefault(_BUFFERS, Buffers())
        return buffers

    def _load_all(self, buffers: Buffers, paths: Any, annotations: Any = None) -> list[Floats]:
        """Returns the images and, given the paths of annotations, their masks."""
        images = self._load(buffers, paths)
        if annotations is None or self.segmentation is None:
            return [images]
        if isinstance(paths, bytes):
            return [images, self.segmentation.load(os.fsdecode(annotations), os.fsdecode(paths), self.reader)]
        if not len(paths):
            return self._blank_all(paths, annotations)
        names, marks = ([os.fsdecode(name) for name in array.tolist()] for array in (paths, annotations))
        return [images, self.segmentation.load_batch(marks, names, self.reader)]

    def _blank_all(self, *names: Any) -> list[Floats]:
        count = () if isinstance(names[0], bytes) else (len(names[0]),)
        shapes = self._shapes[: len(names)]
        return [np.zeros((*count, *(side or 1 for side in shape)), np.float32) for shape in shapes]

    def _load(self, buffers: Buffers, paths: npt.NDArray[np.object_] | bytes) -> Floats:
        if isinstance(paths, bytes):
            return self.load_image(os.fsdecode(paths))
        names = [os.fsdecode(path) for path in paths.tolist()]
        if not names:
            return self._blank_all(paths)[0]
        images = self._pixels(names)
        batch = buffers.empty((len(names), *images[0].shape), np.float32)
        if isinstance(images, np.ndarray):
            return rescale(images, self.rescale, batch)
        for name, image in zip(names, images, strict=True):
            if image.shape != images[0].shape:
                raise InvalidInputError(
                    f"expected images of one size in a batch, received {images[0].shape} from {names[0]} and "
                    f"{image.shape} from {name}: set target_size"
                )
        for image, place in zip(images, batch, strict=True):
            rescale(image, self.rescale, place)
        return batch

    def load_image(self, path: str) -> Floats:
        """Returns one image as the network gets it, without TensorFlow.

        Args:
            path: a local file.

        Returns:
            `output_shape` float32 in `value_range`.

        Raises:
            DecodeError: see `__call__`.
        """
        return rescale(self._pixels([path])[0], self.rescale)

    def _pixels(self, paths: list[str]) -> npt.NDArray[Any] | list[npt.NDArray[Any]]:
        reader = self.reader
        if self.cache is False:
            return [reader.decode(path, reader.read(path)) for path in paths]
        # Kept beside the fields; a copy with other settings finds another reader's cache and opens its own.
        cache: DecodedCache | None = self.__dict__.get(_OPENED)
        if cache is None or (cache.root, cache.reader) != (self.cache, reader):
            cache = self.__dict__[_OPENED] = DecodedCache(self.cache, reader)
        return cache.load(paths)

    def graph_form(self, samples: pd.DataFrame) -> GraphForm:
        """Returns the pipeline by TensorFlow's operations alone; the files' headers are read now.

        Args:
            samples: with the column `path_key`.

        Raises:
            InvalidInputError: for samples without paths, Bayer mosaics, or masks.
            DecodeError: for a file that TensorFlow does not decode as it should be.
        """
        if self.segmentation is not None:
            raise InvalidInputError("expected a pipeline without segmentation for the graph form, received one with it")
        if self.path_key not in samples.columns:
            raise InvalidInputError(
                f"expected samples with the column {self.path_key!r} for the graph form, received "
                f"{', '.join(map(str, samples.columns))}"
            )
        paths = [os.fsdecode(path) for path in samples[self.path_key]]
        keys = {"path_key": self.path_key, "output_key": self.output_key}
        return graph_pipeline(self.reader, self.rescale, paths, **keys, shape=self.output_shape)

    @property
    def reader(self) -> PixelReader:
        """What makes the pixels, before they are scaled."""
        return PixelReader(
            target_size=self.target_size,
            rois=self.rois,
            roi_mode=self.roi_mode,
            color_mode=self.color_mode,
            keep_aspect_ratio=self.keep_aspect_ratio,
            resize_method=self.resize_method,
            antialias=self.antialias,
            padding_mode=self.padding_mode,
            center_padding=self.center_padding,
            max_pixels=int(self.max_megapixels * 1e6),
        )
