"""Run as a child process: pictures of some samples as a model type's network will get them, printed as JSON.

    echo '{"settings": {}, "datasets": [{"id": "1", "bucket": "/data/vials"}], "count": 8, "seed": 0}' |
        python -m brevetti_keras.platform.sample_preview -- my_package.train:TrainingJob

What the network gets is read from the settings: every ImagePipeline that stands in them, at whatever depth, is found by
its type and called on the samples, and so is every ImageAugmenter that varies that pipeline's images. The answer is one
line: a Preview, or `{"error": …, "kind": …}`. Images are decoded here and nowhere else, within a limit of memory; those
in a bucket through the same copies on this machine as a job's.
"""

import base64
import contextlib
import os
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.data.samples import list_files
from brevetti_keras.io.google_client import DEADLINE
from brevetti_keras.io.local_copies import fetch_copies
from brevetti_keras.platform.components import components_in
from brevetti_keras.platform.settings_check import checked_settings
from brevetti_keras.registry import load_reference
from brevetti_keras.server.child_answer import give_answer, given_words
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import BrevettiError, DecodeError, SettingsError, StorageError
from brevetti_keras.utils.lazy import lazy_import
from brevetti_keras.utils.memory_limit import limit_memory
from brevetti_keras.wire.previews import Preview, PreviewSample, PreviewView

cv2 = lazy_import("cv2", install="opencv-python-headless")

MEMORY = 3 << 30
"""Bytes that the images may take; the largest that a pipeline reads, 100 megapixels in colour, takes less."""

_SIDE = 256
_MOST_PIPELINES = 4
_TOO_LARGE = "it takes more memory than a preview may have"

Floats = npt.NDArray[np.float32]


def preview(reference: str, request: Mapping[str, Any]) -> Preview:
    """Returns pictures of samples.

    Args:
        reference: `"module:Class"` of a ModelType or a Job.
        request: `settings` as a form sends them, `datasets` as `{"id", "bucket"}`, `count`, and a `seed`, by which
            the samples and their variations are drawn.

    Raises:
        NotFoundError: if there is no such module, class or folder.
        InvalidInputError, DataError: if a class or a dataset is something else.
    """
    try:
        settings = checked_settings(reference, request["settings"])
    except SettingsError as error:
        return Preview(errors=error.errors or {"": str(error)})
    pipelines = [(name, one) for name, one in components_in(settings) if isinstance(one, ImagePipeline)]
    if not pipelines:
        return Preview(notes=("These settings hold no image pipeline, so what the network gets cannot be shown.",))
    augmenters = [(name, one) for name, one in components_in(settings) if isinstance(one, ImageAugmenter)]
    chosen, notes = _choose(request["datasets"], int(request["count"]), int(request["seed"]))
    with contextlib.suppress(BrevettiError):  # told of the sample that it concerns
        # Each thread maps memory of its own, which counts against the limit.
        fetch_copies((path for path, _, _ in chosen), workers=2)
    samples = []
    for number, (path, label, dataset_id) in enumerate(chosen):
        views = [
            view
            for name, pipeline in pipelines[:_MOST_PIPELINES]
            for view in _views(path, name, pipeline, augmenters, (int(request["seed"]), number))
        ]
        samples.append(PreviewSample(path=path, label=label, dataset_id=dataset_id, views=tuple(views)))
    if len(pipelines) > _MOST_PIPELINES:
        notes.append(f"Only the first {_MOST_PIPELINES} of {len(pipelines)} image pipelines are shown.")
    return Preview(samples=tuple(samples), notes=tuple(notes))


def _choose(
    datasets: Sequence[Mapping[str, str]], count: int, seed: int
) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Draws samples (path, label, dataset's id), of each label alike; and what to say of the rest."""
    notes = []
    by_label: dict[str, list[tuple[str, str, str]]] = {}
    for dataset in datasets:
        try:
            frame = list_files(dataset["bucket"])
        except BrevettiError as error:
            # A bucket, which a CSV on this machine may name, may be out of reach for a while; the other datasets are
            # shown all the same.
            if "://" not in dataset["bucket"] and not isinstance(error, StorageError):
                raise
            notes.append(f"The images at {dataset['bucket']} are not shown: {error}")
            continue
        for path, category in zip(frame.path, frame.category, strict=True):
            label = ", ".join(category)
            by_label.setdefault(label, []).append((path, label, dataset["id"]))
    drawn = random.Random(seed)
    rows = {label: drawn.sample(found, min(count, len(found))) for label, found in sorted(by_label.items())}
    labels = list(rows)
    if len(labels) > count:
        labels = sorted(drawn.sample(labels, count))
    chosen: list[tuple[str, str, str]] = []
    for turn in range(count):
        chosen += [rows[label][turn] for label in labels if turn < len(rows[label])]
    if not chosen and not notes:
        notes.append("There is no image in the chosen datasets.")
    return sorted(chosen[:count], key=lambda one: (one[1], one[0])), notes


def _views(
    path: str,
    name: str,
    pipeline: ImagePipeline,
    augmenters: Sequence[tuple[str, ImagePipeline | ImageAugmenter]],
    seed: tuple[int, int],
) -> Iterator[PreviewView]:
    try:
        image = pipeline.load_image(path)
        yield PreviewView(pipeline=name, shape=image.shape, image=_picture(image, pipeline.value_range))
        for augmentation, augmenter in augmenters:
            if isinstance(augmenter, ImageAugmenter) and augmenter.image_key == pipeline.output_key:
                varied = augmenter.bind([pipeline]).vary(image[None], np.array([seed]))[0]
                picture = _picture(varied, pipeline.value_range)
                yield PreviewView(pipeline=name, augmentation=augmentation, shape=varied.shape, image=picture)
    except DecodeError as error:
        yield PreviewView(pipeline=name, problem=error.reason)
    except BrevettiError as error:
        yield PreviewView(pipeline=name, problem=str(error))
    except MemoryError:
        yield PreviewView(pipeline=name, problem=_TOO_LARGE)
    except cv2.error as error:
        reason = _TOO_LARGE if "memory" in str(error).lower() else "OpenCV cannot bring it to this form"
        yield PreviewView(pipeline=name, problem=reason)


def _picture(image: Floats, limits: tuple[float, float]) -> str:
    """A PNG of (height, width, channels), or of a series whose frames are put side by side, as a data URL."""
    if image.ndim == 4:
        image = np.concatenate(list(image), axis=1)
    scale = _SIDE / max(image.shape[:2])
    if scale < 1:
        sides = [max(1, round(side * scale)) for side in image.shape[1::-1]]
        image = cv2.resize(image, sides, interpolation=cv2.INTER_AREA).reshape(sides[1], sides[0], -1)
    low, high = limits
    pixels = np.clip(np.rint((image - low) * (255 / (high - low))), 0, 255).astype(np.uint8)
    # OpenCV writes blue first.
    _, data = cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))
    return f"data:image/png;base64,{base64.b64encode(data.tobytes()).decode('ascii')}"


def main() -> int:
    """Prints the answer; returns the exit status."""
    reference = given_words()[0]

    def ask() -> Any:
        # What the class' module maps, TensorFlow perhaps, is not the images'.
        load_reference(reference)
        limit_memory(MEMORY)
        return preview(reference, from_json(sys.stdin.read())).model_dump(mode="json")

    return give_answer(reference, ask, "cannot be previewed")


if __name__ == "__main__":
    # Whoever waits for the page should rather be told that a bucket does not answer.
    os.environ.setdefault(DEADLINE, "15")
    # The answer is given: what a user's module leaves running must not keep the page waiting.
    os._exit(main())
