import atexit
import hashlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brevetti_keras.data.annotation import Annotation, Shape
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection
from brevetti_keras.data.formats.kept_aside import image_content
from brevetti_keras.data.formats.reading import READERS, read_format
from brevetti_keras.data.formats.samples_table import collection_of, table_files
from brevetti_keras.data.formats.writing import WRITERS, Written, write_format
from brevetti_keras.data.samples import samples_of
from brevetti_keras.data.text_csv import read_text_csv
from brevetti_keras.utils.encode import to_json
from brevetti_keras.utils.errors import ConflictError, DataError, InvalidInputError, NotFoundError
from tests.support.collections import HEIGHT, WIDTH, collections, contents, picture

_HELD = tempfile.TemporaryDirectory(prefix="collections-")
atexit.register(_HELD.cleanup)
SOURCES = Path(_HELD.name)
PLAIN = Shape("a", "rectangle", ((1.0, 2.0), (5.0, 6.0)))

modest = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def image(number, shapes=(), labels=("a",), purpose="train", name=None, **more):
    annotation = Annotation(tuple(shapes), WIDTH, HEIGHT)
    return AnnotatedImage(picture(SOURCES, number), name or f"{number}.png", labels, purpose, annotation, **more)


def through(collection, form, folder):
    written = write_format(collection, form, folder)
    return written, read_format(form, folder)


@pytest.mark.parametrize("form", READERS)
@modest
@given(data=st.data())
def test_nothing_is_lost_on_the_way_there_and_back(form, data):
    collection = data.draw(collections(SOURCES))
    with tempfile.TemporaryDirectory() as folder:
        written, back = through(collection, form, folder)
        assert written.images == len(collection.images)
        assert contents(back) == contents(collection)
        assert back.classes == collection.classes
        assert back.about == collection.about


def test_a_table_keeps_a_carriage_return(tmp_path):
    kept = replace(image(1), columns={"note": "one\rtwo"})
    files = dict(table_files(Collection((kept,), ("a",))))
    table = read_text_csv(files["samples.csv"], "samples.csv")
    assert (table.path.tolist(), table.note.tolist()) == ([kept.path], ["one\rtwo"])


@modest
@given(data=st.data())
def test_a_csv_gives_the_same_samples_again(data):
    collection = data.draw(collections(SOURCES))
    with tempfile.TemporaryDirectory() as folder:
        write_format(collection, "csv", folder)
        table = f"{folder}/samples.csv"
        back = collection_of(samples_of(table, "1", "x", annotations=True), table)
        assert without_columns(back) == without_columns(collection)
        assert back.classes == collection.classes
        assert back.about == collection.about


def without_columns(collection):
    return {key: {**content, "columns": {}} for key, content in contents(collection).items()}


def test_a_csv_carries_columns_along_in_each_row(tmp_path):
    lot = {"lot": "0017", "size_mm": 2.5, "count": 3, "ok": True}
    images = (image(0, columns=lot), image(1, columns={**lot, "lot": "x", "size_mm": -1e-9, "ok": False}))
    write_format(Collection(images, ("a",)), "csv", str(tmp_path))
    table = str(tmp_path / "samples.csv")
    back = collection_of(samples_of(table, "1", "x", annotations=True), table)
    assert contents(back) == contents(Collection(images))


def test_what_is_nearly_nothing_is_lost_nowhere(tmp_path):
    marks = [Shape("a", "point", ((0.0, -2.95e-201),)), Shape("a", "rectangle", ((1e-12, 5e-324), (1e-12, 1.0)))]
    collection = Collection((image(0, (), ("good",)), image(1, marks, purpose="test")), ("good", "a"))
    for form in READERS:
        assert contents(through(collection, form, str(tmp_path / form))[1]) == contents(collection), form


def test_a_second_way_round_changes_nothing(tmp_path):
    collection = Collection((image(0, [PLAIN]), image(1, labels=("good",), purpose="devel")), ("a", "good"))
    for number, form in enumerate(["coco", "voc", "yolo", "coco"]):
        folder = str(tmp_path / str(number))
        write_format(collection, form, folder)
        back = read_format(form, folder)
        assert contents(back) == contents(collection), form
        collection = replace(back, images=tuple(replace(one, name=Path(one.name).name) for one in back.images))


@pytest.mark.parametrize("form", ["coco", "yolo", "voc"])
def test_what_a_format_can_hold_needs_no_file_beside_it(tmp_path, form):
    written, _ = through(Collection((image(0, [PLAIN]), image(1, (), ())), ("a",)), form, str(tmp_path))
    assert written == Written(2, 0)
    assert not (tmp_path / "brevetti.json").exists()


def test_mvtec_holds_labels_and_masks(tmp_path):
    good, bad = image(0, (), ("good",)), image(1, [PLAIN], ("a",), "test")
    written, _ = through(Collection((good, bad), ("good", "a")), "mvtec", str(tmp_path))
    assert written == Written(2, 1)  # the rectangle has become a mask
    read = READERS["mvtec"](str(tmp_path))
    assert [one.labels for one in read.images] == [("a",), ("good",)]
    mask = read.images[0].annotation.shapes[0]
    assert (mask.kind, mask.mask) == ("mask", str(tmp_path / "ground_truth" / "a" / "1_mask.png"))


