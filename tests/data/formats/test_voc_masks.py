import io

import numpy as np
import pytest
from PIL import Image

from brevetti_keras.data.annotation import Annotation, Shape
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection
from brevetti_keras.data.formats.reading import read_format
from brevetti_keras.data.formats.voc import read_voc
from brevetti_keras.data.formats.voc_masks_writing import label_map
from brevetti_keras.data.formats.writing import Written, write_format
from brevetti_keras.data.image.index_image import read_indices, voc_colors, write_indices
from brevetti_keras.data.run_lengths import RunLengths, read_run_lengths
from brevetti_keras.utils.errors import DataError, DecodeError
from tests.support.collections import contents, picture
from tests.support.images import write_image

SIZE = (6, 8)
MAP = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ndent:10,20,30::\nscratch:128,0,0::\n"


def mask(*places, size=SIZE):
    """Indices: 0 but for (rows, columns, value)."""
    found = np.zeros(size, np.uint8)
    for rows, columns, value in places:
        found[rows, columns] = value
    return found


LEFT, RIGHT, BORDER = (slice(1, 4), slice(1, 3)), (slice(2, 5), slice(5, 8)), (0, slice(None))


@pytest.fixture
def voc(tmp_path):
    """Writes an image, its masks and what else a folder of VOC has; returns the folder."""

    def call(classes=None, objects=None, names=(), boxes=((1, 1, 3, 4),), stem="a", labels=MAP, size=True):
        root = tmp_path / "voc"
        write_image(root / "JPEGImages" / f"{stem}.png", size=SIZE)
        for folder, indices in (("SegmentationClass", classes), ("SegmentationObject", objects)):
            (root / folder / stem).parent.mkdir(parents=True, exist_ok=True)
            if indices is not None:
                (root / folder / f"{stem}.png").write_bytes(write_indices(indices))
        if labels:
            (root / "labelmap.txt").write_text(labels)
        inner = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
            "</bndbox></object>"
            for name, (x1, y1, x2, y2) in zip(names, boxes, strict=False)
        )
        told = f"<size><width>{SIZE[1]}</width><height>{SIZE[0]}</height></size>" if size else ""
        if names:
            (root / "Annotations").mkdir(exist_ok=True)
            (root / "Annotations" / f"{stem}.xml").write_text(f"<annotation>{told}{inner}</annotation>")
        return str(root)

    return call


def pixels(shape):
    return shape.mask.mask()


def only(folder):
    (image,) = read_voc(folder).images
    return image


