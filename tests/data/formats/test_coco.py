import json
from dataclasses import replace

import pytest

from brevetti_keras.data.annotation import Shape
from brevetti_keras.data.formats.coco import read_coco
from brevetti_keras.data.formats.reading import read_format
from brevetti_keras.data.formats.writing import write_format
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.utils.errors import DataError, NotFoundError
from tests.support.images import write_image

IMAGE = {"id": 7, "file_name": "a.png", "width": 16, "height": 12}
BOX = {"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
CATEGORIES = [{"id": 3, "name": "cup", "supercategory": "kitchen"}, {"id": 1, "name": "dog"}]


def content(**changes):
    return {"images": [IMAGE], "annotations": [BOX], "categories": CATEGORIES, **changes}


@pytest.fixture
def write(tmp_path):
    def call(value, name="annotations/instances_train2017.json", images=("train2017/a.png",)):
        for image in images:
            write_image(tmp_path / image, size=(12, 16))
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(value if isinstance(value, str) else json.dumps(value))
        return str(tmp_path)

    return call


def shapes(folder):
    return read_coco(folder).images[0].annotation.shapes


class TestReading:
    def test_labels_purpose_and_place(self, write, tmp_path):
        annotations = [BOX, {**BOX, "id": 2, "category_id": 1}, {**BOX, "id": 3}]
        collection = read_coco(write(content(annotations=annotations)))
        (image,) = collection.images
        assert image.path == str(tmp_path / "train2017" / "a.png")
        assert (image.name, image.labels, image.purpose) == ("train2017/a.png", ("cup", "dog"), "train")
        assert (image.annotation.width, image.annotation.height) == (16, 12)
        assert [shape.label for shape in image.annotation.shapes] == ["cup", "dog", "cup"]
        assert image.annotation.shapes[0].points == ((1.0, 2.0), (4.0, 6.0))
        assert collection.classes == ("cup", "dog")

    def test_an_image_without_objects_has_no_label(self, write):
        assert read_coco(write(content(annotations=[]))).images[0].labels == ()

    def test_polygons_of_several_parts(self, write):
        outlines = [[0, 0, 4, 0, 4, 4], [8, 8, 9.5, 8, 9, 9]]
        (shape,) = shapes(write(content(annotations=[{**BOX, "segmentation": outlines, "bbox": [0, 0, 9.5, 9]}])))
        assert shape.points == ((0, 0), (4, 0), (4, 4))
        assert shape.parts == (((8, 8), (9.5, 8), (9, 9)),)
        assert (shape.kind, shape.box) == ("polygon", None)

    def test_a_box_that_the_polygon_does_not_tell_is_kept(self, write):
        (shape,) = shapes(write(content(annotations=[{**BOX, "segmentation": [[0, 0, 4, 0, 4, 4]]}])))
        assert shape.box == (1, 2, 3, 4)

    def test_crowds_are_masks_of_run_lengths(self, write):
        mask = {"size": [12, 16], "counts": [3, 2, 12 * 16 - 5]}
        (shape,) = shapes(write(content(annotations=[{**BOX, "segmentation": mask, "iscrowd": 1}])))
        assert shape == Shape(
            "cup",
            "mask",
            mask=RunLengths(12, 16, (3, 2, 187)),
            box=(1, 2, 3, 4),
            extra={"id": 1, "iscrowd": 1, "area": 12},
        )

    def test_packed_run_lengths(self, write):
        # What COCO's own tools write for the runs 3, 2, 187.
        (shape,) = shapes(write(content(annotations=[{**BOX, "segmentation": {"size": [12, 16], "counts": "32k5"}}])))
        assert shape.mask == RunLengths(12, 16, (3, 2, 187))

    def test_more_than_coco_knows_is_carried_along(self, write):
        (shape,) = shapes(write(content(annotations=[{**BOX, "attributes": {"worn": True}, "score": 0.5}])))
        assert shape.extra == {"id": 1, "attributes": {"worn": True}, "score": 0.5}
        image = read_coco(write(content(images=[{**IMAGE, "license": 4}]))).images[0]
        assert image.annotation.image == {"id": 7, "license": 4}

    @pytest.mark.parametrize(
        ("name", "images", "purpose"),
        [
            ("annotations/instances_val2017.json", "val2017/a.png", "devel"),
            ("annotations/instances_test.json", "images/test/a.png", "test"),
            ("annotations/instances_default.json", "images/a.png", ""),
            ("train/_annotations.coco.json", "train/a.png", "train"),
            ("valid/_annotations.coco.json", "valid/a.png", "devel"),
            ("result.json", "images/a.png", ""),
        ],
    )
    def test_the_layouts_that_tools_write(self, write, name, images, purpose):
        (image,) = read_coco(write(content(), name, (images,))).images
        assert (image.name, image.purpose) == (images, purpose)

    def test_one_file_alone(self, write, tmp_path):
        write(content(), images=("train2017/a.png",))
        write(content(images=[{**IMAGE, "file_name": "b.png"}]), "annotations/instances_val.json", ("val/b.png",))
        assert [one.purpose for one in read_coco(str(tmp_path)).images] == ["train", "devel"]
        (image,) = read_coco(str(tmp_path / "annotations" / "instances_val.json")).images
        assert image.name == "val/b.png"

    def test_captions_and_keypoints_beside_it_are_not_read_too(self, write):
        write({"images": [IMAGE], "annotations": [{"id": 1, "caption": "x"}]}, "annotations/captions_train2017.json")
        assert len(read_coco(write(content())).images) == 1


class TestRoundTrip:
    def test_the_source_comes_back_as_it_was(self, write, tmp_path):
        annotations = [
            {**BOX, "bbox": [0.1, 0.2, 0.3, 7.7], "area": 2.31},
            {**BOX, "id": 20, "segmentation": [[0.5, 0.25, 4, 0, 4, 4]], "bbox": [0.5, 0, 3.5, 4], "area": 7.5},
            {**BOX, "id": 5, "category_id": 1, "segmentation": {"size": [12, 16], "counts": [3, 2, 187]}, "iscrowd": 1},
        ]
        given = content(annotations=annotations, info={"year": 2026}, licenses=[])
        write_format(read_format("coco", write(given)), "coco", str(tmp_path / "out"))
        assert not (tmp_path / "out" / "brevetti.json").exists()
        written = json.loads((tmp_path / "out" / "annotations" / "instances_train.json").read_text())
        assert written.pop("images") == [{**IMAGE, "file_name": "train2017/a.png"}]
        assert written.pop("annotations") == [{"area": 2.31, **record} for record in annotations]
        assert written == {"categories": CATEGORIES, "info": {"year": 2026}, "licenses": []}


HUGE = "1" + "0" * 400


class TestHostileInput:
    @pytest.mark.parametrize(
        "name", ["../a.png", "x/../../a.png", "/etc/a.png", "..\\a.png", "C:\\a.png", "gs://b/a.png"]
    )
    def test_names_that_lead_out(self, write, name):
        with pytest.raises(DataError, match="expected the name of an image inside the dataset's folder"):
            read_coco(write(content(images=[{**IMAGE, "file_name": name}])))

    def test_missing_images_are_named(self, write):
        images = [{**IMAGE, "id": number, "file_name": f"{number}.png"} for number in range(6)]
        with pytest.raises(DataError, match=r"0\.png, 1\.png, 2\.png and 3 more are missing"):
            read_coco(write(content(images=images, annotations=[])))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"images": None}, "expected COCO's list 'images'"),
            ({"annotations": {}}, "expected COCO's list 'annotations'"),
            ({"categories": [3]}, "expected COCO's list 'categories'"),
            ({"images": [IMAGE, IMAGE]}, "expected each id in 'images' once, received 7 twice"),
            ({"images": [IMAGE, {**IMAGE, "id": 8}]}, "expected each image once, received 'train2017/a.png' twice"),
            ({"images": [{"id": [1], "file_name": "a.png"}]}, "expected an id in each of 'images'"),
            ({"images": [{**IMAGE, "file_name": 3}]}, "expected the name of an image file"),
            ({"images": [{**IMAGE, "width": -1}]}, "expected the image's width as whole pixels"),
            ({"images": [{**IMAGE, "height": 1.5}]}, "expected the image's height as whole pixels"),
            ({"annotations": [BOX, BOX]}, "expected each id in 'annotations' once"),
            ({"annotations": [{**BOX, "image_id": 8}]}, "annotation 1: expected a known image_id, received 8"),
            ({"annotations": [{**BOX, "image_id": []}]}, "annotation 1: expected a known image_id"),
            ({"annotations": [{**BOX, "category_id": 9}]}, "annotation 1: expected a known category_id, received 9"),
            ({"categories": [{"id": 3}]}, "expected a label of text"),
            ({"categories": [{"id": 3, "name": "x"}, {"id": 1, "name": "x"}]}, "expected each category's name once"),
        ],
    )
    def test_lists_that_make_no_sense(self, write, changes, message):
        with pytest.raises(DataError, match=message) as caught:
            read_coco(write(content(**changes)))
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "box", [[1, 2, -3, 4], [1, 2, 1e7, 4], [1, 2, 3], "1 2 3 4", [1, 2, None, 4], [True, 2, 3, 4]]
    )
    def test_boxes_that_make_no_sense(self, write, box):
        with pytest.raises(DataError, match=r"annotation 1: expected .*(box|coordinates)"):
            read_coco(write(content(annotations=[{**BOX, "bbox": box}])))

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", HUGE])
    def test_numbers_that_json_cannot_hold(self, write, number):
        text = json.dumps(content()).replace("[1, 2, 3, 4]", f"[{number}, 2, 3, 4]")
        with pytest.raises(DataError, match="expected") as caught:
            read_coco(write(text))
        assert len(str(caught.value)) < 300

    @pytest.mark.parametrize(
        "segmentation",
        [
            [[1, 2, 3, 4]],
            [[1, 2, 3, 4, 5, 6, 7]],
            [1, 2, 3, 4, 5, 6],
            "x",
            {"size": [12, 16]},
            {"size": [10**9, 10**9], "counts": [10**18]},
            {"size": [12, 16], "counts": [-1, 193]},
            {"size": [12, 16], "counts": [10**30]},
            {"size": [12, 16], "counts": "ooooooooooooooooooooo"},
            {"size": [12, 16], "counts": "\u00e9"},
            {"size": [12, 16], "counts": "3"},
        ],
    )
    def test_segmentations_that_make_no_sense(self, write, segmentation):
        with pytest.raises(DataError, match="annotation 1: expected"):
            read_coco(write(content(annotations=[{**BOX, "segmentation": segmentation}])))

    @pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "3", '{"images": 1, "images": 2}', "\ufeff{]"])
    def test_broken_json(self, write, text):
        with pytest.raises(DataError, match=r"instances_train2017\.json: expected") as caught:
            read_coco(write(text))
        assert "\n" not in str(caught.value)

    def test_bytes_that_are_no_text(self, write, tmp_path):
        write(content())
        (tmp_path / "annotations" / "instances_train2017.json").write_bytes(b"\xff\xfe{}")
        with pytest.raises(DataError, match="expected text in UTF-8"):
            read_coco(str(tmp_path))

    def test_nothing_there(self, tmp_path):
        with pytest.raises(NotFoundError, match="expected the folder of a dataset"):
            read_coco(str(tmp_path / "nowhere"))
        write_image(tmp_path / "a.png")
        with pytest.raises(DataError, match="expected COCO's JSON files"):
            read_coco(str(tmp_path))


