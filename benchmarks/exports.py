"""Datasets into other tools' forms: 4,000 images with 5 marks each, beside copying the same images and no more.

Each export ends with reading back what was written, which is how what a form cannot hold is found out. Pascal VOC also
draws two masks for each image with polygons.

    .venv/bin/python -m benchmarks.exports              # about two minutes
"""

import itertools
import random
import shutil
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.report import Figure, in_turn, show
from brevetti_keras.data.annotation import Annotation, Shape
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection
from brevetti_keras.data.formats.reading import read_format
from brevetti_keras.data.formats.writing import write_format
from tests.support.images import write_image

IMAGES, MARKS, ROUNDS = 4000, 5, 3
HEIGHT, WIDTH = 48, 64
LABELS = tuple(f"class {number}" for number in range(8))
FORMS = ("coco", "yolo", "voc")


def collection(folder: Path) -> Collection:
    """Images of one picture each in a file of its own: three boxes and two polygons in each."""
    content = write_image(folder / "one.png", size=(HEIGHT, WIDTH)).read_bytes()
    drawn = random.Random(0)
    images = []
    for number in range(IMAGES):
        path = folder / f"{number:06d}.png"
        path.write_bytes(content)
        shapes = tuple(mark(drawn, LABELS[(number + turn) % len(LABELS)], turn >= 3) for turn in range(MARKS))
        labels = tuple(sorted({shape.label for shape in shapes}))
        purpose = ("train", "devel", "test")[number % 3]
        images.append(AnnotatedImage(str(path), path.name, labels, purpose, Annotation(shapes, WIDTH, HEIGHT)))
    return Collection(tuple(images), LABELS)


def mark(drawn: random.Random, label: str, is_polygon: bool) -> Shape:
    """A box of whole pixels, or a polygon of eight points."""
    x, y, width, height = drawn.randint(0, 40), drawn.randint(0, 30), drawn.randint(4, 20), drawn.randint(4, 16)
    if not is_polygon:
        return Shape(label, "rectangle", ((float(x), float(y)), (float(x + width), float(y + height))))
    points = ((round(x + drawn.random() * width, 2), round(y + drawn.random() * height, 2)) for _ in range(8))
    return Shape(label, "polygon", tuple(points))


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as top:
        given = collection(Path(top, "source"))
        numbers = itertools.count()

        def copied() -> None:
            folder = Path(top, f"copied-{next(numbers)}")
            folder.mkdir()
            for image in given.images:
                shutil.copyfile(image.path, folder / image.name)

        def exported(form: str) -> None:
            write_format(given, form, f"{top}/{form}-{next(numbers)}")

        for form in FORMS:
            write_format(given, form, f"{top}/{form}")
        calls = {
            "copy": copied,
            **{f"{form} out": partial(exported, form) for form in FORMS},
            **{f"{form} in": partial(read_format, form, f"{top}/{form}") for form in FORMS},
        }
        seconds = in_turn(ROUNDS, calls)
    figures = [Figure("copying the images alone, ms an image", 1000 * seconds["copy"] / IMAGES, "ms")]
    for form in FORMS:
        out, back = seconds[f"{form} out"], seconds[f"{form} in"]
        figures.append(Figure(f"{form}: exported, ms an image", 1000 * out / IMAGES, "ms"))
        figures.append(Figure(f"{form}: exported, over copying", out / seconds["copy"], "×"))
        figures.append(Figure(f"{form}: imported, ms an image", 1000 * back / IMAGES, "ms"))
    show("Exports", figures)


if __name__ == "__main__":
    main()
