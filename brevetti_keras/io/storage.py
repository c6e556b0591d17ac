"""`Storage`, the protocol of a place that holds files; `open_storage` of `io/open.py` finds one for a URL.

storage = open_storage("/data/vials")          # a folder; also file://…, memory://name, gs://bucket/prefix
for info in storage.walk():
    storage.read_bytes(info.path)
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable


class FileInfo(NamedTuple):
    """A file in a storage.

    Attributes:
        path: relative to the storage's root, with `/` between its parts, as it is stored (not normalised).
        size: bytes.
        modified_ns: nanoseconds since 1970 (UTC), or 0 where the storage keeps no time.
        md5: hex text where the storage has it without reading the file, else "".
    """

    path: str
    size: int
    modified_ns: int = 0
    md5: str = ""

    @property
    def modified(self) -> float:
        """Seconds since 1970 (UTC), or 0.0 where the storage keeps no time."""
        return self.modified_ns / 1e9


@runtime_checkable
class Storage(Protocol):
    """A place that holds files. Paths are relative to `root`, use `/`, and may not leave it.

    Every method raises `NotFoundError` for a file that is not there, `InvalidInputError` for a path that leaves the
    root (or holds a NUL), and `StorageError` for what the system refuses (permission, disk full).
    """

    @property
    def root(self) -> str:
        """The folder's absolute path, or the URL, without a slash at its end."""
        ...

    def read_bytes(self, path: str) -> bytes:
        """Returns a file's whole content."""
        ...

    def open_read(self, path: str) -> BinaryIO:
        """Opens a file for reading; the caller closes it."""
        ...

    def write_bytes(self, path: str, data: bytes, *, if_absent: bool = False, mode: int | None = None) -> None:
        """Writes a file in one step: a reader sees the old content or the new, also after a crash. Folders on the way
        are made.

        Args:
            path: relative to the root.
            data: the whole content.
            if_absent: raise ConflictError instead of replacing a file.
            mode: permission bits, where the storage has them (for example 0o600).
        """
        ...

    def isfile(self, path: str) -> bool:
        """Tells whether there is a file."""
        ...

    def stat(self, path: str) -> FileInfo:
        """Returns a file's facts without reading it."""
        ...

    def walk(self, prefix: str = "", *, hidden: bool = False) -> Iterator[FileInfo]:
        """Yields all files below `prefix` (a folder), sorted by path.

        Args:
            prefix: a folder relative to the root; a missing one yields nothing.
            hidden: whether to include files and folders whose name starts with a dot.
        """
        ...

    def remove(self, path: str) -> None:
        """Removes one file."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Copies a file within the storage, as atomically as `write_bytes`."""
        ...

    def local_path(self, path: str) -> str:
        """Returns a path that any program on this machine can open: the file itself, or a verified local copy."""
        ...

    def resolve(self, path: str) -> str:
        """Returns the absolute path or URL of `path`, after checking that it stays inside the root."""
        ...
