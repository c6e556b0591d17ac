"""The network: a small convolutional classifier that fits images from 8×8 to some hundreds of pixels a side.

    model = build_model(class_count=10, input_shape=(8, 8, 1), value_range=(0.0, 255.0))
    model.summary()

    image → scaled to [-1, 1] → (strided convolution) × entries → (convolution, convolution, pooling) × steps
          → mean over positions → scores

Entries bring large images down to 64 pixels cheaply; each step halves the side until about two pixels are left. So the
depth follows the image's size. Layers have fixed names and seeds of their own: equal settings give equal models.
"""

from random import Random
from typing import Any

from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

keras = lazy_import("keras")

_STEP_SIDE = 64
_LAST_SIDE = 2
_MAX_ENTRIES = 3
_MAX_STEPS = 5
_UNKNOWN_SIZE = (1, 4)
_MAX_FILTERS = 256
# With Keras' 0.99 the averages lag behind for the first hundreds of batches, which is all of a small training.
_NORM_MOMENTUM = 0.9


def build_model(
    class_count: int,
    input_shape: tuple[int | None, ...],
    value_range: tuple[float, float] = (0.0, 255.0),
    filters: int = 32,
    dropout: float = 0.2,
    seed: int = 0,
) -> Any:
    """Returns the network, built, its weights drawn: equal arguments give equal weights.

    Args:
        class_count: how many scores it gives; they sum to 1.
        input_shape: (height, width, channels); a side may be None.
        value_range: lowest and highest value of its input.
        filters: of the first step; each further step has twice as many, at most 256.
        dropout: share of the features left out at random in training.
        seed: of the weights and of what is left out in training, at least 0.

    Returns:
        A Keras model from float32 (batch, height, width, channels) to float32 (batch, class_count).

    Raises:
        InvalidInputError: for fewer than two classes, or an empty value range.
    """
    if class_count < 2:
        raise InvalidInputError(f"expected at least 2 classes, received {class_count}")
    low, high = value_range
    if not high > low:
        raise InvalidInputError(f"expected value_range as (low, high), received {value_range}")
    image = keras.Input(input_shape, name="image")
    scale = 2.0 / (high - low)
    features = keras.layers.Rescaling(scale, offset=-1.0 - low * scale, name="scale")(image)
    # Keras draws a layer's seed from the generator of the whole process, and so does Google's client, in threads, for
    # each upload: equal settings would give other weights where a job's results go to a bucket.
    seeds = Random(seed)
    entries, steps = depth_for(input_shape)
    for entry in range(entries):
        features = _convolution(features, filters, f"entry{entry}", seeds, strides=2)
    for step in range(steps):
        width = min(filters * 2**step, _MAX_FILTERS)
        features = _convolution(features, width, f"step{step}a", seeds)
        features = _convolution(features, width, f"step{step}b", seeds)
        features = keras.layers.MaxPooling2D(padding="same", name=f"step{step}pool")(features)
    features = keras.layers.GlobalAveragePooling2D(name="mean")(features)
    features = keras.layers.Dropout(dropout, seed=_drawn(seeds), name="dropout")(features)
    # Scores stay float32 under mixed precision, where float16 would round them.
    scores = keras.layers.Dense(
        class_count, activation="softmax", kernel_initializer=_initializer(seeds), dtype="float32", name="scores"
    )(features)
    return keras.Model(image, scores, name="small_convolutional")


def depth_for(input_shape: tuple[int | None, ...]) -> tuple[int, int]:
    """Returns how many entries and steps a network for `input_shape` has: (0, 2) for 8 pixels, (2, 4) for 224."""
    sides = [side for side in input_shape[:2] if side is not None]
    if len(sides) < 2:
        return _UNKNOWN_SIZE
    side = float(min(sides))
    entries = 0
    while side > _STEP_SIDE and entries < _MAX_ENTRIES:
        side /= 2
        entries += 1
    steps = 1
    while side / 2 ** (steps + 1) >= _LAST_SIDE and steps < _MAX_STEPS:
        steps += 1
    return entries, steps


def _convolution(features: Any, filters: int, name: str, seeds: Random, strides: int = 1) -> Any:
    features = keras.layers.Conv2D(
        filters,
        3,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer=_initializer(seeds),
        name=f"{name}_convolution",
    )(features)
    features = keras.layers.BatchNormalization(momentum=_NORM_MOMENTUM, name=f"{name}_norm")(features)
    return keras.layers.Activation("relu", name=f"{name}_relu")(features)


def _initializer(seeds: Random) -> Any:
    return keras.initializers.GlorotUniform(seed=_drawn(seeds))


def _drawn(seeds: Random) -> int:
    return seeds.randint(1, 10**9)
