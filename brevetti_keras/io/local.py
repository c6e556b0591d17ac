"""`LocalStorage`, a folder on this machine, and `atomic_write`, which everything that must survive a crash uses.

    storage = LocalStorage("/data/vials")
    storage.write_bytes("a/b.json", b"{}", mode=0o600)       # a reader sees the old content or the new
    atomic_write("/tmp/lock", b"", if_absent=True)           # ConflictError if it exists

A write goes to a hidden temporary file in the same folder, is flushed to the disk, renamed, and the folder is
flushed too; so after a crash or a power loss there is the old file or the new, whole.
"""

import contextlib
import errno
import fcntl
import operator
import os
import secrets
import stat as stat_bits
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from brevetti_keras.io.paths import clean_path
from brevetti_keras.io.storage import FileInfo
from brevetti_keras.utils.errors import BrevettiError, ConflictError, InvalidInputError, NotFoundError, StorageError

_CHUNK = 1 << 20
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_MISSING = {errno.ENOENT, errno.ENOTDIR}


@contextlib.contextmanager
def os_errors(path: str) -> Iterator[None]:
    """Turns what the system raises into this package's errors, naming `path` and keeping `errno`.

    Raises:
        NotFoundError: for a file that is not there.
        ConflictError: for one that is, where none may be.
        StorageError: for anything else: permission, a full disk, a folder in a file's place.
    """
    try:
        yield
    except FileExistsError as error:
        raise ConflictError(f"expected no file at {path}, found one") from error
    except OSError as error:
        if isinstance(error, BrevettiError):
            raise
        if error.errno in _MISSING:
            raise NotFoundError(f"no file {path}") from error
        translated = StorageError(f"{path}: {error.strerror or error}")
        translated.errno = error.errno
        raise translated from error


def atomic_write(path: str, data: bytes, *, if_absent: bool = False, mode: int | None = None) -> None:
    """Writes a file in one step: a reader sees the old content or the new, also after a crash.

    Args:
        path: of the file; folders on the way are made.
        data: the whole content.
        if_absent: raise ConflictError instead of replacing a file.
        mode: permission bits, for example 0o600; by default those of the file that is replaced, else the usual ones.

    Raises:
        ConflictError: if `if_absent` and there is a file.
        StorageError: for what the system refuses, with its `errno`; the old file is then as it was.
    """
    _write_chunks(path, (data,), if_absent=if_absent, mode=mode)


