"""`build_image_data_generator`: the usual generator of an image classifier in one call.

train = build_image_data_generator(samples, image={"target_size": (64, 64)}, shuffle=True, repeat=True)
model.fit(train.get_dataset(), steps_per_epoch=len(train), shuffle=False)
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from brevetti_keras.data.encoding import OneHotEncoder
from brevetti_keras.data.generator import DataGenerator
from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.utils.errors import DataError, InvalidInputError


def build_image_data_generator(
    samples: pd.DataFrame,
    classes: Sequence[str] | Sequence[int] | None = None,
    image: ImagePipeline | Mapping[str, Any] | None = None,
    augmentation: ImageAugmenter | Mapping[str, Any] | None = None,
    **generator_arguments: Any,
) -> DataGenerator:
    """Returns a generator of (image, one-hot).

    Args:
        samples: with columns `path` and `category` (tuples of labels, or text as one label).
        classes: in the order of the one-hot; by default the labels of `samples`, sorted.
        image: the pipeline or its settings; by default images as they are, which must then be of one size.
        augmentation: the augmenter or its settings; by default none.
        **generator_arguments: of `DataGenerator`.

    Raises:
        DataError: if there are no labels to make classes of.
        InvalidInputError: for samples without a category, or components of another kind.
        SettingsError: for settings that cannot be used.
    """
    if image is None or isinstance(image, Mapping):
        image = ImagePipeline.from_config(image or {})
    if isinstance(augmentation, Mapping):
        augmentation = ImageAugmenter.from_config(augmentation)
    if not isinstance(image, ImagePipeline):
        raise InvalidInputError(f"image: expected an ImagePipeline or its settings, received {image!r}")
    if not isinstance(augmentation, ImageAugmenter | None):
        raise InvalidInputError(f"augmentation: expected an ImageAugmenter or its settings, received {augmentation!r}")
    arguments = {"output_structure": (image.output_key, "onehot"), **generator_arguments}
    generator = DataGenerator(samples, **arguments)
    encoder = OneHotEncoder.from_config({"classes": _labels(samples) if classes is None else classes})
    return generator.map([image, augmentation, encoder])


def _labels(samples: pd.DataFrame) -> list[Any]:
    if "category" not in samples.columns:
        raise InvalidInputError(
            f"expected samples with a column 'category', received {', '.join(map(str, samples.columns)) or 'none'}"
        )
    labels: set[Any] = set()
    for value in samples["category"]:
        own = (value,) if isinstance(value, (str, int)) else value
        if isinstance(own, bytes) or not isinstance(own, Iterable):
            raise InvalidInputError(
                "expected text, integers or tuples of these in the column 'category', received "
                f"{type(value).__name__}: convert the column, for example to text"
            )
        labels.update(own)
    labels.discard("")
    if not labels:
        raise DataError("expected samples with labels in 'category', received none: give the classes, or label them")
    return sorted(labels)
