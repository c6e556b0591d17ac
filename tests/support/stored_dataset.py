"""Datasets of TensorFlow Datasets that are made here, without a download."""

import io
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image


def png(value: int) -> bytes:
    """A grey PNG of 4 x 5 pixels."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 5, 3), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def boxed_builder(folder: str) -> Any:
    """Images with boxes: two to train on, one to validate on without any."""
    features = {
        "image": tfds.features.Image(shape=(None, None, 3)),
        "objects": tfds.features.Sequence(
            {"bbox": tfds.features.BBoxFeature(), "label": tfds.features.ClassLabel(names=["dog", "cup"])}
        ),
    }
    box = {"bbox": tfds.features.BBox(0.25, 0.2, 0.75, 1.0), "label": 1}
    return tfds.dataset_builders.store_as_tfds_dataset(
        name="boxed",
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={
            "train": [(number, {"image": png(number), "objects": [box] * number}) for number in range(2)],
            "validation": [(0, {"image": png(9), "objects": []})],
        },
        data_dir=folder,
    )
