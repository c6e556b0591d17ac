"""`FileChecker`: hashes and verdicts of a job's files, each file read once.

with FileChecker() as checker:
    etags = checker.etags(paths, sizes, modified_ns)
    reason = checker.verify(paths[0])
"""

import concurrent.futures
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from tqdm import tqdm

from brevetti_keras.data.checksums import HashMemory, md5_of
from brevetti_keras.data.decoded_cache.cache import settings_digest
from brevetti_keras.data.decoded_cache.index import ContentKey
from brevetti_keras.data.decoded_cache.space import CacheSpace, show_size
from brevetti_keras.data.decoded_cache.store import PixelStore
from brevetti_keras.data.file_check.facts import FactsMemory, FileFacts
from brevetti_keras.data.file_check.pool import CacheRoot, WorkerPool
from brevetti_keras.data.image.decode import MAX_PIXELS
from brevetti_keras.data.image.pixel_reader import PixelReader
from brevetti_keras.data.stat_memory import FileKey, is_settled
from brevetti_keras.io.cache_folder import cache_folder

_log = logging.getLogger(__name__)

_SAVE_EVERY = 1000
_FILES_A_CHILD = 64


class FileChecker(HashMemory):
    """A memory of hashes that judges every file on the way.

    Args:
        max_pixels: images of more cannot be used.
        caches: the folder of each cache (None is the default place, False for no cache), and what reads from it: files
            are decoded into it, and must be fit for that reader too.
        memory: path of the SQLite file; by default that of `HashMemory`.
        workers: child processes; by default one a processor.
        hash_pixels: take the hash of each decoded picture too.

    Attributes:
        pixel_hashes: the hash of the decoded picture by the file's md5, of the sound files checked so far.
    """

    def __init__(
        self,
        max_pixels: int = MAX_PIXELS,
        caches: Sequence[tuple[CacheRoot, PixelReader]] = (),
        memory: str | None = None,
        workers: int | None = None,
        hash_pixels: bool = False,
    ) -> None:
        place = memory or str(Path(cache_folder()) / "hashes.sqlite3")
        super().__init__(place)
        self._facts = FactsMemory(place, max_pixels)
        self._count = workers or os.cpu_count() or 1
        self._pool = WorkerPool(self._count, max_pixels, caches, hash_pixels=hash_pixels)
        self._hash_pixels = hash_pixels
        self.pixel_hashes: dict[str, str] = {}
        self._untold = {space.root: space for space in (CacheSpace(root) for root, _ in caches if root is not False)}
        self._must_fit = [
            PixelStore(CacheSpace(root), settings_digest(reader.settings()))
            for root, reader in caches
            if reader.may_refuse and root is not False
        ]
        self._uncached = [reader for root, reader in caches if reader.may_refuse and root is False]
        self._max_pixels = min([max_pixels, *(reader.max_pixels for _, reader in caches)])
        # Size and time of each sound file in one number.
        self._sound: dict[str, int] = {}
        self._faulty: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the child processes; they start again when they are needed."""
        self._pool.close()

    def etags(
        self, paths: Sequence[str], sizes: Sequence[int], modified_ns: Sequence[int], *, progress: bool = False
    ) -> list[str]:
        """Returns the md5 of each file in hex, `""` for one that cannot be read; `verify` knows of them then."""
        keys = list(zip(paths, map(int, sizes), map(int, modified_ns), strict=True))
        found = self._remembered(keys)
        missing = [key for key, facts in zip(keys, found, strict=True) if facts is None]
        if missing:
            self._tell()
        with tqdm(total=len(missing), desc="Checking", unit="file", disable=None if progress else True) as bar:
            checked = self._checked(missing, bar)
            result = [(facts or next(checked)).md5 for facts in found]
            next(checked, None)  # ends it, so that the last of them are remembered
        return result

    def verify(self, path: str) -> str | None:
        """Returns why a local file cannot be used, None if it can."""
        if path in self._sound:
            return None
        if path not in self._faulty:
            try:
                found = os.stat(path)
            except OSError as error:
                return error.strerror or str(error)
            self.etags([path], [found.st_size], [found.st_mtime_ns])
        return self._faulty.get(path)

    def is_changed(self, path: str, etag: str) -> bool:
        """Tells whether a file that was judged sound holds something else by now, or is gone.

        Args:
            path: as it was judged; of any other False is returned.
            etag: the md5 of what it held; the file is read only if its size or time is another one.
        """
        if path not in self._sound:
            return False
        try:
            found = os.stat(path)
            return hash((found.st_size, found.st_mtime_ns)) != self._sound[path] and md5_of(path) != etag
        except OSError:
            return True

    def _remembered(self, keys: Sequence[FileKey]) -> list[FileFacts | None]:
        found = self._facts.recall(keys)
        for store in self._must_fit:
            store.refresh()
        for index, (key, facts) in enumerate(zip(keys, found, strict=True)):
            if facts is not None and not facts.reason and not self._is_fit(facts, key[1]):
                found[index] = facts = None
            if facts is not None and self._hash_pixels and not (facts.reason or facts.pixels):
                found[index] = facts = None
            if facts is not None:
                self._judge(key, facts)
        return found

    def _is_fit(self, facts: FileFacts, size: int) -> bool:
        """Tells whether a sound file is known to be fit for all that read it later; else a child looks again."""
        if facts.width * facts.height > self._max_pixels:
            return False
        upright = (facts.height, facts.width)[:: -1 if facts.orientation >= 5 else 1]
        if any(one.color_mode == "bayer" or not one.has_regions(*upright) for one in self._uncached):
            return False
        content = ContentKey.of(facts.md5, size) if self._must_fit else None
        return content is None or all(store.find(content) is not None for store in self._must_fit)

    def _tell(self) -> None:
        """Says once where the decoded images go: the children that write them have no log."""
        for space in self._untold.values():
            if limit := space.limit:
                _log.info("decoded images are kept in %s, at most %s", space.root, show_size(limit))
        self._untold = {}

    def _judge(self, key: FileKey, facts: FileFacts) -> None:
        reason = facts.reason or facts.unfit
        # A file may have changed since it was last judged.
        path, size, modified_ns = key
        self._sound.pop(path, None)
        self._faulty.pop(path, None)
        if reason:
            self._faulty[path] = reason
        else:
            self._sound[path] = hash((size, modified_ns))
        if facts.pixels:
            self.pixel_hashes[facts.md5] = facts.pixels

    def _checked(self, keys: Sequence[FileKey], bar: "tqdm[Any]") -> Iterator[FileFacts]:
        if not keys:
            return
        # A child for a handful of files costs more than it saves.
        count = min(self._count, -(-len(keys) // _FILES_A_CHILD))
        with concurrent.futures.ThreadPoolExecutor(count) as threads:
            for start in range(0, len(keys), _SAVE_EVERY):
                window = keys[start : start + _SAVE_EVERY]
                learned: list[tuple[FileKey, FileFacts]] = []
                for key, facts in zip(window, threads.map(lambda key: self._pool.check(key[0]), window), strict=True):
                    self._judge(key, facts)
                    bar.update()
                    if facts.md5 and _unchanged(key):
                        learned.append((key, facts))
                    yield facts
                self._facts.remember(learned)
                self.remember([(key, facts.md5) for key, facts in learned])


def _unchanged(key: FileKey) -> bool:
    """Tells whether a file is still what it was when it was listed, and may be known by that."""
    path, size, modified_ns = key
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return False
    return (found.st_size, found.st_mtime_ns) == (size, modified_ns) and is_settled(modified_ns)
