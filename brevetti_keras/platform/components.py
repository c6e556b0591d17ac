"""The image pipelines and augmenters that stand in a job's settings, found by their type.

for name, component in components_in(settings):         # "image_pipeline", ImagePipeline(…)
    ...
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from brevetti_keras.data.image import ImageAugmenter, ImagePipeline


def components_in(settings: Any, name: str = "") -> Iterator[tuple[str, ImagePipeline | ImageAugmenter]]:
    """Yields the components in settings, however deep, each with its dotted name.

    Args:
        settings: settings, or what may stand in them: lists, tuples, mappings.
        name: of `settings` itself.
    """
    if isinstance(settings, ImagePipeline | ImageAugmenter):
        yield name, settings
        return
    inner: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(settings, BaseModel):
        inner = ((field, getattr(settings, field)) for field in type(settings).model_fields)
    elif isinstance(settings, Mapping):
        inner = iter(settings.items())
    elif isinstance(settings, list | tuple):
        inner = iter(enumerate(settings))
    for key, item in inner:
        yield from components_in(item, f"{name}.{key}" if name else str(key))


def pipelines_in(settings: Any) -> Iterator[ImagePipeline]:
    """Yields the image pipelines alone."""
    return (one for _, one in components_in(settings) if isinstance(one, ImagePipeline))