def test_what_another_tool_changed_since_counts(tmp_path, caplog):
    line = Shape("a", "line", ((1.0, 2.0), (3.0, 4.0)))
    through(Collection((image(0, [line]), image(1, [line])), ("a",)), "yolo", str(tmp_path))
    assert [len(one.annotation.shapes) for one in read_format("yolo", str(tmp_path)).images] == [1, 1]
    (tmp_path / "labels" / "train" / "0.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    changed, kept = read_format("yolo", str(tmp_path)).images
    assert [shape.kind for shape in changed.annotation.shapes] == ["rectangle"]
    assert kept.annotation.shapes == (line,)
    assert "labels were changed" in caplog.text


def test_images_of_one_name_become_files_of_two(tmp_path):
    images = (image(0, name="a/x.png"), image(1, name="b/x.png"), image(2, name="a/X.PNG"))
    _, back = through(Collection(images, ("a",)), "voc", str(tmp_path))
    assert [one.name for one in back.images] == ["JPEGImages/X-3.PNG", "JPEGImages/x-2.png", "JPEGImages/x.png"]
    assert len(contents(back)) == 3


@pytest.mark.parametrize(
    "name", ["../../out.png", "/etc/x.png", "a\nb.png", "\u202e.png", "C:\\x.png", "n" * 250 + ".png", "..", "noending"]
)
def test_odd_names_become_safe_ones(tmp_path, name):
    _, back = through(Collection((image(0, name=name),), ("a",)), "coco", str(tmp_path / "out"))
    assert contents(back)
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


@pytest.mark.parametrize("form", WRITERS)
def test_a_folder_with_files_is_left_alone(tmp_path, form):
    (tmp_path / "mine.txt").write_text("1")
    with pytest.raises(ConflictError, match="expected a folder that is new or empty"):
        write_format(Collection((image(0, labels=("good",)),), ("good",)), form, str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("form", "images", "kind", "message"),
    [
        ("yolo", [image(0, purpose="conflict")], InvalidInputError, "expected the purposes train, devel and test"),
        ("mvtec", [image(0, labels=("a",))], InvalidInputError, "expected images labelled 'good'"),
        ("coco", [], DataError, "expected at least one image"),
        ("nope", [image(0)], InvalidInputError, "expected one of the formats csv, coco, yolo, voc, mvtec"),
        ("coco", [replace(image(0), path="/nowhere/x.png")], NotFoundError, "no file /nowhere/x.png"),
    ],
)
def test_what_cannot_be_written_is_one_line(tmp_path, form, images, kind, message):
    with pytest.raises(kind, match=message) as caught:
        write_format(Collection(tuple(images), ("a", "good")), form, str(tmp_path / "out"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected JSON"),
        ("[]", "expected an object of version 1"),
        ('{"version": 2}', "expected an object of version 1"),
        ('{"version": 1}', "expected 'images' as an object"),
        ('{"version": 1, "images": {"images/0.png": 3}}', "expected 'read' and 'exact'"),
        ('{"version": 1, "images": {}, "classes": []}', "expected 'read' and 'exact'"),
    ],
)
def test_a_broken_file_beside_it_is_one_line(tmp_path, content, message):
    write_format(Collection((image(0),), ("a",)), "coco", str(tmp_path))
    (tmp_path / "brevetti.json").write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_format("coco", str(tmp_path))
    assert str(caught.value).startswith(str(tmp_path / "brevetti.json"))


def test_an_unknown_format_is_one_line():
    with pytest.raises(InvalidInputError, match="expected one of the formats coco, yolo, voc, mvtec"):
        read_format("jpeg", ".")


def test_what_is_kept_is_json_with_what_reading_gave(tmp_path):
    quoted = image(0, [Shape("a", "line", ((1.0, 2.0), (3.0, 4.0)))], name='q".png')
    through(Collection((quoted, image(1, [PLAIN]), image(2, columns={"lot": "7"})), ("a",)), "yolo", str(tmp_path))
    kept = json.loads((tmp_path / "brevetti.json").read_text())
    assert set(kept) == {"version", "images"}
    assert sorted(kept["images"]) == ["images/train/2.png", "images/train/q_.png"]
    entry = kept["images"]["images/train/q_.png"]
    assert entry["exact"]["annotation"]["annotations"][0]["type"] == "line"
    read = {one.name: one for one in READERS["yolo"](str(tmp_path)).images}["images/train/q_.png"]
    assert entry["read"] == hashlib.sha256(to_json(image_content(read)).encode()).hexdigest()


def test_what_could_not_be_read_again_is_refused_when_it_is_written(tmp_path):
    deep: object = 0
    for _ in range(70):
        deep = [deep]
    marks = [Shape("a", "line", ((1.0, 2.0), (3.0, 4.0)), extra={"deep": deep})]
    with pytest.raises(InvalidInputError, match="nested at most 64 deep"):
        write_format(Collection((image(0, marks),), ("a",)), "yolo", str(tmp_path))
