"""The pixel hash of each sample's file: remembered by etag, the others decoded in threads.

hashes = read_pixel_hashes(samples)     # {path: sha256 in hex, or "unreadable " and the etag}
"""

from collections.abc import Mapping

import pandas as pd
from tqdm import tqdm

from brevetti_keras.data.image.decode import read_image
from brevetti_keras.data.leaks.content_memory import ContentMemory
from brevetti_keras.data.leaks.reading import in_threads, local_path, with_text
from brevetti_keras.data.leaks.signature import hash_pixels
from brevetti_keras.utils.errors import BrevettiError

_PREFIX = "pixels-1:"
_WINDOW = 512
UNREADABLE = "unreadable "


def read_pixel_hashes(
    samples: pd.DataFrame,
    known: Mapping[str, str] | None = None,
    memory: ContentMemory | None = None,
    progress: bool = True,
) -> dict[str, str]:
    """Returns the hash of the decoded picture of each path, see `hash_pixels`.

    Args:
        samples: with `path`, and `etag` to remember them by.
        known: hashes by etag that somebody has computed already; they are remembered too.
        memory: by default the one in the cache folder.
        progress: show a bar on a terminal while files are decoded.
    """
    samples = with_text(samples)
    memory = memory or ContentMemory()
    files = dict(zip(samples["path"], samples["etag"], strict=True))
    found = dict(known or {})
    asked = [etag for etag in dict.fromkeys(files.values()) if etag]
    recalled = memory.recall([_PREFIX + etag for etag in asked])
    told = {_PREFIX + etag: found[etag].encode() for etag in asked if etag in found}
    memory.remember({key: value for key, value in told.items() if recalled.get(key) != value})
    found = {key.removeprefix(_PREFIX): value.decode() for key, value in recalled.items()} | found
    hashes = {path: found[etag] for path, etag in files.items() if etag in found}
    missing = [path for path in files if path not in hashes]
    with tqdm(total=len(missing), desc="Fingerprint", unit="file", disable=None if progress else True) as bar:
        for start in range(0, len(missing), _WINDOW):
            window = missing[start : start + _WINDOW]
            fresh = dict(zip(window, in_threads(_read, window), strict=True))
            bar.update(len(window))
            memory.remember({_PREFIX + files[p]: h.encode() for p, h in fresh.items() if h and files[p]})
            hashes.update((path, value or UNREADABLE + files[path]) for path, value in fresh.items())
    return hashes


def _read(path: str) -> str:
    try:
        return hash_pixels(read_image(local_path(path)))
    except (BrevettiError, OSError):
        return ""
