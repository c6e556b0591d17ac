"""`upright_size`: the size that an image file has when it is shown, from its header.

upright_size("vial.jpg")            # (height, width)

It is remembered by path, size and time of the file, since masks are drawn for it in every epoch.
"""

from functools import lru_cache

from brevetti_keras.data.image.header import HeaderError, read_header
from brevetti_keras.io.open import split_url
from brevetti_keras.io.storage import FileInfo
from brevetti_keras.utils.errors import DecodeError

_REMEMBERED = 1 << 17


def upright_size(path: str) -> tuple[int, int]:
    """Returns (height, width) in pixels, after the EXIF orientation.

    Args:
        path: absolute, or a URL.

    Raises:
        DecodeError: for a file that is no image.
        NotFoundError: if there is none.
    """
    storage, inner = split_url(path, follow_links=True)
    return _size(path, storage.stat(inner))


@lru_cache(maxsize=_REMEMBERED)
def _size(path: str, info: FileInfo) -> tuple[int, int]:
    storage, inner = split_url(path, follow_links=True)
    try:
        header = read_header(storage.read_bytes(inner))
    except HeaderError as error:
        raise DecodeError(path, str(error)) from error
    return (header.width, header.height) if header.orientation >= 5 else (header.height, header.width)
