"""Files as strangers, other systems and broken tools leave them: read as they are meant, or refused in one line."""

import codecs
import json
import os
import re

import numpy as np
import pytest

from brevetti_keras.data.annotation import Annotation, Shape
from brevetti_keras.data.formats.coco import read_coco
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection
from brevetti_keras.data.formats.drawing import mask_with_holes, window_of
from brevetti_keras.data.formats.mvtec import read_mvtec
from brevetti_keras.data.formats.reading import READERS, read_format
from brevetti_keras.data.formats.source import Source
from brevetti_keras.data.formats.voc import read_voc
from brevetti_keras.data.formats.writing import write_format
from brevetti_keras.data.formats.yolo import read_yolo
from brevetti_keras.data.image.index_image import read_indices
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.utils.errors import BrevettiError, DataError, DecodeError, InvalidInputError, NotFoundError
from tests.support.collections import HEIGHT, WIDTH, contents, picture
from tests.support.images import write_image

BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
    "annotations": [BOX],
    "categories": [{"id": 1, "name": "é"}],
}
XML = (
    "<annotation><filename>a.png</filename><object><name>é</name>"
    "<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>4</xmax><ymax>6</ymax></bndbox></object></annotation>"
)


@pytest.fixture
def write(tmp_path):
    """Writes an image, and files by their names as bytes or text."""

    def call(image="images/a.png", **files):
        write_image(tmp_path / image, size=(HEIGHT, WIDTH))
        for name, content in files.items():
            place = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return str(tmp_path)

    return call


def coco(write, value):
    text = value if isinstance(value, (str, bytes)) else json.dumps(value)
    return read_coco(write(annotations__instances_train_dot_json=text))


def yolo(write, lines="0 0.5 0.5 0.5 0.5\n", yaml="train: images\nnames: [é]\n"):
    return read_yolo(write(data_dot_yaml=yaml, labels__a_dot_txt=lines))


def voc(write, text=XML):
    return read_voc(write("JPEGImages/a.png", Annotations__a_dot_xml=text))


def one_line(error, *words):
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600
    for word in words:
        assert word in str(error.value)


class TestEncodings:
    def test_a_mark_at_the_beginning_is_no_text(self, write):
        mark = codecs.BOM_UTF8
        assert coco(write, mark + json.dumps(COCO, ensure_ascii=False).encode()).classes == ("é",)
        assert yolo(write, mark + b"0 0.5 0.5 0.5 0.5", mark + "train: images\nnames: [é]".encode()).classes == ("é",)

    def test_lists_of_voc_with_a_mark_and_windows_line_ends(self, write, tmp_path):
        (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
        (tmp_path / "ImageSets" / "Main" / "val.txt").write_bytes(codecs.BOM_UTF8 + b"a\r\n\r\n")
        assert voc(write, codecs.BOM_UTF8 + XML.encode()).images[0].purpose == "devel"

    def test_windows_line_ends(self, write):
        lines = "0 0.5 0.5 0.5 0.5\r\n\r\n0 0.25 0.25 0.5 0.5\r\n"
        assert len(yolo(write, lines, "train: images\r\nnames:\r\n  - é\r\n").images[0].annotation.shapes) == 2
        assert coco(write, json.dumps(COCO, indent=1).replace("\n", "\r\n")).classes == ("é",)
        assert voc(write, XML.replace("><", ">\r\n<")).classes == ("é",)

    @pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "utf-8"])
    def test_xml_tells_its_own_encoding(self, write, encoding):
        text = f'<?xml version="1.0" encoding="{encoding}"?>{XML}'
        assert voc(write, text.encode(encoding)).classes == ("é",)

    def test_xml_that_does_not_tell_it_is_utf_8(self, write):
        with pytest.raises(DataError) as caught:
            voc(write, XML.encode("latin-1"))
        one_line(caught, "a.xml: expected plain XML")

    @pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
    def test_other_text_is_refused_by_name(self, write, encoding):
        with pytest.raises(DataError, match=r"instances_train\.json: expected text in UTF-8"):
            coco(write, json.dumps(COCO, ensure_ascii=False).encode(encoding))
        with pytest.raises(DataError, match=r"data\.yaml: expected text in UTF-8"):
            yolo(write, yaml="train: images\nnames: [é]".encode(encoding))

    def test_a_list_of_labels_in_other_bytes_is_named(self, write):
        with pytest.raises(DataError, match=r"labels/a\.txt: expected text in UTF-8"):
            yolo(write, b"\xff\xfe0 0.5 0.5 0.5 0.5")

    def test_half_of_a_surrogate_pair_is_no_label(self, write):
        text = json.dumps(COCO).replace("\\u00e9", "\\ud800")
        with pytest.raises(DataError) as caught:
            coco(write, text)
        one_line(caught, "instances_train.json: expected")

    def test_separators_of_other_scripts_do_not_make_numbers(self, write):
        for line in ("٠ 0.5 0.5 0.5 0.5", "0 0,5 0.5 0.5 0.5", "0x0 0.5 0.5 0.5 0.5", "0 0.5 0.5 0.5 0x1"):
            with pytest.raises(DataError, match="line 1: "):
                yolo(write, line)


