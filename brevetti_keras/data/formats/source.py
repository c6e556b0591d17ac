"""`Source`: the folder of a dataset in another tool's form; knows which files there are without reading one.

source = Source("/data/parts")
source.text("data.yaml")
source.named("images/ü.jpg")                   # the file, however its umlaut is written
"""

import logging
import posixpath
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

from tqdm import tqdm

from brevetti_keras.data.image.upright_size import upright_size
from brevetti_keras.data.samples import IMAGE_ENDINGS, NOT_TEXT
from brevetti_keras.io.local import LocalStorage
from brevetti_keras.io.local_copies import fetch_copies, local_copy
from brevetti_keras.io.open import open_storage, split_url
from brevetti_keras.io.paths import is_text, shown_path
from brevetti_keras.utils.errors import DataError, InvalidInputError, NotFoundError

_log = logging.getLogger(__name__)

_MAX_TEXT = 2 << 30
_NAMED = 3
_AT_ONCE = 512


class Source:
    """A folder.

    Args:
        folder: a path or URL.

    Raises:
        InvalidInputError: for a folder whose path is no text.
        NotFoundError: if there is no such folder.
    """

    def __init__(self, folder: str) -> None:
        self._storage = open_storage(folder, follow_links=True)
        self._is_local = isinstance(self._storage, LocalStorage)
        if not is_text(self._storage.root):
            raise InvalidInputError(f"expected a folder whose path is text in UTF-8, received {shown_path(folder)}")
        self.files = {info.path: info.size for info in self._storage.walk() if self._can_be_named(info.path)}
        if not self.files:
            raise NotFoundError(f"expected the folder of a dataset, received {folder}, where there is no file")

    def _can_be_named(self, path: str) -> bool:
        if is_text(path):
            return True
        if path.lower().endswith(IMAGE_ENDINGS):
            _log.warning("left out %s: %s", shown_path(self.resolve(path)), NOT_TEXT)
        return False

    @cached_property
    def _alike(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.files:
            if not path.isascii():
                found.setdefault(unicodedata.normalize("NFC", path), []).append(path)
        return found

    def named(self, path: str) -> str | None:
        """Returns the file that a path means: that of this path, else the only one of which Unicode says that it is the
        same text, for some systems write an umlaut as two characters; None if there is none."""
        if path in self.files:
            return path
        alike = [] if path.isascii() else self._alike.get(unicodedata.normalize("NFC", path), [])
        return alike[0] if len(alike) == 1 else None

    @property
    def root(self) -> str:
        """The folder's absolute path or URL."""
        return self._storage.root

    def text(self, path: str) -> str:
        """Returns a file's text.

        Raises:
            DataError: if it is not UTF-8, or longer than any such file is.
            NotFoundError: if there is none.
        """
        try:
            return self.data(path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{self.resolve(path)}: expected text in UTF-8, received other bytes") from error

    def data(self, path: str) -> bytes:
        """Returns the bytes of a file of text.

        Raises:
            DataError: if it is longer than any such file is.
            NotFoundError: if there is none.
        """
        if self.files.get(path, 0) > _MAX_TEXT:
            raise DataError(
                f"{self.resolve(path)}: expected a file of at most {_MAX_TEXT >> 30} GB, received a longer one"
            )
        if self._is_local or path not in self.files:
            return self._storage.read_bytes(path)
        with open(local_copy(self.resolve(path)), "rb") as file:
            return file.read()

    def fetch(self, paths: Iterable[str]) -> None:
        """Fetches files of a bucket, many at a time, before they are read; those that are not there are passed over."""
        if not self._is_local:
            fetch_copies(self.resolve(path) for path in paths if path in self.files)

    def fetched(self, paths: Sequence[str], beside: Callable[[str], str] = str) -> Iterator[str]:
        """Yields paths in their order, with a bar on a terminal; of a bucket, what comes next is fetched before, many
        at a time.

        Args:
            paths: of files.
            beside: gives another file that is read with each, which need not exist.
        """
        with tqdm(total=len(paths), desc="reading", unit="file", disable=None, leave=False) as progress:
            for start in range(0, len(paths), _AT_ONCE):
                chunk = paths[start : start + _AT_ONCE]
                self.fetch(sorted({*chunk, *map(beside, chunk)}))
                for path in chunk:
                    yield path
                    progress.update()

    def resolve(self, path: str) -> str:
        """Returns the absolute path or URL of a file."""
        return self._storage.resolve(path)

    def below(self, folder: str, endings: Iterable[str] = IMAGE_ENDINGS) -> list[str]:
        """Returns the files below a folder (`""` is all) that end so, in any case."""
        start = f"{folder}/" if folder else ""
        ends = tuple(endings)
        return [path for path in self.files if path.startswith(start) and path.lower().endswith(ends)]

    def folders(self, folder: str = "") -> list[str]:
        """Returns the names of the folders in a folder, sorted."""
        start = f"{folder}/" if folder else ""
        inner = (path[len(start) :] for path in self.files if path.startswith(start))
        return sorted({name for name, slash, _ in (path.partition("/") for path in inner) if slash})

    def size_of(self, path: str) -> tuple[int, int]:
        """Returns the (height, width) of an upright image from its header.

        Raises:
            DecodeError: for a file that is no image.
        """
        return upright_size(self.resolve(path))


def folder_of(path: str) -> str:
    """Returns the folder of a dataset, given it or one of its files."""
    storage, inner = split_url(path, follow_links=True)
    if not storage.isfile(inner):
        return path
    folder = posixpath.dirname(inner)
    inside = posixpath.basename(folder) == "annotations"
    return storage.resolve(posixpath.dirname(folder) if inside else folder)


def refuse_missing(missing: list[str], where: str) -> None:
    """Refuses a dataset some of whose images are not there.

    Raises:
        DataError: that names the first of them, if there are any.
    """
    if missing:
        more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
        raise DataError(f"{where}: expected its images beside it, {', '.join(missing[:_NAMED])}{more} are missing")
