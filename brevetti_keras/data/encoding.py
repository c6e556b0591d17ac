"""`OneHotEncoder`: labels to zeros and ones.

OneHotEncoder(["good", "scratch"])({"category": tf.constant([["scratch"]])})["onehot"]     # [[0., 1.]]
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import field_validator

from brevetti_keras.schema import Settings, code_field, setting
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")


class OneHotEncoder(Settings):
    """Maps a batch's labels to float32 (batch, classes): a one for each class that a sample has.

    Several labels give several ones; a label that is not among the classes gives none.

    Args:
        classes: in the order of the output; any sequence or array of text, or of integers.
        input_key: text or integers (batch,), or text (batch, labels) where `''` is padding.
        output_key: what the result is called.
    """

    positional: ClassVar[tuple[str, ...]] = ("classes", "input_key", "output_key")

    classes: tuple[str, ...] | tuple[int, ...] = setting(description="Labels, in the order of the output")
    input_key: str = code_field("category", description="Where the labels are")
    output_key: str = code_field("onehot", description="What the result is called")

    @field_validator("classes", mode="before")
    @classmethod
    def _sequence(cls, value: Any) -> Any:
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise ValueError(f"expected a sequence of labels, received {value!r}")
        labels = tuple(label.item() if hasattr(label, "item") else label for label in value)
        kinds = {isinstance(label, str) for label in labels}
        if len(kinds) > 1 or not all(type(label) is int or isinstance(label, str) for label in labels):
            raise ValueError(f"expected labels that are all text, or all integers, received {list(labels)!r}")
        return labels

    @field_validator("classes")
    @classmethod
    def _usable(cls, value: tuple[str, ...] | tuple[int, ...]) -> tuple[str, ...] | tuple[int, ...]:
        if not value:
            raise ValueError("expected at least one class, received none")
        if len(set(value)) != len(value):
            raise ValueError(f"expected each class once, received {list(value)!r}")
        if "" in value:
            raise ValueError("expected classes that are not '', which stands for no label")
        return value

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the batch with the encoded labels beside it.

        Raises:
            InvalidInputError: for labels of another kind or shape than the classes can be compared with.
        """
        labels = batch[self.input_key]
        text = isinstance(self.classes[0], str)
        if isinstance(labels, tf.RaggedTensor):
            labels = labels.to_tensor()
        labels = tf.convert_to_tensor(labels)
        if (labels.dtype == tf.string) != text or not (text or labels.dtype.is_integer):
            raise InvalidInputError(
                f"OneHotEncoder: expected {'text' if text else 'integers'} in {self.input_key!r} as its classes are, "
                f"received {labels.dtype.name}"
            )
        if labels.shape.rank == 1:
            labels = labels[:, None]
        elif labels.shape.rank != 2 or not text:
            raise InvalidInputError(
                f"OneHotEncoder: expected {self.input_key!r} of shape (batch,){' or (batch, labels)' if text else ''}, "
                f"received {labels.shape}"
            )
        known, possible = self._comparable(labels.dtype)
        hits = tf.reduce_any((labels[:, :, None] == known) & possible, axis=1)
        return {**batch, self.output_key: tf.cast(hits, tf.float32)}

    def _comparable(self, dtype: Any) -> tuple[Any, Any]:
        """Returns the classes in the labels' type, and which of them that type can hold, (classes,) each."""
        if dtype == tf.string:
            return tf.constant(self.classes), tf.constant(True)
        # TensorFlow would wrap the others: the class 300 to the label 44 of 8 bits.
        possible = [int(dtype.min) <= int(value) <= int(dtype.max) for value in self.classes]
        held = [value if fits else 0 for value, fits in zip(self.classes, possible, strict=True)]
        return tf.constant(np.array(held, dtype=dtype.as_numpy_dtype)), tf.constant(possible)
