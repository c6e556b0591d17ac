from dataclasses import replace

import pytest

from brevetti_keras.data.annotation import Shape
from brevetti_keras.data.formats.reading import read_format
from brevetti_keras.data.formats.writing import write_format
from brevetti_keras.data.formats.yolo import label_file, read_yolo
from brevetti_keras.utils.errors import DataError, NotFoundError
from tests.support.images import write_image

YAML = "train: images/train\nval: images/val\nnames: [cup, dog]\n"


@pytest.fixture
def write(tmp_path):
    def call(labels="", yaml=YAML, images=("images/train/a.png", "images/val/b.png")):
        for image in images:
            write_image(tmp_path / image, size=(20, 40))
            (tmp_path / label_file(image)).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / label_file(images[0])).write_text(labels)
        (tmp_path / "data.yaml").write_text(yaml)
        return str(tmp_path)

    return call


class TestReading:
    def test_boxes_and_polygons(self, write):
        collection = read_yolo(write("1 0.5 0.5 0.5 0.25\n\n0 0 0 1 0 1 1\n"))
        image, empty = collection.images
        assert (image.name, image.purpose, image.labels) == ("images/train/a.png", "train", ("cup", "dog"))
        box, polygon = image.annotation.shapes
        assert (box.kind, box.label, box.points) == ("rectangle", "dog", ((10.0, 7.5), (30.0, 12.5)))
        assert (polygon.kind, polygon.points) == ("polygon", ((0.0, 0.0), (40.0, 0.0), (40.0, 20.0)))
        assert (empty.purpose, empty.labels, empty.annotation.shapes) == ("devel", (), ())
        assert collection.classes == ("cup", "dog")

    def test_digits_as_tools_write_them_come_out_in_whole_pixels_where_they_were(self, write):
        (shape,) = read_yolo(write("0 0.333333 0.35 0.166667 0.1\n")).images[0].annotation.shapes
        assert shape.points == ((pytest.approx(10, abs=1e-4), 6.0), (pytest.approx(16.66666, abs=1e-4), 8.0))

    @pytest.mark.parametrize(
        ("yaml", "first", "second"),
        [
            ("train: train/images\nval: valid/images\nnames: {0: cup, 1: dog}",
             "train/images/a.png", "valid/images/b.png"),
            ("train: ../train/images\nval: ../valid/images\nnc: 2\nnames: [cup, dog]",
             "train/images/a.png", "valid/images/b.png"),
            ("path: sub\ntrain: images\nval: [more/images]\nnames: [cup, dog]",
             "sub/images/a.png", "sub/more/images/b.png"),
            ("path: ../datasets/x\ntrain: images/train\nval: images/val\nnames: [cup, dog]",
             "images/train/a.png", "images/val/b.png"),
            ("train: ./images/train/\nval: images/val\ntest:\nnames: ['cup', dog]",
             "images/train/a.png", "images/val/b.png"),
        ],
    )  # fmt: skip
    def test_the_layouts_that_tools_write(self, write, yaml, first, second):
        collection = read_yolo(write("0 0.5 0.5 1 1\n", yaml, (first, second)))
        assert [(one.name, one.purpose) for one in collection.images] == [(first, "train"), (second, "devel")]
        assert collection.images[0].labels == ("cup",)
        assert collection.classes == ("cup", "dog")

    def test_lists_of_files(self, write, tmp_path):
        (tmp_path / "lists").mkdir()
        (tmp_path / "lists" / "train.txt").write_text("./images/train/a.png\n\n")
        (tmp_path / "val.txt").write_text(f"{tmp_path}/images/val/b.png\n")
        collection = read_yolo(write("", "train: lists/train.txt\nval: val.txt\nnames: [cup]"))
        assert [one.name for one in collection.images] == ["images/train/a.png", "images/val/b.png"]

    def test_the_file_itself_may_be_named(self, write, tmp_path):
        write()
        (tmp_path / "other.yaml").write_text("train: images/val\nnames: [x]")
        (image,) = read_yolo(str(tmp_path / "other.yaml")).images
        assert (image.name, image.purpose) == ("images/val/b.png", "train")

    def test_the_label_file_is_that_of_the_last_images_on_the_way(self):
        assert label_file("images/x/images/a.b.jpg") == "images/x/labels/a.b.txt"
        assert label_file("x/a.png") == "x/a.txt"


