"""Charts of scores: histogram, calibration and security level, against figures worked out otherwise."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve

from brevetti_keras.interfaces.vegalite_charts import calibration, score_histogram, security_level
from tests.support.charts import CLASSES, predictions, rows, spec_of

FRAME, TRUTH, SCORES = predictions(500)
CONFIDENCE = SCORES.max(axis=1)
CORRECT = SCORES.argmax(axis=1) == TRUTH


def test_a_histogram_holds_every_sample_once():
    bars = rows(score_histogram(FRAME, CLASSES))
    for outcome, chosen in (("right", CORRECT), ("wrong", ~CORRECT)):
        mine = [bar for bar in bars if bar["outcome"] == outcome]
        assert sum(bar["samples"] for bar in mine) == chosen.sum()
        for bar in mine:
            inside = (CONFIDENCE[chosen] >= bar["from"]) & (CONFIDENCE[chosen] < bar["to"])
            assert bar["samples"] == inside.sum()
    assert {round(bar["to"] - bar["from"], 9) for bar in bars} == {0.05}


def test_scores_beyond_zero_and_one_set_the_ends():
    frame = pd.DataFrame({"category": ["a", "a"], "prediction": [[3.0, -1.0], [7.0, 0.0]]})
    bars = rows(score_histogram(frame, ["a", "b"], bins=4))
    assert [(bar["from"], bar["to"], bar["samples"]) for bar in bars] == [(3, 4, 1), (6, 7, 1)]


def test_calibration_is_scikit_learns_for_the_predicted_class():
    text = calibration(FRAME, CLASSES)
    points = [row for row in rows(text) if "samples" in row]
    right, score = calibration_curve(CORRECT, CONFIDENCE, n_bins=10)
    unique = points[: len(right)]
    assert np.allclose([point["right"] for point in unique], right)
    assert np.allclose([point["score"] for point in unique], score)
    error = sum(point["samples"] * abs(point["right"] - point["score"]) for point in unique) / 500
    assert f"Expected calibration error {error:.3f}, 500 samples" in spec_of(text)["title"]["subtitle"]


def test_a_score_of_one_is_in_the_last_bin():
    frame = pd.DataFrame({"category": ["a"], "prediction": [[1.0, 0.0]]})
    assert next(row for row in rows(calibration(frame, ["a", "b"])) if "samples" in row) == {
        "score": 1.0,
        "right": 1.0,
        "samples": 1,
    }


def test_a_security_level_trusts_the_scores_from_it_on():
    points = rows(security_level(FRAME, CLASSES))
    assert len(points) == 1000
    for point in points[::37]:
        trusted = point["level"] <= CONFIDENCE
        expected = CORRECT[trusted].mean() if point["of"] == "right among the trusted" else trusted.mean()
        assert point["share"] == pytest.approx(expected)


def test_equal_scores_pass_together():
    frame = pd.DataFrame({"category": ["a", "b", "a"], "prediction": [[0.8, 0.2], [0.8, 0.2], [0.6, 0.4]]})
    points = rows(security_level(frame, ["a", "b"]))
    assert len(points) == 4
    shares = {(point["level"], point["of"]): point["share"] for point in points}
    assert shares == {
        (0.8, "right among the trusted"): 0.5,
        (0.8, "trusted among all"): pytest.approx(2 / 3),
        (0.6, "right among the trusted"): pytest.approx(2 / 3),
        (0.6, "trusted among all"): 1.0,
    }


def test_many_scores_are_thinned():
    frame, *_ = predictions(5000, ["a", "b"])
    assert len(rows(security_level(frame, ["a", "b"]))) == 2000


@pytest.mark.parametrize("chart", [score_histogram, calibration, security_level])
def test_samples_that_cannot_be_judged_are_told(chart):
    frame = pd.DataFrame({"category": ["a", "x"], "prediction": [[0.9, 0.1]] * 2})
    assert (
        "1 sample, 1 of other classes or without scores left out"
        in spec_of(chart(frame, ["a", "b"]))["title"]["subtitle"]
    )
