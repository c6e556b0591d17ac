from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.data_generator import OneHotEncoder
from brevetti_keras.utils.errors import InvalidInputError, SettingsError

LABELS = [["a", ""], ["c", "b"], ["stranger", "a"], ["", ""]]
ENCODED = [[1, 0, 0], [0, 1, 1], [1, 0, 0], [0, 0, 0]]


def encoded(encoder: OneHotEncoder, labels: Any) -> Any:
    """Encodes eagerly and inside `Dataset.map`, which must agree."""
    batch = {"category": labels}
    eager = encoder(batch)["onehot"].numpy()
    dataset = tf.data.Dataset.from_tensors(batch).map(encoder)
    (mapped,) = dataset.as_numpy_iterator()
    assert np.array_equal(eager, mapped["onehot"])
    assert dataset.element_spec["onehot"].shape[-1] == len(encoder.classes)
    assert eager.dtype == np.float32
    return eager.tolist()


def test_several_labels_are_several_ones_and_strangers_zeros() -> None:
    assert encoded(OneHotEncoder(["a", "b", "c"]), tf.constant(LABELS)) == ENCODED


def test_text_is_one_label() -> None:
    assert encoded(OneHotEncoder(["a", "b"]), tf.constant(["b", "x", "a"])) == [[0, 1], [0, 0], [1, 0]]


def test_ragged_labels() -> None:
    labels = tf.ragged.constant([["a"], [], ["c", "b"]])

    assert encoded(OneHotEncoder(["a", "b", "c"]), labels) == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]


def test_a_batch_without_any_label() -> None:
    assert encoded(OneHotEncoder(["a"]), tf.zeros((2, 0), tf.string)) == [[0], [0]]


def test_numpy_labels_by_hand() -> None:
    assert OneHotEncoder(["å", "b"])({"category": np.array(["å", "b"])})["onehot"].numpy().tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64, tf.uint8])
def test_integers_are_labels_too(dtype: Any) -> None:
    assert encoded(OneHotEncoder([3, 0]), tf.constant([0, 3, 7], dtype)) == [[0, 1], [1, 0], [0, 0]]


@pytest.mark.parametrize(
    ("classes", "labels", "expected"),
    [
        ([1, 300], tf.constant([1, 44], tf.uint8), [[1, 0], [0, 0]]),
        ([-1, 3], tf.constant([255, 3], tf.uint8), [[0, 0], [0, 1]]),
        ([-1, 2**64 - 1], tf.constant([2**64 - 1], tf.uint64), [[0, 1]]),
        ([2**70, 0], tf.constant([0, 5], tf.int64), [[0, 1], [0, 0]]),
    ],
)
def test_a_class_that_the_labels_type_cannot_hold_is_no_labels(classes: list[int], labels: Any, expected: Any) -> None:
    assert encoded(OneHotEncoder(classes), labels) == expected


@settings(max_examples=30, deadline=None)
@given(
    classes=st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=6, unique=True),
    data=st.data(),
)
def test_each_class_is_the_unit_vector_of_its_place(classes: list[str], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(range(len(classes))), min_size=1, max_size=5))

    found = OneHotEncoder(classes)({"category": [classes[number] for number in chosen]})["onehot"]

    assert found.numpy().tolist() == np.eye(len(classes))[chosen].tolist()


@pytest.mark.parametrize(
    "classes",
    [["a", "b"], ("a", "b"), np.array(["a", "b"]), np.array(["a", "b"], dtype=object), {"a": 1, "b": 2}.keys()],
)
def test_classes_are_any_sequence(classes: Any) -> None:
    encoder = OneHotEncoder(classes)

    assert encoder.classes == ("a", "b")
    assert encoder == OneHotEncoder(classes=["a", "b"]) == OneHotEncoder.from_config(encoder.get_config())
    assert OneHotEncoder(np.array([2, 1])).classes == (2, 1)


def test_keys_can_be_set_and_the_batch_is_kept() -> None:
    batch = {"label": tf.constant(["a"]), "x": tf.constant([1])}

    found = OneHotEncoder(["a"], input_key="label", output_key="target")(batch)

    assert set(found) == {"label", "x", "target"}
    assert set(batch) == {"label", "x"}


def test_the_form_has_the_classes_alone() -> None:
    assert set(OneHotEncoder.get_schema().schema["properties"]) == {"classes"}
    assert set(OneHotEncoder(["a"]).get_config()) == {"classes", "input_key", "output_key"}


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([], "expected at least one class, received none"),
        (np.array([]), "expected at least one class, received none"),
        (["a", "b", "a"], "expected each class once, received ['a', 'b', 'a']"),
        (["a", ""], "expected classes that are not ''"),
        ("abc", "expected a sequence of labels, received 'abc'"),
        (3, "expected a sequence of labels, received 3"),
    ],
)
def test_classes_that_cannot_be_used_are_refused(classes: Any, message: str) -> None:
    with pytest.raises(ValueError, match="OneHotEncoder: classes") as caught:
        OneHotEncoder(classes)

    assert isinstance(caught.value, SettingsError)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("classes", "labels", "message"),
    [
        (["a"], [1, 2], "expected text in 'category' as its classes are, received int32"),
        ([1], ["a"], "expected integers in 'category' as its classes are, received string"),
        ([1], [1.0], "expected integers in 'category' as its classes are, received float32"),
        ([1], [[1, 0]], r"expected 'category' of shape \(batch,\), received \(1, 2\)"),
        (["a"], "a", r"expected 'category' of shape \(batch,\) or \(batch, labels\), received \(\)"),
    ],
)
def test_labels_that_cannot_be_compared_are_refused(classes: list[Any], labels: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        OneHotEncoder(classes)({"category": labels})


@pytest.mark.parametrize("classes", [["a", 1], [1.5], [None], [["a"]]])
def test_classes_of_mixed_or_other_kinds_are_told_in_one_line(classes: list[Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        OneHotEncoder(classes)

    wanted = f"expected labels that are all text, or all integers, received {classes!r}"
    assert str(caught.value) == f"OneHotEncoder: classes: {wanted}"
