import hashlib
import shutil

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from brevetti_keras.data.fingerprint import fingerprint, from_csv
from brevetti_keras.data.fingerprint_diff import diff_fingerprints
from brevetti_keras.data.leaks.content_memory import ContentMemory
from brevetti_keras.data.samples import samples_of
from brevetti_keras.utils.errors import DataError, InvalidInputError
from tests.support.images import write_image, write_image_folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    return write_image_folder(tmp_path / "lot", {"good": 3, "bad": 2}, size=(8, 6))


def taken(folder, **arguments):
    return fingerprint(samples_of(str(folder), "id", "name", annotations=True, **arguments), progress=False)


def changes(before, after) -> list[tuple[str, ...]]:
    return [tuple(row) for row in diff_fingerprints(before, after).itertuples(index=False)]


def test_place_order_and_encoding_play_no_part(folder, tmp_path):
    root = taken(folder).root
    shutil.copytree(folder, tmp_path / "elsewhere")
    for path in (tmp_path / "elsewhere" / "good").glob("*.png"):
        with Image.open(path) as image:
            image.save(path.with_suffix(".bmp"))
        path.unlink()
    assert taken(tmp_path / "elsewhere").root == root
    samples = samples_of(str(folder), "id", "name")
    assert fingerprint(samples.sample(frac=1, random_state=1)).root == fingerprint(samples).root


def test_the_root_is_what_the_documentation_says(folder):
    found = taken(folder)
    text = "".join(leaf + "\n" for leaf in sorted(found.leaves.leaf))
    assert found.root == hashlib.sha256(text.encode()).hexdigest()
    row = found.leaves.iloc[0]
    parts = f'["{row.pixels}", "{row.label}", "", ""]'
    assert row.leaf == hashlib.sha256(parts.encode()).hexdigest()
    assert row.path == "bad/bad_0000.png"


def test_nothing_is_no_difference(folder):
    assert changes(taken(folder), taken(folder)) == []


def test_each_kind_of_change_is_told_apart_and_named(folder):
    before = taken(folder)
    good, bad = folder / "good", folder / "bad"
    write_image(good / "good_0000.png", seed=99, size=(8, 6))
    with Image.open(good / "good_0001.png") as image:
        image.save(good / "good_0001.png", compress_level=0)
    shutil.move(good / "good_0002.png", bad / "was_good.png")
    (bad / "bad_0000.png").unlink()
    write_image(bad / "new.png", seed=7, size=(8, 6))
    (folder / ".annotations" / "bad" / "bad_0001.png").mkdir(parents=True)
    (folder / ".annotations" / "bad" / "bad_0001.png" / "a.json").write_text(
        '{"annotations": [{"type": "class", "label": "crack"}]}'
    )
    found = changes(before, taken(folder))
    assert [row[:3] for row in found] == [
        ("added", "bad/new.png", ""),
        ("removed", "bad/bad_0000.png", ""),
        ("moved", "good/good_0002.png", "bad/was_good.png"),
        ("pixels changed", "good/good_0000.png", ""),
        ("re-encoded", "good/good_0001.png", ""),
        ("relabelled", "good/good_0002.png", "bad/was_good.png"),
        ("annotation changed", "bad/bad_0001.png", ""),
    ]
    assert found[5][3:] == ("good", "bad")


def test_files_that_changed_places_are_moved_and_no_picture_has_changed(folder):
    for label in ("good", "bad"):
        (folder / label / f"{label}_0000.png").rename(folder / label / "1.png")
    before = taken(folder)
    (folder / "good" / "1.png").rename(folder / "kept.png")
    (folder / "bad" / "1.png").rename(folder / "good" / "1.png")
    (folder / "kept.png").rename(folder / "bad" / "1.png")
    assert [row[:3] for row in changes(before, taken(folder))] == [
        ("moved", "bad/1.png", "good/1.png"),
        ("moved", "good/1.png", "bad/1.png"),
        ("relabelled", "bad/1.png", "good/1.png"),
        ("relabelled", "good/1.png", "bad/1.png"),
    ]


def test_a_picture_put_in_between_is_added_and_those_after_it_are_moved(folder):
    good = folder / "good"
    before = taken(folder)
    for number in (2, 1):
        (good / f"good_000{number}.png").rename(good / f"good_000{number + 1}.png")
    write_image(good / "good_0001.png", seed=99, size=(8, 6))
    assert [row[:3] for row in changes(before, taken(folder))] == [
        ("added", "good/good_0001.png", ""),
        ("moved", "good/good_0001.png", "good/good_0002.png"),
        ("moved", "good/good_0002.png", "good/good_0003.png"),
    ]


