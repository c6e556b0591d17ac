import json

import pytest

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
    assert added.out.startswith("imported 'my parts' with 2 images, 1 devel\n1 labels, 1 images with marks\n")
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
