"""`empty_folders`: what a listing of files cannot tell, a class whose images are not there.

empty_folders("/data/vials")            # ["/data/vials/scratch"]
"""

import os
from collections.abc import Iterator

from brevetti_keras.io.open import local_path_of
from brevetti_keras.io.paths import is_hidden


def empty_folders(bucket: str) -> list[str]:
    """Returns the folders of a dataset in which there is nothing, sorted.

    Args:
        bucket: the dataset's folder. A CSV has no folders, nor has a bucket: they have none that are empty.

    Returns:
        Absolute paths. Hidden files count as nothing, and hidden folders and links are not looked into.
    """
    top = local_path_of(bucket)
    return [] if top is None else sorted(_empty_below(top))


def _empty_below(top: str) -> Iterator[str]:
    for folder, inner, files in os.walk(top):
        inner[:] = [name for name in inner if not is_hidden(name)]
        if folder != top and not inner and all(map(is_hidden, files)):
            yield folder
