"""What a dataset of TensorFlow Datasets has of what we read: image, label, boxes, masks.

    features = features_of(builder)
    samples = builder.as_dataset(split="train", decoders=features.decoders())
    for sample in samples.as_numpy_iterator():
        features.content(sample, path, "1.png")          # as `image_content` gives it

Boxes are a feature `BBoxFeature`, or a sequence of them, alone or beside their labels. A mask is a `LabeledImage`, or
an image of one channel beside one of three or of a name that says so; each value but the background's is a mark. What
else is told of an image, a text, a number or a class, is a column, and of an object, goes with its mark; the log says
which features are not read.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brevetti_keras.data.annotation import SHAPE_KEYS, Annotation, Shape, checked_corners, coordinate
from brevetti_keras.data.formats.collection import AnnotatedImage, labels_of
from brevetti_keras.data.formats.kept_aside import image_content
from brevetti_keras.data.image.index_image import VOID
from brevetti_keras.data.image.upright_size import upright_size
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.data.samples import COLUMNS, ROOT_NAME
from brevetti_keras.platform.tfds_writing import EXACT, label_of
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import DataError, InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

tfds = lazy_import("tensorflow_datasets", "tensorflow-datasets")

_log = logging.getLogger(__name__)

_MASK_WORDS = ("mask", "segment", "label", "annotation", "ground_truth")
_BACKGROUND = frozenset({"background", "bg", "unlabeled", "unlabelled", "void", "none"})
_MOST_VALUES = 1_000
_NO_NAME = "object"
_TAKEN = frozenset({*COLUMNS, "categories", "purpose", "annotation_path"})


@dataclass(frozen=True)
class _Others:
    """What is told beside, by the way of keys that leads to it, with its feature."""

    found: tuple[tuple[tuple[str, ...], Any], ...] = ()

    def of(self, sample: Any, taken: frozenset[str]) -> dict[str, Any]:
        """The values of a sample by their names; one that is in `taken` is led by `tfds_`."""
        values = {}
        for way, feature in self.found:
            name = "/".join(way)
            values[f"tfds_{name}" if name in taken else name] = _plain(feature, _at(sample, way))
        return values


@dataclass(frozen=True)
class _Boxes:
    """Keys of boxes: of a feature `key`, or of its inner features; `names` are those of their labels."""

    key: str
    inner: str | None
    labels: str | None
    names: Any
    form: str
    is_one: bool
    others: _Others = _Others()

    def marks(self, sample: Any, size: tuple[int, int], otherwise: str) -> Iterable[Shape]:
        found = sample[self.key] if self.inner is None else sample[self.key][self.inner]
        labels = sample[self.key][self.labels] if self.labels else None
        for index, values in enumerate(np.atleast_2d(found).tolist() if self.is_one else found.tolist()):
            label = otherwise if labels is None else _named(self.names, labels[index], otherwise)
            extra = self.others.of({key: sample[self.key][key][index] for (key,), _ in self.others.found}, SHAPE_KEYS)
            yield Shape(label, "rectangle", checked_corners(_corners(values, self.form, size)), extra=extra)


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
        label: of the image's label or labels, None if there is none.
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
    _others: _Others

    def decoders(self) -> dict[str, Any]:
        """Returns what keeps an image's own bytes."""
        return {self.image: tfds.decode.SkipDecoding()}

    def labels(self, sample: Any) -> tuple[str, ...]:
        """Returns the labels of a sample, `ROOT_NAME` for one that is not told; none where samples have none."""
        numbers = np.ravel(sample[self.label]).tolist() if self.label else []
        return tuple(dict.fromkeys(_named(self._names, number, ROOT_NAME) for number in numbers))

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
            annotation = self._annotation(sample, path, *(known if len(known) == 1 else ()))
        except InvalidInputError as error:
            raise DataError(f"{where}: {error}") from error
        strangers = sorted({shape.label for shape in annotation.shapes} - set(self.classes))
        labels = known or labels_of(annotation, (*self.classes, *strangers))
        columns = self._others.of(sample, _TAKEN)
        return image_content(AnnotatedImage(path, path, labels, "", annotation, columns))

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
    exact = EXACT if EXACT in given else None
    boxes = _boxes(given)
    # An image of objects has the labels of its objects.
    label = None if boxes is not None and boxes.labels else _label(given)
    names = _names_of(given[label]) if label else None
    masks = () if exact else _masks(given, image)
    read = {image, label, *(mask.key for mask in masks), *([boxes.key] if boxes is not None else [])}
    others = _Others() if exact else _others({key: given[key] for key in given if key not in read}, builder.name)
    return Features(image, label, _classes(names, boxes, masks, exact), exact, names, boxes, masks, others)


def _label(given: Any) -> str | None:
    labels = [key for key, feature in given.items() if isinstance(feature, tfds.features.ClassLabel)]
    several = [key for key, feature in given.items() if _names_of(feature) is not None and key not in labels]
    return next(
        (key for key in ("label", "labels") if key in (*labels, *several)), next(iter((*labels, *several)), None)
    )


def _names_of(feature: Any) -> Any:
    """What names the numbers of a label or of labels; None for another feature."""
    inner = feature.feature if isinstance(feature, tfds.features.Sequence) else feature
    return inner if isinstance(inner, tfds.features.ClassLabel) else None


def _others(given: Mapping[str, Any], name: str) -> _Others:
    found: list[tuple[tuple[str, ...], Any]] = []
    unread: list[str] = []

    def look(way: tuple[str, ...], feature: Any) -> None:
        if isinstance(feature, tfds.features.FeaturesDict):
            for key, inner in feature.items():
                look((*way, key), inner)
        elif _is_scalar(feature):
            found.append((way, feature))
        else:
            unread.append("/".join(way))

    for key, feature in given.items():
        look((key,), feature)
    if unread:
        _log.warning("%s: not read are %s", name, ", ".join(unread))
    return _Others(tuple(found))


def _is_scalar(feature: Any) -> bool:
    return isinstance(feature, (tfds.features.Tensor, tfds.features.ClassLabel)) and feature.shape == ()


def _at(sample: Any, way: Sequence[str]) -> Any:
    for key in way:
        sample = sample[key]
    return sample


def _plain(feature: Any, value: Any) -> Any:
    """A value as a column has it: text, a number or a boolean."""
    if isinstance(feature, tfds.features.ClassLabel):
        return _named(feature, value, "")
    plain = value.item() if hasattr(value, "item") else value
    return plain.decode("utf-8", "backslashreplace") if isinstance(plain, bytes) else plain


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
            rest = {name: one for name, one in inner.items() if name not in {box, label}}
            others = _Others(tuple(((name,), one) for name, one in rest.items() if _is_scalar(one)))
            unread = [f"{key}/{name}" for name, one in rest.items() if not _is_scalar(one)]
            if unread:
                _log.warning("not read are %s", ", ".join(unread))
            return _Boxes(key, box, label, inner[label] if label else None, _form(inner[box]), False, others)
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
