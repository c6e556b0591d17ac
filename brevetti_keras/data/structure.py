"""Structures of keys: what of a sample a data set yields, and in which nesting.

A structure is a key, None for the whole dict, or a tuple, list or dict of structures.

    select({"img": x, "onehot": y}, ("img", "onehot"))        # (x, y)
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from brevetti_keras.schema.settings import nearest
from brevetti_keras.utils.errors import InvalidInputError

Structure = Any


def structure_keys(structure: Structure) -> Iterator[str]:
    """Yields the keys that a structure names.

    Raises:
        InvalidInputError: for anything but keys, None, tuples, lists and dicts.
    """
    if isinstance(structure, str):
        yield structure
    elif isinstance(structure, Mapping):
        for part in structure.values():
            yield from structure_keys(part)
    elif isinstance(structure, (tuple, list)):
        for part in structure:
            yield from structure_keys(part)
    elif structure is not None:
        raise InvalidInputError(
            f"expected a structure of keys, None, tuples and dicts, received {type(structure).__name__}: {structure!r}"
        )


def check_structure(structure: Structure, known: Iterable[str]) -> None:
    """Refuses keys that no sample has.

    Raises:
        InvalidInputError: naming the first such key and the nearest known one.
    """
    names = sorted(known)
    for key in structure_keys(structure):
        if key not in names:
            raise InvalidInputError(
                f"expected keys of the samples or of a map's result, received {key!r}{nearest(key, names)}"
            )


def select(batch: Mapping[str, Any], structure: Structure) -> Any:
    """Returns the batch's values in the structure's nesting; lists become tuples, as tf.data stacks lists."""
    if structure is None:
        return dict(batch)
    if isinstance(structure, str):
        return batch[structure]
    if isinstance(structure, Mapping):
        return {name: select(batch, part) for name, part in structure.items()}
    return tuple(select(batch, part) for part in structure)