class TestNumbers:
    @pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e309", "-1e7", "9" * 500, '"1"', "null", "true", "[1]"])
    def test_boxes_and_outlines_of_coco(self, write, number):
        text = json.dumps({**COCO, "annotations": [{**BOX, "bbox": ["?", 2, 3, 4]}]}).replace('"?"', number)
        with pytest.raises(DataError) as caught:
            coco(write, text)
        one_line(caught, "instances_train.json: ")
        outline = {**BOX, "segmentation": [[1, 2, 3, 4, "?", 6]]}
        with pytest.raises(DataError) as caught:
            coco(write, json.dumps({**COCO, "annotations": [outline]}).replace('"?"', number))
        one_line(caught, "instances_train.json: ")

    @pytest.mark.parametrize("number", ["nan", "-inf", "1e309", "2e6", "9" * 400, "--1", "1_0_", ""])
    def test_boxes_of_voc(self, write, number):
        with pytest.raises(DataError) as caught:
            voc(write, XML.replace("<xmin>2<", f"<xmin>{number}<"))
        one_line(caught, "a.xml: expected")

    @pytest.mark.parametrize("number", ["nan", "-inf", "1e309", "2e6", "9" * 400])
    def test_lines_of_yolo(self, write, number):
        for line in (f"0 {number} 0.5 0.5 0.5", f"0 0.5 0.5 0.5 {number}", f"0 0 0 1 0 1 {number}"):
            with pytest.raises(DataError) as caught:
                yolo(write, line)
            one_line(caught, "labels/a.txt: line 1: expected coordinates")

    @pytest.mark.parametrize("side", ["-1", "1.5", "1e7", "NaN", '"16"', "true", "[]", "9" * 400])
    def test_sizes_of_images(self, write, side):
        text = json.dumps({**COCO, "images": [{**COCO["images"][0], "width": "?"}]}).replace('"?"', side)
        with pytest.raises(DataError) as caught:
            coco(write, text)
        one_line(caught, "instances_train.json: ")

    def test_a_box_just_outside_the_limit_and_just_inside(self, write):
        (image,) = coco(write, {**COCO, "annotations": [{**BOX, "bbox": [1_000_000, -1_000_000, 0, 0]}]}).images
        assert image.annotation.shapes[0].points[0] == (1_000_000, -1_000_000)
        with pytest.raises(DataError, match="within 1,000,000 pixels, received 1e"):
            coco(write, {**COCO, "annotations": [{**BOX, "bbox": [1_000_001, 0, 0, 0]}]})

    def test_an_outline_is_checked_to_its_last_number(self, write):
        for place in range(8):
            outline = [1.0] * 8
            outline[place] = 1_000_001
            with pytest.raises(DataError, match="annotation 1: expected coordinates within"):
                coco(write, {**COCO, "annotations": [{**BOX, "segmentation": [outline]}]})


