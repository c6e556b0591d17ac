"""The functions of numpy that the augmentations' arithmetic uses, for tensors: `values(numbers, xp=graph_numpy)`."""

from collections.abc import Sequence
from typing import Any

from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")


def where(condition: Any, left: Any, right: Any) -> Any:
    """Chooses by element; numbers become float64."""
    return tf.where(condition, tf.cast(left, tf.float64), tf.cast(right, tf.float64))


def zeros_like(values: Any) -> Any:
    """Returns zeros of the same shape and type."""
    return tf.zeros_like(values)


def around(values: Any, decimals: int) -> Any:
    """Returns the values as they are: what rounding is for, whole pixels, single precision blurs in any case."""
    return values


def cos(values: Any) -> Any:
    """Returns the cosine."""
    return tf.cos(values)


def sin(values: Any) -> Any:
    """Returns the sine."""
    return tf.sin(values)


def floor(values: Any) -> Any:
    """Returns the largest whole number not above."""
    return tf.floor(values)


def stack(values: Sequence[Any], axis: int) -> Any:
    """Joins tensors along a new axis."""
    return tf.stack(values, axis)