def test_the_source_comes_back_as_it_was(write, tmp_path):
    lines = "1 0.5 0.5 0.5 0.25\n0 0.0 0.0 1.0 0.0 1.0 1.0\n"
    write_format(read_format("yolo", write(lines)), "yolo", str(tmp_path / "out"))
    assert not (tmp_path / "out" / "brevetti.json").exists()
    (file,) = (path for path in (tmp_path / "out" / "labels" / "train").rglob("*.txt"))
    assert file.read_text() == lines


class TestHostileInput:
    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("0 0.5 0.5 1", "expected 'class x y width height'"),
            ("0 0.5 0.5 1 1 1", "expected 'class x y width height'"),
            ("2 0.5 0.5 1 1", "expected a class of 0 to 1, received '2'"),
            ("-1 0.5 0.5 1 1", "expected a class of 0 to 1"),
            ("cup 0.5 0.5 1 1", "expected a class of 0 to 1"),
            ("0.0 0.5 0.5 1 1", "expected a class of 0 to 1"),
            ("0 nan 0.5 1 1", "expected coordinates as numbers, received 'nan'"),
            ("0 inf 0.5 1 1", "expected coordinates as numbers, received 'inf'"),
            ("0 1e9 0.5 1 1", "expected coordinates within"),
            ("0 0.5 0.5 1 -1", "expected a box of width and height of at least 0"),
            ("0 x 0.5 1 1", "could not convert string to float"),
            ("0 900000 900000 1 1", "expected coordinates within"),
        ],
    )
    def test_lines_that_make_no_sense(self, write, tmp_path, line, message):
        with pytest.raises(DataError, match=message) as caught:
            read_yolo(write(f"0 0.5 0.5 1 1\n{line}\n"))
        assert str(caught.value).startswith(f"{tmp_path}/labels/train/a.txt: line 2: ")
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("yaml", "message"),
        [
            ("{", "expected YAML"),
            ("- a", "expected YAML with 'names' and 'train'"),
            ("", "expected YAML with 'names' and 'train'"),
            ("train: images/train", "expected 'names' as a list"),
            ("train: images/train\nnames: 3", "expected 'names' as a list"),
            ("train: images/train\nnames: {0: a, 2: b}", "expected 'names' as a list"),
            ("train: images/train\nnames: [a, a]", "expected each name once"),
            ("train: images/train\nnames: [[a]]", "expected a label of text"),
            ("train: images/nope\nnames: [a]", "expected images for 'train' in 'images/nope', found none"),
            ("train: ../../..\nnames: [a]", "expected images for 'train'"),
            ("train: /etc\nnames: [a]", "expected images for 'train' in '/etc'"),
            ("path: /\ntrain: etc\nnames: [a]", "expected images for 'train' in 'etc'"),
            ("train: nope.txt\nnames: [a]", "expected the list 'nope.txt', found none"),
            ("names: [a]", "expected at least one image"),
            ("a: &a [x]\nb: [*a]\nnames: [a]", "expected YAML without aliases"),
            ("!!python/object/apply:os.system ['true']", "expected YAML, received text that is not"),
            ("[" * 5000, "expected YAML"),
            ("names: 2026-99-99", "expected YAML"),
        ],
    )
    def test_yaml_that_makes_no_sense(self, write, tmp_path, yaml, message):
        with pytest.raises(DataError, match=message) as caught:
            read_yolo(write("", yaml))
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith(f"{tmp_path}/data.yaml: ")

    @pytest.mark.parametrize(
        ("entry", "message"), [("../x.png", "inside the dataset's folder"), ("c.png", "c.png are missing")]
    )
    def test_lists_that_name_other_files(self, write, tmp_path, entry, message):
        (tmp_path / "train.txt").write_text(f"images/train/a.png\n{entry}\n")
        with pytest.raises(DataError, match=message):
            read_yolo(write("", "train: train.txt\nnames: [cup]"))

    def test_an_image_that_is_none_is_named(self, write, tmp_path):
        write()
        (tmp_path / "images" / "train" / "a.png").write_bytes(b"no")
        with pytest.raises(DataError, match=r"a\.png: expected an image"):
            read_yolo(str(tmp_path))

    def test_nothing_there(self, tmp_path):
        with pytest.raises(NotFoundError):
            read_yolo(str(tmp_path / "nowhere"))
        write_image(tmp_path / "a.png")
        with pytest.raises(DataError, match=r"expected one data\.yaml, received none"):
            read_yolo(str(tmp_path))