class TestLongFiles:
    def line(self, words):
        return "0" + " 0.5" * (words - 1) + "\n"

    def test_a_line_of_yolo_has_at_most_200_000_values(self, write):
        (shape,) = yolo(write, self.line(199_999)).images[0].annotation.shapes
        assert len(shape.points) == 99_999
        with pytest.raises(DataError, match=r"line 1: .* received 200001 values"):
            yolo(write, self.line(200_001))

    def test_yaml_has_at_most_262_144_characters(self, write):
        head = "train: images\nnames: [é]\n#"
        assert yolo(write, yaml=head + "x" * (262_144 - len(head))).classes == ("é",)
        with pytest.raises(DataError, match=r"at most 262,144 characters and 500 brackets, received 262,145 and 1"):
            yolo(write, yaml=head + "x" * (262_145 - len(head)))

    @pytest.mark.parametrize("pair", ["[]", "{}"])
    def test_yaml_has_at_most_500_brackets(self, write, pair):
        yaml = "train: images\nnames: [é]\nmore:\n"
        assert yolo(write, yaml=yaml + f"  - {pair}\n" * 499).classes == ("é",)
        with pytest.raises(DataError, match=r"received [0-9,]+ and 501"):
            yolo(write, yaml=yaml + f"  - {pair}\n" * 500)

    def test_a_file_longer_than_any_such_file_is_not_read(self, write, tmp_path):
        write(annotations__instances_train_dot_json="{}")
        with open(tmp_path / "annotations" / "instances_train.json", "r+b") as file:
            file.truncate((2 << 30) + 1)  # of holes, which take no room
        with pytest.raises(DataError, match=r"instances_train\.json: expected a file of at most 2 GB"):
            read_coco(str(tmp_path))

    @pytest.mark.parametrize("depth", [64, 65])
    def test_xml_may_be_nested_64_deep(self, write, depth):
        inner = depth - 1
        text = XML.replace("<object>", f"{'<a>' * inner}{'</a>' * inner}<object>", 1)
        if depth == 64:
            assert voc(write, text).classes == ("é",)
            return
        with pytest.raises(DataError, match="nested at most 64 deep"):
            voc(write, text)

    @pytest.mark.parametrize("value", ["[" * 100_000, '{"a":' * 5_000, "[" * 70 + "]" * 70])
    def test_deep_json_is_refused_wherever_it_stands(self, write, value):
        for text in (value, json.dumps(COCO).replace('"bbox"', f'"x": {value}, "bbox"')):
            with pytest.raises(DataError) as caught:
                coco(write, text)
            one_line(caught, "instances_train.json: expected")

    def test_wide_json_is_not_deep(self, write):
        assert coco(write, {**COCO, "licenses": [[[number]] for number in range(2_000)]}).about["licenses"][7] == [[7]]


class TestReferences:
    @pytest.mark.parametrize("image", [2, "1", True, None, [], {}, -1, 1.5])
    def test_an_object_of_no_image(self, write, image):
        with pytest.raises(DataError, match="annotation 1: expected a known image_id"):
            coco(write, {**COCO, "annotations": [{**BOX, "image_id": image}]})

    @pytest.mark.parametrize("category", [0, "é", True, None, [], {}])
    def test_an_object_of_no_category(self, write, category):
        with pytest.raises(DataError, match="annotation 1: expected a known category_id"):
            coco(write, {**COCO, "annotations": [{**BOX, "category_id": category}]})

    @pytest.mark.parametrize("key", ["images", "annotations", "categories"])
    @pytest.mark.parametrize("identity", [True, 1.0, None, [1], {}])
    def test_ids_are_numbers_or_text(self, write, key, identity):
        with pytest.raises(DataError, match=f"expected an id in each of '{key}'"):
            coco(write, {**COCO, key: [{**COCO[key][0], "id": identity}]})

    def test_ids_may_be_text_and_objects_may_lack_them(self, write):
        given = {
            "images": [{**COCO["images"][0], "id": "a"}],
            "annotations": [{"image_id": "a", "category_id": "x", "bbox": [1, 2, 3, 4]}] * 2,
            "categories": [{"id": "x", "name": "cup"}],
        }
        assert len(coco(write, given).images[0].annotation.shapes) == 2

    def test_what_the_platform_calls_a_parent_may_be_itself(self, tmp_path):
        ring = Shape("a", "polygon", SQUARE, extra={"is_hole": True, "uuid": "1", "parent": "1"})
        collection = collection_of(tmp_path, ring, Shape("a", "polygon", SQUARE, extra={"uuid": "2", "parent": "1"}))
        for form in ("coco", "voc", "yolo"):
            write_format(collection, form, str(tmp_path / form))
            assert contents(read_format(form, str(tmp_path / form))) == contents(collection)

    def test_yaml_that_refers_to_itself_is_refused(self, write):
        with pytest.raises(DataError, match="expected YAML without aliases"):
            yolo(write, yaml="train: images\nnames: &n [é, *n]\n")


