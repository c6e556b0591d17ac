"""`upright_size`: the size that an image file has when it is shown, from its header.

upright_size("vial.jpg")            # (height, width)

It is remembered by path, size and time of the file, since masks are drawn for it in every epoch.
"""

from functools import lru_cache

from brevetti_keras.data.image.decode import read_file
from brevetti_keras.data.image.header import HeaderError, read_header
from brevetti_keras.io.local_copies import file_state
from brevetti_keras.utils.errors import DecodeError, NotFoundError

_REMEMBERED = 1 << 17


def upright_size(path: str) -> tuple[int, int]:
    """Returns (height, width) in pixels, after the EXIF orientation.

    Args:
        path: absolute, or a URL; of an object, what this process last saw of it is believed.

    Raises:
        DecodeError: for a file that is no image.
        NotFoundError: if there is none.
    """
    state = file_state(path)
    if state is None:
        raise NotFoundError(f"no file {path}")
    return _size(*state)


@lru_cache(maxsize=_REMEMBERED)
def _size(path: str, size: int, changed: int) -> tuple[int, int]:
    try:
        header = read_header(read_file(path))
    except HeaderError as error:
        raise DecodeError(path, str(error)) from error
    return (header.width, header.height) if header.orientation >= 5 else (header.height, header.width)
