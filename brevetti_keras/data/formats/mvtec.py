"""MVTec AD: good images to train on, good and defective ones to test on, a mask for each defective one.

    collection = read_mvtec("/data/mvtec_ad/bottle")

`train/good/000.png`, `test/<defect>/000.png`, `ground_truth/<defect>/000_mask.png`; or, as in MVTec LOCO AD, a mask an
object in `ground_truth/<defect>/000/`. An image's label is its folder; its masks are referred to where they lie.
"""

import posixpath
from collections.abc import Mapping, Sequence

from brevetti_keras.data.annotation import Annotation, Shape
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection, all_classes, by_name
from brevetti_keras.data.formats.source import Source
from brevetti_keras.utils.errors import DataError

GOOD = "good"
TRUTH = "ground_truth"
_SPLITS = {"train": "train", "validation": "devel", "test": "test"}


def read_mvtec(path: str) -> Collection:
    """Returns the images of one object.

    Args:
        path: the object's folder, with `train/good` and `test` in it.

    Raises:
        DataError: for a folder of another form, or a defective test image without a mask where others have one.
        NotFoundError: if there is no such folder.
    """
    source = Source(path)
    if not source.below(f"train/{GOOD}"):
        inner = [name for name in source.folders() if source.below(f"{name}/train/{GOOD}")]
        advice = f": import one of its objects ({', '.join(inner)})" if inner else ""
        raise DataError(f"{source.root}: expected images in train/{GOOD}, found none{advice}")
    files = [file for split in _SPLITS for file in source.below(split) if file.count("/") == 2]
    masks: dict[str, list[str]] = {}
    for mask in sorted(source.below(TRUTH, (".png",))):
        masks.setdefault(posixpath.dirname(mask), []).append(mask)
    images = [_image(source, masks, file, _SPLITS[file.split("/")[0]]) for file in source.fetched(files)]
    first = [GOOD] if any(GOOD in image.labels for image in images) else []
    return Collection(by_name(images, source.root), all_classes(images, first))


def _image(source: Source, masks: Mapping[str, Sequence[str]], file: str, purpose: str) -> AnnotatedImage:
    split, folder, base = file.split("/")
    stem = posixpath.splitext(base)[0]
    shapes: tuple[Shape, ...] = ()
    if split == "test" and folder != GOOD:
        truth = f"{TRUTH}/{folder}"
        one = next(
            (f"{truth}/{name}" for name in (f"{stem}_mask.png", f"{stem}.png") if f"{truth}/{name}" in source.files),
            None,
        )
        found = masks.get(f"{truth}/{stem}", ()) if one is None else (one,)
        if not found and any(other.startswith(f"{truth}/") or other == truth for other in masks):
            raise DataError(f"{source.resolve(file)}: expected its mask {truth}/{stem}_mask.png, found none")
        shapes = tuple(Shape(folder, "mask", mask=source.resolve(mask)) for mask in found)
    height, width = source.size_of(file)
    return AnnotatedImage(source.resolve(file), file, (folder,), purpose, Annotation(shapes, width, height))