SQUARE = ((2.0, 2.0), (8.0, 2.0), (8.0, 8.0), (2.0, 8.0))
INNER = ((4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0))
BOW_TIE = ((2.0, 2.0), (8.0, 8.0), (8.0, 2.0), (2.0, 8.0))


def collection_of(tmp_path, *shapes, name="a.png"):
    labels = tuple(dict.fromkeys(shape.label for shape in shapes))
    annotation = Annotation(tuple(shapes), WIDTH, HEIGHT)
    return Collection((AnnotatedImage(picture(tmp_path, 0), name, labels, "train", annotation),), labels)


class TestShapes:
    @pytest.mark.parametrize("form", ["coco", "yolo", "voc"])
    @pytest.mark.parametrize(
        "shape",
        [
            Shape("a", "rectangle", ((3.0, 4.0), (3.0, 4.0))),
            Shape("a", "rectangle", ((3.0, 4.0), (9.0, 4.0))),
            Shape("a", "rectangle", ((-5.0, -5.0), (-1.0, -1.0))),
            Shape("a", "polygon", BOW_TIE),
            Shape("a", "polygon", ((3.0, 3.0),) * 3),
            Shape("a", "polygon", SQUARE, (INNER, SQUARE)),
            Shape("a", "polygon", ((-50.0, -50.0), (-40.0, -50.0), (-40.0, -40.0))),
            Shape("a", "mask", mask=RunLengths(HEIGHT, WIDTH, (HEIGHT * WIDTH,))),
            Shape("a", "mask", mask=RunLengths(HEIGHT, WIDTH, (0, HEIGHT * WIDTH))),
        ],
    )
    def test_odd_shapes_come_back_as_they_were(self, tmp_path, form, shape):
        collection = collection_of(tmp_path, shape, Shape("b", "rectangle", ((1.0, 1.0), (2.0, 2.0))))
        write_format(collection, form, str(tmp_path / "out"))
        assert contents(read_format(form, str(tmp_path / "out"))) == contents(collection)

    def test_boxes_of_nothing_are_boxes(self, write):
        (shape,) = (
            coco(write, {**COCO, "annotations": [{**BOX, "bbox": [3, 4, 0, 0], "area": 0}]}).images[0].annotation.shapes
        )
        assert (shape.points, shape.extra) == (((3.0, 4.0), (3.0, 4.0)), {"id": 1})
        (shape,) = yolo(write, "0 0.5 0.5 0 0").images[0].annotation.shapes
        assert shape.points == ((8.0, 6.0), (8.0, 6.0))
        (shape,) = voc(write, XML.replace("<xmin>2<", "<xmin>5<")).images[0].annotation.shapes
        assert shape.points == ((4.0, 2.0), (4.0, 6.0))
        with pytest.raises(DataError, match="expected a box with xmin <= xmax and ymin <= ymax"):
            voc(write, XML.replace("<xmin>2<", "<xmin>6<"))
        with pytest.raises(DataError, match="expected a box with xmin <= xmax and ymin <= ymax"):
            voc(write, XML.replace("<ymin>3<", "<ymin>8<"))

    def test_holes_are_left_open_by_each_form(self, tmp_path):
        hole = Shape("a", "polygon", INNER, extra={"is_hole": True})
        other = Shape("b", "polygon", ((10.0, 2.0), (14.0, 2.0), (14.0, 6.0)))
        collection = collection_of(tmp_path, Shape("a", "polygon", SQUARE), hole, other)
        for form in ("coco", "yolo", "voc"):
            write_format(collection, form, str(tmp_path / form))
            assert contents(read_format(form, str(tmp_path / form))) == contents(collection)
        records = json.loads((tmp_path / "coco" / "annotations" / "instances_train.json").read_text())["annotations"]
        assert [record["area"] for record in records] == [32.0, 8.0]
        assert isinstance(records[0]["segmentation"], dict)
        assert isinstance(records[1]["segmentation"], list)
        assert len((tmp_path / "yolo" / "labels" / "train" / "a.txt").read_text().splitlines()) == 2
        assert (tmp_path / "voc" / "Annotations" / "a.xml").read_text().count("<object>") == 2
        assert (read_indices(str(tmp_path / "voc" / "SegmentationObject" / "a.png")) == 1).sum() == 32

    def test_a_hole_of_another_shape_closes_nothing(self, tmp_path):
        shape = Shape("a", "polygon", SQUARE, extra={"uuid": "1"})
        holes = [Shape("a", "polygon", INNER, extra={"is_hole": True, "parent": parent}) for parent in ("1", "2")]
        size = (HEIGHT, WIDTH)
        assert mask_with_holes(shape, holes, size).sum() == 32
        assert mask_with_holes(shape, holes[1:], size).sum() == 36
        assert mask_with_holes(shape, [], size).sum() == 36

    @pytest.mark.parametrize(
        ("points", "rows", "columns"),
        [
            (SQUARE, slice(2, 8), slice(2, 8)),
            (((0.5, 0.5), (3.5, 0.5), (3.5, 2.5)), slice(0, 3), slice(0, 4)),
            (((-9.0, -9.0), (3.0, -9.0), (3.0, 3.0)), slice(0, 3), slice(0, 3)),
            (((10.0, 10.0), (99.0, 10.0), (99.0, 99.0)), slice(10, 12), slice(10, 16)),
            (((50.0, 50.0), (60.0, 50.0), (60.0, 60.0)), slice(12, 12), slice(16, 16)),
            (((-9.0, -9.0), (-3.0, -9.0), (-3.0, -4.0)), slice(0, 0), slice(0, 0)),
        ],
    )
    def test_only_where_there_is_any_of_a_polygon_it_is_drawn(self, points, rows, columns):
        found = window_of(Shape("a", "polygon", points), [], (HEIGHT, WIDTH))
        assert found[:2] == (rows, columns)
        assert found[2].shape == (rows.stop - rows.start, columns.stop - columns.start)

    def test_runs_that_do_not_fill_the_mask_or_overrun_it(self, write):
        for counts in ([3, 2], [3, 2, 188], [192, 1], [0, 193], [], "33", "o4"):
            given = {**BOX, "segmentation": {"size": [HEIGHT, WIDTH], "counts": counts}}
            with pytest.raises(DataError) as caught:
                coco(write, {**COCO, "annotations": [given]})
            one_line(caught, "annotation 1: expected")

    @pytest.mark.parametrize(
        "size", [[-12, -16], [12], [12, 16, 1], "12", [12.0, 16.0], [True, 192], None, [0, 10**12]]
    )
    def test_masks_of_impossible_sizes(self, write, size):
        given = {**BOX, "segmentation": {"size": size, "counts": [192]}}
        with pytest.raises(DataError, match="annotation 1: expected a mask"):
            coco(write, {**COCO, "annotations": [given]})


