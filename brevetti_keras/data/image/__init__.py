"""Images: decoding, geometry, colour and augmentation.

    from brevetti_keras.data.image import ImageAugmenter, ImagePipeline

    generator.map([ImagePipeline(target_size=(224, 224), rescale="unit"), ImageAugmenter()])

A part is imported when it is first named: the processes that only decode start in half the time.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brevetti_keras.data.image.augmenter import ImageAugmenter
    from brevetti_keras.data.image.image_deformation import ImageDeformation
    from brevetti_keras.data.image.image_filter import ImageFilter
    from brevetti_keras.data.image.image_noise import ImageNoise
    from brevetti_keras.data.image.pipeline import ImagePipeline
    from brevetti_keras.data.image.random_transformer import RandomTransformer
    from brevetti_keras.data.image.salt_pepper import SaltPepper
    from brevetti_keras.data.image.segmentation import SegmentationLoader

__all__ = [
    "ImageAugmenter",
    "ImageDeformation",
    "ImageFilter",
    "ImageNoise",
    "ImagePipeline",
    "RandomTransformer",
    "SaltPepper",
    "SegmentationLoader",
]

_MODULES = {
    "ImageAugmenter": "augmenter",
    "ImageDeformation": "image_deformation",
    "ImageFilter": "image_filter",
    "ImageNoise": "image_noise",
    "ImagePipeline": "pipeline",
    "RandomTransformer": "random_transformer",
    "SaltPepper": "salt_pepper",
    "SegmentationLoader": "segmentation",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
