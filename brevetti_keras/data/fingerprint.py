"""`fingerprint`: one hash of all that a dataset says, and the leaves that name what changed.

    found = fingerprint(samples)
    found.root              # equal for equal datasets, whatever their order, paths and files' encoding
    found.leaves            # one row a sample: path, etag, pixels, label, annotation, metadata, leaf

A leaf is the sha256 of the JSON of [pixels, label, annotation, metadata]: the hash of the decoded picture, the labels
sorted, the hash of what its annotation marks (`""` without), and the other columns that have a value. The root is
the sha256 of the leaves in hex, sorted, each followed by a line's end; so it is that of a Merkle tree of one level, and
the leaves of two datasets tell which samples differ.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from brevetti_keras.data.annotation_digest import annotation_digest
from brevetti_keras.data.column_keys import as_text
from brevetti_keras.data.leaks.content_memory import ContentMemory
from brevetti_keras.data.leaks.pixel_hashes import read_pixel_hashes
from brevetti_keras.data.leaks.reading import with_text
from brevetti_keras.data.text_csv import read_text_csv, text_csv
from brevetti_keras.io.open import split_url
from brevetti_keras.utils.errors import BrevettiError, DataError

LEAF_COLUMNS = ("path", "etag", "pixels", "label", "annotation", "metadata", "leaf")
# Where a sample lies and what a job makes of it says nothing of what it is.
_NO_METADATA = frozenset(
    {"path", "category", "folder", "etag", "size", "bucket", "dataset", "dataset_id", "url", "annotation_path"}
    | {"purpose", "leak_group"}
)
_NONE = frozenset({"", "N/A"})


@dataclass(frozen=True)
class Fingerprint:
    """The fingerprint of samples.

    Attributes:
        root: sha256 in hex.
        leaves: columns `LEAF_COLUMNS`, all text, a row a sample, sorted by path; `path` is relative to the dataset.
    """

    root: str
    leaves: pd.DataFrame

    def to_csv(self) -> bytes:
        """Returns the leaves as a CSV, from which `from_csv` makes the same fingerprint."""
        return text_csv(self.leaves)


def fingerprint(
    samples: pd.DataFrame,
    pixels: Mapping[str, str] | None = None,
    memory: ContentMemory | None = None,
    progress: bool = True,
) -> Fingerprint:
    """Returns the fingerprint of samples.

    Args:
        samples: as `get_image_samples` lists them; with `annotations=True` their annotations count too.
        pixels: pixel hashes by etag that are known already; the others are remembered, or the files decoded.
        memory: by default the one in the cache folder.
        progress: show a bar on a terminal while files are decoded.

    Raises:
        InvalidInputError: for samples without `path`.
    """
    samples = with_text(samples)
    hashes = read_pixel_hashes(samples, pixels, memory, progress)
    metadata = [name for name in samples.columns if name not in _NO_METADATA]
    rows = []
    for row in _records(samples):
        annotation = as_text(row.get("annotation_path", ""))
        parts = [
            hashes[row["path"]],
            "/".join(sorted(as_text(label) for label in _labels(row.get("category")))),
            _annotation_hash(annotation) if annotation else "",
            _metadata({name: as_text(row[name]) for name in metadata}),
        ]
        leaf = hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()
        rows.append((_below(row), row["etag"], *parts, leaf))
    leaves = pd.DataFrame(rows, columns=[*LEAF_COLUMNS], dtype="str")
    return _of(leaves)


def from_csv(data: bytes, name: str) -> Fingerprint:
    """Returns the fingerprint whose leaves were written before.

    Args:
        data: as `Fingerprint.to_csv` returned it.
        name: of the file, for errors.

    Raises:
        DataError: if it is no such file, or its leaves are not those of its rows.
    """
    leaves = read_text_csv(data, name)
    if set(LEAF_COLUMNS) - set(leaves.columns):
        raise DataError(f"{name}: expected the columns {', '.join(LEAF_COLUMNS)}, received {', '.join(leaves.columns)}")
    parts = leaves[["pixels", "label", "annotation", "metadata"]].to_numpy().tolist()
    wanted = [hashlib.sha256(json.dumps(part, ensure_ascii=True).encode()).hexdigest() for part in parts]
    if wanted != leaves["leaf"].tolist():
        raise DataError(f"{name}: expected leaves that are the hashes of their rows, received others: it was changed")
    return _of(leaves[[*LEAF_COLUMNS]])


def _records(samples: pd.DataFrame) -> list[dict[str, Any]]:
    names = [str(name) for name in samples.columns]
    return [dict(zip(names, row, strict=True)) for row in samples.itertuples(index=False, name=None)]


def _of(leaves: pd.DataFrame) -> Fingerprint:
    text = "".join(f"{leaf}\n" for leaf in sorted(leaves["leaf"]))
    ordered = leaves.sort_values(["path", "leaf"], kind="stable", ignore_index=True)
    return Fingerprint(hashlib.sha256(text.encode()).hexdigest(), ordered)


def _labels(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _metadata(values: Mapping[str, str]) -> str:
    given = {name: value for name, value in values.items() if value not in _NONE}
    return json.dumps(given, sort_keys=True, ensure_ascii=True) if given else ""


def _below(row: Mapping[str, Any]) -> str:
    bucket = str(row.get("bucket") or "").rstrip("/")
    return str(row["path"]).removeprefix(f"{bucket}/") if bucket else str(row["path"])


def _annotation_hash(path: str) -> str:
    try:
        storage, inner = split_url(path, follow_links=True)
        return annotation_digest(storage.read_bytes(inner), path)
    except BrevettiError:
        return "missing"
