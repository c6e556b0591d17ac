"""Names of files that are written: safe on every system, each once.

file_word("a/b")                                    # "a_b"
unique_names(images, by_stem=True)                  # "1.png", "1-2.jpg": labels in 1.txt, 1-2.txt
"""

import itertools
import posixpath
import re
import unicodedata
from collections.abc import Iterable

from brevetti_keras.data.formats.collection import AnnotatedImage
from brevetti_keras.data.samples import IMAGE_ENDINGS

_UNSAFE = re.compile(r"[^\w.\-+ ()@=,]")
_MAX_BYTES = 200
# Folders that the forms make themselves: an image's own place begins below them.
_LAYOUT = frozenset({"images", "JPEGImages", "train", "val", "valid", "validation", "test"})


def file_word(text: str) -> str:
    """Returns text as the name of a file or folder: other characters become `_`, long text is cut."""
    word = _UNSAFE.sub(_mark_or_line, unicodedata.normalize("NFC", text)).strip(". ")
    return word.encode("utf-8", "replace")[:_MAX_BYTES].decode("utf-8", "ignore") or "_"


def _mark_or_line(found: re.Match[str]) -> str:
    # Marks that stand with a letter are part of it: of the vowels of many a script, and of accents without a letter of
    # their own.
    return found[0] if unicodedata.category(found[0]).startswith("M") else "_"


def unique_names(images: Iterable[AnnotatedImage], *, by_stem: bool = False, flat: bool = False) -> list[str]:
    """Returns a name for each image, relative, safe and unlike any other, also where case does not count.

    Args:
        images: whose names are kept as far as they can be.
        by_stem: whether names that differ in their ending alone are alike, as where `1.txt` belongs to `1.png`.
        flat: whether folders are left out.
    """
    taken: set[str] = set()
    found = []
    for image in images:
        parts = [part for part in image.name.split("/") if part not in {"", ".", ".."}]
        folders, base = list(itertools.dropwhile(_LAYOUT.__contains__, parts[:-1])), parts[-1] if parts else ""
        stem, ending = posixpath.splitext(base)
        if ending.lower() not in IMAGE_ENDINGS:
            stem, ending = base, posixpath.splitext(image.path)[1]
        top = "" if flat else "".join(f"{file_word(folder)}/" for folder in folders)
        number, chosen = 1, f"{top}{file_word(stem)}"
        while (f"{chosen}{'' if by_stem else ending}").casefold() in taken:
            number += 1
            chosen = f"{top}{file_word(stem)}-{number}"
        taken.add(f"{chosen}{'' if by_stem else ending}".casefold())
        found.append(f"{chosen}{ending}")
    return found
