"""`open_storage`: from a path or URL to the Storage behind it.

open_storage("/data/vials")            # a folder, as file:///data/vials is
open_storage("memory://scratch")       # the same files for all of this process who hold it
open_storage("gs://vials/2026")        # what lies below a prefix of a bucket of Google Cloud Storage
"""

import functools
import os
import re
import threading
import urllib.parse
import weakref

from brevetti_keras.io.google_bucket import GoogleBucket
from brevetti_keras.io.google_client import emulator_host
from brevetti_keras.io.google_cloud import GoogleStorage
from brevetti_keras.io.local import LocalStorage
from brevetti_keras.io.memory import MemoryStorage
from brevetti_keras.io.storage import Storage
from brevetti_keras.utils.errors import InvalidInputError

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_KNOWN = "a path, file:///path, gs://bucket/prefix or memory://name"

# A name would mean nothing if each opening made new files; they last as long as somebody holds the storage.
_memories: "weakref.WeakValueDictionary[str, MemoryStorage]" = weakref.WeakValueDictionary()
_memories_lock = threading.Lock()


def open_storage(url: str, *, follow_links: bool = False) -> Storage:
    """Returns the storage at `url`.

    Args:
        url: a path (a relative one starts at the working folder), `file:///path`, `gs://bucket/prefix` or
            `memory://name`.
        follow_links: whether links in a local folder may lead out of it, see `LocalStorage`.

    Raises:
        InvalidInputError: for a URL of another kind.
    """
    storage, path = split_url(url, follow_links=follow_links)
    if isinstance(storage, LocalStorage):
        return LocalStorage(storage.resolve(path), follow_links=follow_links)
    if isinstance(storage, GoogleStorage):
        return storage.below(path) if path else storage
    if path:
        raise InvalidInputError(f"expected memory://name, received {url!r}: leave out what follows the name")
    return storage


def split_url(url: str, *, follow_links: bool = False) -> tuple[Storage, str]:
    """Returns the outermost storage that holds `url` (for local paths the whole machine) and the path inside it.

    Raises:
        InvalidInputError: for a URL of another kind.
    """
    url = os.fspath(url)
    local = local_path_of(url)
    if local is not None:
        return LocalStorage("/", follow_links=follow_links), local.lstrip("/")
    scheme, _, rest = url.partition("://")
    name, _, path = rest.partition("/")
    if scheme.lower() == "gs":
        if not _BUCKET.fullmatch(name):
            raise InvalidInputError(f"expected gs://bucket/prefix, received {url!r}")
        return _bucket(name, emulator_host(), os.environ.get("BREVETTI_CACHE", ""), os.getpid()), path
    if scheme.lower() != "memory" or not name:
        raise InvalidInputError(f"expected {_KNOWN}, received {url!r}")
    with _memories_lock:
        storage = _memories.get(name)
        if storage is None:
            storage = _memories[name] = MemoryStorage(name)
    return storage, path


@functools.lru_cache(maxsize=16)
def _bucket(name: str, host: str, cache: str, process: int) -> GoogleStorage:
    """One storage a bucket, since its connections and what it has seen are what makes many small objects quick; another
    for another host or cache, and in a process that was forked."""
    return GoogleStorage(GoogleBucket(name, host))


def file_url(path: str) -> str:
    """Returns the `file://` URL of an absolute path, quoted so that `local_path_of` gives the same path again."""
    return "file://" + urllib.parse.quote(path, errors="surrogateescape")


def local_path_of(url: str) -> str | None:
    """Returns the absolute path that a path or `file://` URL means, or None for a URL of another kind.

    Raises:
        InvalidInputError: for empty text, a NUL, or a `file://` URL of another machine.
    """
    if not url or "\0" in url:
        raise InvalidInputError(f"expected {_KNOWN}, received {url!r}")
    matched = _URL.fullmatch(url)
    if matched is None:
        return os.path.abspath(url)
    scheme, rest = matched.groups()
    if scheme.lower() != "file":
        return None
    host, slash, path = rest.partition("/")
    if host not in {"", "localhost"} or not slash:
        raise InvalidInputError(f"expected file:///path of this machine, received {url!r}")
    return os.path.abspath(urllib.parse.unquote(f"/{path}", errors="surrogateescape"))
