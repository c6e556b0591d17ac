"""What a dataset of TensorFlow Datasets has of what we read: image, label, boxes, masks.

    features = features_of(builder)
    samples = builder.as_dataset(split="train", decoders=features.decoders())
    for sample in samples.as_numpy_iterator():
        features.content(sample, path, "1.png")          # as `image_content` gives it

Boxes are a feature `BBoxFeature`, or a sequence of them, alone or beside their labels. A mask is a `LabeledImage`, or
an image of one channel beside one of three or of a name that says so; each value but the background's is a mark.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brevetti_keras.data.annotation import Annotation, Shape, checked_corners, coordinate
from brevetti_keras.data.formats.collection import AnnotatedImage, labels_of
from brevetti_keras.data.formats.kept_aside import image_content
from brevetti_keras.data.image.index_image import VOID
from brevetti_keras.data.image.upright_size import upright_size
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.data.samples import ROOT_NAME
from brevetti_keras.platform.tfds_writing import EXACT, label_of
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import DataError, InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

tfds = lazy_import("tensorflow_datasets", "tensorflow-datasets")

_MASK_WORDS = ("mask", "segment", "label", "annotation", "ground_truth")
_BACKGROUND = frozenset({"background", "bg", "unlabeled", "unlabelled", "void", "none"})
_MOST_VALUES = 1_000
_NO_NAME = "object"


@dataclass(frozen=True)
class _Boxes:
    """Keys of boxes: of a feature `key`, or of its inner features; `names` are those of their labels."""

    key: str
    inner: str | None
    labels: str | None
    names: Any
    form: str
    is_one: bool

    def marks(self, sample: Any, size: tuple[int, int], otherwise: str) -> Iterable[Shape]:
        found = sample[self.key] if self.inner is None else sample[self.key][self.inner]
        labels = sample[self.key][self.labels] if self.labels else None
        for index, values in enumerate(np.atleast_2d(found).tolist() if self.is_one else found.tolist()):
            label = otherwise if labels is None else _named(self.names, labels[index], otherwise)
            yield Shape(label, "rectangle", checked_corners(_corners(values, self.form, size)))


@dataclass(frozen=True)
class _Mask:
    """A feature that is an image of a value a pixel; `names` are the values', none: the values themselves."""

    key: str
    names: tuple[str, ...]
    prefix: str

    def marks(self, sample: Any, size: tuple[int, int]) -> tuple[list[Shape], Any]:
        """The marks, and where nobody decided (None: nowhere)."""
        pixels = sample[self.key]
        values = pixels[..., 0] if pixels.ndim == 3 else pixels
        if values.shape != size:
            raise InvalidInputError(
                f"expected {self.key!r} of the image's {size[0]} x {size[1]} pixels (height x width), received "
                f"{values.shape[0]} x {values.shape[1]}"
            )
        found = np.unique(values)
        if len(found) > _MOST_VALUES:
            raise InvalidInputError(
                f"expected {self.key!r} of at most {_MOST_VALUES:,} values in an image, received {len(found):,}"
            )
        shapes, void = [], None
        for value in found.tolist():
            label = self.label(int(value))
            if label:
                shapes.append(Shape(label, "mask", mask=RunLengths.of(values == value)))
            elif value:
                void = values == value
        return shapes, void

    def label(self, value: int) -> str:
        """The label of a value; none for the background, and for what nobody decided."""
        if not self.names:
            return f"{self.prefix}{value}" if value else ""
        if value >= len(self.names):
            if value == VOID:
                return ""
            raise InvalidInputError(f"expected {self.key!r} of values below {len(self.names)}, received {value}")
        name = self.names[value]
        return "" if value == 0 and name.strip("_").lower() in _BACKGROUND else f"{self.prefix}{name}"


@dataclass(frozen=True)
class Features:
    """Which keys of a sample are read.

    Attributes:
        image: of the image.
        label: of the image's label, None if there is none.
        classes: all labels.
        exact: of what an export of ours holds, None in others' datasets.
    """

    image: str
    label: str | None
    classes: tuple[str, ...]
    exact: str | None
    _names: Any
    _boxes: _Boxes | None
    _masks: tuple[_Mask, ...]

    def decoders(self) -> dict[str, Any]:
        """Returns what keeps an image's own bytes."""
        return {self.image: tfds.decode.SkipDecoding()}

    def labels(self, sample: Any) -> tuple[str, ...]:
        """Returns the label of a sample, `ROOT_NAME` if it is not told; none where samples have none."""
        return (_named(self._names, sample[self.label], ROOT_NAME),) if self.label else ()

    def content(self, sample: Any, path: str, where: str) -> Any:
        """Returns what is known of an image, as `image_content` gives it.

        Args:
            sample: as numpy arrays.
            path: of the image's file.
            where: the sample, for messages.

        Raises:
            DataError: for a box or a mask that makes no sense.
            DecodeError: for a file that is no image.
        """
        if self.exact:
            return from_json(sample[self.exact])
        known = tuple(label for label in self.labels(sample) if label != ROOT_NAME)
        try:
            annotation = self._annotation(sample, path, *known)
        except InvalidInputError as error:
            raise DataError(f"{where}: {error}") from error
        strangers = sorted({shape.label for shape in annotation.shapes} - set(self.classes))
        labels = known or labels_of(annotation, (*self.classes, *strangers))
        return image_content(AnnotatedImage(path, path, labels, "", annotation))

    def _annotation(self, sample: Any, path: str, otherwise: str = _NO_NAME) -> Annotation:
        if self._boxes is None and not self._masks:
            return Annotation()
        size = upright_size(path)
        shapes = list(self._boxes.marks(sample, size, otherwise)) if self._boxes is not None else []
        image = {}
        for mask in self._masks:
            marks, void = mask.marks(sample, size)
            shapes.extend(marks)
            if void is not None:
                image["void"] = RunLengths.of(void).json()
        return Annotation(tuple(shapes), size[1], size[0], image)


