"""`Files`: what a job offers as `job.io`, the same calls on local paths and URLs.

io = Files()
io.write_file("/tmp/x/report.json", "{}")       # atomic; folders are made
io.read_file("file:///tmp/x/report.json")       # b"{}"
"""

import os
from collections.abc import Iterator

from brevetti_keras.io.local import LocalStorage, os_errors
from brevetti_keras.io.open import local_path_of, split_url
from brevetti_keras.io.storage import Storage


class Files:
    """Reads and writes files by their full path or URL; relative paths start at the working folder."""

    def read_file(self, path: str) -> bytes:
        """Returns a file's whole content.

        Raises:
            NotFoundError: if there is no such file.
            StorageError: for what the system refuses.
        """
        storage, inner = self._split(path)
        return storage.read_bytes(inner)

    def write_file(self, path: str, content: str | bytes) -> None:
        """Writes a file in one step: a reader sees the old content or the new. Text is written as UTF-8.

        Raises:
            StorageError: for what the system refuses; the old content is then as it was.
        """
        storage, inner = self._split(path)
        storage.write_bytes(inner, content.encode("utf-8") if isinstance(content, str) else content)

    def copy(self, source: str, target: str) -> None:
        """Copies a file, also from one kind of storage to another.

        Raises:
            NotFoundError: if there is no file `source`.
            StorageError: for what the system refuses.
        """
        storage, inner = self._split(source)
        other, inner_target = self._split(target)
        if storage.root == other.root:
            storage.copy(inner, inner_target)
        else:
            other.write_bytes(inner_target, storage.read_bytes(inner))

    def isfile(self, path: str) -> bool:
        """Tells whether there is a file."""
        storage, inner = self._split(path)
        return storage.isfile(inner)

    def remove(self, path: str) -> None:
        """Removes one file.

        Raises:
            NotFoundError: if there is no such file.
        """
        storage, inner = self._split(path)
        storage.remove(inner)

    def walk(self, path: str) -> Iterator[tuple[str, list[str], list[str]]]:
        """Yields (folder, names of folders in it, names of files in it) from `path` down, as `os.walk` does, names
        sorted; a missing folder yields nothing."""
        storage, inner = self._split(path)
        if isinstance(storage, LocalStorage):
            return _walk_local(storage.resolve(inner))
        return _walk_tree(storage, inner)

    def resolve(self, *parts: str) -> str:
        """Joins parts to an absolute path or URL, as `os.path.join` does, and tidies it; nothing need exist there."""
        joined = os.path.join(*parts)
        local = local_path_of(joined)
        if local is not None:
            return local
        storage, inner = self._split(joined)
        return storage.resolve(inner)

    def _split(self, path: str) -> tuple[Storage, str]:
        return split_url(path, follow_links=True)


def _raise(error: OSError) -> None:
    # What was removed meanwhile, or never was, has nothing to list.
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        with os_errors(str(error.filename)):
            raise error


def _walk_local(top: str) -> Iterator[tuple[str, list[str], list[str]]]:
    for folder, folders, files in os.walk(top, onerror=_raise):
        folders.sort()
        yield folder, folders, sorted(files)


def _walk_tree(storage: Storage, top: str) -> Iterator[tuple[str, list[str], list[str]]]:
    folders: dict[str, tuple[set[str], list[str]]] = {}
    start = f"{top}/" if top else ""
    for info in storage.walk(top, hidden=True):
        *way, name = info.path[len(start) :].split("/")
        for depth, part in enumerate(way):
            folders.setdefault("/".join(way[:depth]), (set(), []))[0].add(part)
        folders.setdefault("/".join(way), (set(), []))[1].append(name)
    for folder in sorted(folders, key=lambda path: path.split("/")):
        inner, files = folders[folder]
        yield storage.resolve(start + folder), sorted(inner), sorted(files)
