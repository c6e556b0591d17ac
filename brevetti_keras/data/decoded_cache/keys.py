"""`ContentKeys`: from a path to what the file holds, reading it only if nobody ever did.

keys = ContentKeys(HashMemory())
state = keys.state("/data/1.jpg")               # path, size and time; None for no file
keys.known([state])                             # [ContentKey], or [None]
keys.learn(state, data)                         # hashes what was read, for now and later jobs
"""

import hashlib
from collections.abc import Sequence

from brevetti_keras.data.checksums import HashMemory
from brevetti_keras.data.decoded_cache.index import ContentKey
from brevetti_keras.data.stat_memory import FileKey, is_settled
from brevetti_keras.io.local_copies import file_state
from brevetti_keras.utils.errors import BrevettiError


class ContentKeys:
    """Content keys by (path, size, modification time).

    Args:
        hashes: the memory that listing fills too.
    """

    def __init__(self, hashes: HashMemory) -> None:
        self._hashes = hashes

    @staticmethod
    def state(path: str) -> FileKey | None:
        """Returns the key of a file as it is now, of an object as it was last seen; None if there is none."""
        try:
            return file_state(path)
        except BrevettiError:  # reading it says why
            return None

    def known(self, states: Sequence[FileKey]) -> list[ContentKey | None]:
        """Returns the contents that are remembered; no file is read."""
        found = self._hashes.recall(states)
        return [None if md5 is None else ContentKey.of(md5, state[1]) for state, md5 in zip(states, found, strict=True)]

    @staticmethod
    def of(data: bytes) -> ContentKey:
        """Returns the key of a content."""
        return ContentKey.of(hashlib.md5(data, usedforsecurity=False).hexdigest(), len(data))

    def remember(self, entries: Sequence[tuple[FileKey, ContentKey]]) -> None:
        """Keeps the contents of files, but of those that were only just written."""
        self._hashes.remember(
            [(state, f"{key.high:016x}{key.low:016x}") for state, key in entries if is_settled(state[2])]
        )