def test_what_several_files_tell_of_the_whole_is_put_together_and_the_first_counts(write, tmp_path):
    train = content(info={"year": 2025}, licenses=[1], categories=[{"id": 3, "name": "cup"}])
    val = content(info={"year": 2026}, contributor="us", categories=[{"id": 3, "name": "cup"}])
    write(train)
    folder = write({**val, "images": [{**IMAGE, "file_name": "b.png"}]}, "annotations/instances_val2017.json",
                   ("val2017/b.png",))  # fmt: skip
    about = read_coco(folder).about
    assert (about["info"], about["licenses"], about["contributor"]) == ({"year": 2025}, [1], "us")


def test_what_was_kept_aside_is_no_file_of_coco_s(write, tmp_path):
    folder = write(content(), "labels.json", ("a.png",))
    (tmp_path / "brevetti.json").write_text('{"version":1, "images": {}}')
    assert [image.name for image in read_coco(folder).images] == ["a.png"]


class TestWhatIsLeftOut:
    def test_a_mark_without_a_place_is_one_of_the_whole_image(self, write):
        for record in ({"bbox": None}, {"bbox": None, "segmentation": []}, {"segmentation": None, "bbox": None}):
            (shape,) = shapes(write(content(annotations=[{**BOX, **record}])))
            assert (shape.kind, shape.points, shape.extra) == ("class", (), {"id": 1, "area": 12})

    def test_an_outline_needs_no_box_and_a_box_no_area(self, write):
        outline = {**BOX, "bbox": None, "area": None, "segmentation": [[0, 0, 4, 0, 4, 4]]}
        (shape,) = shapes(write(content(annotations=[outline])))
        assert (shape.kind, shape.box, shape.extra) == ("polygon", None, {"id": 1})
        (shape,) = shapes(write(content(annotations=[{**BOX, "area": None}])))
        assert shape.extra == {"id": 1}

    def test_a_file_of_images_to_test_on_has_no_annotations(self, write):
        given = {key: value for key, value in content().items() if key != "annotations"}
        (image,) = read_coco(write(given, "annotations/image_info_test2017.json", ("test2017/a.png",))).images
        assert (image.name, image.purpose, image.annotation.shapes) == ("test2017/a.png", "test", ())

    def test_an_image_needs_an_id_and_no_size(self, write):
        with pytest.raises(DataError, match="expected an id in each of 'images', received 'None'"):
            read_coco(write(content(images=[{"file_name": "a.png"}], annotations=[])))
        image = read_coco(write(content(images=[{"id": 7, "file_name": "a.png"}]))).images[0]
        assert (image.annotation.width, image.annotation.height) == (0, 0)

    def test_a_category_without_marks_is_a_class_all_the_same(self, write):
        assert read_coco(write(content(annotations=[]))).classes == ("cup", "dog")
        assert read_coco(write(content(annotations=[], categories=[]))).classes == ()

    def test_files_of_deeper_folders_are_none_of_it(self, write, tmp_path):
        write(content(), "a/b/c.json")
        with pytest.raises(DataError, match="expected COCO's JSON files there or in annotations/, found none"):
            read_coco(str(tmp_path))

    def test_a_crowd_of_0_is_none(self, write):
        (shape,) = shapes(write(content(annotations=[{**BOX, "iscrowd": 0}])))
        assert "iscrowd" not in shape.extra


