"""`GoogleStorage`: a bucket of Google Cloud Storage, or what lies below a prefix in it, as a Storage.

    storage = open_storage("gs://vials/2026")           # or GoogleStorage(GoogleBucket("vials"), "2026")
    for info in storage.walk():                         # size, time and md5 come with the listing
        storage.read_bytes(info.path)

A bucket knows no folders, only names with `/` in them; here a name is a file or a folder, never both, as on a disk.
"""

import io
import logging
import mimetypes
import tempfile
import threading
from collections.abc import Iterator
from typing import BinaryIO, cast

from brevetti_keras.io.google_bucket import GoogleBucket, ObjectFacts, crc32c_of
from brevetti_keras.io.object_cache import ObjectCache
from brevetti_keras.io.paths import clean_path, is_hidden
from brevetti_keras.io.storage import FileInfo
from brevetti_keras.utils.counting import counted
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError, StorageError

_log = logging.getLogger(__name__)

_LONGEST_NAME = 1024
_IN_MEMORY = 16 << 20
_MOST_REMEMBERED = 1_000_000
_STRIPES = 1024
_MOST_NEIGHBOURS = 100


class GoogleStorage:
    """Objects below a prefix; threads may share it.

    Args:
        bucket: the bucket.
        prefix: of all names, without slashes at its ends; `""` is the whole bucket.
        cache: keeps verified copies on this machine; by default in the usual place.
    """

    def __init__(self, bucket: GoogleBucket, prefix: str = "", cache: ObjectCache | None = None) -> None:
        self._bucket = bucket
        self._prefix = clean_path(prefix)
        self._cache = cache or ObjectCache()
        # What this process last saw of an object. Never believed unasked but by `known_path`.
        self._seen: dict[str, ObjectFacts] = {}
        self._folders: set[str] = set()
        self._lock = threading.Lock()
        # Of threads that want one object at once, one fetches it.
        self._fetching = [threading.Lock() for _ in range(_STRIPES)]

    def below(self, prefix: str) -> "GoogleStorage":
        """Returns the storage of what lies below a folder of this one; both know what either has seen."""
        inner = GoogleStorage(self._bucket, self._name(prefix), self._cache)
        inner._seen, inner._folders, inner._lock = self._seen, self._folders, self._lock
        inner._fetching = self._fetching
        return inner

    @property
    def root(self) -> str:
        """`gs://<bucket>` or `gs://<bucket>/<prefix>`."""
        return self._bucket.url(self._prefix)

    def resolve(self, path: str) -> str:
        """Returns the URL of `path`."""
        return self._bucket.url(self._name(path))

    def read_bytes(self, path: str) -> bytes:
        """Returns a file's whole content, its checksum compared."""
        return self.read_version(path)[0]

    def read_version(self, path: str) -> tuple[bytes, int]:
        """Returns a file's whole content and the version that `write_version` may replace.

        Raises:
            NotFoundError: if there is no such file.
        """
        content = io.BytesIO()
        facts = self._bucket.read(self._file(path), content)
        return content.getvalue(), facts.generation if facts is not None else 0

    def open_read(self, path: str) -> BinaryIO:
        """Opens a file for reading, fetched and checked whole; the caller closes it."""
        name = self._file(path)
        content = cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - the caller closes it
        try:
            self._bucket.read(name, content)
        except BaseException:
            content.close()
            raise
        content.seek(0)
        return content

    def write_bytes(self, path: str, data: bytes, *, if_absent: bool = False, mode: int | None = None) -> None:
        """Writes a file in one step; a bucket has no permission bits, so `mode` changes nothing."""
        self.write_file(path, io.BytesIO(data), if_absent=if_absent)

    def write_file(self, path: str, content: BinaryIO, *, if_absent: bool = False) -> FileInfo:
        """Writes a file from an open one, which is read from its beginning to its end, in one step.

        Args:
            path: relative to the root.
            content: seekable.
            if_absent: raise ConflictError instead of replacing a file.
        """
        name = self._writable(path)
        if not if_absent:
            return self._replace(name, content)
        try:
            return self._info(self._note(self._bucket.write(name, content, 0, _media_type(name))))
        except ConflictError as error:
            raise ConflictError(f"expected no file at {self._bucket.url(name)}, found one") from error

    def _replace(self, name: str, content: BinaryIO) -> FileInfo:
        def change(generation: int) -> ObjectFacts:
            return self._bucket.write(name, content, generation, _media_type(name))

        seen = self._seen.get(name)
        return self._info(self._note(self._bucket.settled(name, change, seen.generation if seen else 0)))

    def bring_file(self, path: str, content: BinaryIO) -> FileInfo:
        """Writes a file unless the last listing had it with equal content; whether a folder has its name is not asked.

        Args:
            path: relative to the root.
            content: seekable.
        """
        name = self._file(path)
        found = self._seen.get(name)
        if found is not None and found.crc32c == crc32c_of(content):
            return self._info(found)
        return self._replace(name, content)

    def write_version(self, path: str, data: bytes, version: int) -> None:
        """Replaces exactly the version that `read_version` returned; 0 where no file may be.

        Raises:
            ConflictError: if somebody wrote since.
        """
        name = self._writable(path)
        self._note(self._bucket.write(name, io.BytesIO(data), version, _media_type(name)))

    def isfile(self, path: str) -> bool:
        """Tells whether there is a file."""
        name = self._name(path)
        return bool(name) and self._find(name) is not None

    def stat(self, path: str) -> FileInfo:
        """Returns a file's facts without reading it."""
        return self._info(self._found(self._file(path)))

    def walk(self, prefix: str = "", *, hidden: bool = False) -> Iterator[FileInfo]:
        """Yields all files below `prefix`, sorted by path.

        The empty objects that some tools put in a folder's place are left out, and so are, with a word in the log,
        names that are no path (with `//` or `..`).
        """
        folder = self._name(prefix)
        start = f"{folder}/" if folder else ""
        strange, first = 0, ""
        for facts in self._bucket.objects(start):
            inner = facts.name[len(start) :]
            if not _is_path(inner):
                if not inner.endswith("/") and inner:
                    strange, first = strange + 1, first or facts.name
            elif hidden or not is_hidden(inner):
                yield self._info(self._note(facts))
        if strange:
            _log.warning(
                "left out %s whose names are no paths, such as %r: rename them",
                counted(strange, "object"),
                self._bucket.url(first),
            )

    def remove(self, path: str) -> None:
        """Removes one file."""
        name = self._file(path)
        while True:
            facts = self._found(name)
            try:
                self._bucket.delete(facts)
            except ConflictError:
                continue  # written again meanwhile; what is there now is what is to go
            finally:
                self._seen.pop(name, None)
            return

    def copy(self, source: str, target: str) -> None:
        """Copies a file within the bucket, on Google's side."""
        name = self._writable(target)
        while True:
            origin = self._found(self._file(source))
            generation = self._find(name)
            try:
                self._note(self._bucket.copy(origin, name, generation.generation if generation else 0))
            except ConflictError:
                continue  # one of the two was written meanwhile
            return

    def local_path(self, path: str) -> str:
        """Returns the path of a verified copy on this machine of what lies there now."""
        name = self._file(path)
        seen = self._seen.get(name)
        facts = seen or self._found(name)
        copy = self._cache.find(facts, self._bucket.url(name))
        if copy is not None and seen is None:
            return copy
        return self._fetched(name, facts if copy else None) or cast("str", copy)

    def known_path(self, path: str) -> str:
        """Returns the path of a verified copy of the file as this process last saw it: what was listed or fetched
        before is not asked for again, so that an epoch costs no requests. Of one that was written again before it was
        fetched the new content is handed out, which the log says."""
        name = self._file(path)
        seen = self._seen.get(name)
        copy = self._cache.find(seen, self._bucket.url(name)) if seen is not None else None
        if copy is not None:
            return copy
        with self._fetching[hash(name) % _STRIPES]:
            seen = self._seen.get(name)
            if seen is None:
                return self.local_path(path)
            copy = self._cache.find(seen, self._bucket.url(name))
            if copy is None:
                copy = cast("str", self._fetched(name, None))
                if self._seen.get(name, seen).crc32c != seen.crc32c:
                    _log.warning(
                        "%s was written again after it was listed: what is read is not what its hash tells of",
                        self._bucket.url(name),
                    )
            return copy

    def known_version(self, path: str) -> tuple[int, int]:
        """Returns the size in bytes and the generation of a file as this process last saw it."""
        name = self._file(path)
        facts = self._seen.get(name) or self._found(name)
        return facts.size, facts.generation

    def _fetched(self, name: str, known: ObjectFacts | None) -> str | None:
        """Fetches an object into the cache; None if it is still the known one."""
        with self._cache.incoming() as incoming:
            facts = self._bucket.read(name, incoming.file, known.generation if known else None)
            if facts is None:
                return None
            self._note(facts)
            return incoming.keep(facts, self._bucket.url(name))

    def _name(self, path: str) -> str:
        clean = clean_path(path)
        try:
            size = len(clean.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise InvalidInputError(f"expected a path that UTF-8 can hold, received {path[:80]!r}") from error
        if "\n" in clean or "\r" in clean or size > _LONGEST_NAME:
            raise InvalidInputError(
                f"expected a path of at most {_LONGEST_NAME} bytes in one line, as a bucket takes it, "
                f"received {path[:80]!r}"
            )
        return "/".join(part for part in (self._prefix, clean) if part)

    def _file(self, path: str) -> str:
        name = self._name(path)
        if name == self._prefix:
            raise NotFoundError(f"no file {self.root}: it is a folder")
        return name

    def _writable(self, path: str) -> str:
        """The name of a file to be, after a look whether a folder has it, or a file that of a folder on the way."""
        name = self._name(path)
        if name == self._prefix:
            raise InvalidInputError("expected the path of a file, received the storage's root")
        parts = name.split("/")
        for end in range(1, len(parts)):
            folder = "/".join(parts[:end])
            if folder not in self._folders:
                if self._find(folder) is not None:
                    raise StorageError(f"{self._bucket.url(folder)}: a file stands where a folder is needed")
                self._folders.add(folder)
        if name not in self._seen and self._is_folder(name):
            raise StorageError(f"{self._bucket.url(name)}: a file and a folder cannot have one name")
        self._folders.discard(name)
        return name

    def _is_folder(self, name: str) -> bool:
        """Tells whether there are files below a name; notes the file of that name, if there is one, on the way."""
        for count, facts in enumerate(self._bucket.objects(name)):
            if facts.name == name:
                self._note(facts)
            elif facts.name.startswith(f"{name}/"):
                return True
            elif facts.name > f"{name}/":
                return False
            elif count == _MOST_NEIGHBOURS:  # names that go on with what sorts before the slash
                return any(self._bucket.objects(f"{name}/", limit=1))
        return False

    def _find(self, name: str) -> ObjectFacts | None:
        facts = self._bucket.find(name)
        if facts is None:
            self._seen.pop(name, None)
            return None
        return self._note(facts)

    def _found(self, name: str) -> ObjectFacts:
        facts = self._find(name)
        if facts is None:
            raise NotFoundError(f"no file {self._bucket.url(name)}")
        return facts

    def _note(self, facts: ObjectFacts) -> ObjectFacts:
        with self._lock:
            if len(self._seen) >= _MOST_REMEMBERED:
                self._seen.pop(next(iter(self._seen)))
            self._seen[facts.name] = facts
        return facts

    def _info(self, facts: ObjectFacts) -> FileInfo:
        inner = facts.name[len(self._prefix) + 1 :] if self._prefix else facts.name
        return FileInfo(inner, facts.size, facts.modified_ns, facts.md5)


def _is_path(name: str) -> bool:
    try:
        return bool(name) and clean_path(name) == name
    except InvalidInputError:
        return False


def _media_type(name: str) -> str:
    return mimetypes.guess_type(name, strict=False)[0] or "application/octet-stream"
