"""`Dataset`: a folder of images, or a CSV of samples, that samples are listed from.

vials = Dataset("/data/vials")                                   # name and id follow from the path
vials = Dataset("/data/v1", name="vials", tags=[tag])
vials = Dataset.from_tfds("mnist:3.0.1", split="train")          # written once as files
parts = Dataset.from_coco("/data/parts")                         # also from_yolo, from_voc, from_mvtec
parts.export("yolo", "/tmp/parts")
vials.get_image_samples()
"""

import os
from collections.abc import Iterable, Sequence
from typing import Any, Self

import pandas as pd

from brevetti_keras.data.formats.writing import Written
from brevetti_keras.data.samples import ClassMapping, SampleFilter
from brevetti_keras.platform.imports import cached_table, export_dataset, import_table, name_of
from brevetti_keras.platform.preparation import Preparation
from brevetti_keras.platform.samples import dataset_record, get_image_samples
from brevetti_keras.platform.tfds import read_tfds
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
    def from_tfds(cls, name: Any, split: str | Sequence[str] | None = "train", data_dir: str | None = None) -> Self:
        """Returns splits of TensorFlow Datasets, written once as image files in one folder a label.

        Args:
            name: as `"mnist"` or `"mnist:3.0.1"`, or a builder.
            split: as `"train"` or `"train[:10%]"`; of several, or None for all, the samples have the split's purpose.
            data_dir: where TensorFlow Datasets keeps its data; by default its own place.

        Raises:
            DataError: if its samples have no image.
            MissingDependencyError: if tensorflow-datasets is not installed.
        """
        splits = (split,) if isinstance(split, str) else tuple(split or ())
        collection = read_tfds(name, splits, data_dir)
        shown = " ".join([name if isinstance(name, str) else name.info.full_name, *splits])
        return cls(cached_table(collection, "tfds", (shown, data_dir)), name=shown)

    @classmethod
    def from_coco(cls, path: str | os.PathLike[str], name: str | None = None) -> Self:
        """Returns the dataset that COCO's JSON describes; the images are referred to where they lie.

        Args:
            path: a folder with JSON files in it or in `annotations/`, or one such file.
            name: by default the folder's or the file's.

        Raises:
            NotFoundError: if there is nothing at `path`.
            DataError: for files that are not COCO's, or images that are missing.
        """
        return cls._imported("coco", path, name)

    @classmethod
    def from_yolo(cls, path: str | os.PathLike[str], name: str | None = None) -> Self:
        """Returns the dataset that a `data.yaml` describes, see `from_coco`.

        Args:
            path: the folder with `data.yaml` in it, or that file.
            name: by default the folder's or the file's.
        """
        return cls._imported("yolo", path, name)

    @classmethod
    def from_voc(cls, path: str | os.PathLike[str], name: str | None = None) -> Self:
        """Returns the dataset that the XML files of Pascal VOC describe, see `from_coco`.

        Args:
            path: the folder with `Annotations` and `JPEGImages`, or one with XML files beside images.
            name: by default the folder's.
        """
        return cls._imported("voc", path, name)

    @classmethod
    def from_mvtec(cls, path: str | os.PathLike[str], name: str | None = None) -> Self:
        """Returns one object of MVTec AD, see `from_coco`.

        Args:
            path: the object's folder, with `train/good`, `test` and `ground_truth` in it.
            name: by default the folder's.
        """
        return cls._imported("mvtec", path, name)

    @classmethod
    def _imported(cls, form: str, path: str | os.PathLike[str], name: str | None) -> Self:
        return cls(import_table(form, path), name=name or name_of(os.fspath(path)))

    def export(self, form: str, folder: str | os.PathLike[str]) -> Written:
        """Writes its images, copied, with labels, purposes and annotations, so that another tool reads them.

        Args:
            form: `"csv"`, `"coco"`, `"yolo"`, `"voc"`, `"mvtec"` or `"tfds"`. What it cannot hold lies in
                `brevetti.json` beside it, and is there again when the folder is imported.
            folder: where there is nothing yet.

        Returns:
            How many images were written, and of how many something had to be kept aside.

        Raises:
            InvalidInputError: for another form, or what it has no place for at all.
            ConflictError: if there is something in the folder.
            DataError: for no image, or an image or annotation that cannot be read.
        """
        return export_dataset(self, form, folder)

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