@pytest.mark.parametrize("line", ["0 0.1 nan 0.2 0.3", "0 0.1 0.2 0.3 inf", "0 0 0 1 nan 1 1", "0 0 0 1 0 1 -inf"])
def test_a_number_that_is_none_is_refused_wherever_it_stands(write, line):
    with pytest.raises(DataError, match=r"a\.txt: line 1: expected coordinates as numbers"):
        read_yolo(write(f"{line}\n"))


def test_a_share_that_leads_too_far_out_is_refused(write):
    with pytest.raises(DataError, match="line 1: expected coordinates within 1,000,000 pixels"):
        read_yolo(write("0 0 0 900000 0 1 1\n"))


def test_valid_is_a_split_too(write):
    yaml = "train: images/train\nvalid: images/valid\nnames: [cup, dog]"
    collection = read_yolo(write("", yaml, ("images/train/a.png", "images/valid/b.png")))
    assert [image.purpose for image in collection.images] == ["train", "devel"]


class TestWhichFile:
    def test_data_yaml_comes_before_others(self, write, tmp_path):
        write()
        (tmp_path / "hyper.yaml").write_text("lr: 0.1\n")
        assert len(read_yolo(str(tmp_path)).images) == 2

    @pytest.mark.parametrize("name", ["parts.yaml", "DATASET.YML"])
    def test_another_name_will_do_if_it_is_the_only_one(self, write, tmp_path, name):
        write()
        (tmp_path / "data.yaml").rename(tmp_path / name)
        assert len(read_yolo(str(tmp_path)).images) == 2
        assert len(read_yolo(str(tmp_path / name)).images) == 2

    def test_several_are_named(self, write, tmp_path):
        write()
        (tmp_path / "data.yaml").rename(tmp_path / "b.yaml")
        (tmp_path / "a.yml").write_text("x: 1\n")
        with pytest.raises(DataError, match=r"expected one data\.yaml, received a\.yml, b\.yaml: name the file"):
            read_yolo(str(tmp_path))

    def test_one_further_down_does_not_count(self, write, tmp_path):
        write()
        (tmp_path / "data.yaml").rename(tmp_path / "images" / "data.yaml")
        with pytest.raises(DataError, match=r"expected one data\.yaml, received none"):
            read_yolo(str(tmp_path))

    def test_a_folder_may_be_named_as_a_file(self, write, tmp_path):
        write()
        inner = tmp_path / "sets.yaml"
        inner.mkdir()
        for name in ("images", "labels", "data.yaml"):
            (tmp_path / name).rename(inner / name)
        assert len(read_yolo(str(inner)).images) == 2

    def test_a_file_of_another_kind_is_no_dataset(self, write, tmp_path):
        write()
        (tmp_path / "notes.txt").write_text("train: images/train\nnames: [a]\n")
        with pytest.raises(NotFoundError, match=r"expected the folder of a dataset, received .*notes\.txt"):
            read_yolo(str(tmp_path / "notes.txt"))


