"""YOLO: `data.yaml` with folders and names, and a text file an image with a line an object (docs.ultralytics.com).

    collection = read_yolo("/data/parts")            # the folder, or its data.yaml

A line is `class x y width height` (the middle and the size of a box) or `class x y x y x y …` (a polygon), in shares of
the image's sides. Pixels come out rounded to a millionth, which is finer than the files' digits. Where `data.yaml` has
`kpt_shape`, a line is a box and its key points, which become `keypoints` of the box as COCO has them: x, y and 0 (not
there), 1 (hidden) or 2. What else `data.yaml` says is carried along as `yolo`.
"""

import itertools
import math
import posixpath
from collections.abc import Mapping
from typing import Any

import yaml

from brevetti_keras.data.annotation import (
    MAX_COORDINATE,
    Annotation,
    Point,
    Shape,
    checked_box,
    checked_corners,
    checked_label,
    coordinate,
)
from brevetti_keras.data.formats.collection import (
    AnnotatedImage,
    Collection,
    by_name,
    checked_name,
    labels_of,
    purpose_of,
)
from brevetti_keras.data.formats.source import Source, refuse_missing
from brevetti_keras.io.open import split_url
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import DataError, InvalidInputError

ABOUT = "yolo"
KEYPOINTS = "keypoints"
DIGITS = 6
_VISIBLE = 2
_SPLITS = ("train", "val", "valid", "test")
PLACES = frozenset({*_SPLITS, "path", "names", "nc"})
_YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_MAX_YAML = 1 << 18
_MAX_BRACKETS = 500
_MOST_KEY_POINTS = 10_000


def read_yolo(path: str) -> Collection:
    """Returns the images of the splits that `data.yaml` names; an image without a text file holds nothing.

    Args:
        path: the folder with `data.yaml` in it, or that file.

    Raises:
        DataError: for YAML or a line that makes no sense, a folder that is missing or leads out, no image.
        NotFoundError: if there is no such folder or file.
    """
    storage, inner = split_url(path, follow_links=True)
    folder, name = posixpath.split(inner)
    if inner.lower().endswith((".yaml", ".yml")) and storage.isfile(inner):
        return _Reader(Source(storage.resolve(folder)), name).collection()
    source = Source(path)
    found = [name for name in _YAML if name in source.files] or [
        file for file in source.below("", (".yaml", ".yml")) if "/" not in file
    ]
    if len(found) != 1:
        raise DataError(f"{source.root}: expected one data.yaml, received {', '.join(found) or 'none'}: name the file")
    return _Reader(source, found[0]).collection()


