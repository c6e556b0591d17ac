"""Images: decoding, geometry, colour and augmentation."""
