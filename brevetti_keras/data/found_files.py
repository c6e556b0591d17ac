"""`FoundFiles`: the files that a walk found, as columns.

    files = FoundFiles.of(storage.walk())
    files.paths, files.sizes

A million files are four lists here. As a million objects they would be gone over again and again by the garbage
collector, for longer than it takes to find them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from brevetti_keras.io.storage import FileInfo

T = TypeVar("T")


@dataclass(frozen=True)
class FoundFiles:
    """Files of a storage, one entry a file in each list.

    Attributes:
        paths: relative to the storage's root.
        sizes: bytes.
        modified_ns: nanoseconds since 1970 (UTC), 0 where none is known.
        md5s: hex text where the storage has it without reading the file, else "".
    """

    paths: list[str]
    sizes: list[int]
    modified_ns: list[int]
    md5s: list[str]

    @classmethod
    def of(cls, infos: Iterable[FileInfo], endings: str | tuple[str, ...] = "") -> Self:
        """Returns the files of a walk, in its order.

        Args:
            infos: the files.
            endings: keep only those whose path ends in one of these, which are in lower case, in any case.
        """
        files = cls([], [], [], [])
        paths, sizes, modified, md5s = files._columns()
        for path, size, modified_ns, md5 in infos:
            if path.lower().endswith(endings):
                paths.append(path)
                sizes.append(size)
                modified.append(modified_ns)
                md5s.append(md5)
        return files

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: Sequence[int]) -> Self:
        """Returns the files of these rows; `rows` is ascending, each at most once."""
        return type(self)(*(taken(column, rows) for column in self._columns()))

    def _columns(self) -> tuple[list[str], list[int], list[int], list[str]]:
        return self.paths, self.sizes, self.modified_ns, self.md5s


def taken(values: list[T], rows: Sequence[int]) -> list[T]:
    """Returns the values of rows, which are ascending, each at most once; the list itself where they are all of it."""
    return values if len(rows) == len(values) else [values[row] for row in rows]
