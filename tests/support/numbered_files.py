"""Files that hold a number, and a reader that makes a picture of it: a decoded cache's view of images, at no cost."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from brevetti_keras.utils.errors import DecodeError


class Folder:
    """Files whose times lie in the past, as those of a data set do."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()

    def write(self, name: str, number: int, age: float = 1000) -> str:
        path = self.root / name
        path.write_text(str(number))
        when = path.stat().st_mtime - age
        os.utime(path, (when, when))
        return str(path)

    def fill(self, count: int) -> list[str]:
        return [self.write(f"{number}.txt", number) for number in range(count)]


class NumberReader:
    """Makes a picture of which every value follows from the number in the file.

    Args:
        side: of the picture, in pixels.
        dtype: of its values.
    """

    def __init__(self, side: int = 8, dtype: str = "uint8") -> None:
        self.side, self.dtype = side, dtype
        self.decoded: list[str] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NumberReader) and self.settings() == other.settings()

    __hash__ = None  # type: ignore[assignment]

    def settings(self) -> dict[str, Any]:
        return {"side": self.side, "dtype": self.dtype}

    def read(self, path: str) -> bytes:
        try:
            return Path(path).read_bytes()
        except (OSError, ValueError) as error:
            raise DecodeError(path, "expected a file") from error

    def decode(self, path: str, data: bytes) -> npt.NDArray[Any]:
        self.decoded.append(os.path.basename(path))
        return self.picture(int(data))

    def picture(self, number: int) -> npt.NDArray[Any]:
        # A number may lack pixels of its own, so that pictures differ in size.
        height = self.side if number >= 0 else self.side + 1
        values = np.random.default_rng(abs(number)).integers(0, 255, (height, self.side, 3))
        return values.astype(self.dtype)
