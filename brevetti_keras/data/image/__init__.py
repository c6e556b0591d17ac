"""Images: decoding, geometry, colour and augmentation.

from brevetti_keras.data.image import ImageAugmenter, ImagePipeline

generator.map([ImagePipeline(target_size=(224, 224), rescale="unit"), ImageAugmenter()])
"""

from brevetti_keras.data.image.augmenter import ImageAugmenter
from brevetti_keras.data.image.image_deformation import ImageDeformation
from brevetti_keras.data.image.image_filter import ImageFilter
from brevetti_keras.data.image.image_noise import ImageNoise
from brevetti_keras.data.image.pipeline import ImagePipeline
from brevetti_keras.data.image.random_transformer import RandomTransformer
from brevetti_keras.data.image.salt_pepper import SaltPepper

__all__ = [
    "ImageAugmenter",
    "ImageDeformation",
    "ImageFilter",
    "ImageNoise",
    "ImagePipeline",
    "RandomTransformer",
    "SaltPepper",
]
