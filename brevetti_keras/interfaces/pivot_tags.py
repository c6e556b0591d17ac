"""What a dataset's tags tell of its samples: one field a root tag.

A tag tree `Site → Aarhus → Line 3` on a dataset gives its samples the field `tag_<id of Site>`, labelled `Site`, with
the value `Aarhus`: the second level's name. A dataset tagged with the root itself has the root's name, one with several
tags of a tree has several values, one with none is missing there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from brevetti_keras.wire.artifacts import MISSING
from brevetti_keras.wire.records import Tag

Column = tuple[npt.NDArray[np.int64], list[tuple[Any, ...]]]


def tag_fields(tags: Iterable[Any]) -> dict[str, str]:
    """Returns `{key: label}` of the fields of root tags.

    Args:
        tags: trees, as records or dicts.
    """
    return {_key(root): root.name for root in map(_tag, tags)}


def tag_columns(samples: pd.DataFrame, datasets: Iterable[Any], tags: Sequence[Any]) -> dict[str, Column]:
    """Returns for each field of `tag_fields` a code a sample, and the values that each code stands for.

    Args:
        samples: with the column `dataset_id`; without it all is missing.
        datasets: with `id` and `tags` or `tagIds`, as records or dicts.
        tags: root tags.
    """
    if not tags:
        return {}
    by_dataset = {str(_get(dataset, "id")): _tag_ids(dataset) for dataset in datasets}
    if "dataset_id" in samples.columns:
        codes, ids = pd.factorize(samples["dataset_id"].to_numpy(dtype=object), use_na_sentinel=False)
    else:
        codes, ids = np.zeros(len(samples), np.intp), np.array([None], dtype=object)
    columns = {}
    for root in map(_tag, tags):
        values = dict(_values(root))
        labels = []
        for dataset in ids:
            found = dict.fromkeys(values[tag] for tag in by_dataset.get(str(dataset), ()) if tag in values)
            labels.append(tuple(found) or (MISSING,))
        columns[_key(root)] = (codes.astype(np.int64), labels)
    return columns


def _key(root: Tag) -> str:
    return f"tag_{root.id.replace(' ', '').replace('-', '_')}"


def _values(root: Tag) -> Iterable[tuple[str, str]]:
    """Each tag's id in a tree with the value that it stands for."""
    yield root.id, root.name
    for second in root.children:
        waiting = [second]
        while waiting:
            tag = waiting.pop()
            yield tag.id, second.name
            waiting.extend(tag.children)


def _tag_ids(dataset: Any) -> list[str]:
    """A dataset's tags as ids; some records carry the ids alone, some the tags, some both."""
    tags = (_get(tag, "id") for tag in _get(dataset, "tags") or ())
    return list(dict.fromkeys(map(str, (*(_get(dataset, "tagIds") or ()), *tags))))


def _get(record: Any, name: str) -> Any:
    return record.get(name) if isinstance(record, Mapping) else getattr(record, name, None)


def _tag(tag: Any) -> Tag:
    return Tag.model_validate(tag) if isinstance(tag, Mapping) else tag
