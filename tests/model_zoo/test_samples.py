from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from brevetti_keras.data.sample_integrity import SampleSplit
from brevetti_keras.utils.errors import DataError
from model_zoo.image_classification.model_type import ImageClassificationSettings
from model_zoo.image_classification.samples import label_samples, refuse_empty_classes, split_samples, tie_copies


def frame(counts: dict[str, int], **columns: object) -> pd.DataFrame:
    rows = [
        {"path": f"/data/{name}/{index}.png", "category": (name,), "folder": name, "etag": f"{name}-{index}"}
        for name, count in counts.items()
        for index in range(count)
    ]
    return pd.DataFrame(rows, columns=["path", "category", "folder", "etag"]).assign(**columns)


SETTINGS = ImageClassificationSettings()


def test_labels_are_the_categories_and_classes_are_sorted() -> None:
    labelled = label_samples(frame({"b": 2, "a": 3}))
    assert labelled.classes == ("a", "b")
    assert labelled.samples.label.tolist() == ["b", "b", "a", "a", "a"]
    assert labelled.left_out == 0


def test_named_classes_keep_their_order_and_others_are_counted() -> None:
    labelled = label_samples(frame({"a": 2, "b": 3, "c": 4}), ("c", "a"))
    assert labelled.classes == ("c", "a")
    assert set(labelled.samples.label) == {"a", "c"}
    assert labelled.left_out == 3
    assert list(labelled.samples.index) == list(range(6))


def test_a_class_whose_folder_is_empty_is_refused() -> None:
    labelled = label_samples(frame({"a": 2, "b": 3}))
    refuse_empty_classes([], labelled, {})
    refuse_empty_classes(["/data/b", "/data/more/c"], labelled, {"c": "a"})
    message = r"images in the folder of each class, found none in /data/more/c: add images, remove the folder, or name"
    with pytest.raises(DataError, match=message):
        refuse_empty_classes(["/data/b", "/data/more/c"], labelled, {})


def test_the_caller_s_frame_is_left_alone() -> None:
    samples = frame({"a": 2, "b": 2})
    label_samples(samples)
    assert "label" not in samples


