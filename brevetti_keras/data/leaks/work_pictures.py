"""`WorkPictures`: pictures at the size at which they are compared, those used last kept in memory.

works = WorkPictures(paths, 128).read([3, 7, 3])     # {3: (128, 128) float32, 7: …}
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from brevetti_keras.data.image.decode import read_image
from brevetti_keras.data.leaks.reading import in_threads, local_path
from brevetti_keras.data.leaks.signature import as_grey, work_picture
from brevetti_keras.data.leaks.spectrum import Floats

_STEPS = 256


class WorkPictures:
    """Pictures by their place in a list of paths.

    Args:
        paths: of decodable files.
        side: of the square that each becomes, pixels.
        kept: how many stay in memory, at 32 KB each at most; to decode a picture costs far more than to compare it.
    """

    def __init__(self, paths: Sequence[str], side: int, kept: int = 4096) -> None:
        self._paths = paths
        self.side = side
        self._most = kept
        self._kept: dict[int, npt.NDArray[np.uint16]] = {}

    def read(self, indices: Iterable[int]) -> dict[int, Floats]:
        """Returns the pictures of `indices`, (side, side) grey levels."""
        asked = list(dict.fromkeys(indices))
        missing = [index for index in asked if index not in self._kept]
        fresh = dict(zip(missing, in_threads(self._decode, missing), strict=True))
        found = {index: fresh[index] if index in fresh else self._kept.pop(index) for index in asked}
        # What was used last stands last, so that what has not been used for longest goes first.
        self._kept.update(found)
        for index in list(self._kept)[: max(0, len(self._kept) - self._most)]:
            del self._kept[index]
        return {index: picture * np.float32(1 / _STEPS) for index, picture in found.items()}

    def _decode(self, index: int) -> npt.NDArray[np.uint16]:
        # 1/256 of a grey level, for fresh and kept alike: results must not depend on what is kept.
        work = work_picture(as_grey(read_image(local_path(self._paths[index]))), self.side)
        return np.asarray(np.rint(work * _STEPS), np.uint16)
