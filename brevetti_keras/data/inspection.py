"""Decodes every listed file once, before training, so that nothing odd is met in the middle of an epoch.

    found = inspect_images(samples)
    found.used, found.quarantined[["path", "reason"]]        # together: all that was listed

Samples → their files, each really decoded in a thread → those without a fault, and those with one and its reason. A
few faulty files are set aside; many, or a class left with too few, stop the job, since the data are then not what they
were taken for.
"""

import concurrent.futures
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from tqdm import tqdm

from brevetti_keras.data.image.decode import verify_image
from brevetti_keras.data.samples import SKIPPED_COLUMNS
from brevetti_keras.io.local_copies import local_copy
from brevetti_keras.io.open import split_url
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import BrevettiError, DataError, DecodeError

_NAMED = 3
_WINDOW = 1024

Verify = Callable[[str], str | None]


@dataclass(frozen=True)
class Inspection:
    """What came of it; `used` and `quarantined` together are what was listed.

    Attributes:
        used: the samples whose file can be decoded, in the order and with the columns given.
        quarantined: the others: path, dataset, dataset_id, category, size, reason.
    """

    used: pd.DataFrame
    quarantined: pd.DataFrame


def inspect_images(
    samples: pd.DataFrame,
    on_error: Literal["quarantine", "raise"] = "quarantine",
    max_bad_share: float = 0.01,
    min_class_images: int = 1,
    progress: bool = True,
    verify: Verify = verify_image,
    noted: Callable[[Inspection], None] | None = None,
    skipped: pd.DataFrame | None = None,
) -> Inspection:
    """Decodes each sample's file.

    Args:
        samples: with `path`, and if they have them `category`, `dataset`, `dataset_id` and `size`.
        on_error: what to do with a faulty file: set it aside, or stop.
        max_bad_share: stop if more than this share of the files, and more than one, is faulty.
        min_class_images: stop if faulty files leave fewer usable ones of their class; 0 never does.
        progress: show a bar on a terminal.
        verify: gives the reason why the file at a local path cannot be used, None if it can; called in threads.
        noted: gets what was found before too many faulty files raise, so that all of them can be told.
        skipped: as `Listing.skipped`: files that cannot be samples; they are faulty and count with the others.

    Raises:
        DecodeError: for the first faulty file, with `on_error="raise"`.
        DataError: if too many files are faulty, or leave too few of a class.
    """
    paths = samples["path"].drop_duplicates().tolist()
    if skipped is None:
        skipped = pd.DataFrame(columns=[*SKIPPED_COLUMNS])
    left_out = dict(zip(skipped["path"], skipped["reason"], strict=True))
    if left_out and on_error == "raise":
        raise DecodeError(*next(iter(left_out.items())))
    reasons: dict[str, str] = {}
    with tqdm(
        _verified(paths, verify), total=len(paths), desc="Checking", unit="file", disable=_hidden(progress)
    ) as bar:
        for path, reason in bar:
            if reason is not None and on_error == "raise":
                raise DecodeError(path, reason)
            if reason is not None:
                reasons[path] = reason
    faulty = samples["path"].isin(list(reasons)).to_numpy(dtype=bool)
    used, bad = samples[~faulty], _quarantined(samples[faulty], skipped, reasons | left_out)
    found = Inspection(used if len(used) == len(samples) else used.reset_index(drop=True), bad)
    if noted is not None:
        noted(found)
    _check_share(len(paths) + len(left_out), reasons | left_out, max_bad_share)
    if "category" in samples.columns:
        _check_classes(used, bad, min_class_images)
    return found


def _hidden(progress: bool) -> bool | None:
    return None if progress else True  # to tqdm, None means: only where there is a terminal


def _verified(paths: list[str], verify: Verify) -> Iterable[tuple[str, str | None]]:
    if not paths:
        return
    workers = min(16, len(paths), 2 * (os.cpu_count() or 1))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        # A window at a time, so that a million files do not stand as a million futures.
        for start in range(0, len(paths), _WINDOW):
            window = paths[start : start + _WINDOW]
            yield from zip(window, pool.map(lambda path: _reason(path, verify), window), strict=True)


def _reason(path: str, verify: Verify) -> str | None:
    try:
        if "://" in path:
            return verify(local_copy(path))
        storage, inner = split_url(path, follow_links=True)
        return verify(storage.local_path(inner))
    except BrevettiError as error:
        return str(error).removeprefix(f"{path}: ")
    except OSError as error:
        return error.strerror or str(error)


def _quarantined(bad: pd.DataFrame, skipped: pd.DataFrame, reasons: dict[str, str]) -> pd.DataFrame:
    parts = [part.reindex(columns=[*SKIPPED_COLUMNS]) for part in (bad, skipped) if len(part)]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*SKIPPED_COLUMNS])
    table["reason"] = pd.Series([reasons[path] for path in table["path"]], dtype="str")
    return table


def _check_share(count: int, reasons: dict[str, str], max_bad_share: float) -> None:
    if len(reasons) > 1 and len(reasons) > max_bad_share * count:
        raise DataError(
            f"expected at most {max_bad_share:.1%} of the files to be unusable, found {len(reasons)} of {count}: "
            f"{_examples(reasons)}; mend or remove them, or raise max_bad_share"
        )


def _check_classes(used: pd.DataFrame, bad: pd.DataFrame, least: int) -> None:
    if bad.empty:
        return
    left = _counts(used)
    for label in sorted((label for label in _counts(bad) if left[label] < least), key=str):
        rows = bad[[label in _tuple(labels) for labels in bad["category"]]]
        examples = _examples(dict(zip(rows["path"], rows["reason"], strict=True)))
        raise DataError(
            f"expected at least {counted(least, 'usable file')} of class {label!r}, found {left[label] or 'none'}: "
            f"{examples}; mend or remove them, or lower min_class_images"
        )


def _counts(samples: pd.DataFrame) -> Counter[object]:
    return Counter(label for labels in samples["category"] for label in set(_tuple(labels)))


def _tuple(labels: object) -> tuple[object, ...]:
    return tuple(labels) if isinstance(labels, (tuple, list)) else (labels,)


def _examples(reasons: dict[str, str]) -> str:
    named = "; ".join(f"{path}: {reason}" for path, reason in list(reasons.items())[:_NAMED])
    return f"{named}; …" if len(reasons) > _NAMED else named