def features_of(builder: Any) -> Features:
    """Returns what a builder's samples have.

    Raises:
        DataError: if they have no image.
    """
    given = builder.info.features
    image = _image(given)
    if image is None:
        raise DataError(f"expected a dataset of images, received {builder.name} with {', '.join(given)}")
    labels = [key for key, feature in given.items() if isinstance(feature, tfds.features.ClassLabel)]
    exact = EXACT if EXACT in given else None
    boxes = _boxes(given)
    label = "label" if "label" in labels else next(iter(labels), None)
    if boxes is not None and boxes.labels:
        label = None  # an image of objects has the labels of its objects
    names = given[label] if label else None
    masks = () if exact else _masks(given, image)
    return Features(image, label, _classes(names, boxes, masks, exact), exact, names, boxes, masks)


def _classes(names: Any, boxes: _Boxes | None, masks: tuple[_Mask, ...], exact: str | None) -> tuple[str, ...]:
    found: list[str] = [] if names is None else list(names.names)
    if boxes is not None and boxes.labels:
        found.extend(boxes.names.names)
    elif boxes is not None and names is None:
        found.append(_NO_NAME)
    found.extend(label for mask in masks for label in map(mask.label, range(len(mask.names))) if label)
    return tuple(map(label_of, found)) if exact else tuple(dict.fromkeys(found))


def _image(given: Any) -> str | None:
    images = [key for key, feature in given.items() if isinstance(feature, tfds.features.Image)]
    of_name = [key for key in images if not _says_mask(key, given[key])]
    colored = [key for key in of_name if given[key].shape[-1] != 1]
    return "image" if "image" in images else next(iter([*colored, *of_name, *images]), None)


def _says_mask(key: str, feature: Any) -> bool:
    says = any(word in key.lower() for word in _MASK_WORDS)
    return isinstance(feature, tfds.features.LabeledImage) or (says and feature.shape[-1] == 1)


def _masks(given: Any, image: str) -> tuple[_Mask, ...]:
    others = [key for key, feature in given.items() if isinstance(feature, tfds.features.Image) and key != image]
    pair = len(others) == 1 and given[image].shape[-1] != 1
    found = [key for key in others if _says_mask(key, given[key]) or (pair and _is_plain(given[key]))]
    prefixes = [f"{key} " if len(found) > 1 else "" for key in found]
    return tuple(_Mask(key, _value_names(given[key]), prefix) for key, prefix in zip(found, prefixes, strict=True))


def _is_plain(feature: Any) -> bool:
    return bool(feature.shape[-1] == 1 and feature.np_dtype == np.uint8)


def _value_names(feature: Any) -> tuple[str, ...]:
    names = feature.names if isinstance(feature, tfds.features.LabeledImage) and feature.num_classes else None
    return tuple(names or ())


def _boxes(given: Any) -> _Boxes | None:
    for key, feature in given.items():
        if isinstance(feature, tfds.features.BBoxFeature):
            return _Boxes(key, None, None, None, _form(feature), True)
        listed = feature.feature if isinstance(feature, tfds.features.Sequence) else None
        if isinstance(listed, tfds.features.BBoxFeature):
            return _Boxes(key, None, None, None, _form(listed), False)
        inner = dict(listed) if isinstance(listed, tfds.features.FeaturesDict) else {}
        box = next((name for name, one in inner.items() if isinstance(one, tfds.features.BBoxFeature)), None)
        if box is not None:
            label = next((name for name, one in inner.items() if isinstance(one, tfds.features.ClassLabel)), None)
            return _Boxes(key, box, label, inner[label] if label else None, _form(inner[box]), False)
    return None


def _form(feature: Any) -> str:
    form = getattr(feature, "bbox_format", "REL_YXYX")  # older versions know one form
    return str(getattr(form, "value", form) or "REL_YXYX").upper()


def _corners(values: Sequence[float], form: str, size: tuple[int, int]) -> list[tuple[float, float]]:
    first, second, third, fourth = map(coordinate, values)
    height, width = size if form.startswith("REL_") else (1, 1)
    if form == "XYWH":
        edges = (first, second, first + third, second + fourth)
    else:
        edges = (first, second, third, fourth) if form.endswith("XYXY") else (second, first, fourth, third)
    # Stored in 32 bits, of which a thousandth of a pixel is left; adding 0 turns -0.0 into 0.0.
    left, top, right, bottom = (
        round(value * side, 3) + 0.0 for value, side in zip(edges, (width, height) * 2, strict=True)
    )
    return [(left, top), (right, bottom)]


def _named(names: Any, number: Any, otherwise: str) -> str:
    # -1 stands for a label that is not told, as of test splits.
    return str(names.int2str(int(number))) if int(number) >= 0 else otherwise
