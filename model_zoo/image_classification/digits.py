"""The demo's images: the 1,797 handwritten digits that come inside scikit-learn, as PNG files in ten class folders.

    folder = write_digits("/tmp/digits")        # /tmp/digits/0/0000.png … /tmp/digits/9/1795.png

They are scans of NIST forms, 8×8 pixels of 17 grey levels (E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten
Digits", UCI Machine Learning Repository, 1998). The number in a file's name is the sample's place in scikit-learn.
"""

import io
import os

from PIL import Image

from brevetti_keras.io.local import atomic_write
from brevetti_keras.utils.lazy import lazy_import

datasets = lazy_import("sklearn.datasets", install="scikit-learn")

COUNT = 1797
_LEVELS = 16


def write_digits(folder: str) -> str:
    """Writes the digits below `folder`, each file in one step, and leaves alone what is there already and right.

    Args:
        folder: made if need be. Other files in it are left as they are.

    Returns:
        The folder's absolute path.

    Raises:
        StorageError: if the system refuses a write.
    """
    root = os.path.abspath(folder)
    digits = datasets.load_digits()
    for index, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        grey = (pixels * 255 / _LEVELS).round().astype("uint8")
        buffer = io.BytesIO()
        Image.fromarray(grey).save(buffer, format="PNG")
        path = os.path.join(root, str(label), f"{index:04d}.png")
        if not _holds(path, buffer.getvalue()):
            atomic_write(path, buffer.getvalue())
    return root


def _holds(path: str, content: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read() == content
    except OSError:
        return False