class _Reader:
    def __init__(self, source: Source, file: str) -> None:
        self._source = source
        self._where = source.resolve(file)
        self._given = self._yaml(source.text(file))
        self.classes = self._names()
        self._key_points = self._kpt_shape()

    def _yaml(self, text: str) -> Mapping[str, Any]:
        # A few bytes of aliases unfold to gigabytes, and of brackets in brackets take the parser hours.
        if len(text) > _MAX_YAML or text.count("[") + text.count("{") > _MAX_BRACKETS:
            raise DataError(
                f"{self._where}: expected YAML of at most {_MAX_YAML:,} characters and {_MAX_BRACKETS} brackets, "
                f"received {len(text):,} and {text.count('[') + text.count('{')}"
            )
        try:
            aliased = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader))
            value = None if aliased else yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise DataError(f"{self._where}: expected YAML, received text that is not: {_line(error)}") from error
        if aliased:
            raise DataError(f"{self._where}: expected YAML without aliases, received one with them")
        if not isinstance(value, Mapping):
            raise DataError(f"{self._where}: expected YAML with 'names' and 'train', received {type(value).__name__}")
        return value

    def _names(self) -> tuple[str, ...]:
        names = self._given.get("names")
        if isinstance(names, Mapping) and sorted(map(str, names)) == sorted(map(str, range(len(names)))):
            names = [names.get(number, names.get(str(number))) for number in range(len(names))]
        if not isinstance(names, list):
            raise DataError(
                f"{self._where}: expected 'names' as a list or as 0, 1, … with names, received another form"
            )
        try:
            found = tuple(checked_label(str(name) if type(name) in {int, float, bool} else name) for name in names)
        except InvalidInputError as error:
            raise DataError(f"{self._where}: {error}") from error
        if len(set(found)) != len(found):
            raise DataError(f"{self._where}: expected each name once, received one twice")
        return found

    def _kpt_shape(self) -> tuple[int, int] | None:
        """How many key points an object has, and of how many numbers each is; None if it has none."""
        given = self._given.get("kpt_shape")
        if given is None:
            return None
        found = key_point_shape(given)
        if found is None:
            raise DataError(
                f"{self._where}: expected 'kpt_shape' as [points, 2 or 3], received {_line(str(given)[:40])!r}"
            )
        return found

    def _about(self) -> dict[str, Any]:
        rest = {key: value for key, value in self._given.items() if key not in PLACES}
        try:
            return {ABOUT: from_json(to_json(rest).encode("utf-8"))} if rest else {}
        except (InvalidInputError, UnicodeEncodeError) as error:
            raise DataError(f"{self._where}: expected YAML that JSON can hold: {error}") from error

    def collection(self) -> Collection:
        purposes = self._purposes()
        files = self._source.fetched([file for file, _ in purposes], label_file)
        images = [self._image(file, purpose) for file, (_, purpose) in zip(files, purposes, strict=True)]
        return Collection(by_name(images, self._where), self.classes, self._about())

    def _purposes(self) -> list[tuple[str, str]]:
        """The images of all splits and their purposes."""
        seen: dict[str, str] = {}
        found = []
        for split in (split for split in _SPLITS if split in self._given):
            for file in self._files(split):
                if seen.setdefault(file, split) != split:
                    raise DataError(
                        f"{self._where}: expected each image in one split, received {file!r} in {seen[file]!r} and in "
                        f"{split!r}: leave one of them out"
                    )
                found.append((file, purpose_of(split)))
        return found

    def _files(self, split: str) -> list[str]:
        given = self._given[split]
        places = given if isinstance(given, list) else [] if given in (None, "") else [given]
        found: list[str] = []
        for place in places:
            found.extend(self._listed(place) if str(place).endswith(".txt") else self._folder(split, place))
        return found

    def _folder(self, split: str, place: Any) -> list[str]:
        for folder in self._candidates(place):
            images = self._source.below(folder)
            if images:
                return images
        raise DataError(f"{self._where}: expected images for {split!r} in {str(place)[:80]!r}, found none")

    def _listed(self, place: Any) -> list[str]:
        file = next((file for file in self._candidates(place) if file in self._source.files), None)
        if file is None:
            raise DataError(f"{self._where}: expected the list {str(place)[:80]!r}, found none")
        names = [line.strip() for line in self._source.text(file).splitlines() if line.strip()]
        where = self._source.resolve(file)
        tidy = [checked_name(name.removeprefix(f"{self._source.root}/"), where) for name in names]
        beside = [posixpath.normpath(posixpath.join(posixpath.dirname(file), name)) for name in tidy]
        files = [self._source.named(one) or self._source.named(other) for one, other in zip(tidy, beside, strict=True)]
        refuse_missing([name for name, found in zip(beside, files, strict=True) if found is None], where)
        return [found for found in files if found is not None]

    def _candidates(self, place: Any) -> list[str]:
        """Where a folder may be: below `path`, below the file, and, as some tools write it, without its `../`."""
        text = str(place).removeprefix(f"{self._source.root}/")
        top = str(self._given.get("path") or "").removeprefix(self._source.root).lstrip("/")
        plain = text.removeprefix("../")
        joined = (posixpath.normpath(posixpath.join(*parts)) for parts in ((top, text), (text,), (plain,)))
        return ["" if one == "." else one for one in joined if not one.startswith(("..", "/"))]

    def _image(self, file: str, purpose: str) -> AnnotatedImage:
        height, width = self._source.size_of(file)
        labels = self._source.named(label_file(file))
        lines = [] if labels is None else self._source.text(labels).splitlines()
        shapes = []
        for number, line in enumerate(lines, start=1):
            try:
                if line.strip():
                    shapes.append(self._shape(line.split(), width, height))
            except (InvalidInputError, ValueError) as error:
                where = self._source.resolve(labels or "")
                raise DataError(f"{where}: line {number}: {_line(error)}") from error
        annotation = Annotation(tuple(shapes), width, height)
        return AnnotatedImage(
            self._source.resolve(file), file, labels_of(annotation, self.classes), purpose, annotation
        )

    def _shape(self, words: list[str], width: int, height: int) -> Shape:
        if self._key_points is not None:
            return self._posed(words, width, height, *self._key_points)
        if len(words) < 5 or len(words) % 2 == 0 or len(words) > 200_000:
            raise InvalidInputError(
                f"expected 'class x y width height' or 'class x y x y x y …', received {len(words)} values"
            )
        label = self._label(words[0])
        numbers = _checked(list(map(float, words[1:])))
        if len(numbers) == 4:
            return Shape(label, "rectangle", _corners(numbers, width, height))
        sides = [number * side for number, side in zip(numbers, itertools.cycle((width, height)), strict=False)]
        return Shape(label, "polygon", tuple(_rounded(sides)))

    def _posed(self, words: list[str], width: int, height: int, count: int, size: int) -> Shape:
        if len(words) != 5 + count * size:
            raise InvalidInputError(
                f"expected 'class x y width height' and {count} key points of {size} numbers each, as 'kpt_shape' "
                f"says, received {len(words)} values"
            )
        numbers = _checked(list(map(float, words[1:])))
        box, points = numbers[:4], [numbers[start : start + size] for start in range(4, len(numbers), size)]
        places = _rounded([side for x, y, *_ in points for side in (x * width, y * height)])
        seen = [plain_number(point[2]) if size == 3 else _VISIBLE for point in points]
        keypoints = [number for place, how in zip(places, seen, strict=True) for number in (*place, how)]
        extra = {KEYPOINTS: keypoints}
        return Shape(self._label(words[0]), "rectangle", _corners(box, width, height), extra=extra)

    def _label(self, word: str) -> str:
        index = int(word) if word.isascii() and word.isdigit() and len(word) < 10 else -1
        if not 0 <= index < len(self.classes):
            raise InvalidInputError(f"expected a class of 0 to {len(self.classes) - 1}, received {word[:40]!r}")
        return self.classes[index]


