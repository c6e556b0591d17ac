import json

import numpy as np
import pytest

from brevetti_keras.data.image.index_image import write_indices
from tests.support.gcs import upload_folder
from tests.support.images import write_image


@pytest.fixture
def voc(tmp_path):
    root = tmp_path / "my parts"
    for name in "ab":
        write_image(root / "JPEGImages" / f"{name}.png", seed=ord(name), size=(12, 16))
    (root / "Annotations").mkdir()
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox>"
    (root / "Annotations" / "a.xml").write_text(
        f"<annotation><filename>a.png</filename><object><name>dog</name>{box}</object></annotation>"
    )
    (root / "ImageSets" / "Main").mkdir(parents=True)
    (root / "ImageSets" / "Main" / "val.txt").write_text("a\n")
    return root


def test_a_dataset_is_imported_shown_and_exported(command, voc, tmp_path):
    added = command("dataset", "import", "voc", str(voc), "--tag", "site=Aarhus", "--notes", "first lot")
    assert added.status == 0, added.err
    assert added.out.startswith("imported 'my parts' with 2 images, 1 devel\n1 label, 1 image with marks\n")
    assert "brevetti-keras dataset show 'my parts'" in added.out
    shown = command("dataset", "show", "my parts").out
    assert "first lot" in shown
    assert "Aarhus" in command("dataset", "list").out
    written = command("dataset", "export", "my parts", str(tmp_path / "out"), "--format", "coco")
    assert written.out == f"exported 2 images to {tmp_path / 'out'}\n"
    content = json.loads((tmp_path / "out" / "annotations" / "instances_val.json").read_text())
    assert [record["bbox"] for record in content["annotations"]] == [[0.0, 0.0, 4.0, 4.0]]


def test_json_is_one_value_with_the_same_figures(command, voc, tmp_path):
    added = command("dataset", "import", "voc", str(voc), "--name", "v", "--json").json()
    assert (added["name"], added["samples"], added["annotated"]) == ("v", 2, 1)
    assert (added["purposes"], added["labels"]) == ({"devel": 1}, ["dog"])
    written = command("dataset", "export", "v", str(tmp_path / "out"), "--format", "yolo", "--json").json()
    assert written == {"folder": str(tmp_path / "out"), "format": "yolo", "images": 2, "kept_aside": 1}


def test_what_a_form_cannot_hold_is_told(command, voc, tmp_path):
    command("dataset", "import", "voc", str(voc), "--name", "v")
    written = command("dataset", "export", "v", str(tmp_path / "out"), "--format", "yolo").out
    assert "Of 1 of them yolo cannot hold everything; it is kept in brevetti.json beside them." in written
    assert (tmp_path / "out" / "brevetti.json").exists()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["import", "coco", "{tmp}/nowhere"], 1, "error: expected the folder of a dataset, received {tmp}/nowhere"),
        (["import", "yolo", "{voc}"], 1, "expected one data.yaml, received none"),
        (["import", "mvtec", "{voc}"], 1, "expected images in train/good, found none"),
        (["import", "gif", "{voc}"], 2, "'gif' is not one of 'coco', 'yolo', 'voc', 'mvtec', 'tfds'"),
        (["import", "voc", "{voc}", "--split", "train"], 2, "expected --split and --data-dir with tfds alone"),
        (["export", "nope", "{tmp}/out", "--format", "coco"], 1, "no dataset 'nope'"),
    ],
)
def test_wrong_use_is_one_clear_line(command, voc, tmp_path, words, status, message):
    places = {"tmp": tmp_path, "voc": voc}
    line = command.fails("dataset", *(word.format(**places) for word in words), status=status)
    assert message.format(**places) in line


def test_an_export_leaves_a_folder_with_files_alone(command, voc):
    command("dataset", "import", "voc", str(voc), "--name", "v")
    line = command.fails("dataset", "export", "v", str(voc), "--format", "voc", status=1)
    assert "expected a folder that is new or empty" in line


@pytest.mark.parametrize("form", ["coco", "yolo", "voc"])
def test_a_dataset_that_went_through_another_form_is_told_unchanged(command, voc, tmp_path, form):
    command("dataset", "import", "voc", str(voc), "--name", "before")
    command("dataset", "export", "before", str(tmp_path / "out"), "--format", form)
    command("dataset", "import", form, str(tmp_path / "out"), "--name", "after")
    told = command("dataset", "diff", "before", "after", "--json").json()
    assert {row["change"] for row in told["changes"]} == {"moved"}
    assert told["equal"] is True


class TestBuckets:
    def test_a_dataset_comes_from_a_bucket_and_goes_to_one(self, command, voc, fake_bucket):
        upload_folder(voc, "gs://bucket/my parts")
        added = command("dataset", "import", "voc", "gs://bucket/my parts")
        assert added.status == 0, added.err
        assert added.out.startswith("imported 'my parts' with 2 images, 1 devel\n")
        written = command("dataset", "export", "my parts", "gs://bucket/out", "--format", "yolo")
        assert written.out.startswith("exported 2 images to gs://bucket/out\n")
        assert "out/labels/val/a.txt" in fake_bucket.objects

    @pytest.mark.parametrize(
        ("words", "status", "message"),
        [
            (["import", "yolo", "gs://bucket/none"], 1, "expected the folder of a dataset, received gs://bucket/none"),
            (["import", "tfds", "gs://bucket/none"], 1, "expected a folder of files, received gs://bucket/none"),
            (["import", "coco", "gs://no-such-bucket/x"], 1, "no bucket gs://no-such-bucket"),
            (["import", "coco", "s3://bucket/x"], 2, "expected a path, file:///path, gs://bucket/prefix"),
            (["export", "v", "gs://bucket/used", "--format", "voc"], 1, "new or empty, received gs://bucket/used"),
            (
                ["export", "v", "s3://bucket/x", "--format", "voc"],
                2,
                "expected a path, file:///path, gs://bucket/prefix",
            ),
        ],
    )
    def test_what_cannot_be_is_one_clear_line(self, command, voc, fake_bucket, words, status, message):
        fake_bucket.put("used/a.txt", b"1")
        command("dataset", "import", "voc", str(voc), "--name", "v")
        assert message in command.fails("dataset", *words, status=status)


def test_masks_of_voc_are_imported_and_named(command, voc):
    (voc / "SegmentationClass").mkdir()
    indices = np.zeros((12, 16), np.uint8)
    indices[2:5, 2:9] = 12
    (voc / "SegmentationClass" / "b.png").write_bytes(write_indices(indices))
    added = command("dataset", "import", "voc", str(voc), "--json").json()
    assert (added["annotated"], added["labels"]) == (2, ["dog"])
    indices[0, 0] = 33
    (voc / "SegmentationClass" / "b.png").write_bytes(write_indices(indices))
    line = command.fails("dataset", "import", "voc", str(voc), status=1)
    assert "SegmentationClass/b.png: expected classes up to 20, as named, received the class 33" in line
