"""What a user gives to choose samples and name their classes, read and checked.

labels_of({"ok": "good", "bad": ["scratch", "dent"]})      # {"ok": ("good",), "bad": ("scratch", "dent")}
predicate_of(r"line-7/")("Line-7/1.png")                   # true: any case
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from brevetti_keras.utils.errors import InvalidInputError

ClassMapping = Mapping[str, str | Sequence[str]]
SampleFilter = str | Callable[[str], bool]


def labels_of(mapping: ClassMapping) -> dict[str, tuple[str, ...]]:
    """Returns the labels of each folder name; one label may stand alone.

    Raises:
        InvalidInputError: for anything else than labels of text.
    """
    if not isinstance(mapping, Mapping):
        raise InvalidInputError(
            f"expected class_mapping as folder names to labels, {{'ok': 'good'}}, received {type(mapping).__name__}"
        )
    found: dict[str, tuple[str, ...]] = {}
    given: Any
    for name, given in mapping.items():
        several = isinstance(given, Iterable) and not isinstance(given, str)
        labels = tuple(given) if several else (given,)
        if not all(isinstance(label, str) for label in labels):
            raise InvalidInputError(
                f"expected a label or labels of text for {name!r} in class_mapping, received {given!r}"
            )
        found[name] = labels
    return found


def predicate_of(sample_filter: SampleFilter | None) -> Callable[[str], object] | None:
    """Returns what tells whether a path is wanted, None if all are.

    Raises:
        InvalidInputError: for anything else than a regular expression or a function.
    """
    if sample_filter is None or callable(sample_filter):
        return sample_filter
    if not isinstance(sample_filter, str):
        raise InvalidInputError(
            f"expected a regular expression or a function as sample_filter, received {type(sample_filter).__name__}"
        )
    try:
        return re.compile(sample_filter, re.IGNORECASE).search
    except re.error as error:
        raise InvalidInputError(
            f"expected a regular expression as sample_filter, received {sample_filter!r}: {error}"
        ) from error
