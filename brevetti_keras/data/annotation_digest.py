"""`annotation_digest`: one hash of what an annotation's file marks, however it is written down.

annotation_digest(data, "1.json")           # sha256 in hex; "" if nothing is marked

Two files that mark the same have the same: 5 is 5.0, keys have no order, a mask is its pixels wherever they are kept,
and the image's size is the image's affair.
"""

import hashlib
import json
from dataclasses import replace

from brevetti_keras.data.annotation import Annotation, Shape, annotation_json, read_annotation
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.data.shape_geometry import mask_of
from brevetti_keras.utils.errors import BrevettiError


def annotation_digest(data: bytes, name: str) -> str:
    """Returns the hash of what is marked.

    Args:
        data: the content of annotation JSON; of any other file, the hash is that of its bytes.
        name: the file's, for messages.
    """
    try:
        given = read_annotation(data, name)
        shapes = tuple(_in_pixels(shape) for shape in given.shapes)
    except BrevettiError:
        return hashlib.sha256(data).hexdigest()
    if not shapes and not given.image:
        return ""
    plain = annotation_json(Annotation(shapes, image=given.image))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode("utf-8")).hexdigest()


def _in_pixels(shape: Shape) -> Shape:
    return replace(shape, mask=RunLengths.of(mask_of(shape))) if isinstance(shape.mask, str) else shape