def test_a_picture_that_another_was_copied_over_has_changed(folder):
    before = taken(folder)
    shutil.copy(folder / "good" / "good_0001.png", folder / "good" / "good_0000.png")
    assert [row[:3] for row in changes(before, taken(folder))] == [("pixels changed", "good/good_0000.png", "")]


def test_labels_and_metadata_of_a_csv_count(folder, tmp_path):
    (folder / "samples.csv").write_text("path,category,lot\ngood/good_0000.png,good,1\n")
    before = taken(folder / "samples.csv")
    (folder / "samples.csv").write_text("path,category,lot\ngood/good_0000.png,bad,2\n")
    after = taken(folder / "samples.csv")
    assert before.root != after.root
    assert changes(before, after) == [
        ("relabelled", "good/good_0000.png", "", "good", "bad"),
        ("metadata changed", "good/good_0000.png", "", '{"lot": "1"}', '{"lot": "2"}'),
    ]


def test_an_unreadable_file_has_a_leaf_of_its_bytes(folder):
    (folder / "good" / "good_0000.png").write_bytes(b"x")
    first = taken(folder)
    assert first.leaves.pixels.str.startswith("unreadable ").sum() == 1
    (folder / "good" / "good_0000.png").write_bytes(b"yy")
    assert [row[0] for row in changes(first, taken(folder))] == ["pixels changed"]


def test_known_pixel_hashes_are_taken(tmp_path):
    samples = pd.DataFrame({"path": ["/nowhere/a.png"], "etag": ["e"], "category": [("good",)]})
    memory = ContentMemory(str(tmp_path / "contents.sqlite3"))
    assert fingerprint(samples, {"e": "p"}, memory).leaves.pixels.tolist() == ["p"]
    assert fingerprint(samples, memory=memory).leaves.pixels.tolist() == ["p"]  # the file is not there to be decoded
    assert fingerprint(samples, {"e": "q"}, memory).leaves.pixels.tolist() == ["q"]


def test_files_are_decoded_once(folder, tmp_path):
    samples = samples_of(str(folder), "id", "name")
    first = fingerprint(samples)
    shutil.rmtree(folder)
    assert fingerprint(samples).root == first.root


def test_it_is_written_and_read_again(folder):
    found = taken(folder)
    again = from_csv(found.to_csv(), "f.csv")
    assert again.root == found.root
    pd.testing.assert_frame_equal(again.leaves, found.leaves)
    with pytest.raises(DataError, match=r"f\.csv: expected leaves that are the hashes of their rows"):
        from_csv(found.to_csv().replace(b",good,", b",bad,", 1), "f.csv")
    with pytest.raises(DataError, match=r"f\.csv: expected the columns path"):
        from_csv(b"a,b\n1,2\n", "f.csv")


def test_samples_without_paths_are_one_line():
    with pytest.raises(InvalidInputError, match="expected samples with a column 'path'"):
        fingerprint(pd.DataFrame({"etag": ["a"]}))


@st.composite
def datasets(draw) -> pd.DataFrame:
    count = draw(st.integers(0, 8))

    def column(values):
        return draw(st.lists(st.sampled_from(values), min_size=count, max_size=count))

    paths = draw(st.lists(st.sampled_from("abcdefghij"), min_size=count, max_size=count, unique=True))
    etags = pd.Series(column(["1", "2", "3"]), dtype="str")
    return pd.DataFrame({"path": paths, "etag": etags, "category": column(["x", "y"]), "lot": column(["", "l"])})


@settings(max_examples=60, deadline=None)
@given(datasets(), datasets())
def test_roots_are_equal_where_nothing_but_places_and_encoding_changed(first, second):
    pixels = {"1": "p", "2": "p", "3": "q"}
    one, other = fingerprint(first, pixels), fingerprint(second, pixels)
    kinds = {row[0] for row in changes(one, other)}
    if not kinds - {"moved", "re-encoded"}:
        assert one.root == other.root
    if len(first) != len(second):
        assert kinds & {"added", "removed"}
    assert [row[0] for row in changes(one, one)] == []
