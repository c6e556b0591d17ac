import pytest

from brevetti_keras.data.annotation import Annotation, Shape
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection
from brevetti_keras.data.formats.reading import read_format
from brevetti_keras.data.formats.voc import read_voc
from brevetti_keras.data.formats.writing import write_format
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.utils.errors import DataError, NotFoundError
from tests.support.images import write_image

BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8</xmax><ymax>12</ymax></bndbox>"
DOG = f"<object><name>dog</name><pose>Left</pose><truncated>0</truncated><difficult>1</difficult>{BOX}</object>"
SIZE = "<size><width>16</width><height>12</height><depth>3</depth></size>"


def xml(inner=DOG, filename="<filename>a.png</filename>", size=SIZE):
    return f"<annotation><folder>VOC2012</folder>{filename}<segmented>1</segmented>{size}{inner}</annotation>"


@pytest.fixture
def write(tmp_path):
    def call(text=None, name="Annotations/a.xml", image="JPEGImages/a.png"):
        write_image(tmp_path / image, size=(12, 16))
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text or xml())
        return str(tmp_path)

    return call


class TestReading:
    def test_boxes_count_pixels_from_one_and_include_the_last(self, write):
        collection = read_voc(write())
        (image,) = collection.images
        (shape,) = image.annotation.shapes
        assert (shape.kind, shape.label, shape.points) == ("rectangle", "dog", ((0.0, 1.0), (8.0, 12.0)))
        assert shape.extra == {"pose": "Left", "difficult": "1"}
        assert (image.name, image.labels, image.purpose) == ("JPEGImages/a.png", ("dog",), "")
        assert (image.annotation.width, image.annotation.height) == (16, 12)
        assert image.annotation.image == {"depth": "3", "segmented": "1"}
        assert collection.classes == ("dog",)

    def test_lists_give_the_purposes(self, write, tmp_path):
        for name in "bcd":
            write(xml(filename=f"<filename>{name}.png</filename>"), f"Annotations/{name}.xml", f"JPEGImages/{name}.png")
        write()
        lists = tmp_path / "ImageSets" / "Main"
        lists.mkdir(parents=True)
        (lists / "train.txt").write_text("a\n")
        (lists / "val.txt").write_text("b\r\n")
        (lists / "trainval.txt").write_text("a\nb\nc\n")
        (lists / "dog_test.txt").write_text("d  1\n")
        assert [image.purpose for image in read_voc(str(tmp_path)).images] == ["train", "devel", "train", ""]

    def test_an_image_that_no_file_describes_is_there_without_labels(self, write, tmp_path):
        write()
        write_image(tmp_path / "JPEGImages" / "b.png")
        assert [image.labels for image in read_voc(str(tmp_path)).images] == [("dog",), ()]

    @pytest.mark.parametrize("names", [("x/a.png", "y/a.png"), ("a.png", "a.png")])
    def test_images_of_one_name_in_several_folders_have_their_own_files_and_purposes(self, write, tmp_path, names):
        for name, folder, label in zip(names, "xy", ("cat", "dog"), strict=True):
            text = xml(DOG.replace("dog", label), f"<filename>{name}</filename>")
            write(text, f"Annotations/{folder}/a.xml", f"JPEGImages/{folder}/a.png")
        lists = tmp_path / "ImageSets" / "Main"
        lists.mkdir(parents=True)
        (lists / "train.txt").write_text("x/a\n")
        (lists / "test.txt").write_text("y/a\n")
        assert [(image.name, image.labels, image.purpose) for image in read_voc(str(tmp_path)).images] == [
            ("JPEGImages/x/a.png", ("cat",), "train"),
            ("JPEGImages/y/a.png", ("dog",), "test"),
        ]

    @pytest.mark.parametrize(
        ("filename", "name", "image"),
        [
            ("<filename>a.png</filename>", "a.xml", "a.png"),
            ("<filename>a.png</filename>", "labels/a.xml", "images/a.png"),
            ("<filename>other.jpg</filename>", "Annotations/a.xml", "JPEGImages/a.PNG"),
            ("<filename>a</filename>", "Annotations/1.xml", "JPEGImages/a.png"),
            ("", "Annotations/a.xml", "JPEGImages/a.png"),
        ],
    )
    def test_the_layouts_that_tools_write(self, write, filename, name, image):
        (found,) = read_voc(write(xml(filename=filename), name, image)).images
        assert found.name == image

    def test_parts_and_actions_are_carried_along(self, write):
        inner = (
            f"<object><name>man</name>{BOX}<part><name>head</name>{BOX}</part><part><name>hand</name></part></object>"
        )
        (shape,) = read_voc(write(xml(inner))).images[0].annotation.shapes
        head, hand = shape.extra["part"]
        assert (head["name"], head["bndbox"]["xmax"], hand) == ("head", "8", {"name": "hand"})


