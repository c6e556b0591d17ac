"""Writes MVTec AD: a mask for each image that is not good.

write_mvtec(collection, Target("/tmp/out"))         # the images are put there by the caller
"""

import posixpath

import numpy as np

from brevetti_keras.data.formats.collection import AnnotatedImage, Collection
from brevetti_keras.data.formats.mvtec import GOOD, TRUTH
from brevetti_keras.data.formats.names import file_word
from brevetti_keras.data.formats.target import Target
from brevetti_keras.data.image.segmentation_raster import Grid, covered
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")


def mvtec_place(image: AnnotatedImage) -> str:
    """Returns where an image lies in the folder: good ones by their purpose, the others to test on."""
    marked = [shape.label for shape in image.annotation.shapes]
    folder = file_word(next(iter([*image.labels, *marked]), GOOD))
    split = {"train": "train", "": "train", "devel": "validation"}.get(image.purpose, "test")
    return f"{split if folder == GOOD and not marked else 'test'}/{folder}/{image.name}"


def write_mvtec(collection: Collection, target: Target) -> None:
    """Writes the masks.

    Args:
        collection: what to write; images with a size, named as `mvtec_place` tells.
        target: the folder.

    Raises:
        InvalidInputError: if no image is good and to train on.
    """
    if not any(image.name.startswith(f"train/{GOOD}/") for image in collection.images):
        raise InvalidInputError(
            f"expected images labelled {GOOD!r} to train on, as MVTec AD has them, received none: "
            "map your label to it, or choose another format"
        )
    for image in collection.images:
        split, folder, base = image.name.split("/")
        if split == "test" and folder != GOOD:
            name = f"{TRUTH}/{folder}/{posixpath.splitext(base)[0]}_mask.png"
            target.write_bytes(name, _mask(image))


def _mask(image: AnnotatedImage) -> bytes:
    size = (image.annotation.height, image.annotation.width)
    mask = np.zeros(size, bool)
    for shape in image.annotation.shapes:
        mask |= covered(shape, Grid.whole(*size), size=size)
    _, data = cv2.imencode(".png", mask.astype(np.uint8) * 255)
    return bytes(data)