class TestNumbering:
    def test_marks_without_ids_are_numbered_and_have_none_again(self, write, tmp_path):
        marks = [{key: value for key, value in BOX.items() if key != "id"}] * 2
        given = read_format("coco", write(content(annotations=marks)))
        write_format(given, "coco", str(tmp_path / "out"))
        written = json.loads((tmp_path / "out" / "annotations" / "instances_train.json").read_text())
        assert [record["id"] for record in written["annotations"]] == [1, 2]
        assert [record["image_id"] for record in written["annotations"]] == [1, 1]
        assert written["info"] == {"ids": "numbered on export"}
        back = read_coco(str(tmp_path / "out"))
        assert [dict(shape.extra) for shape in back.images[0].annotation.shapes] == [{}, {}]
        assert "info" not in back.about
        assert "id" not in back.images[0].annotation.image

    def test_ids_that_come_twice_over_several_files_are_numbered_anew(self, write, tmp_path):
        write(content())
        folder = write(
            content(images=[{**IMAGE, "file_name": "b.png"}]), "annotations/instances_val2017.json", ("val2017/b.png",)
        )
        write_format(read_format("coco", folder), "coco", str(tmp_path / "out"))
        for split in ("train", "val"):
            written = json.loads((tmp_path / "out" / "annotations" / f"instances_{split}.json").read_text())
            assert [record["id"] for record in written["images"] + written["annotations"]] == [1, 1]

    def test_categories_in_the_order_of_their_numbers_are_not_told_twice(self, write):
        plain = [{"id": 1, "name": "cup"}, {"id": 2, "name": "dog"}]
        assert "categories" not in read_coco(write(content(annotations=[], categories=plain))).about
        for other in (plain[::-1], [{"id": 5, "name": "cup"}], [{**plain[0], "supercategory": "x"}]):
            assert read_coco(write(content(annotations=[], categories=other))).about["categories"] == other


def test_other_purposes_than_the_usual_have_files_of_their_own(write, tmp_path):
    given = read_coco(write(content()))
    images = tuple(replace(image, purpose="hold out/2") for image in given.images)
    write_format(replace(given, images=images), "coco", str(tmp_path / "out"))
    assert [path.name for path in (tmp_path / "out" / "annotations").iterdir()] == ["instances_hold out_2.json"]
    assert read_format("coco", str(tmp_path / "out")).images[0].purpose == "hold out/2"


def test_one_file_at_the_top_is_read_with_what_lies_beside_it(write, tmp_path):
    folder = write(content(), "result.json", ("images/a.png",))
    write(content(), "other.json", ("images/a.png",))
    (image,) = read_format("coco", f"{folder}/result.json").images
    assert image.name == "images/a.png"
    (tmp_path / "brevetti.json").write_text("{")
    with pytest.raises(DataError, match=r"brevetti\.json: expected JSON"):
        read_format("coco", f"{folder}/result.json")
