"""What happens to pixels in the graph's form of the augmentations: batches (batch, height, width, channels) of tensors.

images = recolored(images, matrices)
images += gaussian_noise(keys, tf.shape(images), deviation)
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.augmentation import ValueRange
from brevetti_keras.data.image.image_filter import SLOPE, ImageFilter
from brevetti_keras.data.image.image_noise import PIECE, ROW, SUPPLY, normal_numbers
from brevetti_keras.data.keyed_graph import uniform
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")
tf = lazy_import("tensorflow")

# Numbers of 32 bits that the narrowest processor's vector holds.
_VECTOR = 4


def smooth_fields(keys: Any, sides: Any, sigma: float, alpha: float) -> Any:
    """Returns a field of displacements a key, (batch, height, width, 2) float32, as `ImageDeformation` makes them."""
    count = tf.cast(sides[0] * sides[1] * 2, tf.int64)
    numbers = tf.cast(2 * uniform(keys[:, None], tf.range(count)[None, :]) - 1, tf.float32)
    rough = tf.reshape(numbers, (-1, sides[0], sides[1], 2))
    kernel = _gaussian(sigma)
    smooth = _convolved(rough, kernel[:, None], mirror_edge=True)
    smooth = _convolved(smooth, kernel[None, :], mirror_edge=True)
    highest = tf.reduce_max(tf.abs(smooth), axis=(1, 2, 3), keepdims=True)
    return smooth * (alpha / tf.maximum(highest, 1e-12))


def filtered(images: Any, settings: ImageFilter, values: Mapping[str, Any]) -> Any:
    """Returns images through the filter that each drew among those that are set."""
    result = images
    for number, kind in enumerate(settings.kinds):
        drawn = (values["kind"] == float(number))[:, None, None, None]
        if kind == "mean":
            height, width = settings.avg_blur or (1, 1)
            one = _convolved(images, np.full((height, width), 1 / (height * width)))
        elif kind == "gaussian":
            kernel = _gaussian(settings.gaussian_blur_sigma or 1.0)
            one = _convolved(_convolved(images, kernel[:, None]), kernel[None, :])
        else:
            slopes = _convolved(images, SLOPE), _convolved(images, SLOPE.T)
            lights = tf.cos(values["light"]), tf.sin(values["light"])
            reliefs = (
                tf.cast(light * values["strength"], tf.float32)[:, None, None, None] * slope
                for light, slope in zip(lights, slopes, strict=True)
            )
            one = images + sum(reliefs)
        result = tf.where(drawn, one, result)
    return result


def _gaussian(sigma: float) -> npt.NDArray[np.float32]:
    # The length that OpenCV gives a kernel for floats.
    return np.asarray(cv2.getGaussianKernel(round(sigma * 8 + 1) | 1, sigma, cv2.CV_32F), np.float32)[:, 0]


def _convolved(images: Any, kernel: npt.NDArray[Any], mirror_edge: bool = False) -> Any:
    """Returns each channel correlated with a kernel; beyond its border a picture is mirrored, with its edge or not."""
    channels = images.shape[-1]
    for axis, length in ((1, kernel.shape[0]), (2, kernel.shape[1])):
        images = _mirrored(images, axis, length // 2, length - 1 - length // 2, mirror_edge)
    weights = tf.tile(tf.constant(kernel, tf.float32)[:, :, None, None], (1, 1, channels, 1))
    return tf.nn.depthwise_conv2d(images, weights, (1, 1, 1, 1), "VALID")


def _mirrored(images: Any, axis: int, before: int, after: int, mirror_edge: bool) -> Any:
    if before == after == 0:
        return images
    length = tf.shape(images)[axis]
    places = tf.range(-before, length + after)
    if mirror_edge:
        places %= 2 * length
        places = tf.minimum(places, 2 * length - 1 - places)
    else:
        period = tf.maximum(2 * (length - 1), 1)
        places = tf.minimum(places % period, (-places) % period)
    return tf.gather(images, places, axis=axis)


def channel_means(images: Any) -> Any:
    """Returns the mean of each channel, (batch, channels), the same to the last bit whatever else is in the batch."""
    if images.shape[-1] < _VECTOR:
        return tf.reduce_mean(images, axis=(1, 2))
    # Channels side by side are added up a vector at once, and in another order at the batch's end, which fills none.
    return tf.reduce_mean(tf.transpose(images, (0, 3, 1, 2)), axis=(2, 3))


def recolored(images: Any, matrices: Any) -> Any:
    """Returns images of which each pixel's colours are multiplied by its image's matrix, (batch, 3, 3)."""
    shape = tf.shape(images)
    flat = tf.reshape(images, (shape[0], -1, 3))
    return tf.reshape(tf.matmul(flat, tf.cast(matrices, tf.float32), transpose_b=True), shape)


def gaussian_noise(keys: Any, shape: Any, deviation: Any) -> Any:
    """Returns noise of each image's deviation, (batch,), from the supply that `image_noise.add_noise` takes it from."""
    size = tf.reduce_prod(shape[1:])
    pieces = -(-size // PIECE)
    numbers = uniform(keys[:, None], tf.range(tf.cast(pieces, tf.int64))[None, :])
    # Whole rows of the supply are copied at once.
    rows = tf.cast(numbers % 0.5 * (2 * (SUPPLY - PIECE) // ROW), tf.int32)
    signs = tf.cast(tf.where(numbers < 0.5, 1.0, -1.0), tf.float32) * deviation[:, None]
    supply = tf.constant(normal_numbers().reshape(-1, ROW))
    found = tf.gather(supply, rows[:, :, None] + tf.range(PIECE // ROW))
    noise = tf.reshape(found * signs[:, :, None, None], (-1, pieces * PIECE))
    return tf.reshape(noise[:, :size], shape)


def specked(images: Any, keys: Any, fraction: Any, values: ValueRange, scale: int) -> Any:
    """Returns images with dark and bright specks at a share of the pixels, (batch,), `scale` pixels wide."""
    shape = tf.shape(images)
    count = tf.cast(shape[1] * shape[2], tf.int64)
    numbers = uniform(keys[:, None], tf.range(count)[None, :])
    shares = fraction[:, None]
    for value, where in (
        (values[0], numbers < shares / 2),
        (values[1], (numbers >= shares / 2) & (numbers < shares)),
    ):
        specks = tf.reshape(tf.cast(where, tf.float32), (shape[0], shape[1], shape[2], 1))
        if scale > 1:
            specks = tf.nn.max_pool2d(specks, scale, 1, "SAME")
        images = tf.where(specks > 0, tf.constant(value, tf.float32), images)
    return images
