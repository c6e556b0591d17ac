"""What a format cannot hold, kept in `brevetti.json` beside its files.

    keep_aside(collection, read_yolo(folder), target)        # after writing: read back, keep what came back different
    collection = with_kept(read_yolo(folder), storage)       # after reading: put it back

The file names an image with what reading it gave at that time. When another tool has changed an image's labels since,
what it gives now is another; then that counts, and what was kept for the image is passed over.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from brevetti_keras.data.annotation import annotation_json, annotation_of, checked_label
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection
from brevetti_keras.data.formats.target import Target
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.data.shape_geometry import mask_of
from brevetti_keras.io.storage import Storage
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import DataError, InvalidInputError

ASIDE = "brevetti.json"
_VERSION = 1
_WHOLE = ("classes", "about")

_log = logging.getLogger(__name__)


def keep_aside(written: Collection, read: Collection, target: Target) -> int:
    """Writes what a format lost, if anything.

    Args:
        written: what was written, its images named as they lie in the folder.
        read: what reading the folder gives.
        target: the folder.

    Returns:
        How many images hold what the format cannot.
    """
    found = {image.name: image for image in read.images}
    kept: list[str] = []
    for image in written.images:
        back = found[image.name]
        if _known(back) == _known(image):
            continue
        own, other = _content(image), _content(back)
        if own == other:
            continue
        exact, given = to_json(own), to_json(other)
        if exact != given:
            from_json(exact)  # what could not be read again is refused while it still is where it came from
            kept.append(f'{to_json(image.name)}: {{"read": "{_sha256(given)}", "exact": {exact}}}')
    whole = {
        key: {"read": _digest(getattr(read, key)), "exact": getattr(written, key)}
        for key in _WHOLE
        if _digest(getattr(read, key)) != _digest(getattr(written, key))
    }
    if kept or whole:
        # Each image's text is there already; to make one of all again would take as long as all the rest.
        head = to_json({"version": _VERSION, **whole}).removesuffix("}")
        target.write_bytes(ASIDE, f'{head}, "images": {{{", ".join(kept)}}}}}'.encode())
    return len(kept)


def with_kept(read: Collection, storage: Storage) -> Collection:
    """Returns what a folder gives together with what was kept beside it.

    Raises:
        DataError: for a file `brevetti.json` that is not of this form.
    """
    if not storage.isfile(ASIDE):
        return read
    try:
        value = from_json(storage.read_bytes(ASIDE))
        if not isinstance(value, Mapping) or value.get("version") != _VERSION:
            raise InvalidInputError(f"expected an object of version {_VERSION}, received another")
        kept = value.get("images")
        if not isinstance(kept, Mapping):
            raise InvalidInputError("expected 'images' as an object, received something else")
        images = tuple(_restored(image, kept.get(image.name)) for image in read.images)
        whole = {key: _exact(value.get(key), getattr(read, key)) for key in _WHOLE}
        classes = tuple(checked_label(label) for label in _list(whole["classes"]))
        if not isinstance(whole["about"], Mapping):
            raise InvalidInputError("expected 'about' as an object, received something else")
    except InvalidInputError as error:
        raise DataError(f"{storage.resolve(ASIDE)}: {error}: repair it, or remove it to go without") from error
    return Collection(images, classes, whole["about"])


def _restored(image: AnnotatedImage, entry: Any) -> AnnotatedImage:
    if entry is None:
        return image
    exact = _exact(entry, None, _digest(_content(image)))
    if exact is None:
        _log.warning("%s: its labels were changed since %s was written, so they count", image.path, ASIDE)
        return image
    return with_content(image, exact)


def with_content(image: AnnotatedImage, exact: Any) -> AnnotatedImage:
    """Returns the image with what `image_content` gave.

    Raises:
        InvalidInputError: if it is not of that form.
    """
    if not isinstance(exact, Mapping) or not isinstance(exact.get("columns"), Mapping):
        raise InvalidInputError("expected an image as an object with 'columns', received something else")
    purpose = exact.get("purpose")
    return replace(
        image,
        labels=tuple(checked_label(label) for label in _list(exact.get("labels"))),
        purpose=purpose if isinstance(purpose, str) else "",
        annotation=annotation_of(exact.get("annotation")),
        columns=exact["columns"],
    )


def _exact(entry: Any, otherwise: Any, digest: str | None = None) -> Any:
    if entry is None:
        return otherwise
    if not isinstance(entry, Mapping) or "exact" not in entry:
        raise InvalidInputError("expected 'read' and 'exact' in each entry, received something else")
    return entry["exact"] if entry.get("read") == (digest or _digest(otherwise)) else otherwise


def _list(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise InvalidInputError(f"expected a list of labels, received {type(value).__name__}")
    return list(value)


def image_content(image: AnnotatedImage) -> dict[str, Any]:
    """Returns all that is known of an image but where it lies, as JSON types; masks that are files as run lengths."""
    result: dict[str, Any] = from_json(to_json(_content(image)))
    return result


def _known(image: AnnotatedImage) -> tuple[Any, ...]:
    return image.labels, image.purpose, image.annotation, image.columns


def _content(image: AnnotatedImage) -> dict[str, Any]:
    return {
        "labels": list(image.labels),
        "purpose": image.purpose,
        "columns": dict(image.columns),
        "annotation": annotation_json(in_pixels(image).annotation),
    }


def in_pixels(image: AnnotatedImage) -> AnnotatedImage:
    """Returns the image with masks that are files of their own as run lengths."""
    if not any(isinstance(shape.mask, str) for shape in image.annotation.shapes):
        return image
    shapes = tuple(
        replace(shape, mask=RunLengths.of(mask_of(shape))) if isinstance(shape.mask, str) else shape
        for shape in image.annotation.shapes
    )
    return replace(image, annotation=replace(image.annotation, shapes=shapes))


def _digest(value: Any) -> str:
    return _sha256(to_json(value))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