def test_names_that_yaml_takes_for_numbers_are_text(write):
    collection = read_yolo(write("", YAML.replace("[cup, dog]", "[1, 2.5, true, 'null', no]")))
    assert collection.classes == ("1", "2.5", "True", "null", "False")


def test_names_by_numbers_as_text_come_in_their_order(write):
    collection = read_yolo(write("1 0.5 0.5 1 1", YAML.replace("[cup, dog]", "{'1': dog, '0': cup}")))
    assert (collection.classes, collection.images[0].labels) == (("cup", "dog"), ("dog",))


@pytest.mark.parametrize("names", ["null", "[]", "{}"])
def test_a_dataset_of_no_names_has_none(write, names):
    yaml = YAML.replace("[cup, dog]", names)
    if names == "null":
        with pytest.raises(DataError, match="expected 'names' as a list"):
            read_yolo(write("", yaml))
        return
    assert read_yolo(write("", yaml)).classes == ()
    with pytest.raises(DataError, match="expected a class of 0 to -1, received '0'"):
        read_yolo(write("0 0.5 0.5 1 1", yaml))


@pytest.mark.parametrize("word", ["٣", "1_0", "+1", "0x1", "00000000001", "1.0", ""])
def test_a_class_is_plain_digits(write, word):
    with pytest.raises(DataError, match=r"line 1: expected (a class|'class x y)"):
        read_yolo(write(f"{word} 0.5 0.5 1 1"))


def test_a_list_named_twice_gives_an_image_twice(write, tmp_path):
    (tmp_path / "train.txt").write_text("images/train/a.png\nimages/train/a.png\n")
    with pytest.raises(DataError, match=r"expected each image once, received 'images/train/a\.png' twice"):
        read_yolo(write("", "train: train.txt\nnames: [cup]"))


@pytest.mark.parametrize("images", ["images/train", "[images/train, images/val]"])
def test_an_image_of_two_splits_is_named_with_both(write, images):
    with pytest.raises(
        DataError, match=r"received 'images/train/a\.png' in 'train' and in 'val': leave one of them out"
    ):
        read_yolo(write("", f"train: images/train\nval: {images}\nnames: [cup]"))


