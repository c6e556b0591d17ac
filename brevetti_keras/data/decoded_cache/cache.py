"""`DecodedCache`: paths to pixels, decoding what nobody has decoded before.

cache = DecodedCache(None, PixelReader(target_size=(224, 224)))
cache.load(["/data/1.jpg", "/data/2.jpg"])      # (2, 224, 224, 3) uint8
"""

import hashlib
import json
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.buffers import Buffers
from brevetti_keras.data.checksums import HashMemory
from brevetti_keras.data.decoded_cache.index import ContentKey
from brevetti_keras.data.decoded_cache.keys import ContentKeys
from brevetti_keras.data.decoded_cache.space import CacheSpace
from brevetti_keras.data.decoded_cache.store import PixelStore
from brevetti_keras.data.stat_memory import FileKey, is_settled

Array = npt.NDArray[Any]


class Reader(Protocol):
    """Makes the pixels of files."""

    def settings(self) -> dict[str, Any]:
        """Returns all that decides the pixels of a file, as JSON types."""
        ...

    def read(self, path: str) -> bytes:
        """Returns a file's bytes; raises what its user is to see."""
        ...

    def decode(self, path: str, data: bytes) -> Array:
        """Returns the pixels: uint8, uint16 or float32 of at most four dimensions."""
        ...


class DecodedCache:
    """The images that a reader makes, kept.

    Args:
        root: the cache's folder; None is the default place.
        reader: makes the pixels of what is not there.
        hashes: where the hashes of unchanged files come from; by default the memory in its usual place.
    """

    def __init__(self, root: str | None, reader: Reader, hashes: HashMemory | None = None) -> None:
        self.root, self.reader = root, reader
        self._keys = ContentKeys(hashes or HashMemory())
        self._buffers = Buffers()
        self._store = PixelStore(CacheSpace(root), settings_digest(reader.settings()))
        # Where the images of unchanged files lie; the short digest of path, size and time stands for the file.
        self._places: dict[bytes, int] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, or what another process receives, opens the cache for itself."""
        return type(self), (self.root, self.reader)

    def load(self, paths: Sequence[str]) -> Array | list[Array]:
        """Returns the images of files.

        Args:
            paths: local files.

        Returns:
            One array if all images are in the cache and of one form, else an array each.

        Raises:
            DecodeError: as the reader raises it.
        """
        states = [self._keys.state(path) for path in paths]
        tokens = [_token(state) for state in states]
        places = [self._places.get(token) for token in tokens]
        together = self._read_together(places)
        if together is not None:
            return together
        images = [None if place is None else self._read_one(place) for place in places]
        missing = [index for index, image in enumerate(images) if image is None]
        for index, (image, place) in zip(missing, self._fill([(paths[i], states[i]) for i in missing]), strict=True):
            images[index] = image
            state = states[index]
            if place is not None and state is not None and is_settled(state[2]):
                self._places[tokens[index]] = place
        return [image for image in images if image is not None]

    def _read_together(self, places: list[int | None]) -> Array | None:
        forms = {None if place is None else self._store.form(place) for place in places}
        form = forms.pop() if len(forms) == 1 else None
        if form is None:
            return None
        images = self._buffers.empty((len(places), *form.shape), form.dtype)
        for place, image in zip(places, images, strict=True):
            if place is None or not self._store.read(place, image):
                return None
        return images

    def _read_one(self, place: int) -> Array | None:
        form = self._store.form(place)
        image = None if form is None else np.empty(form.shape, form.dtype)
        return image if image is not None and self._store.read(place, image) else None

    def _fill(self, files: Sequence[tuple[str, FileKey | None]]) -> Iterator[tuple[Array, int | None]]:
        """Yields the images that this process has not met before, and where they lie now."""
        self._store.refresh()
        there = [state for _, state in files if state is not None]
        known = dict(zip(there, self._keys.known(there), strict=True))
        learned: list[tuple[FileKey, ContentKey]] = []
        for path, state in files:
            key = known.get(state) if state is not None else None
            yield self._find(key) or self._make(path, state, key, learned)
        self._keys.remember(learned)

    def _find(self, key: ContentKey | None) -> tuple[Array, int] | None:
        place = None if key is None else self._store.find(key)
        image = None if place is None else self._read_one(place)
        return None if place is None or image is None else (image, place)

    def _make(
        self, path: str, state: FileKey | None, key: ContentKey | None, learned: list[tuple[FileKey, ContentKey]]
    ) -> tuple[Array, int | None]:
        data = self.reader.read(path)
        # A file that changes while it is read is kept as what was read, and is not known by its time.
        unchanged = state is not None and state == self._keys.state(path) and len(data) == state[1]
        if key is None or not unchanged:
            key = self._keys.of(data)
            if state is not None and unchanged:
                learned.append((state, key))
        image, place = self._find(key) or self._decode(path, data, key)
        return image, place if unchanged else None

    def _decode(self, path: str, data: bytes, key: ContentKey) -> tuple[Array, int | None]:
        image = self.reader.decode(path, data)
        return image, self._store.add(key, image)


def settings_digest(settings: Mapping[str, Any]) -> str:
    """Returns what a set of settings is called: equal settings, equal names."""
    return hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=12).hexdigest()


def _token(state: FileKey | None) -> bytes:
    if state is None:
        return b""
    path, size, modified_ns = state
    return hashlib.blake2b(os.fsencode(path) + struct.pack("<qq", size, modified_ns), digest_size=16).digest()
