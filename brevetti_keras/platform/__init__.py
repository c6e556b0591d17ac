"""What a job's author needs: `Job`, `Dataset`, `get_image_samples`, `connect`.

Importing this package loads none of them; each is loaded when it is first named, and none loads TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brevetti_keras.platform.connection import connect
    from brevetti_keras.platform.dataset import Dataset
    from brevetti_keras.platform.job import Job
    from brevetti_keras.platform.samples import get_image_samples

__all__ = ["Dataset", "Job", "connect", "get_image_samples"]

_PLACES = {"Dataset": "dataset", "Job": "job", "connect": "connection", "get_image_samples": "samples"}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        value = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