OUTSIDE = ["../secret.png", "x/../../secret.png", "/etc/secret.png", "\\\\host\\secret.png", "C:/secret.png", "..",
           "a/..", "a\0.png", "file:///etc/secret.png", "gs://bucket/secret.png", ""]  # fmt: skip


class TestNames:
    @pytest.mark.parametrize("name", OUTSIDE)
    def test_names_that_lead_out_read_nothing(self, write, tmp_path, name):
        write_image(tmp_path.parent / "secret.png")
        with pytest.raises(BrevettiError) as caught:
            coco(write, {**COCO, "images": [{**COCO["images"][0], "file_name": name}]})
        one_line(caught)
        (tmp_path / "train.txt").write_bytes(f"{name}\n".encode())
        with pytest.raises(BrevettiError) as caught:
            yolo(write, yaml="train: train.txt\nnames: [é]\n")
        one_line(caught)

    @pytest.mark.parametrize("name", [name for name in OUTSIDE if name and "\0" not in name])
    def test_xml_that_names_what_lies_elsewhere(self, write, tmp_path, name):
        write_image(tmp_path.parent / "secret.png")
        with pytest.raises(DataError) as caught:
            voc(write, XML.replace("a.png", name))
        one_line(caught, "a.xml: expected the name of an image inside the dataset's folder")

    def test_folders_of_yolo_that_lead_out(self, write, tmp_path):
        write_image(tmp_path.parent / "others" / "secret.png")
        for place in ("../others", "../../others", "/others", str(tmp_path.parent / "others")):
            with pytest.raises(DataError, match="expected images for 'train'"):
                yolo(write, yaml=f"train: {place}\nnames: [é]\n")

    def test_names_that_differ_in_case_alone_become_files_that_do_not_meet(self, tmp_path):
        images = tuple(
            AnnotatedImage(picture(tmp_path, number), name, ("a",), "train", Annotation((), WIDTH, HEIGHT))
            for number, name in enumerate(["A.png", "a.png", "a.PNG", "Ä.png", "ä.png", "x/a.png", "X/a.png"])
        )
        for form in ("coco", "yolo", "voc", "csv"):
            write_format(Collection(images, ("a",)), form, str(tmp_path / form))
            found = [path.relative_to(tmp_path).as_posix() for path in (tmp_path / form).rglob("*.[pP][nN][gG]")]
            assert len({name.casefold() for name in found}) == len(images), form
            if form in READERS:
                assert contents(read_format(form, str(tmp_path / form))) == contents(Collection(images))

    def test_labels_that_differ_in_case_alone_stay_two(self, tmp_path):
        shapes = [Shape(label, "rectangle", ((1.0, 1.0), (3.0, 3.0))) for label in ("Bad", "bad", "BAD")]
        for form in ("coco", "yolo", "voc"):
            write_format(collection_of(tmp_path, *shapes), form, str(tmp_path / form))
            (image,) = read_format(form, str(tmp_path / form)).images
            assert [shape.label for shape in image.annotation.shapes] == ["Bad", "bad", "BAD"]

    def test_links_in_a_circle_end(self, write, tmp_path):
        write(data_dot_yaml="train: images\nnames: [a]\n")
        os.symlink(tmp_path, tmp_path / "images" / "again")
        os.symlink("circle.png", tmp_path / "images" / "circle.png")
        assert [image.name for image in read_yolo(str(tmp_path)).images] == ["images/a.png"]

    def test_a_link_to_nothing_is_a_missing_image(self, write, tmp_path):
        write(data_dot_yaml="train: images\nnames: [a]\n")
        os.symlink("nowhere.png", tmp_path / "images" / "broken.png")
        with pytest.raises(NotFoundError, match=r"images/broken\.png$"):
            read_yolo(str(tmp_path))

    def test_hidden_files_are_none_of_it(self, write, tmp_path):
        write(data_dot_yaml="train: images\nnames: [a]\n")
        write_image(tmp_path / "images" / ".hidden.png")
        write_image(tmp_path / ".cache" / "images" / "b.png")
        assert [image.name for image in read_yolo(str(tmp_path)).images] == ["images/a.png"]


