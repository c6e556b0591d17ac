"""Facets: a small picture of each sample on one big image, and beside it what is known of the samples.

    build_facets(generator, job.artifact_path("facets", dir=True))

Batches with `img` → 64×64 sprites → a grid of ⌈√n⌉ columns, row by row, as one JPEG; the samples' columns in the same
order as JSON. The images may lie in [0, 255], [0, 1] or [-1, 1]; the generator's pipeline tells, else the values do.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from brevetti_keras.interfaces.facets_sprites import Sprites
from brevetti_keras.interfaces.pictures import encode_jpeg
from brevetti_keras.io.open import open_storage
from brevetti_keras.utils.encode import to_json
from brevetti_keras.utils.errors import DataError, InvalidInputError
from brevetti_keras.wire.artifacts import FACETS_ATLAS, FACETS_DATA, MAX_SPRITES

FacetSprite = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
_IMAGE = "img"


def build_facets(
    generator: Any,
    facets_dir: str,
    facet_sprite: FacetSprite | None = None,
    count: int = 4096,
    exclude_rows: Sequence[str] = ("path", "bucket"),
) -> None:
    """Writes `facets.json` and `spriteatlas.jpeg`.

    Args:
        generator: a DataGenerator (one epoch of it at most is read), or any iterable of batches: dicts of arrays with
            the images, (batch, height, width, channels), under `img` or the pipeline's `output_key`.
        facets_dir: the folder, a job's `artifact_path("facets", dir=True)`.
        facet_sprite: makes what is shown of one image of the generator, (height, width, channels).
        count: how many samples at most, the first that come; up to 16,384.
        exclude_rows: columns that are left out of the records.

    Raises:
        InvalidInputError: for a count that the atlas cannot hold, a `facet_sprite` that cannot be called, or batches
            without images.
        DataError: if there is no sample.
        StorageError: if a file cannot be written.
    """
    if type(count) is not int or not 1 <= count <= MAX_SPRITES:
        raise InvalidInputError(f"expected a count of sprites from 1 to {MAX_SPRITES:,}, received {count!r}")
    if facet_sprite is not None and not callable(facet_sprite):
        raise InvalidInputError(f"facet_sprite: expected a callable of an image, received {facet_sprite!r}")
    maps = getattr(generator, "maps", ())
    key = _last(maps, "output_key", lambda one: hasattr(one, "value_range")) or _IMAGE
    sprites = Sprites(_last(maps, "value_range", lambda _: True))
    records: list[dict[str, Any]] = []
    for images, rows in _batches(generator, key, count):
        wanted = count - len(sprites)
        shown = images[:wanted]
        sprites.add(shown if facet_sprite is None else [np.asarray(facet_sprite(image)) for image in shown])
        records.extend(_without(row, exclude_rows) for row in rows[:wanted])
        if len(sprites) >= count:
            break
    if not len(sprites):
        raise DataError("expected at least one sample for the facets, received none")
    storage = open_storage(facets_dir)
    storage.write_bytes(FACETS_ATLAS.rpartition("/")[2], encode_jpeg(sprites.atlas()))
    storage.write_bytes(FACETS_DATA.rpartition("/")[2], to_json(records).encode())


def _last(maps: Sequence[Any], name: str, accepts: Callable[[Any], bool]) -> Any:
    """The attribute of the last map that has it; what is mapped last is what comes out."""
    found = (getattr(one, name, None) for one in reversed(maps) if accepts(one))
    return next((value for value in found if value is not None), None)


def _batches(generator: Any, key: str, count: int) -> Iterator[tuple[npt.NDArray[Any], list[dict[str, Any]]]]:
    """Yields images and records, batch by batch, until there are `count` of them."""
    if not hasattr(generator, "get_dataset_numpy"):
        for batch in _plain_batches(generator):
            yield _images(batch, key), _records(batch, len(_images(batch, key)))
        return
    # A training generator has no end; one epoch shows every sample.
    steps = min(len(generator), -(-count // generator.batch_size))
    places = [generator.batch_rows(0, step) for step in range(steps)]
    known = iter(generator.samples.iloc[np.concatenate(places)].to_dict("records") if places else [])
    for batch in itertools.islice(generator.get_dataset_numpy(structure=None), steps):
        images = _images(batch, key)
        rows = itertools.islice(known, len(images))
        made = {name: value for name, value in batch.items() if name not in generator.samples.columns}
        yield images, [{**row, **more} for row, more in zip(rows, _records(made, len(images)), strict=True)]


def _plain_batches(batches: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for batch in batches:
        if not isinstance(batch, Mapping):
            raise InvalidInputError(
                f"expected batches as dicts with {_IMAGE!r}, received {type(batch).__name__}: give a DataGenerator"
            )
        yield {name: np.asarray(value) for name, value in batch.items()}


def _images(batch: Mapping[str, Any], key: str) -> npt.NDArray[Any]:
    images = batch.get(key, batch.get(_IMAGE))
    if images is None or images.ndim < 3:
        raise InvalidInputError(
            f"expected batches with images under {key!r}, received {', '.join(batch)}: map an ImagePipeline before"
        )
    return np.asarray(images)


def _records(batch: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """What a batch tells of each sample in single values; vectors of numbers, as one-hot labels, are no facets."""
    columns: dict[str, list[Any]] = {}
    for name, values in batch.items():
        if values.ndim == 1 and len(values) == count:
            columns[name] = [_plain(value) for value in values]
        elif values.ndim == 2 and values.dtype.kind in "OSU":
            columns[name] = [[text for text in map(_plain, row) if text != ""] for row in values]
    return [{name: values[row] for name, values in columns.items()} for row in range(count)]


def _plain(value: Any) -> Any:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value


def _without(row: Mapping[Any, Any], excluded: Sequence[str]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items() if name not in excluded}
