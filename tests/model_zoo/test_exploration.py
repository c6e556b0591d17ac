import pandas as pd

from model_zoo.image_classification.exploration import facet_samples, with_predictions


def split_of(purposes: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"path": [f"{i}.png" for i in range(len(purposes))], "purpose": pd.Series(purposes, dtype="str"), "label": "a"}
    )


def test_predictions_stand_beside_the_samples_they_are_of() -> None:
    split = split_of(["train", "conflict", "devel"])
    predictions = pd.DataFrame({"prediction": ["a", "b"], "probability": [0.9, 0.6], "correct": [True, False]})
    result = with_predictions(split, predictions)
    assert result.prediction.tolist() == ["a", "", "b"]
    assert result.correct.tolist() == ["yes", "", "no"]
    assert result.probability.isna().tolist() == [False, True, False]
    assert list(split.columns) == ["path", "purpose", "label"]


def test_equal_paths_are_not_mixed_up() -> None:
    split = split_of(["train", "train"]).assign(path="same.png")
    predictions = pd.DataFrame({"prediction": ["a", "b"], "probability": [0.9, 0.6], "correct": [True, False]})
    assert with_predictions(split, predictions).prediction.tolist() == ["a", "b"]


def test_facets_show_all_mistakes_and_some_of_the_rest() -> None:
    samples = split_of(["train"] * 100).assign(
        correct=["no" if i % 10 == 0 else "yes" for i in range(100)], score_a=1.0
    )
    shown = facet_samples(samples, count=30)
    assert len(shown) == 30
    assert (shown.correct == "no").sum() == 10
    assert shown.index.is_monotonic_increasing
    assert "score_a" not in shown
    pd.testing.assert_frame_equal(shown, facet_samples(samples, count=30))
    assert len(facet_samples(samples, count=100)) == 100
    assert (facet_samples(samples, count=4).correct == "no").all()
