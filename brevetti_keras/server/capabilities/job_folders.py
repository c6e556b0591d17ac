"""Where a job's files lie: `jobs/<id>/{info.json,events.log,artifacts/,temp/,checkpoints/}`.

Every folder is made for its owner alone (0700), since other users of the machine could else swap what a job writes.
"""

import os
import re

from brevetti_keras.io.folder_mirror import FolderMirror
from brevetti_keras.io.local import LocalStorage
from brevetti_keras.utils.errors import NotFoundError, StorageError
from brevetti_keras.wire.artifacts import (
    ARTIFACTS_FOLDER,
    CHECKPOINTS_FOLDER,
    EVENT_LOG,
    INFO,
    MIRRORED,
    PROCESS_OUTPUT,
    TEMP_FOLDER,
)

_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class JobFolders:
    """The folders of all jobs.

    Args:
        root: the folder that holds `jobs/`.
        bucket: the `gs://` URL that artifacts are brought to, `""` for none.
    """

    def __init__(self, root: str, bucket: str = "") -> None:
        self.root = os.path.join(root, "jobs")
        self._bucket = bucket

    def path(self, job_id: str, *parts: str) -> str:
        """Returns a path in a job's folder.

        Raises:
            NotFoundError: for text that is no job's id; it never becomes part of a path.
        """
        if not _JOB_ID.fullmatch(job_id):
            raise NotFoundError("no such job")
        return os.path.join(self.root, job_id, *parts)

    def make(self, job_id: str) -> None:
        """Makes a job's folders."""
        try:
            for part in ("", ARTIFACTS_FOLDER, TEMP_FOLDER, CHECKPOINTS_FOLDER):
                os.makedirs(self.path(job_id, part), mode=0o700, exist_ok=True)
        except OSError as error:
            failure = StorageError(f"expected to make the job's folder {self.path(job_id)}: {error.strerror}")
            failure.errno = error.errno
            raise failure from error

    def info(self, job_id: str) -> str:
        """Returns the path of a job's `info.json`."""
        return self.path(job_id, INFO)

    def event_log(self, job_id: str) -> str:
        """Returns the path of a job's log of events."""
        return self.path(job_id, EVENT_LOG)

    def process_output(self, job_id: str) -> str:
        """Returns the path of what a started job's process wrote to its standard output and error."""
        return self.path(job_id, TEMP_FOLDER, PROCESS_OUTPUT)

    def artifacts(self, job_id: str) -> LocalStorage:
        """Returns the storage of a job's artifacts; links may not lead out of it."""
        return LocalStorage(self.path(job_id, ARTIFACTS_FOLDER))

    @property
    def has_bucket(self) -> bool:
        """Whether artifacts are brought to a bucket."""
        return bool(self._bucket)

    def mirror(self, job_id: str) -> FolderMirror | None:
        """Returns what brings a job's artifacts to the bucket; None if the workspace has none."""
        return artifact_mirror(self.path(job_id), job_id, self._bucket)


def artifact_mirror(folder: str, job_id: str, bucket: str) -> FolderMirror | None:
    """Returns what brings the artifacts of a job to a bucket.

    Args:
        folder: the job's own, on this machine.
        job_id: its id.
        bucket: `gs://` URL of the storage root, `""` for none: then None is returned.
    """
    if not bucket:
        return None
    target = f"{bucket}/jobs/{job_id}/{ARTIFACTS_FOLDER}"
    return FolderMirror(os.path.join(folder, ARTIFACTS_FOLDER), target, os.path.join(folder, MIRRORED))