def key_point_shape(value: Any) -> tuple[int, int] | None:
    """Returns how many key points `kpt_shape` tells of, and of how many numbers each is; None if it is none."""
    if not isinstance(value, list) or len(value) != 2 or not all(type(number) is int for number in value):
        return None
    count, size = value
    return (count, size) if 0 < count <= _MOST_KEY_POINTS and size in {2, 3} else None


def plain_number(value: float) -> float:
    """Returns a whole number as an int."""
    return int(value) if value == int(value) else value


def label_file(image: str) -> str:
    """Returns the text file of an image: `labels` for the last `images` on the way, `.txt` for its ending."""
    stem = posixpath.splitext(image)[0]
    before, found, after = f"/{stem}".rpartition("/images/")
    return f"{f'{before}/labels/{after}' if found else stem}.txt".lstrip("/")


def _corners(box: list[float], width: int, height: int) -> tuple[Point, Point]:
    """The corners in pixels of the middle and the size of a box, in shares of the image's sides."""
    x, y, w, h = checked_box(box)
    corners = [((x + way * w / 2) * width, (y + way * h / 2) * height) for way in (-1, 1)]
    return checked_corners(_rounded([side for corner in corners for side in corner]))


def _rounded(sides: list[float]) -> list[Point]:
    """Points from x, y, x, y, … in pixels."""
    # Adding 0 turns -0.0, which a share just below 0 is rounded to, into 0.0.
    values = _checked([round(side, DIGITS) + 0.0 for side in sides])
    return list(zip(values[::2], values[1::2], strict=True))


def _checked(numbers: list[float]) -> list[float]:
    # Millions of them: one look at all before a look at each, which says what is wrong.
    if not (all(map(math.isfinite, numbers)) and max(map(abs, numbers)) <= MAX_COORDINATE):
        return [coordinate(number) for number in numbers]
    return numbers


def _line(error: Exception | str) -> str:
    return " ".join(str(error).split())
