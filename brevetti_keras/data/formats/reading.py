"""`read_format`: a folder of another tool to a `Collection`, with what was kept beside it.

collection = read_format("yolo", "/data/parts")
"""

from collections.abc import Callable

from brevetti_keras.data.formats.coco import read_coco
from brevetti_keras.data.formats.collection import Collection
from brevetti_keras.data.formats.kept_aside import with_kept
from brevetti_keras.data.formats.mvtec import read_mvtec
from brevetti_keras.data.formats.source import folder_of
from brevetti_keras.data.formats.voc import read_voc
from brevetti_keras.data.formats.yolo import read_yolo
from brevetti_keras.io.open import open_storage
from brevetti_keras.utils.errors import InvalidInputError

READERS: dict[str, Callable[[str], Collection]] = {
    "coco": read_coco,
    "yolo": read_yolo,
    "voc": read_voc,
    "mvtec": read_mvtec,
}


def read_format(name: str, path: str) -> Collection:
    """Returns the images that a folder holds, with their labels, purposes and annotations; none is decoded.

    Args:
        name: `"coco"`, `"yolo"`, `"voc"` or `"mvtec"`.
        path: the folder, or of COCO and YOLO the JSON or YAML file.

    Raises:
        InvalidInputError: for another name.
        NotFoundError: if there is nothing at `path`.
        DataError: for files that make no sense, see the format's own reader.
    """
    if name not in READERS:
        raise InvalidInputError(f"expected one of the formats {', '.join(READERS)}, received {name[:40]!r}")
    return with_kept(READERS[name](path), open_storage(folder_of(path), follow_links=True))
