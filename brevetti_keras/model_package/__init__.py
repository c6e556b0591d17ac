"""Model packages: a trained model with all that it takes to use it, in one checked file.

    path = package_model(model, "/tmp/vials.tar.gz", classes=["bad", "good"], image_pipeline=pipeline)
    package = load_package(path)
    package.predict(["/data/vials/1.png"])      # one row a path: prediction, probability, a score a class

A package is a gzipped tar of five regular files: `manifest.json` (format, version, size and sha256 of the others),
`model.keras`, `classes.json`, `image_pipeline.json` and `metadata.json`. It is written in one step, and read by a
reader of our own that refuses the whole of it before the first byte is written.
"""

from brevetti_keras.model_package.package import ModelPackage, load_package, package_model

__all__ = ["ModelPackage", "load_package", "package_model"]
