"""`PixelStore`: all shards of one set of settings as one table from content to pixels.

    store = PixelStore(space, "1f0c…")
    location = store.find(key) or store.add(key, image)
    store.read(location, out)

A location is a number that means something in this process only. Threads may use a store side by side.
"""

import itertools
import logging
import os
import threading
from typing import Any

import numpy.typing as npt

from brevetti_keras.data.decoded_cache.index import ContentKey, Form, form_of
from brevetti_keras.data.decoded_cache.shard import INDEX, Shard
from brevetti_keras.data.decoded_cache.space import CacheSpace, show_size
from brevetti_keras.data.decoded_cache.writer import OVERHEAD, ShardWriter

_log = logging.getLogger(__name__)

_LARGEST_SHARD = 256 * 10**6
_ASK_FOR = 64 * 10**6
_ROW_BITS = 32
_ROW_MASK = (1 << _ROW_BITS) - 1
# So many of this process' own images are found without their shard's index, which is read anew when there are more.
_REMEMBERED = 4096


class PixelStore:
    """Images by content.

    Args:
        space: the cache that it is part of.
        name: of its folder there.
    """

    def __init__(self, space: CacheSpace, name: str) -> None:
        self._space = space
        self._folder = os.path.join(space.root, name)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._open: dict[str, int] = {}
        self._shards: dict[int, Shard] = {}
        self._writer: ShardWriter | None = None
        self._added: dict[ContentKey, int] = {}
        self._allowed = 0
        self._largest = _LARGEST_SHARD
        self._damaged: set[str] = set()
        self._told = self._stopped = False

    def find(self, key: ContentKey) -> int | None:
        """Returns where the image of a content lies, None if nowhere, as of the last `refresh`."""
        added = self._added.get(key)
        if added is not None:
            return added
        for number, shard in list(self._shards.items()):
            row = shard.index.find(key)
            if row is not None:
                return number << _ROW_BITS | row
        return None

    def form(self, location: int) -> Form | None:
        """Returns the form of an image, None if its shard is gone."""
        shard, row = self._place(location)
        return None if shard is None else shard.index.form(row)

    def read(self, location: int, out: npt.NDArray[Any]) -> bool:
        """Fills `out` with an image; False if it is gone, or damaged, in which case it is forgotten."""
        shard, row = self._place(location)
        if shard is None:
            return False
        shard.touch()
        if shard.read(row, out):
            return True
        with self._lock:
            if shard.path not in self._damaged:
                _log.warning(
                    "an image in the decoded cache is damaged and is decoded again, as is each in the same file: %s",
                    shard.path,
                )
            self._damaged.add(shard.path)
            shard.forget(row)
            self._added = {key: place for key, place in self._added.items() if place != location}
        return False

    def _place(self, location: int) -> tuple[Shard | None, int]:
        row = location & _ROW_MASK
        shard = self._shards.get(location >> _ROW_BITS)
        if shard is not None and row >= shard.index.count:
            with self._lock:
                shard.refresh()
        return (shard, row) if shard is not None and shard.index.holds(row) else (None, row)

    def refresh(self) -> None:
        """Takes notice of what other processes have added and removed."""
        with self._lock:
            try:
                names = {name.removesuffix(INDEX) for name in os.listdir(self._folder) if name.endswith(INDEX)}
            except OSError:
                names = set()
            for gone in self._open.keys() - names:
                self._shards.pop(self._open.pop(gone))
            own = os.path.basename(self._writer.path) if self._writer is not None else ""
            if own and own not in names:
                self._writer = None
            for name in sorted(names):
                number = self._number(name)
                if number is not None and (name != own or len(self._added) > _REMEMBERED):
                    self._shards[number].refresh()
                    if name == own:
                        self._added = {}

    def _number(self, name: str) -> int | None:
        """Returns the number of a shard, opened if need be; None if it cannot be."""
        if name not in self._open:
            try:
                shard = Shard.open(os.path.join(self._folder, name))
            except OSError:  # another user's, or removed
                return None
            if shard is None:
                return None
            # Numbers are not used twice, so that the locations of a shard that is gone lead nowhere.
            self._open[name] = next(self._numbers)
            self._shards[self._open[name]] = shard
        return self._open[name]

    def add(self, key: ContentKey, image: npt.NDArray[Any]) -> int | None:
        """Keeps an image.

        Returns:
            Where; None if there is no room, which is said once.
        """
        form = form_of(image)
        with self._lock:
            if form is None or self._stopped:
                return None
            try:
                return self._append(key, image, form)
            except OSError as error:
                self._stop(error.strerror or str(error))
                return None

    def _append(self, key: ContentKey, image: npt.NDArray[Any], form: Form) -> int | None:
        cost = form.bytes + OVERHEAD
        if self._allowed < cost and not self._ask(cost):
            return None
        writer = self._writer
        # A forked process has its parent's writer, whose place in the file would then be two processes'.
        if writer is None or writer.size >= self._largest or writer.process != os.getpid():
            self._writer = writer = ShardWriter.take(self._folder, self._largest)
        row = writer.append(key, image, form)
        self._allowed -= cost
        number = self._number(os.path.basename(writer.path))
        if number is None:
            return None
        self._added[key] = number << _ROW_BITS | row
        return self._added[key]

    def _ask(self, count: int) -> bool:
        """Makes room for `count` bytes and some more."""
        limit = self._space.limit
        for wanted in (max(count, min(_ASK_FOR, limit // 16)), count):
            if self._space.make_room(wanted):
                self._allowed = wanted
                self._largest = min(_LARGEST_SHARD, max(1, limit // 16))
                if not self._told:
                    _log.info("decoded images are kept in %s, at most %s", self._space.root, show_size(limit))
                self._told = True
                return True
        self._stop(self._space.refusal(count))
        return False

    def _stop(self, reason: str) -> None:
        self._stopped = True
        if reason:
            _log.warning("no more decoded images are kept, files are decoded each time: %s: %s", self._folder, reason)