class TestKeyPoints:
    LINE = "1 0.5 0.5 0.5 0.25 0.25 0.5 2 0.5 0.25 1 0 0 0 0.75 0.5 2"

    def test_they_are_those_of_the_box_and_no_outline(self, write, tmp_path):
        given = read_yolo(write(f"{self.LINE}\n", f"{YAML}kpt_shape: [4, 3]\n"))
        (box,) = given.images[0].annotation.shapes
        assert (box.kind, box.label, box.points) == ("rectangle", "dog", ((10.0, 7.5), (30.0, 12.5)))
        assert box.extra == {"keypoints": [10.0, 10.0, 2, 20.0, 5.0, 1, 0.0, 0.0, 0, 30.0, 10.0, 2]}
        assert write_format(given, "yolo", str(tmp_path / "out")).kept_aside == 0
        words = (tmp_path / "out" / "labels" / "train" / "a.txt").read_text().split()
        assert list(map(float, words)) == list(map(float, self.LINE.split()))

    def test_those_of_two_numbers_are_there_and_seen(self, write, tmp_path):
        given = read_yolo(write("0 0.5 0.5 1 1 0.25 0.5 0.5 0.25\n", f"{YAML}kpt_shape: [2, 2]\n"))
        assert given.images[0].annotation.shapes[0].extra == {"keypoints": [10.0, 10.0, 2, 20.0, 5.0, 2]}
        assert write_format(given, "yolo", str(tmp_path / "out")).kept_aside == 0
        words = (tmp_path / "out" / "labels" / "train" / "a.txt").read_text().split()
        assert list(map(float, words)) == [0, 0.5, 0.5, 1, 1, 0.25, 0.5, 0.5, 0.25]

    def test_marks_of_other_kinds_among_them_come_back(self, write, tmp_path):
        given = read_yolo(write(f"{self.LINE}\n", f"{YAML}kpt_shape: [4, 3]\n"))
        outline = Shape("cup", "polygon", ((1.0, 1.0), (9.0, 1.0), (9.0, 9.0)))
        first, second = given.images
        marked = replace(second, annotation=replace(second.annotation, shapes=(outline,)), labels=("cup",))
        write_format(replace(given, images=(first, marked)), "yolo", str(tmp_path / "out"))
        back = read_format("yolo", str(tmp_path / "out"))
        assert [image.annotation.shapes for image in back.images] == [first.annotation.shapes, (outline,)]
        numbers = (tmp_path / "out" / "labels" / "val" / "b.txt").read_text().split()
        assert len(numbers) == 17

    @pytest.mark.parametrize("line", ["1 0.5 0.5 0.5 0.25", "1 0.5 0.5 0.5 0.25 0.1 0.1", f"{LINE} 0 0 0"])
    def test_lines_of_another_length_are_refused(self, write, line):
        with pytest.raises(DataError, match=r"line 1: expected 'class x y width height' and 4 key points of 3 numbers"):
            read_yolo(write(line, f"{YAML}kpt_shape: [4, 3]\n"))

    @pytest.mark.parametrize("shape", ["17", "[17]", "[0, 3]", "[2, 4]", "[true, 2]", "[1000000000, 2]", "{a: 1}"])
    def test_a_shape_that_is_none_is_refused(self, write, shape):
        with pytest.raises(DataError, match=r"data\.yaml: expected 'kpt_shape' as \[points, 2 or 3\], received"):
            read_yolo(write("", f"{YAML}kpt_shape: {shape}\n"))


class TestWhatTheYamlSaysBeside:
    MORE = "nc: 2\nroboflow: {license: CC BY 4.0, version: 3}\nmade: 2026-01-02\n"

    @pytest.mark.parametrize("way", [["yolo"], ["coco", "yolo"], ["voc", "yolo"]])
    def test_it_comes_back(self, write, tmp_path, way):
        given = read_yolo(write("1 0.5 0.5 0.5 0.25\n", YAML + self.MORE))
        assert given.about == {"yolo": {"roboflow": {"license": "CC BY 4.0", "version": 3}, "made": "2026-01-02"}}
        for form in way:
            write_format(given, form, str(tmp_path / form))
            given = read_format(form, str(tmp_path / form))
        text = (tmp_path / "yolo" / "data.yaml").read_text()
        assert "roboflow:\n  license: CC BY 4.0\n  version: 3\nmade: '2026-01-02'\n" in text

    @pytest.mark.parametrize("note", ['"\\ud800"', "[" * 70 + "]" * 70, "1" + "0" * 500])
    def test_what_cannot_be_carried_is_one_line(self, write, note):
        with pytest.raises(DataError, match=r"data\.yaml: expected YAML that JSON can hold") as caught:
            read_yolo(write("", f"{YAML}note: {note}\n"))
        assert "\n" not in str(caught.value)


def test_what_is_written_is_what_other_tools_read(write, tmp_path):
    given = read_yolo(write("1 0.5 0.5 0.5 0.25\n"))
    write_format(given, "yolo", str(tmp_path / "out"))
    assert (tmp_path / "out" / "data.yaml").read_text() == (
        "train: images/train\nval: images/val\nnames:\n  0: cup\n  1: dog\n"
    )
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert found == ["data.yaml", "images/train/a.png", "images/val/b.png", "labels/train/a.txt", "labels/val/b.txt"]
    assert (tmp_path / "out" / "labels" / "val" / "b.txt").read_text() == ""