class TestEmptyFiles:
    @pytest.mark.parametrize(("read", "name"), [(read_coco, "a.json"), (read_yolo, "data.yaml"), (read_voc, "a.xml")])
    def test_a_file_of_no_bytes_is_named(self, write, tmp_path, read, name):
        write()
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(DataError, match=re.escape(f"{name}: expected")) as caught:
            read(str(tmp_path))
        one_line(caught)

    def test_no_image_at_all(self, write):
        with pytest.raises(DataError, match="expected at least one image, received none"):
            coco(write, {"images": [], "annotations": [], "categories": []})

    def test_an_image_of_no_bytes_is_named(self, write, tmp_path):
        write(data_dot_yaml="train: images\nnames: [a]\n")
        (tmp_path / "images" / "a.png").write_bytes(b"")
        with pytest.raises(DataError, match=r"images/a\.png: expected an image, received an empty file"):
            read_yolo(str(tmp_path))

    @pytest.mark.parametrize("form", ["csv", "coco"])
    def test_an_export_names_it_and_what_to_do(self, tmp_path, form):
        (tmp_path / "a.png").write_bytes(b"")
        image = AnnotatedImage(str(tmp_path / "a.png"), "a.png", ("a",))
        with pytest.raises(DecodeError, match=r"a\.png: expected an image, received an empty file: mend or remove it"):
            write_format(Collection((image,), ("a",)), form, str(tmp_path / form))
        assert not (tmp_path / form).exists()

    def test_a_mask_of_another_kind_than_its_image_says_so_when_it_is_drawn(self, tmp_path):
        for name in ("train/good/0.png", "test/bad/0.png"):
            write_image(tmp_path / "bottle" / name, size=(HEIGHT, WIDTH))
        (tmp_path / "bottle" / "ground_truth" / "bad").mkdir(parents=True)
        (tmp_path / "bottle" / "ground_truth" / "bad" / "0_mask.png").write_bytes(b"no")
        collection = read_mvtec(str(tmp_path / "bottle"))
        with pytest.raises(DataError, match=r"0_mask\.png: expected an image"):
            write_format(collection, "coco", str(tmp_path / "out"))


