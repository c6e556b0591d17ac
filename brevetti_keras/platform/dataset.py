"""`Dataset`: a folder of images, or a CSV of samples, that samples are listed from.

vials = Dataset("/data/vials")                                   # name and id follow from the path
vials = Dataset("/data/v1", name="vials", tags=[tag])
vials = Dataset.from_tfds("mnist:3.0.1", split="train")          # written once as files
vials.get_image_samples()
"""

import os
from collections.abc import Iterable, Sequence
from typing import Self

import pandas as pd

from brevetti_keras.data.samples import ClassMapping, SampleFilter
from brevetti_keras.platform.preparation import Preparation
from brevetti_keras.platform.samples import dataset_record, get_image_samples
from brevetti_keras.platform.tfds import write_split
from brevetti_keras.wire.records import Dataset as DatasetRecord
from brevetti_keras.wire.records import Tag


class Dataset:
    """A dataset.

    Args:
        bucket: the folder, CSV or URL that holds it.
        id: by default the same for the same path.
        name: by default the folder's.
        reference: goes into the samples' column of that name.
        notes: free text.
        tags: the platform's tags.
        preparation: a job's check of the files; without one they are only listed.
    """

    def __init__(
        self,
        bucket: str | os.PathLike[str],
        id: str | None = None,  # noqa: A002
        name: str | None = None,
        *,
        reference: str = "",
        notes: str = "",
        tags: Sequence[Tag] = (),
        preparation: Preparation | None = None,
    ) -> None:
        plain = dataset_record(bucket, id, name, reference)
        own = {"notes": notes, "tags": tuple(tags), "tagIds": tuple(tag.id for tag in tags)}
        self._record = plain.model_copy(update=own)
        self.preparation = preparation

    @classmethod
    def from_record(cls, record: DatasetRecord, preparation: Preparation | None = None) -> Self:
        """Returns the dataset that a platform's record describes."""
        made = cls.__new__(cls)
        made._record = record
        made.preparation = preparation
        return made

    @classmethod
    def from_tfds(cls, name: str, split: str = "train", data_dir: str | None = None) -> Self:
        """Returns a split of TensorFlow Datasets, written once as image files in one folder a label.

        Args:
            name: as `"mnist"` or `"mnist:3.0.1"`.
            split: as `"train"` or `"train[:10%]"`.
            data_dir: where TensorFlow Datasets keeps its data; by default its own place.

        Raises:
            DataError: if its samples have no image.
            MissingDependencyError: if tensorflow-datasets is not installed.
        """
        return cls(write_split(name, split, data_dir), name=f"{name} {split}")

    @property
    def record(self) -> DatasetRecord:
        """The dataset as a record."""
        return self._record

    @property
    def id(self) -> str:
        """Identifies it on its platform."""
        return self._record.id

    @property
    def name(self) -> str:
        """What people call it."""
        return self._record.name

    @property
    def bucket(self) -> str:
        """The folder, CSV or URL that holds it."""
        return self._record.bucket

    @property
    def reference(self) -> str:
        """Goes into the samples' column of that name."""
        return self._record.reference

    @property
    def notes(self) -> str:
        """Free text."""
        return self._record.notes

    @property
    def locked(self) -> bool:
        """Whether the platform keeps it from being changed."""
        return self._record.locked

    @property
    def tags(self) -> tuple[Tag, ...]:
        """Its tags."""
        return self._record.tags

    def get_image_samples(
        self,
        sample_filter: SampleFilter | None = None,
        annotations: bool = False,
        class_mapping: ClassMapping | None = None,
        classes: Iterable[str] | None = None,
    ) -> pd.DataFrame:
        """Returns its images, see `brevetti_keras.platform.get_image_samples`."""
        return get_image_samples(self, sample_filter, annotations, class_mapping, classes)

    def __repr__(self) -> str:
        return f"Dataset({self.bucket!r}, id={self.id!r}, name={self.name!r})"