def test_the_source_comes_back_as_it_was(write, tmp_path):
    part = f"<part><name>head</name>{BOX}</part>"
    box = BOX.replace("<xmin>1<", "<xmin>1.5<")
    inner = f"{DOG}<object><name>a &amp; b</name>{part}{part}{box}</object>"
    given = read_format("voc", write(xml(inner)))
    write_format(given, "voc", str(tmp_path / "out"))
    assert not (tmp_path / "out" / "brevetti.json").exists()
    assert read_voc(str(tmp_path / "out")).images[0].annotation == given.images[0].annotation


class TestHostileInput:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "expected plain XML"),
            ("<annotation>", "expected plain XML"),
            ("<annotation>&nbsp;</annotation>", "expected plain XML"),
            ("<html/>", "expected an <annotation>, received <html>"),
            ("<annotation>" * 100 + "</annotation>" * 100, "nested at most 64 deep"),
            ('<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;">]><a>&c;</a>', "a document type, which is"),
            ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "a document type, which is"),
            ('<?xml version="1.0" encoding="rot13"?><annotation/>', "expected plain XML"),
            (xml(DOG.replace("<xmin>1<", "<xmin>nan<")), "expected coordinates as numbers, received 'nan'"),
            (xml(DOG.replace("<xmin>1<", "<xmin>x<")), "expected a number, received 'x'"),
            (xml(DOG.replace("<xmin>1</xmin>", "")), "expected a number, received ''"),
            (xml(DOG.replace("<xmin>1<", "<xmin>1e9<")), "expected coordinates within"),
            (xml(DOG.replace("<xmin>1<", "<xmin>10<")), "expected a box with xmin <= xmax"),
            (xml(DOG.replace("dog", "")), "expected a label of text"),
            (xml(size="<size><width>-3</width></size>"), "expected the image's width as whole pixels"),
            (xml(size="<size><width>3.5</width></size>"), "expected the image's width as whole pixels"),
            (xml(filename="<filename>../../a.png</filename>"), "inside the dataset's folder"),
            (xml(filename="<filename>/etc/a.png</filename>"), "inside the dataset's folder"),
        ],
    )  # fmt: skip
    def test_xml_that_makes_no_sense(self, write, tmp_path, text, message):
        write()
        (tmp_path / "Annotations" / "a.xml").write_text(text)
        with pytest.raises(DataError, match=message) as caught:
            read_voc(str(tmp_path))
        assert str(caught.value).startswith(f"{tmp_path}/Annotations/a.xml: ")
        assert "\n" not in str(caught.value)

    def test_a_missing_image_is_named(self, write, tmp_path):
        write(xml(filename="<filename>b.png</filename>"), "Annotations/b.xml")
        with pytest.raises(DataError, match=r"b\.png are missing"):
            read_voc(str(tmp_path))

    def test_an_image_described_twice_is_named(self, write):
        write()
        with pytest.raises(DataError, match=r"expected each image once, received 'JPEGImages/a\.png' twice"):
            read_voc(write(name="Annotations/again.xml"))

    def test_nothing_there(self, tmp_path):
        with pytest.raises(NotFoundError):
            read_voc(str(tmp_path / "nowhere"))
        write_image(tmp_path / "a.png")
        with pytest.raises(DataError, match="expected XML files in Annotations"):
            read_voc(str(tmp_path))


def test_a_tag_that_comes_three_times_is_one_list(write):
    tags = "".join(f"<attribute>{word}</attribute>" for word in ("red", "wet", "torn"))
    image = read_voc(write(xml(DOG.replace("</object>", f"{tags}</object>")))).images[0]
    assert image.annotation.shapes[0].extra["attribute"] == ["red", "wet", "torn"]


def one(tmp_path, label="a", **about):
    write_image(tmp_path / "source.png", size=(12, 16))
    marks = Annotation((Shape(label, "rectangle", ((1.0, 2.0), (5.0, 6.0))),), 16, 12, about)
    return Collection((AnnotatedImage(str(tmp_path / "source.png"), "a.png", (label,), "", marks),), (label,))


def test_what_xml_cannot_hold_is_written_otherwise_and_comes_back(tmp_path):
    collection = one(tmp_path, "a\x00b\ufffe")
    write_format(collection, "voc", str(tmp_path / "out"))
    assert read_voc(str(tmp_path / "out")).classes == ("a_b_",)
    assert read_format("voc", str(tmp_path / "out")).classes == ("a\x00b\ufffe",)


def test_what_an_image_carries_along_makes_no_object(tmp_path):
    write_format(one(tmp_path, object={"name": "ghost"}, camera="left"), "voc", str(tmp_path / "out"))
    image = read_voc(str(tmp_path / "out")).images[0]
    assert (image.labels, image.annotation.image["camera"]) == (("a",), "left")
    assert read_format("voc", str(tmp_path / "out")).images[0].annotation.image["object"] == {"name": "ghost"}


