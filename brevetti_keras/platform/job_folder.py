"""`JobFolder`: where a job's files lie, and the rule that no path leads out of it.

folder = JobFolder("/data/jobs/3f2a")
folder.path("artifacts", "pivot", "data.json")     # makes artifacts/pivot, returns the file's path
"""

import os

from brevetti_keras.io.local import LocalStorage, os_errors
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.wire import artifacts


class JobFolder:
    """A job's folder on this machine.

    Args:
        root: its path; made when something is first put there.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)

    @property
    def event_log(self) -> str:
        """Path of the job's log of events."""
        return os.path.join(self.root, artifacts.EVENT_LOG)

    @property
    def checkpoints(self) -> str:
        """Path of the folder of checkpoints."""
        return os.path.join(self.root, artifacts.CHECKPOINTS_FOLDER)

    @property
    def artifacts(self) -> str:
        """Path of the folder of artifacts."""
        return os.path.join(self.root, artifacts.ARTIFACTS_FOLDER)

    def path(self, area: str, *parts: str | os.PathLike[str], directory: bool = False) -> str:
        """Returns the path of a file, or of a folder, in one area of the job; missing folders are made.

        Args:
            area: `"artifacts"` or `"temp"`.
            *parts: joined below it; each may hold `/`, none may be absolute or lead out.
            directory: whether the path is a folder.

        Raises:
            InvalidInputError: for a path that leaves the area, by its parts or through a link.
            StorageError: if a folder cannot be made.
        """
        texts = [os.fspath(part) for part in parts]
        if not directory and not any(text.strip("/") for text in texts):
            raise InvalidInputError("expected the name of a file, received none; a folder takes dir=True")
        for text in texts:
            if os.path.isabs(text):
                raise InvalidInputError(f"expected a path relative to the job's {area}, received {text[:80]!r}")
        top = os.path.join(self.root, area)
        full = LocalStorage(top).resolve("/".join(texts))
        folder = full if directory else os.path.dirname(full)
        with os_errors(folder):
            try:
                os.makedirs(folder, exist_ok=True)
            except FileExistsError as error:
                raise NotADirectoryError(20, "a file stands where a folder is needed") from error
        return full
