"""`CacheSpace`: how much the decoded images may take, and what goes first when they take more.

    space = CacheSpace(root)
    space.limit                        # bytes: $BREVETTI_DECODED_GB, else a share of the disk
    space.make_room(1 << 26)           # removes what was not used for longest; False if that is not enough
    space.clear()

A shard that any process has open for reading or writing is never removed. So a job that needs more than there is keeps
what it has and decodes the rest each time, where evicting its own shards would have it decode everything each time.
"""

import contextlib
import fcntl
import os
import re
import shutil
from dataclasses import dataclass

from brevetti_keras.data.decoded_cache.index import ROW_BYTES
from brevetti_keras.data.decoded_cache.shard import INDEX, PIXELS, open_file
from brevetti_keras.io.cache_folder import cache_folder, given_limit

FOLDER = "decoded"
LIMIT = "BREVETTI_DECODED_GB"
_SET = re.compile(r"[0-9a-f]{24}")
_SHARE = 0.25
_LARGEST = 100 * 10**9
_LEFT_FREE = 10**9


@dataclass(frozen=True)
class ShardFile:
    """One shard on the disk.

    Attributes:
        path: without ending.
        bytes: of both files.
        images: rows of its index, also those that stand for nothing any more.
        used: when it was last in use, in seconds since 1970.
    """

    path: str
    bytes: int
    images: int
    used: float


class CacheSpace:
    """The folder of a decoded cache as a whole.

    Args:
        root: the folder; by default `decoded` in the folder of caches.
    """

    def __init__(self, root: str | None = None) -> None:
        self.root = os.path.abspath(os.path.expanduser(root)) if root else os.path.join(cache_folder(), FOLDER)

    @property
    def limit(self) -> int:
        """Bytes that the cache may take: what $BREVETTI_DECODED_GB says, else a quarter of what the disk would have
        free without it, at most 100 GB.

        Raises:
            InvalidInputError: if the variable is no number.
        """
        given = given_limit(LIMIT)
        return given if given is not None else min(_LARGEST, int(_SHARE * (self._free() + self.used)))

    @property
    def used(self) -> int:
        """Bytes that it takes."""
        return sum(shard.bytes for shard in self.shards())

    def shards(self) -> list[ShardFile]:
        """Returns what there is, the least recently used first."""
        found = []
        for folder in self._sets():
            for entry in _entries(folder.path):
                if entry.name.endswith(PIXELS):
                    with contextlib.suppress(OSError):  # removed meanwhile
                        found.append(_shard_file(entry))
        return sorted(found, key=lambda shard: shard.used)

    def make_room(self, count: int) -> bool:
        """Removes shards until `count` more bytes may be written.

        Returns:
            Whether they may; False if what is left is in use, or the disk is nearly full.
        """
        limit, shards = self.limit, self.shards()
        if count > limit:
            return False
        used = sum(shard.bytes for shard in shards)
        while used + count > limit or self._is_scarce(count, limit):
            if not shards:
                return False
            oldest = shards.pop(0)
            if remove(oldest.path):
                used -= oldest.bytes
        return True

    def refusal(self, count: int) -> str:
        """Returns why there is no room for `count` more bytes; `""` where nothing is to be kept anyway."""
        limit = self.limit
        if limit and self._is_scarce(count, limit):
            return f"the disk is nearly full, {show_size(self._free())} are free"
        return f"no room within {show_size(limit)}, see {LIMIT}" if limit else ""

    def _is_scarce(self, count: int, limit: int) -> bool:
        return self._free() - count < min(_LEFT_FREE, limit)

    def clear(self) -> tuple[int, int]:
        """Removes every shard that is not in use; returns the bytes removed and the bytes kept."""
        removed = kept = 0
        for shard in self.shards():
            if remove(shard.path):
                removed += shard.bytes
            else:
                kept += shard.bytes
        for folder in self._sets():
            with contextlib.suppress(OSError):  # not empty
                os.rmdir(folder.path)
        return removed, kept

    def _sets(self) -> list["os.DirEntry[str]"]:
        # Whoever names a folder for the cache may have others in it, which are not ours to count or remove.
        return [entry for entry in _entries(self.root) if _SET.fullmatch(entry.name)]

    def _free(self) -> int:
        folder = self.root
        while not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        return shutil.disk_usage(folder).free


def remove(path: str) -> bool:
    """Removes a shard (its path without ending) unless some process has it open; tells whether it is gone."""
    held = []
    try:
        for ending in (INDEX, PIXELS):
            with contextlib.suppress(FileNotFoundError):
                descriptor = open_file(path + ending, os.O_RDWR, fcntl.LOCK_EX)
                if descriptor is None:
                    return False
                held.append(descriptor)
        for ending in (INDEX, PIXELS):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path + ending)
    except OSError:
        return False
    finally:
        for descriptor in held:
            os.close(descriptor)
    return True


def show_size(count: float) -> str:
    """Returns bytes as people say them: `1.5 GB`."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{int(count)} bytes"


def _entries(folder: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _shard_file(entry: "os.DirEntry[str]") -> ShardFile:
    found = entry.stat()
    path = entry.path.removesuffix(PIXELS)
    try:
        index = os.stat(path + INDEX).st_size
    except FileNotFoundError:
        index = 0
    return ShardFile(path, found.st_size + index, index // ROW_BYTES, found.st_mtime)
