"""`DatasetImages`: what lies in a dataset, for its page: images by class, one page of them at a time.

    images = DatasetImages()
    images.of(dataset)          # [ImageFile(path="/data/vials/good/1.png", label="good", size=812), …]

A listing only walks and stats. It is kept for some seconds, since turning pages asks for it again and again.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from brevetti_keras.data.samples import list_files
from brevetti_keras.wire.records import Dataset

_KEPT_SECONDS = 20.0
_KEPT = 8


@dataclass(frozen=True)
class ImageFile:
    """One image: its absolute path, its label (several are joined by a comma) and its size in bytes."""

    path: str
    label: str
    size: int


class DatasetImages:
    """Lists datasets.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, list[ImageFile]]] = {}

    def of(self, dataset: Dataset) -> list[ImageFile]:
        """Returns the images of a dataset on this machine or in a bucket by label and path; of one elsewhere none.

        Raises:
            NotFoundError: if its folder, bucket or CSV is gone.
            StorageError: if its bucket cannot be asked.
            DataError: for a CSV that cannot be read as samples.
        """
        if "://" in dataset.bucket and not dataset.bucket.startswith("gs://"):
            return []
        with self._lock:
            kept = self._kept.get(dataset.bucket)
        if kept is not None and self._clock() - kept[0] < _KEPT_SECONDS:
            return kept[1]
        begin, found = self._clock(), _listed(dataset.bucket)
        with self._lock:
            self._kept[dataset.bucket] = (begin, found)
            while len(self._kept) > _KEPT:
                del self._kept[min(self._kept, key=lambda bucket: self._kept[bucket][0])]
        return found


def _listed(bucket: str) -> list[ImageFile]:
    frame = list_files(bucket)
    files = [
        ImageFile(path, ", ".join(category), int(size))
        for path, category, size in zip(frame.path, frame.category, frame["size"], strict=True)
    ]
    return sorted(files, key=lambda file: (file.label, file.path))