class TestSource:
    def test_what_a_folder_holds(self, write, tmp_path):
        write(a__b__c_dot_txt="x", top_dot_TXT="y")
        source = Source(str(tmp_path))
        assert source.folders() == ["a", "images"]
        assert source.folders("a") == ["b"]
        assert source.below("", (".txt",)) == ["a/b/c.txt", "top.TXT"]
        assert source.below("a/b", (".txt",)) == ["a/b/c.txt"]
        assert source.below("a/b/c", (".txt",)) == []
        assert source.text("top.TXT") == "y"
        with pytest.raises(BrevettiError, match=r"no file .*none\.txt"):
            source.text("none.txt")
        with pytest.raises(InvalidInputError):
            source.text("../x")

    def test_files_come_in_their_order(self, write, tmp_path):
        source = Source(write(**{f"f{number}": "x" for number in range(5)}))
        paths = [f"f{number}" for number in (3, 1, 2)]
        assert list(source.fetched(paths)) == paths
        assert list(source.fetched([])) == []


def test_a_mask_file_that_claims_gigabytes_is_refused_from_its_header(tmp_path):
    write_image(tmp_path / "JPEGImages" / "a.png", size=(HEIGHT, WIDTH))
    (tmp_path / "SegmentationClass").mkdir()
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4, "big") * 2 + bytes([8, 3, 0, 0, 0]) + bytes(100)
    (tmp_path / "SegmentationClass" / "a.png").write_bytes(head + b"\0\0\0\0IEND\xaeB`\x82")
    with pytest.raises(DataError, match=r"SegmentationClass/a\.png: expected"):
        read_voc(str(tmp_path))


def test_masks_of_a_million_islands_are_traced_and_come_back(tmp_path):
    mask = np.indices((HEIGHT, WIDTH)).sum(axis=0) % 2
    collection = collection_of(tmp_path, Shape("a", "mask", mask=RunLengths.of(mask)))
    write_format(collection, "yolo", str(tmp_path / "out"))
    assert len((tmp_path / "out" / "labels" / "train" / "a.txt").read_text().splitlines()) >= 1
    assert contents(read_format("yolo", str(tmp_path / "out"))) == contents(collection)
