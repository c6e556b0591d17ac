"""Objects of a bucket that a CSV of samples names by their URLs.

found = named_objects(["gs://vials/1.png", "gs://vials/2.png"], "/data/samples.csv", None)
storage, infos = found              # what lies in gs://vials, and each object's facts; None for plain paths
"""

import posixpath
from collections.abc import Sequence

from brevetti_keras.io.open import split_url
from brevetti_keras.io.storage import FileInfo, Storage
from brevetti_keras.utils.errors import DataError

_SCHEME = "gs://"


def named_objects(paths: Sequence[str], table: str, own: Storage | None) -> tuple[Storage, list[FileInfo]] | None:
    """Returns a bucket and the facts of the objects that paths name in it; None if they are paths, not URLs.

    Args:
        paths: as a CSV names them.
        table: the CSV, for messages.
        own: the bucket that the CSV itself lies in, beyond which it may not lead; None for one on this machine.

    Returns:
        The bucket, and a FileInfo for each path; of one that is not there, of size 0.

    Raises:
        DataError: for URLs of several buckets, URLs beside plain paths, or those of a bucket that is not `own`.
        StorageError: if the bucket cannot be asked.
    """
    urls = [path for path in paths if path.startswith(_SCHEME)]
    if not urls:
        return None
    buckets = {url.removeprefix(_SCHEME).partition("/")[0] for url in urls}
    if len(urls) < len(paths) or len(buckets) > 1:
        other = next((path for path in paths if not path.startswith(f"{_SCHEME}{min(buckets)}/")), min(buckets))
        raise DataError(f"{table}: expected paths beside it, or all in one bucket, received {urls[0]} and {other}")
    storage = split_url(urls[0])[0]
    if own is not None and own.root != storage.root:
        raise DataError(f"{table}: expected URLs of the bucket that it lies in, received {urls[0]}")
    inner = [posixpath.normpath(url.removeprefix(f"{storage.root}/")) for url in urls]
    # One listing is quicker than a question for each.
    shared = posixpath.commonpath([posixpath.dirname(path) for path in inner])
    listed = {info.path: info for info in storage.walk(shared, hidden=True)}
    return storage, [listed.get(path) or FileInfo(path, 0) for path in inner]
