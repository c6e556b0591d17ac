"""Predictions of any form, read as labels and scores."""

import numpy as np
import pandas as pd
import pytest

from brevetti_keras.interfaces.predictions import read_outcomes, read_predictions
from brevetti_keras.utils.errors import InvalidInputError
from tests.support.charts import CLASSES, predictions

FRAME, TRUTH, SCORES = predictions(20)


def columns(prefix):
    return FRAME[["category"]].assign(**{f"{prefix}{name}": SCORES[:, place] for place, name in enumerate(CLASSES)})


@pytest.mark.parametrize(
    "form",
    [
        FRAME,
        FRAME.to_dict("records"),
        iter(FRAME.to_dict("records")),
        FRAME.rename(columns={"prediction": "dense_3"}),
        FRAME.assign(number=1.0, prediction=FRAME["prediction"].map(list)),
        FRAME.assign(category=[value[0] for value in FRAME["category"]]),
        FRAME.assign(category=[np.array([value[0].encode(), b""], object) for value in FRAME["category"]]),
        columns(""),
        columns("prob_"),
        columns("score_"),
    ],
)
def test_labels_and_scores_are_found_in_any_form(form):
    scored = read_predictions(form, CLASSES)
    assert np.allclose(scored.scores, SCORES)
    assert np.array_equal(scored.truth.argmax(axis=1), TRUTH)
    assert np.array_equal(scored.predicted, SCORES.argmax(axis=1))
    assert np.array_equal(scored.correct, SCORES.argmax(axis=1) == TRUTH)
    assert scored.left_out == 0


@pytest.mark.parametrize("scores", [[0.25, 0.75], [[0.25], [0.75]], [np.float32(0.25), np.float32(0.75)]])
def test_a_single_score_is_that_of_the_second_of_two_classes(scores):
    frame = pd.DataFrame({"category": ["a", "b"], "prediction": scores})
    assert np.allclose(read_predictions(frame, ["a", "b"]).scores, [[0.75, 0.25], [0.25, 0.75]])


def test_a_sample_of_several_labels_is_right_by_any_of_them():
    frame = pd.DataFrame({"category": [("a", "b"), ("a",)], "prediction": [[0.1, 0.9, 0.0], [0.1, 0.9, 0.0]]})
    scored = read_predictions(frame, ["a", "b", "c"])
    assert scored.truth.tolist() == [[True, True, False], [True, False, False]]
    assert scored.correct.tolist() == [True, False]


def test_what_cannot_be_judged_is_left_out_and_counted():
    frame = pd.DataFrame(
        {"category": ["a", "stranger", (), None, "b"], "prediction": [[1, 0], [1, 0], [1, 0], [1, 0], [np.nan, 1]]}
    )
    scored = read_predictions(frame, ["a", "b"])
    assert (len(scored.truth), scored.left_out) == (1, 4)


def test_outcomes_may_be_class_names():
    frame = pd.DataFrame({"category": ["a", "b", "b"], "prediction": ["a", "a", "stranger"]})
    scored = read_outcomes(frame, ["a", "b"])
    assert (scored.predicted.tolist(), scored.left_out) == ([0, 0], 1)
    assert np.array_equal(read_outcomes(FRAME, CLASSES).predicted, SCORES.argmax(axis=1))


@pytest.mark.parametrize("empty", [FRAME.head(0), pd.DataFrame(), []])
def test_no_predictions_are_none(empty):
    scored = read_predictions(empty, CLASSES)
    assert scored.scores.shape == (0, 3)
    assert len(scored.predicted) == len(scored.confidence) == len(scored.correct) == 0


@pytest.mark.parametrize(
    ("frame", "classes", "expected"),
    [
        (FRAME, [], "expected classes, each once"),
        (FRAME, ["a", "a"], "expected classes, each once"),
        (
            FRAME.rename(columns={"category": "c"}),
            CLASSES,
            "expected a column 'category' with the labels, received c, pred",
        ),
        (FRAME, CLASSES[:2], "expected a column with 2 scores a sample"),
        (FRAME[["category"]].assign(prediction="text"), CLASSES, "expected a column with 3 scores a sample"),
        (FRAME[["category"]].assign(prediction=0.5), CLASSES, "expected a column with 3 scores a sample"),
    ],
)
def test_what_holds_no_labels_or_scores_is_told(frame, classes, expected):
    with pytest.raises(InvalidInputError, match=expected):
        read_predictions(frame, classes)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "expected a frame or records, received NoneType"),
        ("abc", "expected a frame or records, received str"),
        ({"category": "a"}, "expected a frame or records, received dict"),
        ([1], "expected records as mappings, received int"),
    ],
)
def test_what_is_neither_a_frame_nor_records_is_told(value, message):
    with pytest.raises(InvalidInputError, match=message):
        read_predictions(value, CLASSES)
