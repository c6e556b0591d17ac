"""The augmentations by TensorFlow's operations: whole batches, without Python.

    vary = GraphAugmenter(augmenter.random_transformer, …, limits=(0.0, 255.0))
    images, masks = vary(images, seeds, masks)

Samples draw the same values as by OpenCV, from the same keyed numbers; the pixels differ by how the two interpolate
and, at specks that touch, by which lies above. One projective transform moves each image.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from brevetti_keras.data.image import augment_pixels_graph as pixels
from brevetti_keras.data.image import graph_numpy, warping_graph
from brevetti_keras.data.image.augmentation import Augmentation, ValueRange, reach
from brevetti_keras.data.image.image_deformation import ImageDeformation
from brevetti_keras.data.image.image_filter import ImageFilter
from brevetti_keras.data.image.image_noise import YIQ, ImageNoise, chroma_matrix
from brevetti_keras.data.image.random_transformer import RandomTransformer, motion_matrices
from brevetti_keras.data.image.salt_pepper import SaltPepper
from brevetti_keras.data.keyed_graph import derive, uniform
from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")

_XP: ModuleType = graph_numpy
# Types whose every value a 32-bit float can tell.
_HELD_BY_FLOATS = frozenset({"uint8", "int8", "uint16", "int16", "float16", "bfloat16", "float32"})


@dataclass(frozen=True)
class GraphAugmenter:
    """The five parts, as `ImageAugmenter` has them, in the graph.

    Attributes:
        limits: lowest and highest value of the images.
    """

    random_transformer: RandomTransformer
    image_deformation: ImageDeformation
    image_filter: ImageFilter
    image_noise: ImageNoise
    salt_pepper: SaltPepper
    limits: ValueRange

    def __call__(self, images: Any, seeds: Any, masks: Any = None) -> tuple[Any, Any]:
        """Returns images and masks varied.

        Args:
            images: (batch, height, width, channels), or series (batch, time, height, width, channels).
            seeds: integers (batch, 2).
            masks: the same without channels or with a channel a class, or None.
        """
        frame = tf.zeros_like(seeds[:, 0])
        shape = tf.shape(images)
        series = images.shape.rank == 5
        flat_masks = masks
        if series:
            count = shape[1]
            frame = tf.tile(tf.range(tf.cast(count, seeds.dtype)), shape[:1])
            seeds = tf.repeat(seeds, count, axis=0)
            images = tf.reshape(images, tf.concat([[-1], shape[2:]], axis=0))
            flat_masks = None if masks is None else tf.reshape(masks, tf.concat([[-1], tf.shape(masks)[2:]], axis=0))
        varied = tf.cast(images, tf.float32)
        move = self._motion(seeds, tf.shape(images)[1:3])
        if move is not None:
            varied = move(varied, self.random_transformer.interpolation, self.limits[0])
            if flat_masks is not None:
                flat_masks = _moved_masks(flat_masks, move)
        varied = self._colored(varied, seeds, frame)
        if images.dtype.is_integer:
            varied = tf.clip_by_value(tf.round(varied), *self.limits)
        varied = tf.saturate_cast(varied, images.dtype)
        if images.dtype.name not in _HELD_BY_FLOATS:
            varied = tf.where(self._touched(seeds)[:, None, None, None], varied, images)
        if series:
            varied = tf.reshape(varied, shape)
            flat_masks = None if masks is None else tf.reshape(flat_masks, tf.shape(masks))
        return varied, flat_masks

    def _touched(self, seeds: Any) -> Any:
        """Tells which samples get any of the five."""
        parts = (
            self.random_transformer,
            self.image_deformation,
            self.image_filter,
            self.image_noise,
            self.salt_pepper,
        )
        return tf.reduce_any(tf.stack([_numbers(part, seeds)[0] for part in parts]), axis=0)

    def _motion(self, seeds: Any, sides: Any) -> Any:
        """Returns the function that moves a batch, or None if nothing can move."""
        height, width = tf.cast(sides[0], tf.float64), tf.cast(sides[1], tf.float64)
        inverse = tf.eye(3, batch_shape=tf.shape(seeds)[:1], dtype=tf.float64)
        if self.random_transformer.chance > 0:
            chosen, numbers = _numbers(self.random_transformer, seeds)
            drawn = motion_matrices(self.random_transformer.values(numbers, _XP), height, width, _XP)
            inverse = tf.where(chosen[:, None, None], tf.linalg.inv(drawn), inverse)
        elif self.image_deformation.chance == 0 or self.image_deformation.alpha == 0:
            return None
        if self.image_deformation.chance == 0 or self.image_deformation.alpha == 0:
            return lambda images, interpolation, fill: warping_graph.transformed(images, inverse, interpolation, fill)
        chosen, _ = _numbers(self.image_deformation, seeds)
        keys = derive(_keys(self.image_deformation, seeds), 0)
        fields = pixels.smooth_fields(keys, sides, self.image_deformation.sigma, self.image_deformation.alpha)
        fields = tf.where(chosen[:, None, None, None], fields, 0.0)
        return lambda images, interpolation, fill: warping_graph.deformed(images, inverse, fields, interpolation, fill)

    def _colored(self, images: Any, seeds: Any, frame: Any) -> Any:
        if self.image_filter.chance > 0 and self.image_filter.kinds:
            chosen, numbers = _numbers(self.image_filter, seeds)
            values = self.image_filter.values(numbers, _XP)
            filtered = tf.clip_by_value(pixels.filtered(images, self.image_filter, values), *self.limits)
            images = tf.where(chosen[:, None, None, None], filtered, images)
        if self.image_noise.chance > 0:
            images = self._noised(images, seeds, frame)
        if self.salt_pepper.chance > 0 and self.salt_pepper.fraction > 0:
            chosen, _ = _numbers(self.salt_pepper, seeds)
            keys = derive(_keys(self.salt_pepper, seeds), frame)
            brightness = self.salt_pepper.value_range or self.limits
            fraction = tf.where(chosen, tf.constant(self.salt_pepper.fraction, tf.float64), 0.0)
            images = pixels.specked(images, keys, fraction, brightness, self.salt_pepper.scale)
        return images

    def _noised(self, images: Any, seeds: Any, frame: Any) -> Any:
        noise = self.image_noise
        chosen, numbers = _numbers(noise, seeds)
        values = noise.values(numbers, _XP)
        span = self.limits[1] - self.limits[0]
        contrast = tf.where(chosen, values["contrast"], 1.0)
        shift = tf.where(chosen, values["brightness"] * span, 0.0)
        means = tf.cast(pixels.channel_means(images), tf.float64)
        if images.shape[-1] == 3:
            means = tf.reduce_sum(means * YIQ[0], axis=-1, keepdims=True)
        offset = means * (1 - contrast[:, None]) + shift[:, None]
        if images.shape[-1] == 3 and (noise.hue > 0 or noise.saturation != (1.0, 1.0)):
            still = tf.eye(3, dtype=tf.float64)
            chroma = tf.where(chosen[:, None, None], chroma_matrix(values["hue"], values["saturation"], _XP), still)
            images = pixels.recolored(images, contrast[:, None, None] * chroma)
        else:
            images = images * tf.cast(contrast, tf.float32)[:, None, None, None]
        images += tf.cast(offset, tf.float32)[:, None, None, :]
        if noise.stddev > 0:
            deviation = tf.where(chosen, tf.constant(noise.stddev * span, tf.float32), 0.0)
            images += pixels.gaussian_noise(derive(_keys(noise, seeds), frame), tf.shape(images), deviation)
        if noise.chance == 1:
            low, high = self.limits
            return tf.raw_ops.ClipByValue(t=images, clip_value_min=low, clip_value_max=high)
        # Broadcast limits keep the others as they are in a tenth of the time of choosing by image.
        low, high = (
            tf.where(chosen, limit, sign * float("inf")) for limit, sign in zip(self.limits, (-1, 1), strict=True)
        )
        return tf.maximum(tf.minimum(images, high[:, None, None, None]), low[:, None, None, None])


def within_reach(images: Any, limits: ValueRange) -> Any:
    """Returns the images, which fail where they hold values that `ImageAugmenter` refuses as those of another range."""
    low, high = limits
    message = f"expected images with values in [{low:g}, {high:g}], or value_range set to theirs; received values from"
    least, most = reach(limits)
    lowest, highest = (tf.cast(function(images), tf.float32) for function in (tf.reduce_min, tf.reduce_max))
    # Of no images the lowest value is the largest number and the highest the smallest.
    enough = tf.debugging.Assert((lowest >= least) & (highest <= most), [message, lowest, "up to", highest])
    # Eagerly it has raised already.
    with tf.control_dependencies([] if enough is None else [enough]):
        return tf.identity(images)


def _keys(part: Augmentation, seeds: Any) -> Any:
    return derive(seeds[:, 0], seeds[:, 1], part.stream())


def _numbers(part: Augmentation, seeds: Any) -> tuple[Any, Any]:
    drawn = uniform(_keys(part, seeds)[None, :], tf.range(part.draws + 1, dtype=tf.int64)[:, None])
    return drawn[0] < part.chance, drawn[1:]


def _moved_masks(masks: Any, move: Any) -> Any:
    """Moves masks of any type, each pixel the nearest one's, 0 outside."""
    known = {tf.uint8, tf.int32, tf.int64, tf.float16, tf.bfloat16, tf.float32, tf.float64}
    values = masks if masks.dtype in known else tf.cast(masks, tf.uint8 if masks.dtype == tf.bool else tf.int64)
    planes = values if values.shape.rank == 4 else values[..., None]
    moved = tf.cast(move(planes, "nearest", 0.0), masks.dtype)
    return moved if values.shape.rank == 4 else moved[..., 0]
