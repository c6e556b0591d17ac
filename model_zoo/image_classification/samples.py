"""From a job's samples to what is trained on: one label each, classes checked, a purpose each.

    labelled = label_samples(samples, settings.classes)      # .samples has a column label; .classes; .left_out
    labelled = tie_copies(labelled)                          # a column leak_group, if settings.leak_groups
    split = split_samples(labelled, settings, id_path)       # a column purpose: train, devel, test

What cannot be trained is refused here, in one line, before TensorFlow is loaded.
"""

import dataclasses
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from brevetti_keras.data.sample_integrity import find_leak_groups
from brevetti_keras.schema.settings import nearest
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import DataError
from model_zoo.image_classification.model_type import ImageClassificationSettings

_LOGGER = logging.getLogger("brevetti_keras.model_zoo.image_classification")
PURPOSES = ("train", "devel", "test")
_SHOWN = 8


@dataclass(frozen=True)
class LabelledSamples:
    """Samples with one label each.

    Attributes:
        samples: those of the classes, with a column `label` beside what they had.
        classes: the labels, in the order of the network's scores.
        left_out: how many samples had another label.
        contradictions: groups of equal files that carry different labels: `etag`, `label` (joined by ` / `), `path`.
    """

    samples: pd.DataFrame
    classes: tuple[str, ...]
    left_out: int
    contradictions: pd.DataFrame


def label_samples(samples: pd.DataFrame, classes: Sequence[str] = ()) -> LabelledSamples:
    """Gives each sample its label and keeps those of the classes.

    Args:
        samples: with `category` (a tuple of labels), `path` and `etag`.
        classes: the labels to keep, in their order; empty keeps all, sorted.

    Raises:
        DataError: if a sample has not exactly one label, a class has fewer than two samples, or there are fewer than
            two classes.
    """
    if samples.empty:
        raise DataError("expected images to train on, found none: are they in the folders given?")
    counts = samples["category"].map(len)
    if (counts != 1).any():
        row = samples[counts != 1].iloc[0]
        raise DataError(
            f"expected one label a sample, received {list(row['category'])} for {row['path']}: "
            "name one label for its folder in class_mapping"
        )
    labelled = samples.assign(
        label=pd.Series([labels[0] for labels in samples["category"]], samples.index, dtype="str")
    )
    present = labelled["label"].value_counts()
    chosen = tuple(classes) or tuple(sorted(present.index))
    _check_classes(chosen, present, labelled)
    kept = labelled[labelled["label"].isin(chosen)].reset_index(drop=True)
    return LabelledSamples(kept, chosen, len(labelled) - len(kept), _contradictions(kept))


def refuse_empty_classes(folders: Iterable[str], labelled: LabelledSamples, class_mapping: Mapping[str, str]) -> None:
    """Refuses to train without a class whose folder is there and whose images are not.

    Args:
        folders: those of the datasets in which there is nothing.
        labelled: from `label_samples`, all labels being classes.
        class_mapping: from a folder's name to its label.

    Raises:
        DataError: for the first folder whose label no sample has.
    """
    for folder in folders:
        name = os.path.basename(folder)
        if class_mapping.get(name, name) not in labelled.classes:
            raise DataError(
                f"expected images in the folder of each class, found none in {folder}: add images, remove the folder, "
                "or name the classes to tell apart with classes"
            )


def _check_classes(chosen: tuple[str, ...], present: "pd.Series[int]", samples: pd.DataFrame) -> None:
    known = sorted(present.index)
    for name in chosen:
        if name not in present.index:
            raise DataError(f"expected samples of each class, received none of {name!r}{nearest(name, known[:_SHOWN])}")
    if len(chosen) < 2:
        raise DataError(
            f"expected at least two classes, received one ({chosen[0]!r}, {counted(present[chosen[0]], 'image')}): "
            "give each class a folder of its own, named after it"
        )
    single = [name for name in chosen if present[name] < 2]
    if single:
        path = samples["path"][samples["label"] == single[0]].iloc[0]
        more = f" and {len(single) - 1} more such classes" if len(single) > 1 else ""
        raise DataError(
            f"expected at least two images of each class, one to train on and one to check with, received one of "
            f"{single[0]!r} ({path}){more}: add images, or leave the class out with classes"
        )


def _contradictions(samples: pd.DataFrame) -> pd.DataFrame:
    labels = samples.groupby("etag")["label"].nunique() if "etag" in samples else pd.Series(dtype=int)
    found = samples[samples["etag"].isin(labels.index[labels > 1])] if len(labels) else samples.iloc[:0]
    groups = [
        {"etag": etag, "label": " / ".join(sorted(set(group["label"]))), "path": tuple(group["path"])}
        for etag, group in found.groupby("etag", sort=True)
    ]
    if groups:
        _LOGGER.warning(
            "%s with different labels, for example %s",
            counted(len(groups), "file occurs", "files occur"),
            groups[0]["path"],
        )
    return pd.DataFrame(groups, columns=["etag", "label", "path"])


def tie_copies(labelled: LabelledSamples) -> LabelledSamples:
    """Gives copies of one picture a `leak_group`, which keeps them on one side of the split.

    Args:
        labelled: from `label_samples`.
    """
    samples = find_leak_groups(labelled.samples)
    copies = samples["leak_group"][samples["leak_group"] != ""]
    _LOGGER.info(
        "%s copies of others, in %s",
        counted(len(copies), "sample is", "samples are"),
        counted(copies.nunique(), "group"),
    )
    return dataclasses.replace(labelled, samples=samples)


def split_samples(
    labelled: LabelledSamples, settings: ImageClassificationSettings, id_path: str | None = None
) -> pd.DataFrame:
    """Gives each sample a purpose: `test` first, if a share is asked for, then `train` and `devel`.

    Args:
        labelled: from `label_samples`.
        settings: its `split` and `test_share`.
        id_path: the identification file, which remembers purposes; None splits without.

    Returns:
        The samples with a column `purpose`; samples that tie two purposes together are `conflict` and are not used.

    Raises:
        DataError: if a class has nothing to train on, or nothing is left to check with.
    """
    samples = labelled.samples
    if settings.test_share:
        test = settings.split.model_copy(update={"split": settings.test_share})
        samples = (
            test.assign(samples, purpose="test")
            if id_path is None
            else test.update_unassigned(samples, id_path, purpose="test", remainder=None)
        )
    split = (
        settings.split.assign(samples, remainder="devel")
        if id_path is None
        else settings.split.update_unassigned(samples, id_path)
    )
    _check_split(split, labelled.classes, settings)
    return split


def _check_split(split: pd.DataFrame, classes: Sequence[str], settings: ImageClassificationSettings) -> None:
    table = pd.crosstab(split["label"], split["purpose"]).reindex(
        index=list(classes), columns=list(PURPOSES), fill_value=0
    )
    without = [name for name in classes if table.loc[name, "train"] == 0]
    if without:
        raise DataError(
            f"expected samples of each class to train on, received none of {without[0]!r} "
            f"(split {settings.split.split}, test_share {settings.test_share}): raise split.split, or stratify by label"
        )
    if not table["devel"].sum():
        raise DataError(
            f"expected devel samples to check the training with, received none of {len(split)} samples "
            f"(split {settings.split.split}): lower split.split"
        )
    unchecked = [name for name in classes if table.loc[name, "devel"] == 0]
    if unchecked:
        _LOGGER.warning("no devel sample of %s: how well they are told apart is not measured", ", ".join(unchecked))
