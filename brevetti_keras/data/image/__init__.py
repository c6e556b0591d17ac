"""Images: decoding, geometry, colour and augmentation."""

from brevetti_keras.data.image.pipeline import ImagePipeline

__all__ = ["ImagePipeline"]