def test_attributes_are_carried_along_and_written_again(write, tmp_path):
    text = xml(DOG.replace("<object>", '<object id="3">')).replace("<annotation>", '<annotation verified="yes">')
    given = read_voc(write(text))
    assert given.images[0].annotation.image["@verified"] == "yes"
    assert given.images[0].annotation.shapes[0].extra["@id"] == "3"
    assert write_format(given, "voc", str(tmp_path / "out")).kept_aside == 0
    assert (tmp_path / "out" / "Annotations" / "a.xml").read_text().startswith('<annotation verified="yes">')


def test_a_list_of_one_class_gives_no_purpose(write, tmp_path):
    folder = write()
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "dog_train.txt").write_text("a\n")
    assert read_voc(folder).images[0].purpose == ""
    (tmp_path / "ImageSets" / "Main" / "HOLDOUT.TXT").write_text(" a \n")
    assert read_voc(folder).images[0].purpose == "HOLDOUT"


def test_an_object_without_a_box_marks_the_whole_image(write):
    (shape,) = read_voc(write(xml("<object><name>dog</name></object>"))).images[0].annotation.shapes
    assert (shape.kind, shape.label, shape.points) == ("class", "dog", ())


def test_without_masks_no_image_is_read(write, tmp_path):
    folder = write()
    (tmp_path / "JPEGImages" / "a.png").write_bytes(b"no picture")
    assert read_voc(folder).images[0].labels == ("dog",)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("", (0, 0)),
        ("<size/>", (0, 0)),
        ("<size><width> </width><height>12</height></size>", (0, 12)),
        (SIZE, (16, 12)),
    ],
)
def test_a_size_that_is_not_told_is_none(write, size, expected):
    annotation = read_voc(write(xml(size=size))).images[0].annotation
    assert (annotation.width, annotation.height) == expected


def test_a_lonely_xml_beside_its_image_is_enough(write, tmp_path):
    write_image(tmp_path / "deep" / "x.jpg", size=(12, 16))
    collection = read_voc(write(xml(filename="<filename>x.jpg</filename>"), "deep/x.xml", "deep/x.jpg"))
    assert [image.name for image in collection.images] == ["deep/x.jpg"]


class TestWriting:
    def written(self, tmp_path, *shapes, purpose="", **about):
        write_image(tmp_path / "source.png", size=(12, 16))
        marks = Annotation(shapes, 16, 12, about)
        labels = tuple(dict.fromkeys(shape.label for shape in shapes))
        image = AnnotatedImage(str(tmp_path / "source.png"), "lot 1/a.png", labels, purpose, marks)
        write_format(Collection((image,), labels), "voc", str(tmp_path / "out"))
        return (tmp_path / "out" / "Annotations" / "a.xml").read_text()

    def test_what_other_tools_expect_is_there(self, tmp_path):
        text = self.written(tmp_path, Shape("dog", "rectangle", ((0.0, 1.0), (8.0, 12.0))))
        for part in (
            "<folder>JPEGImages</folder>", "<filename>a.png</filename>", "<width>16</width>", "<height>12</height>",
            "<name>dog</name>", "<pose>Unspecified</pose>", "<truncated>0</truncated>", "<difficult>0</difficult>",
            "<xmin>1</xmin>", "<ymin>2</ymin>", "<xmax>8</xmax>", "<ymax>12</ymax>",
        ):  # fmt: skip
            assert part in text, part
        assert "<depth>" not in text

    def test_fractions_of_pixels_keep_all_their_digits(self, tmp_path):
        text = self.written(tmp_path, Shape("dog", "rectangle", ((0.1, 1.25), (8.5, 12.000001))))
        assert "<xmin>1.1</xmin>" in text
        assert "<ymax>12.000001</ymax>" in text

    def test_lists_name_images_without_ending(self, tmp_path):
        self.written(tmp_path, Shape("dog", "class"), purpose="devel")
        assert (tmp_path / "out" / "ImageSets" / "Main" / "val.txt").read_text() == "a\n"
        assert not (tmp_path / "out" / "ImageSets" / "Segmentation").exists()

    def test_marks_without_a_place_in_voc_are_kept_aside(self, tmp_path):
        shapes = (Shape("dog", "class"), Shape("dog", "point", ((1.0, 1.0),)), Shape("dog", "mask", mask=EMPTY))
        text = self.written(tmp_path, *shapes)
        assert text.count("<object>") == 2
        assert text.count("<bndbox>") == 1
        assert read_format("voc", str(tmp_path / "out")).images[0].annotation.shapes == shapes

    @pytest.mark.parametrize("tag", ["not a tag", "1st", "", "a:b", "void", "name"])
    def test_words_that_are_no_tags_are_kept_aside(self, tmp_path, tag):
        text = self.written(tmp_path, Shape("dog", "class"), **{tag: "x"})
        assert ">x<" not in text
        assert read_format("voc", str(tmp_path / "out")).images[0].annotation.image == {tag: "x"}

    def test_lists_and_mappings_become_tags(self, tmp_path):
        text = self.written(tmp_path, Shape("dog", "class"), tag=["x", {"inner": "y"}, 3])
        assert text.count("<tag>") == 2
        assert "<inner>y</inner>" in text


EMPTY = RunLengths(12, 16, (12 * 16,))