class TestReading:
    def test_the_object_of_a_number_gets_its_pixels_and_keeps_its_box(self, voc):
        classes, objects = mask((*LEFT, 2), (*RIGHT, 1)), mask((*LEFT, 1), (*RIGHT, 2))
        boxes = ((2, 2, 3, 4), (5, 3, 8, 6))
        image = only(voc(classes, objects, ("scratch", "dent"), boxes))
        scratch, dent = image.annotation.shapes
        assert [(shape.label, shape.kind, shape.points) for shape in (scratch, dent)] == [
            ("scratch", "mask", ()),
            ("dent", "mask", ()),
        ]
        assert np.array_equal(pixels(scratch), mask((*LEFT, 1)))
        assert np.array_equal(pixels(dent), mask((*RIGHT, 1)))
        assert scratch.box is None  # follows from the pixels
        assert dent.box == (4.0, 2.0, 4.0, 4.0)
        assert image.labels == ("dent", "scratch")

    def test_what_belongs_to_no_object_is_a_mask_of_its_class(self, voc):
        image = only(voc(mask((*LEFT, 2), (*RIGHT, 1))))
        assert [shape.label for shape in image.annotation.shapes] == ["dent", "scratch"]
        assert np.array_equal(pixels(image.annotation.shapes[1]), mask((*LEFT, 1)))
        assert (image.annotation.height, image.annotation.width) == SIZE
        assert image.labels == ("dent", "scratch")

    def test_what_nobody_decided_is_kept_as_such_and_is_no_label(self, voc):
        image = only(voc(mask((*LEFT, 1), (*BORDER, 255))))
        assert image.labels == ("dent",)
        assert np.array_equal(read_run_lengths(image.annotation.image["void"]).mask(), mask((*BORDER, 1)))
        assert "object_void" not in image.annotation.image

    def test_where_the_objects_leave_another_border_both_are_kept(self, voc):
        objects = mask((*LEFT, 1), (5, slice(None), 255))
        image = only(voc(mask((*LEFT, 1), (*BORDER, 255)), objects, ("dent",)))
        void, other = (read_run_lengths(image.annotation.image[key]).mask() for key in ("void", "object_void"))
        assert np.array_equal(void, mask((*BORDER, 1)))
        assert np.array_equal(other, mask((5, slice(None), 1)))

    def test_objects_alone_are_named_by_the_xml(self, voc):
        image = only(voc(None, mask((*LEFT, 1), (*BORDER, 255)), ("odd one",), labels=None))
        assert [(shape.label, shape.kind) for shape in image.annotation.shapes] == [("odd one", "mask")]
        assert image.annotation.image["void"]["size"] == list(SIZE)

    def test_of_several_objects_alone_each_has_the_label_of_its_number(self, voc):
        objects = mask((*LEFT, 1), (*RIGHT, 2))
        left, right = only(
            voc(None, objects, ("cup", "odd one"), ((2, 2, 3, 4), (6, 3, 8, 5)), labels=None)
        ).annotation.shapes
        assert (left.label, pixels(left).sum(), right.label, pixels(right).sum()) == ("cup", 6, "odd one", 9)

    def test_an_object_without_pixels_stays_a_box(self, voc):
        image = only(voc(mask((*LEFT, 1)), mask((*LEFT, 1)), ("dent", "dent"), ((2, 2, 3, 4), (1, 1, 2, 2))))
        assert [shape.kind for shape in image.annotation.shapes] == ["mask", "rectangle"]

    def test_pixels_of_another_class_than_the_objects_are_not_lost(self, voc):
        classes = mask((*LEFT, 1), (1, 1, 2))
        first, other = only(voc(classes, mask((*LEFT, 1)), ("dent",))).annotation.shapes
        assert (first.label, pixels(first).sum(), other.label, pixels(other).sum()) == ("dent", 5, "scratch", 1)

    def test_an_objects_pixels_that_the_classes_leave_open_are_its_own(self, voc):
        classes = mask((*LEFT, 1), (1, slice(1, 3), 255), (3, slice(1, 3), 0))
        (shape,) = only(voc(classes, mask((*LEFT, 1)), ("dent",))).annotation.shapes
        assert np.array_equal(pixels(shape), mask((*LEFT, 1)))
        box, rest = only(voc(mask((*LEFT, 1)), mask((1, slice(1, 3), 255)), ("dent",))).annotation.shapes
        assert (box.kind, rest.label) == ("rectangle", "dent")
        assert np.array_equal(pixels(rest), mask((*LEFT, 1)))

    def test_classes_that_nothing_names_are_called_as_their_objects(self, voc):
        image = only(voc(mask((*LEFT, 7)), mask((*LEFT, 1)), ("odd one",), labels=None))
        assert [(shape.label, pixels(shape).sum()) for shape in image.annotation.shapes] == [("odd one", 6)]

    def test_an_object_without_a_box_may_have_pixels(self, voc, tmp_path):
        folder = voc(mask((*LEFT, 1)), mask((*LEFT, 1)), ("dent",))
        (tmp_path / "voc" / "Annotations" / "a.xml").write_text(
            "<annotation><object><name>dent</name></object></annotation>"
        )
        (shape,) = only(folder).annotation.shapes
        assert (shape.kind, shape.box) == ("mask", None)
        assert np.array_equal(pixels(shape), mask((*LEFT, 1)))

    def test_an_image_without_masks_is_as_before(self, voc):
        voc(mask((*LEFT, 1)))
        image = read_voc(voc(names=("dent",), stem="b")).images[1]
        assert (image.name, image.annotation.shapes[0].kind) == ("JPEGImages/b.png", "rectangle")


