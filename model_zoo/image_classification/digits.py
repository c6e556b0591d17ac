"""The demo's images: the 1,797 handwritten digits that come inside scikit-learn, as PNG files in ten class folders.

    folder = write_digits("/tmp/digits")        # /tmp/digits/0/0000.png … /tmp/digits/9/1795.png

They are scans of NIST forms, 8×8 pixels of 17 grey levels (E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten
Digits", UCI Machine Learning Repository, 1998). The number in a file's name is the sample's place in scikit-learn.
"""

import io
import os
import tempfile
from collections.abc import Iterator, Mapping

from PIL import Image

from brevetti_keras.io.local import atomic_write, os_errors
from brevetti_keras.utils.lazy import lazy_import

datasets = lazy_import("sklearn.datasets", install="scikit-learn")

COUNT = 1797
_LEVELS = 16


def write_digits(folder: str) -> str:
    """Writes the digits below `folder`, and leaves alone what is there already and right.

    A new folder appears at once, with all its files.

    Args:
        folder: made if need be. Other files in it are left as they are.

    Returns:
        The folder's absolute path.

    Raises:
        ConflictError: if a file stands where a folder is needed.
        StorageError: if the system refuses a write.
    """
    root = os.path.abspath(folder)
    files = dict(_files())
    if not os.path.lexists(root):
        with os_errors(os.path.dirname(root)):
            _write_anew(root, files)
    for name, content in files.items():
        path = os.path.join(root, name)
        if not _holds(path, content):
            atomic_write(path, content)
    return root


def _files() -> Iterator[tuple[str, bytes]]:
    digits = datasets.load_digits()
    for index, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        grey = (pixels * 255 / _LEVELS).round().astype("uint8")
        buffer = io.BytesIO()
        Image.fromarray(grey).save(buffer, format="PNG")
        yield f"{label}/{index:04d}.png", buffer.getvalue()


def _write_anew(root: str, files: Mapping[str, bytes]) -> None:
    """Writes all files beside `root` and renames their folder. Flushing each to the disk would take most of the demo's
    time; what a power loss spoils, the next call writes again."""
    os.makedirs(os.path.dirname(root), exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=".digits-", dir=os.path.dirname(root), ignore_cleanup_errors=True
    ) as staging:
        for name, content in files.items():
            path = os.path.join(staging, "digits", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
        try:
            os.rename(os.path.join(staging, "digits"), root)
        except OSError:
            # Another process that was quicker has written the same.
            if not os.path.isdir(root):
                raise


def _holds(path: str, content: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read() == content
    except OSError:
        return False
