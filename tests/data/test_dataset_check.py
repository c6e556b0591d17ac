import json

import cv2
import numpy as np
import pandas as pd
import pytest

from brevetti_keras.data.dataset_check import check_dataset
from brevetti_keras.data.samples import samples_of
from brevetti_keras.utils.errors import InvalidInputError
from tests.support.parts import draw_part, jpeg, write_picture


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """26 vials, of which one is in two classes, one is re-encoded, one dark, one small, one plain, one no image."""
    root = tmp_path_factory.mktemp("lot")
    pictures = [draw_part("vial", number, 96) for number in range(24)]
    for number, picture in enumerate(pictures):
        write_picture(root / ("good" if number < 20 else "bad") / f"{number:02d}.png", picture)
    write_picture(root / "bad" / "again.png", pictures[0])
    write_picture(root / "good" / "encoded.jpg", jpeg(pictures[1], 90))
    write_picture(root / "good" / "dark.png", (draw_part("vial", 90, 96) * 0.3).astype(np.uint8))
    write_picture(root / "good" / "small.png", draw_part("vial", 91, 64))
    write_picture(root / "good" / "plain.png", np.full((96, 96), 95, np.uint8))
    (root / "good" / "text.png").write_text("no image")
    return root


@pytest.fixture
def samples(folder):
    return samples_of(str(folder), "id", "lot")


def names(frame, *columns):
    return [tuple(path.rsplit("/", 1)[1] for path in row) for row in frame[list(columns)].to_numpy().tolist()]


def test_files_that_cannot_be_samples_count_as_unreadable(samples):
    skipped = pd.DataFrame({"path": ["/lot/b\\xff.png"], "category": [("good",)], "reason": ["rename it"]})
    found = check_dataset(samples, progress=False, skipped=skipped)
    assert (found.count, found.severe) == (31, 3)
    assert found.unreadable.iloc[-1].tolist() == ["/lot/b\\xff.png", "rename it"]
    assert found.classes["samples"].tolist() == [26, 5]


def test_each_finding_is_named(samples):
    found = check_dataset(samples, progress=False)
    assert found.count == 30
    pairs = {frozenset(pair) for pair in names(found.duplicates, "first", "second")}
    assert pairs == {frozenset({"again.png", "00.png"}), frozenset({"01.png", "encoded.jpg"})}
    assert found.duplicates.across.tolist() == ["classes", ""]
    assert found.duplicates.reason.tolist() == ["equal pixels", "near-duplicate"]
    assert names(found.unreadable, "path") == [("text.png",)]
    assert names(found.odd, "path") == [("plain.png",), ("small.png",)]
    assert found.odd.reason.tolist() == ["a single colour", "64 × 64, where most are 96 × 96"]
    assert ("dark.png",) in names(found.brightness, "path")
    assert found.classes.to_dict("records") == [
        {"class": "good", "samples": 25, "share": 25 / 30}, {"class": "bad", "samples": 5, "share": 5 / 30},
    ]  # fmt: skip
    assert found.severe == 2


def test_the_summary_counts_what_the_tables_list(samples):
    found = check_dataset(samples, progress=False)
    counts = dict(zip(found.summary.finding, found.summary["count"], strict=True))
    assert counts["unreadable files"] == len(found.unreadable) == 1
    assert counts["copies across classes"] == 1
    assert counts["equal pictures"] + counts["near-duplicates"] == len(found.duplicates)
    assert counts["small classes"] == 1
    assert json.loads(json.dumps(found.to_dict()))["summary"][0]["count"] == 1


def test_copies_in_two_purposes_are_told_also_where_the_first_of_them_has_none(tmp_path):
    for number in range(4):
        write_picture(tmp_path / "lot" / "good" / f"{number}.png", draw_part("vial", max(0, number - 2), 96))
    samples = samples_of(str(tmp_path / "lot"), "id", "lot")
    assert names(samples, "path") == [("0.png",), ("1.png",), ("2.png",), ("3.png",)]
    for purposes, across in (
        ([pd.NA, "train", "test", "train"], ["purposes", "purposes"]),
        ([pd.NA, "train", "train", "test"], ["", ""]),
        (["train", pd.NA, "test", "test"], ["purposes", ""]),
    ):
        found = check_dataset(samples.assign(purpose=purposes), progress=False)
        assert names(found.duplicates, "first")[0] == ("0.png",)
        assert sorted(found.duplicates.across, reverse=True) == across


def test_copies_across_purposes_are_told(samples):
    purpose = np.where(samples.path.str.endswith("encoded.jpg"), "test", "train")
    found = check_dataset(samples.assign(purpose=purpose), progress=False)
    assert sorted(found.duplicates.across) == ["classes", "purposes"]
    unknown = check_dataset(samples.assign(purpose=None), progress=False)
    assert sorted(unknown.duplicates.across) == ["", "classes"]


def test_a_file_of_two_samples_is_told_with_their_labels_and_purposes(samples):
    four = samples.head(4)
    listed = pd.concat([four, four], ignore_index=True).assign(
        category=[("good",)] * 3 + [("bad",)] * 5, purpose=["train"] * 4 + ["test", "", "train", None]
    )
    found = check_dataset(listed, progress=False)
    assert (found.duplicates["first"] == found.duplicates["second"]).all()
    assert found.duplicates.across.tolist() == ["classes, purposes", "classes", "classes", ""]
    assert found.duplicates.first_class.tolist() == ["bad, good"] * 3 + ["bad"]
    assert found.severe == 3


def test_the_order_of_a_samples_labels_plays_no_part(samples):
    copies = samples[samples.path.str.endswith(("/01.png", "/encoded.jpg"))]
    found = check_dataset(copies.assign(category=[("a", "b"), ("b", "a")]), progress=False)
    assert found.classes["class"].tolist() == ["a/b"]
    assert found.duplicates.across.tolist() in ([], [""])


def test_nothing_wrong_is_nothing_found(tmp_path):
    for number in range(12):
        write_picture(tmp_path / "a" / f"{number}.png", draw_part("disc", number, 64))
    found = check_dataset(samples_of(str(tmp_path / "a"), "id", "a"), progress=False)
    assert found.severe == 0
    assert found.summary["count"].sum() == 0


def test_colour_and_depth_that_few_have_are_odd(tmp_path):
    for number in range(30):
        write_picture(tmp_path / f"{number:02d}.png", draw_part("disc", number, 32))
    cv2.imwrite(str(tmp_path / "deep.png"), draw_part("disc", 50, 32).astype(np.uint16) * 257)
    colour = np.dstack([draw_part("disc", number, 32) for number in (60, 61, 62)])
    cv2.imwrite(str(tmp_path / "colour.png"), colour)
    found = check_dataset(samples_of(str(tmp_path), "id", "a"), progress=False)
    assert found.odd.reason.tolist() == ["colour, where most are grey", "uint16, where most are uint8"]


def test_an_empty_frame_has_no_findings_and_another_is_refused():
    empty = pd.DataFrame({"path": pd.Series(dtype="str"), "etag": pd.Series(dtype="str"), "category": []})
    assert check_dataset(empty).severe == 0
    assert check_dataset(empty).summary["count"].sum() == 0
    with pytest.raises(InvalidInputError, match="column 'path'"):
        check_dataset(pd.DataFrame({"etag": []}))
