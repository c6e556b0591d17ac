from typing import Any

import pytest

from brevetti_keras.data.structure import check_structure, select, structure_keys
from brevetti_keras.utils.errors import InvalidInputError

BATCH = {"img": 1, "onehot": 2, "path": 3}


@pytest.mark.parametrize(
    ("structure", "selected", "keys"),
    [
        ("img", 1, ["img"]),
        (None, BATCH, []),
        (("img", "onehot"), (1, 2), ["img", "onehot"]),
        (["img", "onehot"], (1, 2), ["img", "onehot"]),
        (("img", None), (1, BATCH), ["img"]),
        ({"x": "img", "y": ("onehot", ["path"])}, {"x": 1, "y": (2, (3,))}, ["img", "onehot", "path"]),
        ((), (), []),
    ],
)
def test_structures_are_keys_in_any_nesting(structure: Any, selected: Any, keys: list[str]) -> None:
    assert select(BATCH, structure) == selected
    assert list(structure_keys(structure)) == keys
    check_structure(structure, BATCH)


def test_the_whole_dict_is_a_new_one() -> None:
    assert select(BATCH, None) is not BATCH


@pytest.mark.parametrize(
    ("structure", "message"),
    [
        (("img", {"y": "one_hot"}), "received 'one_hot', did you mean 'onehot'?"),
        ("zzz", "received 'zzz'; known are img, onehot, path"),
        (("img", 3), "expected a structure of keys, None, tuples and dicts, received int: 3"),
    ],
)
def test_what_is_no_structure_is_refused(structure: Any, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_structure(structure, BATCH)

    assert message in str(caught.value)