class TestNames:
    def test_without_a_file_the_classes_are_vocs_own(self, voc):
        image = only(voc(mask((*LEFT, 12), (*RIGHT, 20)), labels=None))
        assert image.labels == ("dog", "tvmonitor")

    def test_class_names_will_do(self, voc, tmp_path):
        folder = voc(mask((*LEFT, 2)), labels=None)
        (tmp_path / "voc" / "class_names.txt").write_text("_background_\r\n\r\na\r\n \r\nb c\r\n\r\n")
        collection = read_voc(folder)
        assert collection.images[0].labels == ("b c",)
        assert collection.classes == ("a", "b c")

    def test_a_label_map_gives_the_order_and_the_colors(self, voc, tmp_path):
        folder = voc(mask())
        colors = np.zeros((*SIZE, 3), np.uint8)
        colors[LEFT], colors[RIGHT], colors[BORDER] = (10, 20, 30), (128, 0, 0), (224, 224, 192)
        Image.fromarray(colors).save(tmp_path / "voc" / "SegmentationClass" / "a.png")
        collection = read_voc(folder)
        dent, scratch = collection.images[0].annotation.shapes
        assert (dent.label, scratch.label) == ("dent", "scratch")
        assert np.array_equal(pixels(dent), mask((*LEFT, 1)))
        assert "void" in collection.images[0].annotation.image
        assert collection.classes == ("dent", "scratch")

    def test_a_label_may_hold_colons(self, voc):
        image = only(voc(mask((*LEFT, 1)), labels="background:0,0,0::\nlot: 3:1,2,3::\n"))
        assert image.labels == ("lot: 3",)

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ("dent:1,2,3::\n", "expected the background in the first line, received 'dent'"),
            ("\n", "expected the background in the first line, received ''"),
            ("background\n", "expected lines 'label:red,green,blue:parts:actions', received 'background'"),
            ("background:0,0::\n", "expected lines"),
            ("background:0,0,256::\n", "expected lines"),
            ("background:0,0,²::\n", "expected lines"),
            ("background:0,0,-1::\n", "expected lines"),
            ("background:0,0,0::\na:1,1,1::\na:2,2,2::\n", "each once, received others"),
            ("background:0,0,0::\n" + "".join(f"{n}:0,0,0::\n" for n in range(255)), "at most 254 labels"),
        ],
    )
    def test_a_label_map_of_another_form_is_one_line(self, voc, labels, message):
        with pytest.raises(DataError, match=message) as caught:
            read_voc(voc(mask(), labels=labels))
        assert "labelmap.txt: " in str(caught.value)
        assert "\n" not in str(caught.value)


