"""Opens a workspace: the folder that holds a platform's database, datasets and jobs.

    service = open_service()            # $BREVETTI_HOME, else ./brevetti-workspace; made if it is not there
    service = open_service("/work", database_url="postgresql+psycopg://localhost/brevetti")

    service = open_service(storage_root="gs://results/vials")       # artifacts are brought there as well

Layout: `platform.sqlite3`, `datasets/`, `jobs/<id>/{info.json,events.log,artifacts/,temp/,checkpoints/}`, and
`storage.json` with a storage root. Folders are made for their owner alone (0700).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL

from brevetti_keras.io.open import local_path_of
from brevetti_keras.server.migrate import migrate
from brevetti_keras.server.service import Service
from brevetti_keras.server.storage_root import record_storage_root, storage_places
from brevetti_keras.server.store import Store
from brevetti_keras.utils.errors import InvalidInputError, StorageError

DATABASE = "platform.sqlite3"
DEFAULT_HOME = "brevetti-workspace"
_LOCK = "platform.lock"


def open_service(
    home: str | None = None, *, database_url: str | None = None, storage_root: str | None = None
) -> Service:
    """Opens the workspace, making and migrating it if need be.

    Args:
        home: its folder, as a path or `file://` URL; by default `$BREVETTI_HOME`, else `./brevetti-workspace`.
        database_url: another database than the workspace's SQLite file, in SQLAlchemy's form.
        storage_root: where `jobs/` lie instead: another folder, or `gs://bucket/prefix` for their artifacts; by default
            what the workspace has recorded, else `$BREVETTI_STORAGE_ROOT`, which is recorded then, else the workspace.

    Raises:
        InvalidInputError: if `home` is no folder, a URL cannot be used, or another storage root is recorded.
        StorageError: if the workspace cannot be made or written.
        PlatformError: if the database cannot be reached, or was made by a newer version.
    """
    folder = workspace_path(home)
    root, bucket = storage_places(folder, storage_root)
    _make_folders(folder, root, bucket)
    store = Store(database_url or URL.create("sqlite", database=os.path.join(folder, DATABASE)))
    try:
        with _alone(folder), store.translated():
            migrate(store.engine)
    except BaseException:
        store.close()
        raise
    return Service(folder, store, root, bucket)


def workspace_path(home: str | None = None) -> str:
    """Returns the workspace's absolute path without touching the disk.

    Args:
        home: see `open_service`.

    Raises:
        InvalidInputError: for a URL that is not `file://`.
    """
    chosen = home or os.environ.get("BREVETTI_HOME") or DEFAULT_HOME
    path = local_path_of(os.path.expanduser(chosen))
    if path is None:
        raise InvalidInputError(f"expected the workspace as a folder or file:// URL, received {chosen!r}")
    return path


def _make_folders(folder: str, root: str, bucket: str) -> None:
    try:
        for path in (folder, os.path.join(folder, "datasets"), root, os.path.join(root, "jobs")):
            os.makedirs(path, mode=0o700, exist_ok=True)
        with _alone(folder):
            record_storage_root(folder, root, bucket)
            _make_database(os.path.join(folder, DATABASE))
    except (FileExistsError, NotADirectoryError) as error:
        raise InvalidInputError(
            f"expected a folder for the workspace, received {folder}, which is a file or lies below one: "
            "choose another with BREVETTI_HOME"
        ) from error
    except OSError as error:
        failure = StorageError(
            f"expected a workspace that can be written, received {folder}: {error.strerror}; choose another folder "
            "with BREVETTI_HOME"
        )
        failure.errno = error.errno
        raise failure from error


def _make_database(path: str) -> None:
    """Makes the empty file, so that nobody else may read it; SQLite gives its side files the same mode.

    A file that is there is never opened here: closing it would drop the locks that SQLite holds on it in this process
    (POSIX locks belong to the process, not to the descriptor), and another process could then end the write-ahead log
    under this one.
    """
    if not os.path.lexists(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Keeps other processes from opening the workspace meanwhile."""
    lock = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
