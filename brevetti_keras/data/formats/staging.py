"""`staged`: a folder on this machine to fill, also where what is in it is to lie in a bucket.

    with staged("gs://vials/export") as folder:         # a temporary one; of a path, that path itself
        ...
    # now all of it lies in the bucket, or nothing if filling it failed

So an export is read back from this machine, and other libraries write where they can.
"""

import concurrent.futures
import contextlib
import os
from collections.abc import Iterator

from tqdm import tqdm

from brevetti_keras.io.cache_folder import cache_folder
from brevetti_keras.io.google_client import CONNECTIONS
from brevetti_keras.io.local import LocalStorage, os_errors
from brevetti_keras.io.local_copies import fetch_copies
from brevetti_keras.io.open import local_path_of, open_storage
from brevetti_keras.io.scratch import scratch_folder
from brevetti_keras.io.storage import Storage
from brevetti_keras.utils.errors import ConflictError, NotFoundError


@contextlib.contextmanager
def staged(folder: str) -> Iterator[str]:
    """Gives a folder of this machine whose files go to `folder` when the block ends well.

    Args:
        folder: a path or URL where there is nothing yet.

    Raises:
        ConflictError: if there is something in it.
        StorageError: for what the system or the bucket refuses.
    """
    storage = open_storage(folder)
    if next(iter(storage.walk(hidden=True)), None) is not None:
        raise ConflictError(f"expected a folder that is new or empty, received {folder}, where there are files")
    if isinstance(storage, LocalStorage):
        yield storage.root
        return
    with _temporary() as temporary:
        yield temporary
        _bring(LocalStorage(temporary, follow_links=True), storage)


@contextlib.contextmanager
def fetched_folder(folder: str) -> Iterator[str]:
    """Gives a folder of this machine that holds what lies at a path or URL, for as long as the block lasts.

    Raises:
        NotFoundError: if there is nothing.
        StorageError: for what the system or the bucket refuses.
    """
    path = local_path_of(folder)
    if path is not None:
        yield path
        return
    storage = open_storage(folder)
    urls = {info.path: storage.resolve(info.path) for info in storage.walk()}
    if not urls:
        raise NotFoundError(f"expected a folder of files, received {folder}, where there is none")
    with _temporary() as temporary:
        copies = fetch_copies(urls.values(), progress=True)
        for inner, url in urls.items():
            place = os.path.join(temporary, inner)
            with os_errors(place):
                os.makedirs(os.path.dirname(place), exist_ok=True)
                os.symlink(copies[url], place)
        yield temporary


@contextlib.contextmanager
def _temporary() -> Iterator[str]:
    with scratch_folder(cache_folder(), ".staged-") as temporary:
        yield temporary


def _bring(source: LocalStorage, target: Storage) -> None:
    paths = [info.path for info in source.walk(hidden=True)]

    def bring(path: str) -> None:
        target.write_bytes(path, source.read_bytes(path))

    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS // 2) as pool:
        try:
            for _ in tqdm(pool.map(bring, paths), total=len(paths), desc="sending files", unit="", disable=None):
                pass
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
