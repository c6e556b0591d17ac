"""`get_image_samples`: datasets to one table of samples.

    samples = get_image_samples(job.datasets)                   # listed, hashed, every file checked once
    samples = get_image_samples([Dataset("/data/vials")])       # only listed and hashed
    samples[["path", "category", "etag"]]

Datasets in the order of their ids → `brevetti_keras.data.samples` lists each, a job's preparation reading every new
file once on the way → one frame → the preparation takes out what cannot be used.
"""

import logging
import os
import uuid
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from brevetti_keras.data.checksums import HashMemory
from brevetti_keras.data.samples import ClassMapping, Listing, SampleFilter, list_samples
from brevetti_keras.io.open import local_path_of
from brevetti_keras.platform.preparation import Preparation
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.wire.records import Dataset as DatasetRecord

_log = logging.getLogger(__name__)

_EXACT = 2.0**53


@runtime_checkable
class SampleSource(Protocol):
    """What samples can be listed from: a Dataset, or the platform's record of one."""

    @property
    def id(self) -> str:
        """Identifies it."""
        ...

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def bucket(self) -> str:
        """The folder, CSV or URL that holds it."""
        ...

    @property
    def reference(self) -> str:
        """Goes into the samples' column of that name."""
        ...


def get_image_samples(
    datasets: SampleSource | str | os.PathLike[str] | Iterable[SampleSource | str | os.PathLike[str]],
    sample_filter: SampleFilter | None = None,
    annotations: bool = False,
    class_mapping: ClassMapping | None = None,
    classes: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Returns the images of datasets, one row each, datasets by id, paths sorted.

    Args:
        datasets: datasets, or paths of folders or CSVs; one or several. Those of a job also check every file: one that
            cannot be read is set aside with its reason, or stops the job, as the job's settings say.
        sample_filter: keep only samples whose path below the dataset this regular expression finds (any case), or for
            which this function returns True.
        annotations: add the column `annotation_path`, `""` where there is none.
        class_mapping: folder names to a label or labels.
        classes: keep only these labels, and only samples that have one.

    Returns:
        Columns path, category (a tuple of labels), folder, etag (md5, hex), size (bytes), bucket, dataset, dataset_id,
        reference, url, then whatever a CSV carries along. Missing text is `""`.

    Raises:
        NotFoundError: if a dataset's folder is not there.
        DataError: if a job's datasets hold no image, or too many that cannot be read.
    """
    sources = _sources(datasets)
    chosen = None if classes is None else tuple(classes)
    preparation = _preparation(sources)
    hashes = HashMemory() if preparation is None else preparation.checker
    try:
        listings = [
            list_samples(
                one.bucket, one.id, one.name, one.reference, class_mapping, chosen, sample_filter, annotations, hashes
            )
            for one in sources
        ]
        samples = _joined([listing.samples for listing in listings])
        skipped = _joined([listing.skipped for listing in listings])
        if preparation is not None:
            return preparation.prepare(samples, skipped)
        for path, reason in zip(skipped.path, skipped.reason, strict=True):
            _log.warning("left out %s: %s", path, reason)
        return samples
    finally:
        if preparation is not None:
            preparation.checker.close()


def list_dataset(dataset: SampleSource | str | os.PathLike[str]) -> Listing:
    """Returns the images of one dataset as `get_image_samples` does, and those that cannot be samples beside them.

    Args:
        dataset: a dataset that is no job's, or the path of a folder or CSV.

    Raises:
        NotFoundError: if the dataset's folder is not there.
    """
    (one,) = _sources(dataset)
    return list_samples(one.bucket, one.id, one.name, one.reference)


def _preparation(sources: Iterable[SampleSource]) -> Preparation | None:
    found: list[Preparation | None] = [getattr(one, "preparation", None) for one in sources]
    preparations = {id(one): one for one in found if one is not None}
    if len(preparations) > 1:
        raise InvalidInputError("expected the datasets of one job, received those of several: list them one by one")
    return next(iter(preparations.values()), None)


def dataset_record(
    bucket: str | os.PathLike[str], dataset_id: str | None = None, name: str | None = None, reference: str = ""
) -> DatasetRecord:
    """Returns the record of a folder or CSV that no platform knows; its id and name follow from its path.

    Args:
        bucket: a path or URL.
        dataset_id: by default the same for the same path.
        name: by default the folder's.
        reference: goes into the samples' column of that name.

    Raises:
        InvalidInputError: for an empty path.
    """
    if not isinstance(bucket, (str, os.PathLike)):
        raise InvalidInputError(f"expected the path of a folder or CSV, or a URL, received {type(bucket).__name__}")
    text = os.fspath(bucket)
    local = local_path_of(os.path.expanduser(text))
    place = local or text.rstrip("/")
    return DatasetRecord(
        id=dataset_id or str(uuid.uuid5(uuid.NAMESPACE_URL, place)),
        name=name or os.path.basename(place) or place,
        bucket=place,
        reference=reference,
    )


def _sources(
    datasets: SampleSource | str | os.PathLike[str] | Iterable[SampleSource | str | os.PathLike[str]],
) -> list[SampleSource]:
    given: list[Any]
    if isinstance(datasets, (SampleSource, str, os.PathLike)) or not isinstance(datasets, Iterable):
        given = [datasets]
    else:
        given = list(datasets)
    if not given:
        raise InvalidInputError("expected at least one dataset, received none: give --dataset PATH_OR_NAME")
    found: dict[str, SampleSource] = {}
    for one in given:
        if isinstance(one, (str, os.PathLike)):
            one = dataset_record(one)
        if not isinstance(one, SampleSource):
            raise InvalidInputError(f"expected datasets or paths of folders, received {type(one).__name__}")
        found[one.id] = one
    return [found[key] for key in sorted(found)]


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    if len(frames) == 1:
        return frames[0]
    full = _of_one_kind([frame for frame in frames if len(frame)] or frames[:1])
    joined = pd.concat(full, ignore_index=True)
    for column in joined.columns:
        # A column of one dataset's CSV has no value in another's rows; only a purpose may be missing.
        if column != "purpose" and isinstance(joined[column].dtype, pd.StringDtype):
            joined[column] = joined[column].fillna("")
    return joined


def _of_one_kind(frames: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Returns frames whose columns are text in all where they are numbers in some and text in others.

    Each CSV tells the kind of its columns by its own values. Booleans, which cannot be missing, become text where a
    frame has none.
    """
    names = dict.fromkeys(name for frame in frames for name in frame.columns)
    kinds = {name: {_kind(frame[name]) if name in frame else "" for frame in frames} for name in names}
    mixed = [
        name for name, found in kinds.items()
        if len(found) > 1 and found & {"text", "boolean"} and found != {"text", ""} and "other" not in found
    ]  # fmt: skip
    if not mixed:
        return frames
    return [frame.assign(**{name: _as_text(frame[name]) for name in mixed if name in frame}) for frame in frames]


def _kind(values: "pd.Series[Any]") -> str:
    if isinstance(values.dtype, pd.StringDtype):
        return "text"
    if pd.api.types.is_bool_dtype(values.dtype):
        return "boolean"
    return "number" if pd.api.types.is_numeric_dtype(values.dtype) else "other"


def _as_text(values: "pd.Series[Any]") -> "pd.Series[str]":
    if isinstance(values.dtype, pd.StringDtype):
        return values
    given = values.dropna()
    if pd.api.types.is_float_dtype(values.dtype) and ((given % 1 == 0) & (given.abs() < _EXACT)).all():
        # Whole numbers beside an empty cell, which numbers have only as fractions.
        values = values.astype("Int64")
    return values.astype("str").where(values.notna(), "").astype("str")
