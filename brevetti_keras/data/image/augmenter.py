"""`ImageAugmenter`: random variations of the images of a batch, the same for the same seed.

motion (transform and deformation, one warp) → filter → colour and noise → specks

    augmenter = ImageAugmenter(random_transformer={"rotate": 15}, image_noise={"chance": 0})
    augmenter({"img": images}, seed=0)                    # eagerly: (batch, height, width, channels)
    generator.map([pipeline, augmenter])                  # the generator gives each sample its seed

An image's variation depends on its own seed alone, not on its place in a batch. It is computed by OpenCV and numpy in
one call a batch, eagerly and inside `Dataset.map` alike, so that both give the same pixels: one fused warp there takes
a quarter of the time of a projective transform by TensorFlow's operations.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import field_validator

from brevetti_keras.data.buffers import Buffers
from brevetti_keras.data.host_call import HostCall
from brevetti_keras.data.image.augment_graph import GraphAugmenter, within_reach
from brevetti_keras.data.image.augmentation import Effect, Seeds, ValueRange, ordered, reach
from brevetti_keras.data.image.image_deformation import ImageDeformation
from brevetti_keras.data.image.image_filter import ImageFilter
from brevetti_keras.data.image.image_noise import ImageNoise
from brevetti_keras.data.image.pipeline import ImagePipeline
from brevetti_keras.data.image.random_transformer import RandomTransformer
from brevetti_keras.data.image.salt_pepper import SaltPepper
from brevetti_keras.data.image.warping import MAX_DEFORMED_SIDE, Motion, warp_image, warp_mask
from brevetti_keras.data.mapping import GraphForm
from brevetti_keras.schema import Settings, code_field, setting
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")
tf = lazy_import("tensorflow")

Array = npt.NDArray[Any]
_BUFFERS = "_opened_buffers"


class ImageAugmenter(Settings):
    """Varies images at random; a mask under `segmentation_key` moves with its image.

    Called with a dict of batched tensors it returns a new one.
    """

    random_transformer: RandomTransformer = setting(RandomTransformer(), description="Flip, turn, scale, shear, shift")
    image_noise: ImageNoise = setting(ImageNoise(), description="Brightness, contrast, hue, saturation, noise")
    salt_pepper: SaltPepper = setting(SaltPepper(), description="Bright and dark specks")
    image_filter: ImageFilter = setting(ImageFilter(), description="Emboss or blur")
    image_deformation: ImageDeformation = setting(ImageDeformation(), description="Elastic deformation")
    value_range: ValueRange | None = code_field(
        None, description="Lowest and highest value of the images; None takes the image pipeline's, else 0 to 1"
    )
    image_key: str = code_field("img", description="Key of the images", min_length=1)
    segmentation_key: str = code_field("segmentation", description="Key of the masks, if there are any", min_length=1)

    @field_validator("value_range")
    @classmethod
    def _check_value_range(cls, value: ValueRange | None) -> ValueRange | None:
        ordered("value_range", value)
        if value is not None and value[0] == value[1]:
            raise ValueError(f"expected value_range as (low, high) with low < high, received {value}")
        return value

    def bind(self, previous_maps: Sequence[Any]) -> Self:
        """Returns the augmenter as it works behind other maps.

        Args:
            previous_maps: the maps before it in the chain, first one first. The nearest ImagePipeline gives the range
                of values, unless this augmenter has its own.
        """
        if self.value_range is None:
            for previous in reversed(previous_maps):
                if isinstance(previous, ImagePipeline) and previous.output_key == self.image_key:
                    return self.model_copy(update={"value_range": previous.value_range})
        return self

    def __call__(self, batch: Mapping[str, Any], seed: Any = 0) -> dict[str, Any]:
        """Returns the batch with its images, and its masks if there are any, varied.

        Args:
            batch: tensors by key. Images are (batch, height, width, channels) or, as series of which all frames
                move alike, (batch, time, height, width, channels); masks the same without channels or with a channel
                a class. Types stay: integers are rounded, their range is the whole of their type.
            seed: integers of shape (batch, 2), one pair a sample, or one integer, which makes a different pair for
                each place in the batch.

        Returns:
            A new dict.

        Raises:
            InvalidInputError: for a batch without images, other shapes, seeds that are no integers, or values far
                outside the range.
        """
        found = self._tensors(batch)
        if not any(getattr(self, name).chance for name in PARTS):
            return dict(batch)
        keys, tensors = list(found), list(found.values())
        seeds = _seed_rows(seed, tensors[0])
        if tf.executing_eagerly():
            results = [tf.constant(item) for item in self._augment(seeds.numpy(), *(item.numpy() for item in tensors))]
        else:
            types = [tensor.dtype for tensor in tensors]
            results = tf.numpy_function(
                HostCall(
                    functools.partial(self._augment, buffers=self._buffers), blank=lambda seeds, *arrays: list(arrays)
                ),
                [seeds, *tensors],
                types,
                stateful=False,
            )
            for result, tensor in zip(results, tensors, strict=True):
                result.set_shape(tensor.shape)
        return {**batch, **dict(zip(keys, results, strict=True))}

    def graph_form(self, samples: pd.DataFrame) -> GraphForm:
        """Returns the augmenter by TensorFlow's operations alone; see `augment_graph.GraphAugmenter`.

        Raises:
            InvalidInputError: for bicubic interpolation.
        """
        if self.random_transformer.interpolation == "bicubic" and self.random_transformer.chance > 0:
            raise InvalidInputError(
                "random_transformer.interpolation: expected nearest or bilinear in the graph form, received bicubic"
            )
        return GraphForm(self._in_graph)

    def _in_graph(self, batch: Mapping[str, Any], seed: Any) -> dict[str, Any]:
        tensors = self._tensors(batch)
        if not any(getattr(self, name).chance for name in PARTS):
            return dict(batch)
        images, masks = tensors[self.image_key], tensors.get(self.segmentation_key)
        whole = (float(images.dtype.min), float(images.dtype.max)) if images.dtype.is_integer else (0.0, 1.0)
        limits = self.value_range or whole
        if self.value_range is not None or not images.dtype.is_integer:
            images = within_reach(images, limits)
        vary = GraphAugmenter(**{name: getattr(self, name) for name in PARTS}, limits=limits)
        varied = vary(images, _seed_rows(seed, images), masks)
        results = dict(zip((self.image_key, self.segmentation_key), varied, strict=True))
        for key, tensor in tensors.items():
            results[key].set_shape(tensor.shape)
        return {**batch, **{key: results[key] for key in tensors}}

    def _tensors(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the batch's images and, if there are any, masks by their keys."""
        if self.image_key not in batch:
            raise InvalidInputError(f"expected a batch with the key {self.image_key!r}, received {sorted(batch)}")
        keys = [key for key in (self.image_key, self.segmentation_key) if key in batch]
        tensors = {key: tf.convert_to_tensor(batch[key]) for key in keys}
        if tensors[self.image_key].shape.rank not in {None, 4, 5}:
            raise InvalidInputError(
                f"expected images of shape (batch, height, width, channels), received {tensors[self.image_key].shape}"
            )
        return tensors

    def vary(self, images: Array, seeds: npt.NDArray[np.integer[Any]]) -> Array:
        """Returns images varied as `__call__` does, without TensorFlow.

        Args:
            images: (batch, height, width, channels), or series (batch, time, height, width, channels).
            seeds: integers of shape (batch, 2).

        Raises:
            InvalidInputError: for seeds of another shape, or values far outside the range.
        """
        return self._augment(np.asarray(seeds).astype(np.int64), images)[0]

    def vary_masks(self, masks: Array, seeds: npt.NDArray[np.integer[Any]]) -> Array:
        """Returns masks, (batch, height, width) or (batch, height, width, classes), moved as `vary` moves images."""
        motions = self._motions(np.asarray(seeds).astype(np.int64), masks.shape[1:3])
        return np.stack([warp_mask(mask, motion) for mask, motion in zip(masks, motions, strict=True)])

    def drawn(self, seeds: npt.NDArray[np.integer[Any]]) -> list[dict[str, dict[str, Any]]]:
        """Returns what each sample draws, for people to read: values by name, by the part that draws them.

        Args:
            seeds: integers of shape (batch, 2).
        """
        columns = {name: getattr(self, name).drawn(np.asarray(seeds).astype(np.int64)) for name in PARTS}
        return [
            {name: rows[index] for name, rows in columns.items() if rows[index] is not None}
            for index in range(len(seeds))
        ]

    @property
    def _buffers(self) -> Buffers:
        # One for all data sets of an augmenter: what a call inside a data set refers to stays until the program ends.
        buffers: Buffers = self.__dict__.setdefault(_BUFFERS, Buffers())
        return buffers

    def _augment(
        self, seeds: Seeds, images: Array, masks: Array | None = None, buffers: Buffers | None = None
    ) -> list[Array]:
        if seeds.shape != (len(images), 2):
            raise InvalidInputError(f"expected seeds of shape ({len(images)}, 2), received {seeds.shape}")
        sides = images.shape[-3:-1]
        frames = images.ndim - 4
        if masks is not None and masks.shape[: 3 + frames] != images.shape[:-1]:
            raise InvalidInputError(f"expected masks of the images' size {images.shape[:-1]}, received {masks.shape}")
        limits = self._limits(images)
        motions = self._motions(seeds, sides)
        effects = [part.effects(seeds, limits) for part in (self.image_filter, self.image_noise, self.salt_pepper)]
        empty = np.empty if buffers is None else buffers.empty
        results = [empty(one.shape, one.dtype) for one in (images, masks) if one is not None]
        for index, motion in enumerate(motions):
            drawn = [effect for part in effects if (effect := part[index]) is not None]
            place: Any = slice(index, index + 1) if frames == 0 else index
            for frame, (source, target) in enumerate(zip(images[place], results[0][place], strict=True)):
                self._vary(source, target, motion, drawn, limits, frame)
            if masks is not None:
                for source, target in zip(masks[place], results[1][place], strict=True):
                    target[...] = warp_mask(source, motion)
        return results

    def _motions(self, seeds: Seeds, sides: tuple[int, ...]) -> list[Motion]:
        if self.image_deformation.chance > 0 and max(sides) > MAX_DEFORMED_SIDE:
            raise InvalidInputError(
                f"image_deformation: expected images of at most {MAX_DEFORMED_SIDE} pixels a side, received "
                f"{sides[0]} x {sides[1]}: set its chance to 0, or a smaller target_size of the image pipeline"
            )
        matrices = self.random_transformer.matrices(seeds, *sides)
        return list(map(Motion, matrices, self.image_deformation.fields(seeds, *sides)))

    def _vary(
        self, source: Array, target: Array, motion: Motion, effects: Sequence[Effect], limits: ValueRange, frame: int
    ) -> None:
        """Writes the varied `source` to `target`: 32-bit floats in place, bytes moved as bytes, others as floats."""
        interpolation = self.random_transformer.interpolation
        if source.dtype not in (np.float32, np.uint8):
            if motion.is_still and not effects:
                # By way of 32-bit floats wider types would lose what they tell finer.
                np.copyto(target, source)
                return
            values = source.astype(np.float32, order="C")
            self._vary(values.copy(), values, motion, effects, limits, frame)
            target[...] = _whole(values, limits, target.dtype) if target.dtype.kind in "iu" else values
            return
        if motion.is_still:
            np.copyto(target, source)
        else:
            warp_image(source, motion, interpolation, limits[0], out=target)
        if not effects:
            return
        values = target.astype(np.float32, copy=False)
        for effect in effects:
            effect(values, frame)
        if values is not target:
            cv2.convertScaleAbs(values, dst=target)

    def _limits(self, images: Array) -> ValueRange:
        if self.value_range is None and images.dtype.kind in "iu":
            return (float(np.iinfo(images.dtype).min), float(np.iinfo(images.dtype).max))
        low, high = self.value_range or (0.0, 1.0)
        least, most = reach((low, high))
        lowest, highest = float(images.min(initial=low)), float(images.max(initial=low))
        if lowest < least or highest > most:
            raise InvalidInputError(
                f"expected images with values in [{low:g}, {high:g}], received values from {lowest:g} up to "
                f"{highest:g}: set the augmenter's value_range"
            )
        return low, high


PARTS = ("random_transformer", "image_noise", "salt_pepper", "image_filter", "image_deformation")


def _whole(values: Array, limits: ValueRange, dtype: np.dtype[Any]) -> Array:
    """Rounds values within the limits to the integers of a type, whose largest a float may not be able to tell."""
    largest = float(np.iinfo(dtype).max)
    if int(largest) > np.iinfo(dtype).max:
        largest = math.nextafter(largest, 0.0)
    return np.clip(np.rint(values, dtype=np.float64), limits[0], min(limits[1], largest)).astype(dtype)


def _seed_rows(seed: Any, images: Any) -> Any:
    """Returns one pair of integers a sample, int64 (batch, 2)."""
    try:
        seeds = tf.convert_to_tensor(seed)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"expected a seed of integers, received {seed!r}") from error
    if not seeds.dtype.is_integer:
        raise InvalidInputError(f"expected a seed of integers, received {seeds.dtype.name}")
    seeds = tf.cast(seeds, tf.int64)
    if seeds.shape.rank == 0:
        count = tf.shape(images, out_type=tf.int64)[0]
        return tf.stack([tf.fill([count], seeds), tf.range(count)], axis=1)
    return seeds
