"""`Preparation`: a job checks every file once, and nothing vanishes: listed = used + quarantined.

preparation = Preparation("quarantine", 0.01, job.artifact_path("quarantine.csv"))
used = preparation.prepare(samples, skipped)
preparation.counts()        # {"listed": 100, "used": 99, "quarantined": 1}
"""

import logging
from collections.abc import Callable, Iterable
from typing import Literal

import pandas as pd

from brevetti_keras.data.file_check.checker import FileChecker
from brevetti_keras.data.fingerprint import fingerprint
from brevetti_keras.data.image.decode import MAX_PIXELS
from brevetti_keras.data.image.pipeline import ImagePipeline
from brevetti_keras.data.inspection import Inspection, inspect_images
from brevetti_keras.data.text_csv import text_csv
from brevetti_keras.io.local import atomic_write
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import DataError

_LOGGER = logging.getLogger(__name__)
_NAMED = 5


class Preparation:
    """Inspects a job's samples, remembers which files passed, and writes down those that did not.

    Args:
        on_error: `"quarantine"` sets a bad file aside, `"raise"` stops at it.
        max_bad_share: stop if more than this share of the files is bad.
        quarantine_path: returns where to write the table of bad files, when there is one.
        min_class_images: stop if bad files leave fewer usable images of their class.
        max_megapixels: larger images are bad.
        pipelines: what reads the images later: they are decoded into its cache, if it has one, and must be fit for it
            too.
        fingerprint_path: returns where to write the leaves of the samples' fingerprint; None makes none.

    Attributes:
        checker: reads each file once; listing takes its hashes from it.
    """

    def __init__(
        self,
        on_error: Literal["quarantine", "raise"],
        max_bad_share: float,
        quarantine_path: Callable[[], str],
        min_class_images: int = 1,
        max_megapixels: float = MAX_PIXELS / 1e6,
        pipelines: Iterable[ImagePipeline] = (),
        fingerprint_path: Callable[[], str] | None = None,
    ) -> None:
        self._on_error = on_error
        self._max_bad_share = max_bad_share
        self._min_class_images = min_class_images
        self._quarantine_path = quarantine_path
        self._passed: set[tuple[str, str]] = set()
        self._quarantined = pd.DataFrame()
        self._fingerprint_path = fingerprint_path
        self._used = pd.DataFrame()
        self._root = ""
        self._changed = 0
        caches = [(one.cache, one.reader) for one in pipelines]
        self.checker = FileChecker(int(max_megapixels * 1e6), caches, hash_pixels=fingerprint_path is not None)

    def prepare(self, samples: pd.DataFrame, skipped: pd.DataFrame) -> pd.DataFrame:
        """Returns the samples that can be used, in their order.

        Args:
            samples: as listed, with `path` and `etag`.
            skipped: files that were found and cannot be samples, with their `reason`.

        Raises:
            DataError: if there is no sample at all, or too many are bad.
        """
        if samples.empty and skipped.empty:
            raise DataError("expected images in the job's datasets, found none: are they in the folders given?")
        keys = pd.Series(list(zip(samples.path, samples.etag, strict=True)), index=samples.index)
        noted = set(self._quarantined.get("path", ()))
        if len(samples) and keys.isin(self._passed).all() and noted.issuperset(skipped["path"]):
            return samples
        found = inspect_images(
            samples,
            self._on_error,
            self._max_bad_share,
            self._min_class_images,
            verify=self.checker.verify,
            noted=self._note_all,
            skipped=skipped,
        )
        if found.used.empty:
            raise DataError("expected images that can be used in the job's datasets, found none")
        self._take_fingerprint(found.used)
        return found.used

    @property
    def fingerprint(self) -> str:
        """The root hash of all samples used so far, see `brevetti_keras.data.fingerprint`; `""` before any is."""
        return self._root

    def counts(self) -> dict[str, int]:
        """Returns how many files were listed, used and quarantined so far, and changed if `note_changes` found any."""
        used, quarantined = len({path for path, _ in self._passed}), len(self._quarantined)
        changed = {"changed": self._changed} if self._changed else {}
        return {"listed": used + quarantined, "used": used, "quarantined": quarantined, **changed}

    def note_changes(self) -> None:
        """Counts and names the files on this machine that hold something else now than when they were checked.

        What was read of them since is not what their etags and the fingerprint tell of.
        """
        changed = sorted({path for path, etag in self._passed if self.checker.is_changed(path, etag)})
        self._changed = len(changed)
        if changed:
            named = ", ".join(changed[:_NAMED]) + (", …" if len(changed) > _NAMED else "")
            _LOGGER.warning(
                "%s since the job checked them, and its etags and fingerprint tell of what they held then: %s",
                counted(len(changed), "file has changed", "files have changed"),
                named,
            )

    def _take_fingerprint(self, used: pd.DataFrame) -> None:
        if self._fingerprint_path is None:
            return
        together = pd.concat([self._used, used]) if len(self._used) else used
        self._used = together.drop_duplicates("path", ignore_index=True)
        taken = fingerprint(self._used, self.checker.pixel_hashes)
        self._root = taken.root
        atomic_write(self._fingerprint_path(), taken.to_csv())

    def _note_all(self, found: Inspection) -> None:
        self._passed.update(zip(found.used.path, found.used.etag, strict=True))
        self._note(found.quarantined)

    def _note(self, bad: pd.DataFrame) -> None:
        if bad.empty:
            return
        together = pd.concat([self._quarantined, bad]) if len(self._quarantined) else bad
        self._quarantined = together.drop_duplicates("path", ignore_index=True)
        table = self._quarantined.assign(category=["/".join(labels) for labels in self._quarantined["category"]])
        path = self._quarantine_path()
        atomic_write(path, text_csv(table.astype("object").fillna("").astype("str")))
        _LOGGER.warning("set aside %s that cannot be used, see %s", counted(len(self._quarantined), "file"), path)
