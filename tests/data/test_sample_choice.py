import pytest

from brevetti_keras.data.sample_choice import labels_of, predicate_of
from brevetti_keras.utils.errors import InvalidInputError


def test_one_label_may_stand_alone():
    assert labels_of({"ok": "good", "bad": ["scratch", "dent"], "none": ()}) == {
        "ok": ("good",),
        "bad": ("scratch", "dent"),
        "none": (),
    }


@pytest.mark.parametrize("mapping", [["ok"], None, {"ok": 5}, {"ok": ["good", 5]}])
def test_anything_else_than_labels_is_one_line(mapping):
    with pytest.raises(InvalidInputError, match="class_mapping") as caught:
        labels_of(mapping)
    assert "\n" not in str(caught.value)


def test_an_expression_is_found_anywhere_in_any_case():
    wanted = predicate_of("line-7/")
    assert wanted("a/LINE-7/1.png")
    assert not wanted("a/line-8/1.png")


def test_a_function_decides_itself_and_nothing_wants_all():
    assert predicate_of(str.isascii) == str.isascii
    assert predicate_of(None) is None


@pytest.mark.parametrize(("given", "named"), [("(", "missing \\)"), (5, "received int")])
def test_what_is_no_expression_is_named(given, named):
    with pytest.raises(InvalidInputError, match=f"sample_filter, received.*{named}|{named}"):
        predicate_of(given)
