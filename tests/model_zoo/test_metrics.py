import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, precision_recall_fscore_support

from model_zoo.image_classification.metrics import (
    classification_figures,
    prediction_table,
    wilson_interval,
    worst_mistakes,
)

CLASSES = ("a", "b", "c")


def frame(labels: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [f"/data/{index}.png" for index in range(len(labels))],
            "etag": [f"e{index}" for index in range(len(labels))],
            "label": pd.Series(labels, dtype="str"),
            "purpose": "devel",
            "other": 1,
        }
    )


def table(labels: list[str], predictions: list[str]) -> pd.DataFrame:
    scores = np.array([[0.8 if name == predicted else 0.1 for name in CLASSES] for predicted in predictions])
    return prediction_table(frame(labels), scores.reshape(-1, 3), CLASSES)


def test_a_row_says_what_is_and_what_was_said() -> None:
    scores = np.array([[0.2, 0.7, 0.1], [0.6, 0.3, 0.1]], np.float32)
    rows = prediction_table(frame(["b", "c"]), scores, CLASSES)
    assert list(rows.columns) == [
        "path", "etag", "purpose", "label", "prediction", "probability", "correct", "score_a", "score_b", "score_c",
    ]  # fmt: skip
    assert rows.prediction.tolist() == ["b", "a"]
    assert rows.correct.tolist() == [True, False]
    np.testing.assert_allclose(rows.probability, [0.7, 0.6], rtol=1e-6)
    np.testing.assert_allclose(rows[["score_a", "score_b", "score_c"]], scores, rtol=1e-6)


def test_rows_keep_the_samples_order_whatever_their_index() -> None:
    samples = frame(["a", "b"]).set_index(pd.Index([7, 3]))
    rows = prediction_table(samples, np.eye(3)[:2], CLASSES)
    assert rows.path.tolist() == ["/data/0.png", "/data/1.png"]
    assert rows.correct.all()


def test_hand_computed_figures() -> None:
    figures = classification_figures(table(["a", "a", "a", "b", "b", "c"], ["a", "a", "b", "b", "c", "c"]), CLASSES)
    assert (figures.count, figures.correct) == (6, 4)
    assert figures.accuracy == pytest.approx(4 / 6)
    assert figures.confusion.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert figures.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    by_class = figures.per_class.set_index("class")
    assert by_class.precision.tolist() == pytest.approx([1, 1 / 2, 1 / 2])
    assert by_class.recall.tolist() == pytest.approx([2 / 3, 1 / 2, 1])
    assert by_class.samples.tolist() == [3, 2, 1]
    assert by_class.predicted.tolist() == [2, 2, 2]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=40))
def test_figures_agree_with_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    labels, predictions = [label for label, _ in pairs], [prediction for _, prediction in pairs]
    figures = classification_figures(table(labels, predictions), CLASSES)
    assert figures.accuracy == pytest.approx(accuracy_score(labels, predictions))
    assert figures.confusion.tolist() == confusion_matrix(labels, predictions, labels=list(CLASSES)).tolist()
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predictions, labels=list(CLASSES), zero_division=np.nan
    )
    np.testing.assert_allclose(figures.per_class.precision, precision)
    np.testing.assert_allclose(figures.per_class.recall, recall)
    present = [name for name in CLASSES if name in labels]
    kept = figures.per_class.set_index("class").loc[present]
    assert figures.balanced_accuracy == pytest.approx(kept.recall.mean())
    if set(predictions) <= set(labels) and len(set(labels)) > 1:
        assert figures.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predictions))
    finite = np.isfinite(f1) & np.isfinite(figures.per_class.f1)
    np.testing.assert_allclose(figures.per_class.f1[finite], f1[finite])


def test_a_class_without_samples_has_no_recall() -> None:
    figures = classification_figures(table(["a", "b"], ["a", "b"]), CLASSES)
    assert math.isnan(figures.per_class.recall[2])
    assert figures.balanced_accuracy == 1


def test_no_samples_have_no_figures() -> None:
    figures = classification_figures(table([], []), CLASSES)
    assert figures.count == 0
    assert math.isnan(figures.accuracy)
    assert math.isnan(figures.accuracy_low)
    assert figures.confusion.shape == (3, 3)


@pytest.mark.parametrize(
    ("correct", "count", "expected"),
    # R: binom::binom.confint(x, n, methods = "wilson")
    [
        (8, 10, (0.490162, 0.943318)),
        (0, 10, (0.0, 0.277533)),
        (10, 10, (0.722467, 1.0)),
        (347, 359, (0.942560, 0.980768)),
    ],
)
def test_wilson_s_interval(correct: int, count: int, expected: tuple[float, float]) -> None:
    assert wilson_interval(correct, count) == pytest.approx(expected, abs=1e-4)


@given(st.integers(1, 1000).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_the_interval_holds_the_share(case: tuple[int, int]) -> None:
    low, high = wilson_interval(*case)
    assert 0 <= low <= case[0] / case[1] + 1e-12
    assert case[0] / case[1] - 1e-12 <= high <= 1


def test_the_worst_mistakes_come_first_and_right_ones_never() -> None:
    scores = np.array([[0.9, 0.1, 0], [0.55, 0.45, 0], [0.2, 0.8, 0], [0.99, 0.01, 0], [0.1, 0.8, 0.1]])
    rows = prediction_table(frame(["b", "b", "a", "a", "c"]), scores, CLASSES)
    assert worst_mistakes(rows, 3).path.tolist() == ["/data/0.png", "/data/2.png", "/data/4.png"]
    assert len(worst_mistakes(rows, 100)) == 4