class TestHostileInput:
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"classes": mask(size=(5, 8))}, "expected a mask of the image's 6 x 8 pixels .*received 5 x 8"),
            ({"objects": mask(size=(8, 6)), "names": ("dent",)}, "6 x 8 pixels .*received 8 x 6"),
            ({"objects": mask(size=(8, 6)), "names": ("dent",), "size": False}, "6 x 8 pixels .*received 8 x 6"),
            ({"classes": mask((*LEFT, 3))}, r"Class/a\.png: expected classes up to 2, as named, received the class 3"),
            ({"classes": mask((*LEFT, 21)), "labels": None}, "expected classes up to 20, as named, received the class"),
            (
                {"classes": mask((*LEFT, 1)), "labels": None, "objects": mask(), "names": ("odd",)},
                r"expected labelmap\.txt that names classes, received the class 1",
            ),
            ({"objects": mask((*LEFT, 2)), "names": ("dent",)}, r"Object/a\.png: .* the object 2 without either"),
        ],
    )
    def test_masks_that_make_no_sense_are_one_line(self, voc, given, message):
        with pytest.raises(DataError, match=message) as caught:
            read_voc(voc(**given))
        assert "\n" not in str(caught.value)

    def test_a_broken_mask_is_named(self, voc, tmp_path):
        folder = voc(mask())
        for data in (b"", b"\x89PNG\r\n\x1a\n", write_indices(mask())[:50]):
            (tmp_path / "voc" / "SegmentationClass" / "a.png").write_bytes(data)
            with pytest.raises(DecodeError, match=r"SegmentationClass/a\.png"):
                read_voc(folder)

    def test_masks_without_their_image_are_named(self, voc, tmp_path):
        folder = voc(mask())
        (tmp_path / "voc" / "SegmentationObject" / "b.png").write_bytes(write_indices(mask()))
        with pytest.raises(DataError, match=r"that of SegmentationObject/b\.png are missing"):
            read_voc(folder)

    def test_of_masks_of_one_name_each_is_that_of_the_image_of_its_folder(self, voc, tmp_path):
        voc(mask((*LEFT, 1)), stem="x/1")
        voc(mask((*RIGHT, 2)), stem="y/1")
        left, right = read_voc(voc(mask((*LEFT, 2)), mask((*LEFT, 1)), ("scratch",), stem="z")).images[:2]
        assert [image.name for image in (left, right)] == ["JPEGImages/x/1.png", "JPEGImages/y/1.png"]
        assert (left.labels, right.labels) == (("dent",), ("scratch",))
        assert pixels(left.annotation.shapes[0])[LEFT].all()
        assert not pixels(right.annotation.shapes[0])[LEFT].any()

    def test_a_mask_without_folders_is_that_of_the_only_image_of_its_name(self, voc, tmp_path):
        folder = voc(mask((*LEFT, 1)), stem="x/1")
        (tmp_path / "voc/SegmentationClass/x/1.png").rename(tmp_path / "voc/SegmentationClass/1.png")
        assert only(folder).labels == ("dent",)
        write_image(tmp_path / "voc/JPEGImages/y/1.png", size=SIZE)
        with pytest.raises(DataError, match=r"that of SegmentationClass/1\.png are missing"):
            read_voc(folder)


class TestPurposes:
    def test_lists_of_masks_speak_where_the_others_do_not(self, voc, tmp_path):
        for stem in "abc":
            folder = voc(mask(), stem=stem)
        for place, lines in {"Main/train": "a\n", "Segmentation/val": "a\nb\n", "Segmentation/trainval": "c\n"}.items():
            file = tmp_path / "voc" / "ImageSets" / f"{place}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(lines)
        images = read_voc(folder).images
        assert [image.purpose for image in images] == ["train", "devel", "train"]
        assert [dict(image.columns) for image in images] == [{"segmentation_purpose": "devel"}, {}, {}]
        assert write_format(read_voc(folder), "voc", str(tmp_path / "out")) == Written(3, 0)
        lists = tmp_path / "out" / "ImageSets"
        assert (lists / "Main" / "train.txt").read_text() == "a\nc\n"
        assert (lists / "Segmentation" / "val.txt").read_text() == "a\n"
        assert (lists / "Main" / "val.txt").read_text() == "b\n"


def same_pixels(one, other):
    for folder in ("SegmentationClass", "SegmentationObject"):
        first, second = (read_indices(f"{root}/{folder}/a.png") for root in (one, other))
        assert np.array_equal(first, second), folder