def _write_chunks(path: str, chunks: Iterable[bytes], *, if_absent: bool, mode: int | None) -> None:
    folder = os.path.dirname(path) or "."
    temporary = os.path.join(folder, f".{secrets.token_hex(12)}.tmp")
    with os_errors(path):
        try:
            os.makedirs(folder, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(errno.EEXIST, "a file stands where a folder is needed") from error
        if mode is None and not if_absent:
            with contextlib.suppress(FileNotFoundError):
                found = os.lstat(path)
                mode = stat_bits.S_IMODE(found.st_mode) if stat_bits.S_ISREG(found.st_mode) else None
        descriptor = os.open(temporary, _CREATE, 0o666 if mode is None else 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                if mode is not None:
                    os.fchmod(file.fileno(), mode)
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if if_absent:
                os.link(temporary, path)
            else:
                os.replace(temporary, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_regular(path: str, flags: int = os.O_RDONLY) -> int:
    """Opens a file for reading and returns its descriptor; an `opener` of `open`.

    Nothing is waited for: a pipe that nobody writes would hold its reader for good, and a device may never end.

    Args:
        path: of the file.
        flags: of `os.open`.

    Raises:
        OSError: for what the system refuses, and for anything but a regular file.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    kind = os.fstat(descriptor).st_mode
    if stat_bits.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    if stat_bits.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "a pipe, a device or a socket stands where a file is needed", path)


@contextlib.contextmanager
def folder_lock(folder: str) -> Iterator[None]:
    """Holds the one lock of a folder, against other processes and threads; it leaves no file, and ends with its
    process. The folder is made if need be.

    Raises:
        StorageError: for what the system refuses.
    """
    with os_errors(folder):
        os.makedirs(folder, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with os_errors(folder):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class LocalStorage:
    """A folder on this machine as a Storage.

    Args:
        root: the folder; it need not exist before the first write.
        follow_links: whether a symbolic link may lead out of the folder. Datasets are put together by links, so they
            are opened with it; a job's artifacts are not.
    """

    def __init__(self, root: str, *, follow_links: bool = False) -> None:
        self._root = os.path.abspath(root)
        self._follow_links = follow_links

    @property
    def root(self) -> str:
        """The folder's absolute path."""
        return self._root

    def resolve(self, path: str) -> str:
        """Returns the absolute path of `path`.

        Raises:
            InvalidInputError: if it leaves the root, by its parts or (without `follow_links`) through a link.
        """
        clean = clean_path(path)
        full = os.path.join(self._root, clean) if clean else self._root
        if not self._follow_links and not self._inside(full):
            raise InvalidInputError(
                f"expected a path inside its storage, received {path[:80]!r}: a link leads out of it"
            )
        return full

    def _inside(self, full: str) -> bool:
        root = os.path.realpath(self._root)
        return os.path.commonpath([root, os.path.realpath(full)]) == root

    def read_bytes(self, path: str) -> bytes:
        """Returns a file's whole content."""
        with self.open_read(path) as file, os_errors(path):
            return file.read()

    def open_read(self, path: str) -> BinaryIO:
        """Opens a file for reading; the caller closes it."""
        full = self.resolve(path)
        with os_errors(full):
            try:
                return open(full, "rb")
            except IsADirectoryError as error:
                raise NotFoundError(f"no file {full}: it is a folder") from error

    def write_bytes(self, path: str, data: bytes, *, if_absent: bool = False, mode: int | None = None) -> None:
        """Writes a file in one step, see `atomic_write`."""
        atomic_write(self._file(path), data, if_absent=if_absent, mode=mode)

    def _file(self, path: str) -> str:
        full = self.resolve(path)
        if full == self._root:
            raise InvalidInputError("expected the path of a file, received the storage's root")
        return full

    def isfile(self, path: str) -> bool:
        """Tells whether there is a file."""
        return os.path.isfile(self.resolve(path))

    def stat(self, path: str) -> FileInfo:
        """Returns a file's facts without reading it."""
        full = self.resolve(path)
        with os_errors(full):
            found = os.stat(full)
        if stat_bits.S_ISDIR(found.st_mode):
            raise NotFoundError(f"no file {full}: it is a folder")
        return FileInfo(clean_path(path), found.st_size, found.st_mtime_ns)

    def walk(self, prefix: str = "", *, hidden: bool = False) -> Iterator[FileInfo]:
        """Yields all regular files below `prefix`, sorted by path.

        Links are followed, but a file or folder that is there in its own right, or was reached by an earlier link, is
        not listed again: loops end, and each file is listed under its own name where it has one. With `follow_links`
        one whose target is missing is listed too, of 0 bytes, so that whoever reads it is told; without it, such links
        and those that lead out of the root are left out.
        """
        top = self._file(prefix) if clean_path(prefix) else self._root
        walk = _Walk(self._root, hidden, None if self._follow_links else os.path.realpath(self._root))
        yield from map(FileInfo._make, walk.files(top))

    def remove(self, path: str) -> None:
        """Removes one file (of a link, the link)."""
        full = self._file(path)
        with os_errors(full):
            os.unlink(full)

    def copy(self, source: str, target: str) -> None:
        """Copies a file, as atomically as `write_bytes`."""
        full = self._file(target)
        with self.open_read(source) as file:
            _write_chunks(full, iter(lambda: file.read(_CHUNK), b""), if_absent=False, mode=None)

    def local_path(self, path: str) -> str:
        """Returns the file's own path.

        Raises:
            NotFoundError: if there is no such file.
        """
        full = self.resolve(path)
        if not os.path.isfile(full):
            raise NotFoundError(f"no file {full}")
        return full


class _Walk:
    """One walk over a folder: what stands there in its own right first, then what only links lead to."""

    def __init__(self, root: str, hidden: bool, fence: str | None) -> None:
        self._cut = len(root.rstrip("/")) + 1
        self._hidden = hidden
        self._fence = fence
        self._top = root
        # Plain tuples, unlike FileInfo, are left alone by the garbage collector.
        self._found: list[tuple[str, int, int, str]] = []
        self._links: list[str] = []
        self._folders: set[tuple[int, int]] = set()
        self._files: defaultdict[int, set[int]] = defaultdict(set)

    def files(self, top: str) -> list[tuple[str, int, int, str]]:
        """Returns the fields of each file's FileInfo, sorted by path."""
        self._top = os.path.realpath(top)
        self._scan(top)
        while self._links:
            links, self._links = sorted(self._links), []
            for link in links:
                self._follow(link)
        self._found.sort(key=operator.itemgetter(0))
        return self._found

    def _scan(self, top: str) -> None:
        pending = [top]
        while pending:
            folder = pending.pop()
            with os_errors(folder):
                try:
                    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                except (FileNotFoundError, NotADirectoryError):
                    continue
                try:
                    found = os.fstat(descriptor)
                    if (found.st_dev, found.st_ino) not in self._folders:
                        self._folders.add((found.st_dev, found.st_ino))
                        pending.extend(self._entries(descriptor, f"{folder.rstrip('/')}/"))
                finally:
                    os.close(descriptor)

    def _entries(self, descriptor: int, start: str) -> list[str]:
        """Notes the files and links of one open folder and returns the folders in it."""
        folders = []
        files, note, hidden, inside = self._files, self._found.append, self._hidden, start[self._cut :]
        # By its descriptor: each file's facts are then asked for by its name alone, not by the whole way to it.
        with os.scandir(descriptor) as entries:
            for entry in entries:
                name = entry.name
                if name[0] == "." and not hidden:
                    continue
                if entry.is_file(follow_symlinks=False):
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # removed while the folder was read
                    files[found.st_dev].add(found.st_ino)
                    note((inside + name, found.st_size, found.st_mtime_ns, ""))
                elif entry.is_symlink():
                    self._links.append(start + name)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(start + name)
        return folders

    def _note(self, path: str, found: os.stat_result) -> None:
        self._files[found.st_dev].add(found.st_ino)
        self._found.append((path, found.st_size, found.st_mtime_ns, ""))

    def _follow(self, link: str) -> None:
        try:
            found = os.stat(link)
        except OSError as error:
            if self._fence is None and error.errno != errno.ELOOP:
                with contextlib.suppress(OSError):
                    self._found.append((link[self._cut :], 0, os.lstat(link).st_mtime_ns, ""))
            return
        real = os.path.realpath(link)
        if os.path.commonpath([real, self._top]) == real:  # a loop: it leads to a folder that the walk stands in
            return
        if self._fence is not None and os.path.commonpath([self._fence, real]) != self._fence:
            return
        if stat_bits.S_ISDIR(found.st_mode):
            self._scan(link)
        elif stat_bits.S_ISREG(found.st_mode) and found.st_ino not in self._files[found.st_dev]:
            self._note(link[self._cut :], found)
