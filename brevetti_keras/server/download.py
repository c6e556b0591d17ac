"""Which file a path may open: one inside a dataset or a job's artifacts, and nothing else.

    readable_file(service, principal, "/data/vials/good/1.png")

Links are followed before the path is compared, so none leads out; only in a dataset, which people do put together from
links, may one lead to an image elsewhere.
"""

import csv
import os
from collections.abc import Iterable, Iterator

from brevetti_keras.data.samples import list_files
from brevetti_keras.io.local_copies import local_copy
from brevetti_keras.server.principal import Principal
from brevetti_keras.server.service import Service
from brevetti_keras.utils.errors import BrevettiError, NotFoundError

_IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def readable_file(service: Service, principal: Principal, path: str) -> str:
    """Returns the file's real path.

    Args:
        service: knows the datasets and jobs.
        principal: a user reads all of them, a job its own.
        path: absolute, as in a sample's `path`, or without its first folder: existing clients take that for the name
            of a bucket, and leave it out of their samples' links.

    Raises:
        NotFoundError: for any other path, whether there is a file or not.
    """
    missing = NotFoundError("no such file in a dataset or job")
    if "\0" in path or ".." in path.split("/"):
        raise missing
    places = list(_places(service, principal))
    if path.startswith("gs://"):
        return _copy_of(places, path)
    buckets = [place for place in places if "://" not in place]
    path = path if path.startswith("/") else _with_first_folder(path, buckets)
    if not path:
        raise missing
    try:
        real = os.path.realpath(path)
        if not os.path.isfile(real):
            raise missing
    except (OSError, ValueError) as error:
        raise missing from error
    plain = os.path.normpath(path)
    if any(_opens(bucket, plain, real) for bucket in buckets) and not _of_the_platform(service, real):
        return real
    job_id, inner = _artifact_of(service, real)
    if not job_id or (principal.kind == "job" and principal.job_id != job_id):
        raise missing
    try:
        return service.artifacts.local_path(job_id, inner)
    except BrevettiError as error:
        raise missing from error


def file_of_dataset(bucket: str, path: str) -> str:
    """Returns the real path of a file of one dataset.

    Args:
        bucket: the dataset's.
        path: absolute, as in a sample's `path`; of an object in a bucket, a verified copy is returned.

    Raises:
        NotFoundError: for any other path, whether there is a file or not.
    """
    missing = NotFoundError("no such file in the dataset")
    if "gs://" in {bucket[:5], path[:5]} and "\0" not in path and ".." not in path.split("/"):
        return _copy_of([bucket], path)
    if "://" in bucket or "\0" in path or not path.startswith("/") or ".." in path.split("/"):
        raise missing
    try:
        real = os.path.realpath(path)
        if os.path.isfile(real) and _opens(bucket, os.path.normpath(path), real):
            return real
    except (OSError, ValueError) as error:
        raise missing from error
    raise missing


def _places(service: Service, principal: Principal) -> Iterator[str]:
    if principal.kind == "job":
        datasets = service.jobs.get(principal.job_id).datasets
    else:
        datasets = tuple(service.datasets.list())
    yield from (dataset.bucket for dataset in datasets)


def _copy_of(buckets: Iterable[str], url: str) -> str:
    """Returns the path of a verified copy on this machine of an object of one of the datasets.

    Raises:
        NotFoundError: for any other URL, whether there is an object or not.
    """
    missing = NotFoundError("no such file in a dataset or job")
    try:
        if any(_holds(bucket, url) for bucket in buckets):
            return local_copy(url)
    except BrevettiError as error:
        raise missing from error
    raise missing


def _holds(bucket: str, url: str) -> bool:
    if bucket.lower().endswith(".csv"):
        is_remote = bucket.startswith("gs://")
        return bool((list_files(bucket).path == url).any()) if is_remote else _lists(bucket, url)
    return bucket.startswith("gs://") and url.startswith(f"{bucket}/") and not _hidden(url[len(bucket) + 1 :])


def _with_first_folder(path: str, buckets: Iterable[str]) -> str:
    """The path below the first dataset that it lies in once that one's first folder is put before it, else ""."""
    for bucket in buckets:
        whole = f"/{bucket.split('/')[1]}/{path}"
        if _inside(bucket, whole):
            return whole
    return ""


def _opens(bucket: str, plain: str, real: str) -> bool:
    if _inside(os.path.realpath(bucket), real):
        return not _hidden(os.path.relpath(real, os.path.realpath(bucket)))
    if not all(name.lower().endswith(_IMAGES) for name in (plain, real)):
        return False
    if bucket.lower().endswith(".csv") and os.path.isfile(bucket):
        return _lists(bucket, plain)
    return _inside(bucket, plain) and not _hidden(os.path.relpath(plain, bucket))


def _lists(table: str, plain: str) -> bool:
    """Tells whether a CSV of samples names the path or URL, as it is or from the CSV's folder."""
    top = os.path.dirname(table)
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            named = (row.get("path") or "" for row in csv.DictReader(file))
            return any(plain in {path, os.path.normpath(os.path.join(top, path))} for path in named)
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def _inside(folder: str, path: str) -> bool:
    return path != folder and os.path.commonpath([folder, path]) == folder


def _hidden(relative: str) -> bool:
    return any(part.startswith(".") for part in relative.split("/"))


def _of_the_platform(service: Service, real: str) -> bool:
    """Tells whether a file is the platform's own: a dataset may lie around its workspace, and then does not open it."""
    home, jobs = os.path.realpath(service.home), os.path.realpath(service.jobs_folder)
    if _inside(os.path.join(home, "datasets"), real) or _artifact_of(service, real)[0]:
        return False
    return _inside(home, real) or _inside(jobs, real)


def _artifact_of(service: Service, real: str) -> tuple[str, str]:
    """The job and the inner path of a file below some job's artifacts, else two empty texts."""
    root = os.path.realpath(service.jobs_folder)
    if not _inside(root, real):
        return "", ""
    job_id, _, rest = os.path.relpath(real, root).partition("/")
    folder, _, inner = rest.partition("/")
    return (job_id, inner) if folder == "artifacts" and inner else ("", "")
