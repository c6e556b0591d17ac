"""The child process that reads, hashes, judges and decodes files; `pool.py` starts it and talks to it.

It reads lines of JSON from standard input, first its orders, then one path a line, and answers each by one line: the
fields of `FileFacts`. It ends when its input does. Its memory is limited, so that no file takes the machine's.

    python -m brevetti_keras.data.file_check.worker
"""

import dataclasses
import hashlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from brevetti_keras.data.decoded_cache.cache import settings_digest
from brevetti_keras.data.decoded_cache.index import ContentKey
from brevetti_keras.data.decoded_cache.space import CacheSpace
from brevetti_keras.data.decoded_cache.store import PixelStore
from brevetti_keras.data.file_check.facts import FileFacts
from brevetti_keras.data.image.decode import check_size, decode_scaled, kind_of_file
from brevetti_keras.data.image.frames import count_frames
from brevetti_keras.data.image.header import HeaderError, ImageHeader, read_header
from brevetti_keras.data.image.pixel_reader import PixelReader
from brevetti_keras.data.leaks.signature import hash_pixels
from brevetti_keras.io.local import open_regular
from brevetti_keras.utils.errors import DecodeError
from brevetti_keras.utils.lazy import lazy_import
from brevetti_keras.utils.memory_limit import limit_memory

cv2 = lazy_import("cv2", install="opencv-python-headless")

_CHUNK = 1 << 20
# For an image of 16 bits a colour, its copies on the way, and floats of them.
_BYTES_A_PIXEL = 24
_MARGIN = 1 << 30
_REFRESH_EVERY = 64
_TOO_LARGE = "expected an image that fits in memory, received one that does not"


def main() -> None:
    """Answers until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, whose end ends this
    # Whatever a library prints must not stand among the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    orders = json.loads(sys.stdin.readline())
    caches = [
        (reader, None if root is False else PixelStore(CacheSpace(root), settings_digest(reader.settings())))
        for root, reader in ((root, PixelReader.from_json(told)) for root, told in orders["caches"])
    ]
    cv2.setNumThreads(1)
    limit_memory(_MARGIN + _BYTES_A_PIXEL * orders["max_pixels"])
    _answer(answers, "ready")
    for number, line in enumerate(sys.stdin):
        if number % _REFRESH_EVERY == 0:
            for _, store in caches:
                if store is not None:
                    store.refresh()
        facts = check_file(json.loads(line), orders["max_pixels"], caches, orders["hash_pixels"])
        _answer(answers, dataclasses.asdict(facts))


def _answer(answers: TextIO, value: Any) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


def check_file(
    path: str, max_pixels: int, caches: Sequence[tuple[PixelReader, PixelStore | None]], pixels_too: bool = False
) -> FileFacts:
    """Reads a file once and tells all about it.

    Args:
        path: a local file.
        max_pixels: more are refused.
        caches: who reads it later, and where the pixels are to be kept, None for nowhere.
        pixels_too: tell the hash of its decoded picture too.
    """
    try:
        kind = kind_of_file(path)
        with open(path, "rb", opener=open_regular) as file:
            data = file.read()
    except (HeaderError, MemoryError) as error:
        reason = str(error) if isinstance(error, HeaderError) else _TOO_LARGE
        return FileFacts(*_hashes(path), reason=reason)
    except (OSError, ValueError) as error:
        return FileFacts(reason=f"expected a readable file: {error}")
    md5, sha256 = hashlib.md5(data, usedforsecurity=False).hexdigest(), hashlib.sha256(data).hexdigest()
    try:
        header = read_header(data)
    except HeaderError as error:
        return FileFacts(md5, sha256, kind, reason=str(error))
    facts = FileFacts(md5, sha256, kind, header.width, header.height, header.orientation, count_frames(data, kind))
    try:
        check_size(header.width, header.height, max_pixels)
    except HeaderError as error:
        return dataclasses.replace(facts, reason=str(error))
    sound, unfit = _decode(path, data, header, ContentKey.of(md5, len(data)), caches)
    reason, pixels = ("", "") if sound and not pixels_too else _decode_whole(path, data, max_pixels, pixels_too)
    return dataclasses.replace(facts, pixels=pixels, reason=reason, unfit="" if reason else unfit)


def _hashes(path: str) -> tuple[str, str]:
    """Hashes a file that is no image, of whatever length."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    try:
        with open(path, "rb", opener=open_regular) as file:
            while chunk := file.read(_CHUNK):
                md5.update(chunk)
                sha256.update(chunk)
    except OSError:
        return "", ""
    return md5.hexdigest(), sha256.hexdigest()


def _decode(
    path: str,
    data: bytes,
    header: ImageHeader,
    key: ContentKey,
    caches: Sequence[tuple[PixelReader, PixelStore | None]],
) -> tuple[bool, str]:
    """Returns whether one of those who read it later decoded it, and why it is unfit for another."""
    unfit = ""
    decoded = False
    for reader, store in caches:
        try:
            # Whoever put it into the cache may have taken larger ones.
            check_size(header.width, header.height, reader.max_pixels)
            if store is None:
                if reader.may_refuse:
                    reader.decode(path, data)
                    decoded = True
                continue
            # What is in the cache was decoded once, so that its content is sound.
            if store.find(key) is None:
                store.add(key, reader.decode(path, data))
            decoded = True
        except (DecodeError, HeaderError) as error:
            unfit = unfit or (error.reason if isinstance(error, DecodeError) else str(error))
        except (MemoryError, cv2.error):
            unfit = unfit or _TOO_LARGE
    return decoded, unfit


def _decode_whole(path: str, data: bytes, max_pixels: int, pixels_too: bool) -> tuple[str, str]:
    """Returns why a file cannot be used at all, and the hash of its picture if that is asked for."""
    try:
        # Every byte of a JPEG is read for the smallest picture too; what is saved is the arithmetic.
        shrink = None if pixels_too else _to_the_smallest
        image, _ = decode_scaled(path, data, shrink, max_pixels)
        return "", hash_pixels(image) if pixels_too else ""
    except DecodeError as error:
        return error.reason, ""
    except MemoryError:
        return _TOO_LARGE, ""


def _to_the_smallest(height: int, width: int) -> int:
    return 8


if __name__ == "__main__":
    main()
