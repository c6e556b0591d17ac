"""`scratch_folder`: a folder to fill and then move to its place, which leaves nothing behind, however its process ends.

with scratch_folder("/data", ".import-") as folder:
    ...
    os.rename(folder, "/data/vials")        # else it is removed
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator

from brevetti_keras.io.local import os_errors

# One that was only just made may not be locked yet.
_YOUNG_SECONDS = 60.0


@contextlib.contextmanager
def scratch_folder(parent: str, prefix: str) -> Iterator[str]:
    """Gives a new folder that goes when the block ends, unless it was moved away.

    Those of processes that were killed go first: each is locked as long as its process is there.

    Args:
        parent: the folder that it is made in, itself made if need be.
        prefix: how its name starts; of such a name `parent` may hold nothing else.

    Raises:
        StorageError: for what the system refuses.
    """
    with os_errors(parent):
        os.makedirs(parent, exist_ok=True)
        _remove_abandoned(parent, prefix)
        made = tempfile.mkdtemp(prefix=prefix, dir=parent)
        descriptor = _open(made)
    try:
        with os_errors(made):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(descriptor)


def _open(folder: str) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _remove_abandoned(parent: str, prefix: str) -> None:
    with os.scandir(parent) as entries:
        found = [entry.path for entry in entries if entry.name.startswith(prefix)]
    for folder in found:
        with contextlib.suppress(OSError):  # another user's, or removed meanwhile
            descriptor = _open(folder)
            try:
                if time.time() - os.fstat(descriptor).st_mtime > _YOUNG_SECONDS:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