class TestRoundTrip:
    def test_masks_boxes_and_borders_come_back_to_the_last_pixel(self, voc, tmp_path):
        classes = mask((*LEFT, 2), (*RIGHT, 1), (*BORDER, 255))
        objects = mask((*LEFT, 1), (*RIGHT, 3), (*BORDER, 255))
        folder = voc(classes, objects, ("scratch", "dent", "dent"), ((2, 2, 3, 4), (1, 1, 2, 2), (5, 3, 8, 6)))
        given = read_format("voc", folder)
        assert write_format(given, "voc", str(tmp_path / "out")) == Written(1, 0)
        assert not (tmp_path / "out" / "brevetti.json").exists()
        back = read_voc(str(tmp_path / "out"))
        assert (back.images[0].annotation, back.classes) == (given.images[0].annotation, ("dent", "scratch"))
        same_pixels(folder, str(tmp_path / "out"))

    def test_another_border_of_the_objects_comes_back_too(self, voc, tmp_path):
        folder = voc(mask((*LEFT, 1), (*BORDER, 255)), mask((*LEFT, 1), (5, slice(None), 255)), ("dent",))
        write_format(read_voc(folder), "voc", str(tmp_path / "out"))
        assert not (tmp_path / "out" / "brevetti.json").exists()
        same_pixels(folder, str(tmp_path / "out"))

    @pytest.mark.parametrize("form", ["coco", "yolo", "mvtec"])
    def test_other_forms_keep_the_border(self, voc, tmp_path, form):
        folder = voc(mask((*LEFT, 1), (*BORDER, 255)), labels="background:0,0,0::\ngood:1,1,1::\n")
        voc(mask((*LEFT, 1)), stem="b", labels=None)
        (tmp_path / "voc" / "ImageSets" / "Main").mkdir(parents=True)
        (tmp_path / "voc" / "ImageSets" / "Main" / "test.txt").write_text("a\n")
        write_image(tmp_path / "voc" / "JPEGImages" / "c.png", seed=3, size=SIZE)
        given = read_format("voc", folder)
        # MVTec AD needs one that is good and not marked.
        plain = [image if image.annotation.shapes else AnnotatedImage(image.path, "c.png", ("good",), "train")
                 for image in given.images]  # fmt: skip
        collection = Collection(tuple(plain), given.classes)
        write_format(collection, form, str(tmp_path / "out"))
        back = read_format(form, str(tmp_path / "out"))
        found = [image.annotation.image.get("void") for image in back.images]
        assert [void for void in found if void] == [given.images[0].annotation.image["void"]]
        write_format(back, "voc", str(tmp_path / "again"))
        assert np.array_equal(
            read_indices(str(tmp_path / "again" / "SegmentationClass" / "a.png")), mask((*LEFT, 1), (*BORDER, 255))
        )


def collection_of(tmp_path, *shapes, size=(12, 16), image=None):
    annotation = Annotation(tuple(shapes), size[1], size[0], image or {})
    labels = tuple(dict.fromkeys(shape.label for shape in shapes))
    return Collection((AnnotatedImage(picture(tmp_path, 0), "a.png", labels, "test", annotation),), labels)


SQUARE = ((2.0, 2.0), (8.0, 2.0), (8.0, 8.0), (2.0, 8.0))
INNER = ((4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0))


