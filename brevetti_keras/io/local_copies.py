"""`local_copy`: from a path or URL to a path that any program on this machine can open.

local_copy("/data/vials/1.png")             # the same
local_copy("gs://vials/good/1.png")         # …/objects/9c/9c12….png, fetched once and verified
fetch_copies(samples.path)                  # many at once, before they are needed
"""

import concurrent.futures
import os
from collections.abc import Iterable

from tqdm import tqdm

from brevetti_keras.io.google_client import CONNECTIONS
from brevetti_keras.io.google_cloud import GoogleStorage
from brevetti_keras.io.open import local_path_of, split_url
from brevetti_keras.utils.errors import NotFoundError


def local_copy(path: str) -> str:
    """Returns a path on this machine: the file itself, or a verified copy of an object as this process last saw it.

    Args:
        path: a path or URL, see `open_storage`.

    Raises:
        NotFoundError: if there is no such object.
        StorageError: if it cannot be had.
    """
    if "://" not in path:
        return path
    local = local_path_of(path)
    if local is not None:
        return local
    storage, inner = split_url(path)
    return storage.known_path(inner) if isinstance(storage, GoogleStorage) else storage.local_path(inner)


def fetch_copies(paths: Iterable[str], *, workers: int = CONNECTIONS // 2, progress: bool = False) -> dict[str, str]:
    """Fetches the objects among `paths`, several at a time, and returns each one's path on this machine.

    Args:
        paths: paths and URLs; what lies on this machine already is left as it is.
        workers: threads. A thread waits for the network most of the time.
        progress: show a bar on a terminal.

    Raises:
        NotFoundError: if an object is not there.
        StorageError: if one cannot be had.
    """
    wanted = list(dict.fromkeys(path for path in paths if "://" in path))
    if not wanted:
        return {}
    with concurrent.futures.ThreadPoolExecutor(min(workers, len(wanted))) as pool:
        found = tqdm(
            pool.map(local_copy, wanted),
            total=len(wanted),
            desc="Fetching",
            unit="file",
            disable=None if progress else True,
        )
        try:
            return dict(zip(wanted, found, strict=True))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def file_state(path: str) -> tuple[str, int, int] | None:
    """Returns what a file is known by: its whole path, its size in bytes, and its modification time in nanoseconds
    since 1970, of an object the generation in the time's place; None if there is none.

    Raises:
        StorageError: if an object's bucket cannot be asked.
    """
    local = local_path_of(path) if "://" in path else path
    if local is not None:
        try:
            found = os.stat(local)
        except (OSError, ValueError):  # a NUL in the path
            return None
        # What is remembered outlives the working folder, in which a relative path means another file tomorrow.
        known = path if path.startswith("/") or "://" in path else os.path.abspath(path)
        return known, found.st_size, found.st_mtime_ns
    storage, inner = split_url(path)
    try:
        if isinstance(storage, GoogleStorage):
            return path, *storage.known_version(inner)
        info = storage.stat(inner)
    except NotFoundError:
        return None
    return path, info.size, info.modified_ns
