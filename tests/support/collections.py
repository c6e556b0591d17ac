"""Collections of images to write in one form and read in another."""

from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from brevetti_keras.data.annotation import Annotation, Shape
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection, all_classes
from brevetti_keras.data.formats.kept_aside import image_content
from brevetti_keras.data.run_lengths import RunLengths
from tests.support.images import write_image

HEIGHT, WIDTH = 12, 16

# Labels as people write them, and as they should not: quotes, tags, what YAML takes for something else.
LABELS = st.one_of(
    st.sampled_from(
        ["good", "scratch", "a b", "a/b", "..", "null", "1", "yes", "é", "e\u0301", '"', "<b>&amp;", "#", ": -"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
)
_side = st.one_of(
    st.integers(-3, 20).map(float),
    st.floats(-5, 40, allow_nan=False, width=64).map(lambda value: value + 0.0),
)
_point = st.tuples(_side, _side)
_extra = st.dictionaries(st.sampled_from(["severity", "difficult", "score", "pose"]), st.integers(0, 3), max_size=2)


def _corners(points: tuple[Any, Any]) -> tuple[Any, Any]:
    (x1, y1), (x2, y2) = points
    return (min(x1, x2), min(y1, y2)), (max(x1, x2), max(y1, y2))


@st.composite
def masks(draw: st.DrawFn) -> RunLengths:
    cuts = sorted(draw(st.lists(st.integers(1, HEIGHT * WIDTH - 1), max_size=6, unique=True)))
    ends = [0, *cuts, HEIGHT * WIDTH]
    counts = [end - start for start, end in pairwise(ends)]
    return RunLengths(HEIGHT, WIDTH, tuple([0, *counts] if draw(st.booleans()) else counts))


@st.composite
def shapes(draw: st.DrawFn, labels: list[str]) -> Shape:
    label, extra = draw(st.sampled_from(labels)), draw(_extra)
    kind = draw(st.sampled_from(["rectangle", "polygon", "line", "point", "class", "mask"]))
    if kind == "rectangle":
        return Shape(label, "rectangle", _corners(draw(st.tuples(_point, _point))), extra=extra)
    if kind == "polygon":
        outline = st.lists(_point, min_size=3, max_size=5).map(tuple)
        return Shape(label, "polygon", draw(outline), tuple(draw(st.lists(outline, max_size=1))), extra=extra)
    if kind == "mask":
        return Shape(label, "mask", mask=draw(masks()), extra=extra)
    points = {"line": st.lists(_point, min_size=2, max_size=3), "point": st.lists(_point, min_size=1, max_size=2)}
    return Shape(label, kind, tuple(draw(points[kind])) if kind in points else (), extra=extra)


@st.composite
def collections(
    draw: st.DrawFn, folder: Path, purposes: tuple[str, ...] = ("train", "devel", "test", "")
) -> Collection:
    """Up to four images of nothing, of labels, of marks; one is good and to train on, as MVTec AD wants."""
    labels = draw(st.lists(LABELS, min_size=1, max_size=4, unique=True))
    first = AnnotatedImage(picture(folder, 0), "good/0.png", ("good",), "train", Annotation((), WIDTH, HEIGHT))
    images = [first]
    for number in range(1, draw(st.integers(1, 4))):
        marks = draw(st.lists(shapes(labels), max_size=3))
        images.append(
            AnnotatedImage(
                picture(folder, number),
                draw(st.sampled_from([f"{number}.png", f"x/{number}.png", "x/same.png", f"ü {number}.png"])),
                tuple(draw(st.lists(st.sampled_from(labels), max_size=2, unique=True))),
                draw(st.sampled_from(purposes)),
                Annotation(tuple(marks), WIDTH, HEIGHT, draw(st.just({}) | st.just({"camera": "left"}))),
                draw(st.just({}) | st.just({"lot": "0017", "size_mm": 2.5, "ok": True})),
            )
        )
    return Collection(
        tuple(images),
        all_classes(images, draw(st.permutations(labels))),
        draw(st.just({}) | st.just({"info": {"year": 2026}})),
    )


def picture(folder: Path, number: int) -> str:
    """The path of an image that no other number has; written once."""
    path = folder / f"source-{number}.png"
    if not path.exists():
        write_image(path, seed=number, size=(HEIGHT, WIDTH))
    return str(path)


def contents(collection: Collection) -> dict[bytes, dict[str, Any]]:
    """What is known of each image, by the bytes of its file."""
    return {Path(image.path).read_bytes(): image_content(image) for image in collection.images}