@pytest.mark.parametrize(
    ("counts", "classes", "message"),
    [
        ({}, (), "expected images to train on, found none"),
        ({"a": 5}, (), r"expected at least two classes, received one \('a', 5 images\)"),
        ({"a": 5, "b": 1}, (), r"at least two images of each class.*received one of 'b' \(/data/b/0.png\): add images"),
        ({"a": 5, "b": 1, "c": 1}, (), "and 1 more such classes"),
        ({"good": 5, "bad": 5}, ("good", "badd"), r"received none of 'badd', did you mean 'bad'\?"),
        ({"good": 5, "bad": 5}, ("good", "zzz"), "received none of 'zzz'; known are bad, good"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(
    counts: dict[str, int], classes: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message) as refused:
        label_samples(frame(counts), classes)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("labels", [(), ("a", "b")])
def test_a_sample_has_exactly_one_label(labels: tuple[str, ...]) -> None:
    samples = frame({"a": 2, "b": 2})
    samples.at[1, "category"] = labels
    with pytest.raises(DataError, match=r"expected one label a sample, received .* for /data/a/1.png"):
        label_samples(samples)


def test_equal_files_of_different_labels_are_noticed(caplog: pytest.LogCaptureFixture) -> None:
    samples = frame({"a": 3, "b": 3, "c": 2})
    samples.loc[[0, 3], "etag"] = "same"
    samples.loc[[1, 2], "etag"] = "harmless"
    found = label_samples(samples).contradictions
    assert found.etag.tolist() == ["same"]
    assert found.label.tolist() == ["a / b"]
    assert found.path.tolist() == [("/data/a/0.png", "/data/b/0.png")]
    assert "1 file occurs with different labels" in caplog.text


def test_every_sample_gets_a_purpose_in_each_class() -> None:
    split = split_samples(label_samples(frame({"a": 50, "b": 30})), SETTINGS)
    counts = pd.crosstab(split.label, split.purpose)
    assert counts.loc["a"].to_dict() == {"devel": 10, "train": 40}
    assert counts.loc["b"].to_dict() == {"devel": 6, "train": 24}


def test_a_test_share_is_taken_of_all_and_first(tmp_path: Path) -> None:
    settings = ImageClassificationSettings(test_share=0.2)
    labelled = label_samples(frame({"a": 50, "b": 50}))
    split = split_samples(labelled, settings, str(tmp_path / "ids.csv"))
    assert split.purpose.value_counts().to_dict() == {"train": 64, "test": 20, "devel": 16}
    again = split_samples(labelled, settings, str(tmp_path / "ids.csv"))
    assert again.purpose.tolist() == split.purpose.tolist()
    assert split_samples(labelled, settings).purpose.tolist() == split.purpose.tolist()


def test_purposes_are_remembered_when_samples_come(tmp_path: Path) -> None:
    path = str(tmp_path / "ids.csv")
    before = split_samples(label_samples(frame({"a": 20, "b": 20})), SETTINGS, path)
    after = split_samples(label_samples(frame({"a": 40, "b": 40})), SETTINGS, path)
    known = before.set_index("etag").purpose
    assert after.set_index("etag").purpose[known.index].tolist() == known.tolist()


def test_equal_files_share_their_purpose() -> None:
    samples = frame({"a": 40, "b": 40})
    samples["etag"] = [f"{row.folder}-{index // 4}" for index, row in enumerate(samples.itertuples())]
    split = split_samples(label_samples(samples), SETTINGS)
    assert (split.groupby("etag").purpose.nunique() == 1).all()


def test_nothing_to_check_with_is_refused() -> None:
    labelled = label_samples(frame({"a": 5, "b": 5}))
    with pytest.raises(DataError, match="expected devel samples to check the training with"):
        split_samples(labelled, ImageClassificationSettings(split={"split": 1.0}))


def test_nothing_to_train_on_is_refused() -> None:
    labelled = label_samples(frame({"a": 5, "b": 5}))
    with pytest.raises(DataError, match="expected samples of each class to train on, received none of 'a'"):
        split_samples(labelled, ImageClassificationSettings(split={"split": 0.0}))


def test_a_class_that_is_not_checked_is_said(caplog: pytest.LogCaptureFixture) -> None:
    samples = frame({"a": 20, "b": 2})
    samples.loc[samples.folder == "b", "etag"] = "twins"
    split = split_samples(label_samples(samples.assign(purpose=["train"] * 2 + [None] * 18 + ["train"] * 2)), SETTINGS)
    assert set(split.purpose[split.label == "b"]) == {"train"}
    assert "no devel sample of b" in caplog.text


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Twelve parts of two classes, each beside a brightened copy of another encoding."""
    folder = tmp_path_factory.mktemp("parts")
    random = np.random.default_rng(5)
    rows = []
    for number in range(12):
        pixels = cv2.resize(random.integers(30, 200, (8, 8), np.uint8), (64, 64), interpolation=cv2.INTER_CUBIC)
        for name, image in ((f"{number}.png", pixels), (f"{number}-copy.jpg", cv2.add(pixels, 4))):
            path = folder / name
            cv2.imwrite(str(path), image)
            rows.append({"path": str(path), "category": ("ab"[number % 2],), "etag": name})
    return pd.DataFrame(rows)


def test_near_duplicates_stay_on_one_side(parts: pd.DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    labelled = tie_copies(label_samples(parts))
    assert "24 samples are copies of others, in 12 groups" in caplog.text
    settings = ImageClassificationSettings(split=SampleSplit(stratification=("label",), split=0.5), leak_groups=True)
    split = split_samples(labelled, settings)
    assert set(split.purpose) == {"train", "devel"}
    part = split.path.str.extract(r"/(\d+)(?:-copy)?\.", expand=False)
    assert (split.purpose.groupby(part).nunique() == 1).all()
    plain = split_samples(label_samples(parts), settings)
    assert (plain.purpose.groupby(part).nunique() == 2).any()


def test_groups_that_the_split_does_not_tie_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected leak_group in split\.tie"):
        ImageClassificationSettings(split=SampleSplit(tie=("etag",)), leak_groups=True)
    assert not ImageClassificationSettings(split=SampleSplit(tie=("etag",))).leak_groups
