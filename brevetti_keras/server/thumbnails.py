"""`Thumbnails`: small pictures of images, decoded in a bounded way.

    thumbnails = Thumbnails()
    data = thumbnails.jpeg("/data/vials/good/1.png", 192)      # fits into 192 x 192 pixels

Whatever depth a file has, what is shown is 8 bits. TensorFlow is not loaded.
"""

import os
import threading

import numpy as np

from brevetti_keras.data.image.decode import read_scaled, to_255
from brevetti_keras.utils.errors import DecodeError
from brevetti_keras.utils.lazy import lazy_import

cv2 = lazy_import("cv2", install="opencv-python-headless")

_QUALITY = 85


class Thumbnails:
    """Makes small pictures, a few at a time.

    Args:
        at_once: so many images are decoded at a time: each may take 100 megapixels.
    """

    def __init__(self, at_once: int = 2) -> None:
        self._slots = threading.BoundedSemaphore(at_once)

    def jpeg(self, path: str, size: int) -> tuple[bytes, tuple[int, int]]:
        """Returns a picture as JPEG, and the height and width of the whole one in pixels.

        Args:
            path: a local file.
            size: the sides of the square that it fits into, in pixels; a smaller image stays as it is.

        Raises:
            DecodeError: if the file cannot be decoded.
        """
        with self._slots:
            whole = [0, 0]

            def shrink(height: int, width: int) -> int:
                whole[:] = height, width
                return next((factor for factor in (8, 4, 2) if max(height, width) >= factor * size), 1)

            image, _ = read_scaled(path, shrink)
            height, width = image.shape[:2]
            full = (whole[0], whole[1]) if whole[0] > height else (height, width)
            scale = size / max(height, width)
            if scale < 1:
                sides = max(1, round(width * scale)), max(1, round(height * scale))
                image = cv2.resize(image, sides, interpolation=cv2.INTER_AREA)
            shown = np.clip(np.round(to_255(image)), 0, 255).astype(np.uint8)
            # OpenCV writes blue first.
            shown = shown[..., ::-1] if shown.ndim == 3 and shown.shape[2] == 3 else shown
            written, data = cv2.imencode(".jpg", np.ascontiguousarray(shown), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if not written:
            raise DecodeError(path, "expected an image that can be shown, received one that OpenCV cannot write")
        return data.tobytes(), full


def etag_of(path: str, size: int) -> str:
    """Returns the entity tag of a file's small picture: another once the file has changed."""
    stat = os.stat(path)
    return f'"{stat.st_mtime_ns:x}-{stat.st_size:x}-{stat.st_ino:x}-{size}"'
