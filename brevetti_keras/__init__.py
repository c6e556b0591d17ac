"""From a folder of images to a trained, tested and packaged Keras model, every figure traceable.

Importing this package loads none of its parts: `brevetti_keras.platform`, `.data`, `.interfaces` and the
others are imported when they are first named, and TensorFlow only when a tensor is first touched.

    from brevetti_keras.platform import Job, get_image_samples
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"

_SUBPACKAGES = ("data", "interfaces", "io", "model_package", "platform", "registry", "schema", "utils", "wire")

__all__ = ["__version__", *_SUBPACKAGES]


def __getattr__(name: str) -> ModuleType:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
