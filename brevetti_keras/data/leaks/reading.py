"""The signatures of samples' files: remembered by etag, the others decoded in threads.

read = read_signatures(samples)
read.signatures["/d/a.png"].pixels
read.unreadable                      # {path: reason}
"""

import concurrent.futures
import json
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import TypeVar

import numpy as np
import pandas as pd
from tqdm import tqdm

from brevetti_keras.data.leaks.content_memory import ContentMemory
from brevetti_keras.data.leaks.signature import Signature, signature_of
from brevetti_keras.data.leaks.spectrum import SPECTRUM_SHAPE
from brevetti_keras.io.open import split_url
from brevetti_keras.utils.errors import BrevettiError, DecodeError, InvalidInputError

_PREFIX = "signature-2:"
_STORED = np.dtype("<f2")
_WINDOW = 1024
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Signatures:
    """What was read.

    Attributes:
        signatures: of each path that can be decoded.
        unreadable: why each other path cannot be.
    """

    signatures: dict[str, Signature] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def read_signatures(samples: pd.DataFrame, memory: ContentMemory | None = None, progress: bool = True) -> Signatures:
    """Returns the signatures of samples' files.

    Args:
        samples: with `path`, and `etag` to remember them by.
        memory: by default the one in the cache folder.
        progress: show a bar on a terminal while files are decoded.

    Raises:
        InvalidInputError: for samples without `path`.
    """
    samples = with_text(samples)
    memory = memory or ContentMemory()
    files = dict(zip(samples["path"], samples["etag"], strict=True))
    known = memory.recall([_PREFIX + etag for etag in dict.fromkeys(files.values()) if etag])
    found = Signatures()
    missing: dict[str, str] = {}
    for path, etag in files.items():
        if _PREFIX + etag in known:
            found.signatures[path] = _unpack(known[_PREFIX + etag])
        else:
            missing[path] = etag
    with tqdm(total=len(missing), desc="Reading", unit="file", disable=None if progress else True) as bar:
        paths = list(missing)
        for start in range(0, len(paths), _WINDOW):
            window = paths[start : start + _WINDOW]
            fresh = {}
            for path, result in zip(window, in_threads(_read, window), strict=True):
                bar.update()
                if isinstance(result, str):
                    found.unreadable[path] = result
                else:
                    found.signatures[path] = result
                    if missing[path]:
                        fresh[_PREFIX + missing[path]] = _pack(result)
            memory.remember(fresh)
    return found


def with_text(samples: pd.DataFrame) -> pd.DataFrame:
    """Returns samples whose `path` and `etag` are text, whatever they were: categories, paths of pathlib, missing.

    An etag that is missing, or all of them, is `""`.

    Raises:
        InvalidInputError: for what is no frame of samples with `path`.
    """
    if "path" not in getattr(samples, "columns", ()):
        raise InvalidInputError("expected samples with a column 'path', received none: list them by get_image_samples")
    etags = samples["etag"].astype("object").fillna("").astype("str") if "etag" in samples.columns else ""
    return samples.assign(path=samples["path"].astype("str"), etag=pd.Series(etags, index=samples.index, dtype="str"))


def in_threads(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Calls a function that spends its time outside Python for each item, in as many threads as help."""
    with concurrent.futures.ThreadPoolExecutor(min(16, 2 * (os.cpu_count() or 1))) as pool:
        return list(pool.map(function, items))


def local_path(path: str) -> str:
    """Returns a local path of a sample's file, fetched if need be."""
    storage, inner = split_url(path, follow_links=True)
    return storage.local_path(inner)


def _read(path: str) -> Signature | str:
    try:
        return signature_of(local_path(path))
    except DecodeError as error:
        return error.reason
    except BrevettiError as error:
        return str(error).removeprefix(f"{path}: ")
    except OSError as error:
        return error.strerror or str(error)


def _pack(signature: Signature) -> bytes:
    plain = asdict(signature)
    spectrum = plain.pop("spectrum")
    return bytes(spectrum.astype(_STORED).tobytes()) + json.dumps(plain).encode()


def _unpack(data: bytes) -> Signature:
    count = math.prod(SPECTRUM_SHAPE)
    spectrum = np.frombuffer(data, _STORED, count).astype(np.float16).reshape(SPECTRUM_SHAPE)
    return Signature(**json.loads(data[count * _STORED.itemsize :]), spectrum=spectrum)
