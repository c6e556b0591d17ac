"""`WorkPictures`: pictures at the size at which they are compared, those used last kept in memory.

works = WorkPictures(paths).read([3, 7, 3])     # {3: (256, 256) float32, 7: …}
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.decode import read_image
from brevetti_keras.data.leaks.reading import in_threads, local_path
from brevetti_keras.data.leaks.signature import Floats, as_grey, work_picture


class WorkPictures:
    """Pictures by their place in a list of paths.

    Args:
        paths: of decodable files.
        kept: how many stay in memory, at 128 KB each; to decode a picture costs far more than to compare it.
    """

    def __init__(self, paths: Sequence[str], kept: int = 2048) -> None:
        self._paths = paths
        self._most = kept
        self._kept: dict[int, npt.NDArray[np.float16]] = {}

    def read(self, indices: Iterable[int]) -> dict[int, Floats]:
        """Returns the pictures of `indices`, (256, 256) grey levels."""
        asked = list(dict.fromkeys(indices))
        missing = [index for index in asked if index not in self._kept]
        fresh = dict(zip(missing, in_threads(self._decode, missing), strict=True))
        found = {index: fresh[index] if index in fresh else self._kept.pop(index) for index in asked}
        # What was used last stands last, so that what has not been used for longest goes first.
        self._kept.update(found)
        for index in list(self._kept)[: max(0, len(self._kept) - self._most)]:
            del self._kept[index]
        return {index: picture.astype(np.float32) for index, picture in found.items()}

    def _decode(self, index: int) -> npt.NDArray[np.float16]:
        # Half precision, 1/8 of a grey level, for fresh and kept alike: results must not depend on what is kept.
        return work_picture(as_grey(read_image(local_path(self._paths[index])))).astype(np.float16)