class TestWriting:
    def written(self, tmp_path, collection):
        write_format(collection, "voc", str(tmp_path / "out"))
        assert contents(read_format("voc", str(tmp_path / "out"))) == contents(collection)
        return [
            read_indices(str(tmp_path / "out" / folder / "a.png"))
            for folder in ("SegmentationClass", "SegmentationObject")
        ]

    def test_polygons_are_drawn_and_boxes_are_not(self, tmp_path):
        box = Shape("a", "rectangle", ((0.0, 0.0), (16.0, 12.0)))
        classes, objects = self.written(tmp_path, collection_of(tmp_path, box, Shape("b", "polygon", SQUARE)))
        assert np.array_equal(classes[2:8, 2:8], np.full((6, 6), 2))
        assert np.array_equal(objects[2:8, 2:8], np.full((6, 6), 2))
        assert (classes > 0).sum() == (objects > 0).sum() == 36
        assert (tmp_path / "out" / "ImageSets" / "Segmentation" / "test.txt").read_text() == "a\n"
        colors = voc_colors()[1:3].tolist()
        assert (tmp_path / "out" / "labelmap.txt").read_text().splitlines()[1:] == [
            "background:0,0,0::",
            f"a:{','.join(map(str, colors[0]))}::",
            f"b:{','.join(map(str, colors[1]))}::",
        ]

    def test_boxes_alone_make_no_masks(self, tmp_path):
        box = Shape("a", "rectangle", ((0.0, 0.0), (16.0, 12.0)))
        hole = Shape("a", "polygon", INNER, extra={"is_hole": True})
        write_format(collection_of(tmp_path, box, hole), "voc", str(tmp_path / "out"))
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
            "Annotations", "ImageSets", "JPEGImages", "brevetti.json",
        ]  # fmt: skip

    def test_holes_are_open(self, tmp_path):
        hole = Shape("a", "polygon", INNER, extra={"is_hole": True})
        classes, objects = self.written(tmp_path, collection_of(tmp_path, Shape("a", "polygon", SQUARE), hole))
        assert (classes == 1).sum() == (objects == 1).sum() == 32
        assert not classes[4:6, 4:6].any()
        assert set(np.unique(objects)) == {0, 1}

    def test_of_those_that_overlap_the_later_is_seen_and_both_come_back(self, tmp_path):
        shapes = (Shape("a", "polygon", SQUARE), Shape("b", "mask", mask=RunLengths.of(np.eye(12, 16, 3) > 0)))
        classes, _ = self.written(tmp_path, collection_of(tmp_path, *shapes))
        assert (classes[np.eye(12, 16, 3) > 0] == 2).all()

    def test_more_objects_than_a_mask_has_numbers_leave_the_classes(self, tmp_path):
        shapes = [
            Shape("a", "mask", mask=RunLengths.of(np.arange(192).reshape(12, 16) == number % 192))
            for number in range(255)
        ]
        collection = collection_of(tmp_path, *shapes)
        write_format(collection, "voc", str(tmp_path / "out"))
        assert (read_indices(str(tmp_path / "out" / "SegmentationClass" / "a.png")) == 1).all()
        assert not (tmp_path / "out" / "SegmentationObject").exists()
        assert contents(read_format("voc", str(tmp_path / "out"))) == contents(collection)

    def test_more_classes_than_a_mask_has_numbers_leave_the_objects(self, tmp_path):
        collection = collection_of(tmp_path, Shape("a", "polygon", SQUARE))
        many = Collection(collection.images, ("a", *(f"x{number}" for number in range(254))))
        write_format(many, "voc", str(tmp_path / "out"))
        assert (read_indices(str(tmp_path / "out" / "SegmentationObject" / "a.png")) == 1).sum() == 36
        assert not (tmp_path / "out" / "SegmentationClass").exists()
        assert not (tmp_path / "out" / "labelmap.txt").exists()
        back = read_format("voc", str(tmp_path / "out"))
        assert (contents(back), back.classes) == (contents(many), many.classes)

    @pytest.mark.parametrize(
        "void", ["word", {"size": [2, 2], "counts": [4]}, {"size": [12, 16], "counts": [1]}, {"size": [12, 16]}]
    )
    def test_another_tools_word_of_that_name_is_left_alone(self, tmp_path, void):
        collection = collection_of(tmp_path, Shape("a", "polygon", SQUARE), image={"void": void})
        classes, _ = self.written(tmp_path, collection)
        assert set(np.unique(classes)) == {0, 1}


def test_labels_that_a_line_cannot_hold_become_others_each_once():
    lines = label_map(["#a", "_a", "b\nc", "b\rc", " ", "background"]).decode().splitlines()
    assert [line.rsplit(":", 3)[0] for line in lines[1:]] == [
        "background", "_a", "_a-2", "b_c", "b_c-2", "_", "background",
    ]  # fmt: skip


def test_a_mask_of_a_palette_reads_as_other_programs_read_it(voc, tmp_path):
    folder = voc(mask((*LEFT, 1), (*BORDER, 255)))
    write_format(read_voc(folder), "voc", str(tmp_path / "out"))
    data = (tmp_path / "out" / "SegmentationClass" / "a.png").read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        assert (image.mode, image.size) == ("P", (8, 6))
        assert np.array_equal(np.asarray(image), mask((*LEFT, 1), (*BORDER, 255)))
