"""Charts of a classifier against scikit-learn's figures."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from brevetti_keras.interfaces import vegalite_charts
from brevetti_keras.interfaces.chart_rendering import Drawing, render_charts
from tests.support.charts import CLASSES, predictions, rows, spec_of

FRAME, TRUTH, SCORES = predictions()
OF_PREDICTIONS = ["confusion_matrix", "roc", "precision_recall", "score_histogram", "calibration", "security_level"]


def curve(text, place):
    return [row for row in rows(text) if row.get("name", "").startswith(f"{CLASSES[place]} (")]


def test_a_confusion_matrix_counts_as_scikit_learn_does():
    cells = rows(vegalite_charts.confusion_matrix(FRAME, CLASSES))
    expected = metrics.confusion_matrix(TRUTH, SCORES.argmax(axis=1))
    assert np.array_equal(np.array([cell["samples"] for cell in cells]).reshape(3, 3), expected)
    assert [(cell["actual"], cell["predicted"]) for cell in cells[:3]] == [(CLASSES[0], name) for name in CLASSES]
    shares = np.array([cell["share"] for cell in cells]).reshape(3, 3)
    assert np.allclose(shares, metrics.confusion_matrix(TRUTH, SCORES.argmax(axis=1), normalize="true"))


def test_a_confusion_matrix_takes_class_names_and_tells_what_it_left_out():
    frame = pd.DataFrame({"category": ["a", "b", "b", "x"], "prediction": ["a", "a", "b", "a"]})
    text = vegalite_charts.confusion_matrix(frame, ["a", "b"])
    assert [cell["samples"] for cell in rows(text)] == [1, 0, 1, 1]
    assert spec_of(text)["title"]["subtitle"].startswith("2 of 3 right (66.7%), 1 of other classes")


def test_a_class_without_samples_has_empty_cells():
    frame = pd.DataFrame({"category": ["a"], "prediction": [[0.9, 0.1]]})
    assert [cell["share"] for cell in rows(vegalite_charts.confusion_matrix(frame, ["a", "b"]))] == [1, 0, 0, 0]


@pytest.mark.parametrize("place", range(3))
def test_roc_curves_and_areas_are_scikit_learns(place):
    points = curve(vegalite_charts.roc(FRAME, CLASSES), place)
    false, true, _ = metrics.roc_curve(place == TRUTH, SCORES[:, place])
    assert np.allclose([(point["x"], point["y"]) for point in points], np.stack([false, true], 1))
    area = metrics.roc_auc_score(place == TRUTH, SCORES[:, place])
    assert points[0]["name"] == f"{CLASSES[place]} ({area:.3f})"


@pytest.mark.parametrize("place", range(3))
def test_precision_and_recall_are_scikit_learns(place):
    points = curve(vegalite_charts.precision_recall(FRAME, CLASSES), place)
    precision, recall, _ = metrics.precision_recall_curve(place == TRUTH, SCORES[:, place])
    assert np.allclose([(point["x"], point["y"]) for point in points], np.stack([recall, precision], 1))
    average = metrics.average_precision_score(place == TRUTH, SCORES[:, place])
    assert points[0]["name"] == f"{CLASSES[place]} ({average:.3f})"


def test_long_curves_are_thinned_with_both_ends_kept():
    frame, *_ = predictions(6000, ["a", "b"])
    text = vegalite_charts.precision_recall(frame, ["a", "b"])
    points = [row for row in rows(text) if row["name"].startswith("a")]
    assert len(points) == 1000
    assert (points[0]["x"], points[-1]["x"]) == (1.0, 0.0)


@pytest.mark.parametrize("name", ["roc", "precision_recall"])
def test_a_class_that_all_or_none_have_is_left_out(name):
    frame = pd.DataFrame({"category": ["a", "a"], "prediction": [[0.9, 0.1], [0.8, 0.2]]})
    assert [row for row in rows(getattr(vegalite_charts, name)(frame, ["a", "b"])) if "name" in row] == []


@pytest.mark.parametrize("name", OF_PREDICTIONS)
def test_every_chart_leaves_its_input_alone_is_safe_to_embed_and_takes_no_samples(name):
    chart = getattr(vegalite_charts, name)
    before = FRAME.copy(deep=True)
    text = chart(FRAME, CLASSES)
    pd.testing.assert_frame_equal(FRAME, before)
    assert "<" not in text
    assert spec_of(text)["name"] == name
    for empty in (FRAME.head(0), []):
        assert "0 samples" in spec_of(chart(empty, CLASSES))["title"]["subtitle"]


def test_every_chart_can_be_drawn():
    samples = pd.DataFrame({"dataset": ["A"], "category": [("a",)], "purpose": ["train"]})
    texts = [
        getattr(vegalite_charts, name)(frame, CLASSES) for name in OF_PREDICTIONS for frame in (FRAME, FRAME.head(0))
    ]
    texts += [vegalite_charts.dataset_summary(samples), vegalite_charts.split_overview(samples)]
    texts += [vegalite_charts.training_history({"loss": [1, 0.5], "val_loss": [1, 2], "f": [1, 2]})]
    pictures = render_charts([Drawing(text) for text in texts])
    assert [str(picture) for picture in pictures if not isinstance(picture, str)] == []
    assert len(pictures) == len(set(pictures)) == 15
