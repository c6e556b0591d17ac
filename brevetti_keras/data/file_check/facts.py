"""`FileFacts`: what one reading of a file found out, and the memory of it.

memory = FactsMemory("/cache/hashes.sqlite3", max_pixels=100_000_000)
memory.remember([(key, facts)])
memory.recall([key])
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from brevetti_keras.data.image.pixel_reader import decoder_versions
from brevetti_keras.data.stat_memory import FileKey, StatMemory

# Raised whenever a file could be judged otherwise than before, or something else is remembered of it.
_VERSION = 4


@dataclass(frozen=True)
class FileFacts:
    """A file as it was read.

    Attributes:
        md5: of its bytes, hex; `""` for a file that cannot be read, or that no process outlived.
        sha256: the same.
        kind: `"JPEG"`, … or `""`.
        width: stored pixels a row; 0 where the header cannot tell.
        height: stored rows.
        orientation: EXIF's, 1 to 8.
        frames: pictures in the file.
        pixels: the hash of the decoded picture, see `hash_pixels`; `""` where it was not asked for or there is none.
        reason: why it cannot be used, `""` if it can.
        unfit: why it cannot be used with a job's own settings, `""` if it can; this is not remembered.
    """

    md5: str = ""
    sha256: str = ""
    kind: str = ""
    width: int = 0
    height: int = 0
    orientation: int = 1
    frames: int = 1
    pixels: str = ""
    reason: str = ""
    unfit: str = ""


_REMEMBERED = [field.name for field in dataclasses.fields(FileFacts) if field.name != "unfit"]
_TYPES = {int: "INTEGER", str: "TEXT"}


class FactsMemory:
    """The facts of files, remembered by (path, size, modification time).

    Args:
        path: of the SQLite file.
        max_pixels: the limit that files were judged by; another limit is another judgement.
    """

    def __init__(self, path: str, max_pixels: int) -> None:
        judged = f"{_VERSION} {max_pixels} {sorted(decoder_versions().items())}"
        self._judge = hashlib.blake2b(judged.encode(), digest_size=8).hexdigest()
        columns = {field.name: _TYPES[type(field.default)] for field in dataclasses.fields(FileFacts)}
        del columns["unfit"]
        self._memory = StatMemory(path, f"facts_{_VERSION}", {"judge": "TEXT", **columns})

    def recall(self, keys: Sequence[FileKey]) -> list[FileFacts | None]:
        """Returns what is remembered of each file, None where nothing is, or it was judged by other rules."""
        return [
            FileFacts(**dict(zip(_REMEMBERED, row[1:], strict=True))) if row and row[0] == self._judge else None
            for row in self._memory.recall(keys)
        ]

    def remember(self, entries: Sequence[tuple[FileKey, FileFacts]]) -> None:
        """Keeps facts."""
        self._memory.remember(
            [(key, (self._judge, *(getattr(facts, name) for name in _REMEMBERED))) for key, facts in entries]
        )
