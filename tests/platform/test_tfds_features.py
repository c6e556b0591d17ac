"""What others' datasets hold: each is a local builder, or the features and samples that one would give."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from brevetti_keras.data.annotation import annotation_of
from brevetti_keras.platform import Dataset
from brevetti_keras.platform.tfds import read_tfds
from brevetti_keras.platform.tfds_features import features_of
from brevetti_keras.utils.errors import DataError
from tests.support.stored_dataset import png

IMAGE = tfds.features.Image(shape=(None, None, 3))
GREY = tfds.features.Image(shape=(None, None, 1))
NAMES = tfds.features.ClassLabel(names=["dog", "cup"])
BOX = [0.25, 0.2, 0.75, 1.0]


@pytest.fixture
def picture(tmp_path):
    (tmp_path / "x.png").write_bytes(png(3))
    return str(tmp_path / "x.png")


def features(**given):
    return features_of(SimpleNamespace(name="made", info=SimpleNamespace(features=given)))


def content(given, picture, **sample):
    return features(**given).content(sample, picture, "train, sample 3")


def marks(given, picture, **sample):
    return annotation_of(content(given, picture, **sample)["annotation"]).shapes


def grey(*values):
    """A mask of 4 x 5 pixels whose first row begins with values."""
    found = np.zeros((4, 5, 1), np.uint8)
    found[0, : len(values), 0] = values
    return found


class TestMasks:
    @pytest.mark.parametrize("key", ["segmentation_mask", "annotation", "label_image", "other"])
    def test_each_value_beside_an_image_is_a_mark(self, picture, key):
        first, second = marks({"image": IMAGE, key: GREY}, picture, **{key: grey(2, 0, 7)})
        assert (first.label, second.label) == ("2", "7")
        assert np.array_equal(first.mask.mask(), grey(1)[..., 0] > 0)
        assert second.mask.mask().sum() == 1

    def test_the_labels_of_an_image_without_one_are_those_of_its_mask(self, picture):
        found = content({"image": IMAGE, "segmentation_mask": GREY}, picture, segmentation_mask=grey(2, 10))
        assert found["labels"] == ["10", "2"]
        assert found["annotation"]["image"] == {"width": 5, "height": 4}
        labelled = {"image": IMAGE, "label": NAMES, "segmentation_mask": GREY}
        assert content(labelled, picture, label=1, segmentation_mask=grey(2))["labels"] == ["cup"]

    def test_a_labeled_image_names_its_values(self, picture):
        feature = tfds.features.LabeledImage(labels=["background", "car", "road"], shape=(None, None, 1))
        given = {"image": IMAGE, "road_scene": feature}
        assert [shape.label for shape in marks(given, picture, road_scene=grey(2, 1, 255))] == ["car", "road"]
        assert features(**given).classes == ("car", "road")
        image = content(given, picture, road_scene=grey(2, 1, 255))["annotation"]["image"]
        assert image["void"] == {"size": [4, 5], "counts": [8, 1, 11]}
        with pytest.raises(DataError, match=r"^train, sample 3: expected 'road_scene' of values below 3, received 3$"):
            marks(given, picture, road_scene=grey(3))

    def test_a_first_value_that_is_no_background_is_a_mark_too(self, picture):
        feature = tfds.features.LabeledImage(labels=["sky", "road"], shape=(None, None, 1))
        assert [shape.label for shape in marks({"image": IMAGE, "m": feature}, picture, m=grey(1))] == ["sky", "road"]

    def test_a_labeled_image_without_names_gives_its_values(self, picture):
        feature = tfds.features.LabeledImage(labels=None, shape=(None, None, 1))
        assert [shape.label for shape in marks({"image": IMAGE, "m": feature}, picture, m=grey(4))] == ["4"]

    def test_of_several_masks_each_tells_which_it_is(self, picture):
        given = {"image": IMAGE, "part_mask": GREY, "instance_mask": GREY}
        found = marks(given, picture, part_mask=grey(1), instance_mask=grey(0, 1))
        assert [shape.label for shape in found] == ["part_mask 1", "instance_mask 1"]

    def test_a_mask_that_comes_first_is_not_the_image(self, picture):
        assert features(annotation=GREY, picture=IMAGE).image == "picture"
        assert features(a_mask=GREY, photo=GREY).image == "photo"
        assert features(left=IMAGE, image=IMAGE).image == "image"
        assert features(mask=GREY).image == "mask"

    def test_a_second_picture_is_no_mask(self, picture):
        for given in (
            {"image": IMAGE, "right": IMAGE},
            {"image": GREY, "right": GREY},
            {"image": IMAGE, "depth": tfds.features.Image(shape=(None, None, 1), dtype=np.uint16)},
            {"image": IMAGE, "a": GREY, "b": GREY},
        ):
            assert content(given, picture)["annotation"]["annotations"] == []

    def test_masks_of_sixteen_bits_keep_their_numbers(self, picture):
        feature = tfds.features.Image(shape=(None, None, 1), dtype=np.uint16)
        mask = grey(0).astype(np.uint16)
        mask[0, 0] = 4_000
        (shape,) = marks({"image": IMAGE, "instance_mask": feature}, picture, instance_mask=mask)
        assert shape.label == "4000"

    @pytest.mark.parametrize(
        ("mask", "message"),
        [
            (np.zeros((5, 4, 1), np.uint8), r"'mask' of the image's 4 x 5 pixels \(height x width\), received 5 x 4"),
            (np.zeros((0, 0, 1), np.uint8), r"'mask' of the image's 4 x 5 pixels \(height x width\), received 0 x 0"),
        ],
    )
    def test_a_mask_of_another_size_is_one_line(self, picture, mask, message):
        with pytest.raises(DataError, match=rf"^train, sample 3: expected {message}"):
            marks({"image": IMAGE, "mask": GREY}, picture, mask=mask)

    def test_a_picture_in_a_masks_place_is_refused(self, tmp_path):
        Image.new("L", (40, 40)).save(tmp_path / "x.png")
        feature = tfds.features.Image(shape=(None, None, 1), dtype=np.uint16)
        values = np.arange(1600, dtype=np.uint16).reshape(40, 40, 1)
        with pytest.raises(DataError, match=r"of at most 1,000 values in an image, received 1,600"):
            marks({"image": IMAGE, "mask": feature}, str(tmp_path / "x.png"), mask=values)


class TestBoxes:
    LISTED = tfds.features.Sequence(tfds.features.BBoxFeature())
    NAMED = tfds.features.Sequence({"box": tfds.features.BBoxFeature(), "kind": NAMES})

    def test_a_sequence_with_labels_and_without(self, picture):
        found = marks(
            {"image": IMAGE, "things": self.NAMED},
            picture,
            things={"box": np.array([BOX, BOX], np.float32), "kind": np.array([1, 0])},
        )
        assert [(shape.label, shape.points) for shape in found] == [
            ("cup", ((1.0, 1.0), (5.0, 3.0))),
            ("dog", ((1.0, 1.0), (5.0, 3.0))),
        ]
        (shape,) = marks({"image": IMAGE, "boxes": self.LISTED}, picture, boxes=np.array([BOX], np.float32))
        assert (shape.label, shape.points) == ("object", ((1.0, 1.0), (5.0, 3.0)))
        assert features(image=IMAGE, boxes=self.LISTED).classes == ("object",)
        assert not marks({"image": IMAGE, "boxes": self.LISTED}, picture, boxes=np.zeros((0, 4), np.float32))

    def test_one_box_has_the_images_label_and_stands_beside_a_mask(self, picture):
        given = {"image": IMAGE, "label": NAMES, "bbox": tfds.features.BBoxFeature(), "segmentation_mask": GREY}
        box, mask = marks(given, picture, label=0, bbox=np.array(BOX, np.float32), segmentation_mask=grey(1))
        assert (box.label, box.kind, mask.label, mask.kind) == ("dog", "rectangle", "1", "mask")

    def test_a_label_that_is_not_told_is_the_images_or_none(self, picture):
        things = {"box": np.array([BOX], np.float32), "kind": np.array([-1])}
        (shape,) = marks({"image": IMAGE, "things": self.NAMED}, picture, things=things)
        assert shape.label == "object"
        given = {"image": IMAGE, "label": NAMES, "boxes": self.LISTED}
        (shape,) = marks(given, picture, label=-1, boxes=np.array([BOX], np.float32))
        assert shape.label == "object"
        assert content(given, picture, label=-1, boxes=np.zeros((0, 4)))["labels"] == []

    @pytest.mark.parametrize(
        ("form", "values"),
        [
            ("REL_YXYX", BOX),
            (None, BOX),
            ("REL_XYXY", [0.2, 0.25, 1.0, 0.75]),
            ("YXYX", [1.0, 1.0, 3.0, 5.0]),
            ("XYXY", [1.0, 1.0, 5.0, 3.0]),
            ("XYWH", [1.0, 1.0, 4.0, 2.0]),
        ],
    )
    def test_every_order_of_a_box(self, picture, form, values):
        feature = tfds.features.Sequence(tfds.features.BBoxFeature(bbox_format=form))
        (shape,) = marks({"image": IMAGE, "boxes": feature}, picture, boxes=np.array([values], np.float32))
        assert shape.points == ((1.0, 1.0), (5.0, 3.0))

    @pytest.mark.parametrize(
        ("value", "message"),
        [(np.nan, "as numbers, received 'nan'"), (np.inf, "as numbers, received 'inf'"), (1e9, "within 1,000,000")],
    )
    def test_a_box_of_other_numbers_is_one_line(self, picture, value, message):
        boxes = np.array([[0.0, 0.0, 1.0, value]], np.float32)
        with pytest.raises(DataError, match=f"^train, sample 3: expected coordinates {message}"):
            marks({"image": IMAGE, "boxes": self.LISTED}, picture, boxes=boxes)


class TestWhatIsToldBeside:
    def test_texts_numbers_and_classes_are_columns_and_the_rest_is_named(self, picture, caplog):
        given = {
            "image": IMAGE,
            "label": NAMES,
            "image/filename": tfds.features.Text(),
            "attributes": tfds.features.FeaturesDict(
                {"worn": tfds.features.Scalar(np.bool_), "lot": tfds.features.Text(), "side": NAMES}
            ),
            "score": tfds.features.Scalar(np.float32),
            "size": tfds.features.Scalar(np.int64),
            "words": tfds.features.Sequence(tfds.features.Text()),
        }
        told = {
            "image/filename": "ü.jpg".encode(),
            "attributes": {"worn": np.True_, "lot": b"\xff7", "side": np.int64(-1)},
            "score": np.float32(0.5),
            "size": np.int64(3),
            "words": np.array([b"x"]),
        }
        found = content(given, picture, label=1, **told)
        assert found["labels"] == ["cup"]
        assert found["columns"] == {
            "image/filename": "ü.jpg", "attributes/worn": True, "attributes/lot": "\\xff7", "attributes/side": "",
            "score": 0.5, "tfds_size": 3,
        }  # fmt: skip
        assert "made: not read are words" in caplog.text

    def test_of_an_object_it_goes_with_its_mark_and_the_images_own_label_is_a_column(self, picture, caplog):
        inner = {
            "box": tfds.features.BBoxFeature(),
            "kind": NAMES,
            "cut": tfds.features.Scalar(np.bool_),
            "label": tfds.features.Scalar(np.int64),
            "outline": tfds.features.Tensor(shape=(2,), dtype=np.float32),
        }
        given = {"image": IMAGE, "label": NAMES, "things": tfds.features.Sequence(inner)}
        things = {"box": np.array([BOX, BOX], np.float32), "kind": np.array([1, 0]), "cut": np.array([True, False]),
                  "label": np.array([5, 6]), "outline": np.zeros((2, 2), np.float32)}  # fmt: skip
        first, second = marks(given, picture, label=0, things=things)
        assert (first.extra, second.extra) == ({"cut": True, "tfds_label": 5}, {"cut": False, "tfds_label": 6})
        assert content(given, picture, label=0, things=things)["columns"] == {"label": "dog"}
        assert "not read are things/outline" in caplog.text

    @pytest.mark.parametrize("key", ["labels", "tags"])
    def test_several_labels_are_all_its_labels(self, picture, key):
        given = {"image": IMAGE, key: tfds.features.Sequence(NAMES)}
        assert features(**given).classes == ("dog", "cup")
        for numbers, labels in [([], []), ([1], ["cup"]), ([1, 0, 1], ["cup", "dog"])]:
            assert content(given, picture, **{key: np.array(numbers, np.int64)})["labels"] == labels


def test_other_datasets_are_refused():
    with pytest.raises(DataError, match="expected a dataset of images, received made with number"):
        features(number=tfds.features.Scalar(np.int64))


def test_a_builder_with_boxes_and_masks_is_imported_and_exported_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "cache"))
    given = {"image": IMAGE, "label": NAMES, "bbox": tfds.features.BBoxFeature(), "segmentation_mask": GREY}
    samples = [
        (number, {"image": png(number), "label": number, "bbox": tfds.features.BBox(*BOX), "segmentation_mask": mask})
        for number, mask in enumerate([grey(1, 3), grey(2)])
    ]
    builder = tfds.dataset_builders.store_as_tfds_dataset(
        name="birds",
        version="1.0.0",
        features=tfds.features.FeaturesDict(given),
        split_datasets={"train": samples},
        data_dir=str(tmp_path / "stored"),
    )
    collection = read_tfds(builder)
    assert collection.classes == ("dog", "cup", "1", "2", "3")
    assert [[shape.label for shape in image.annotation.shapes] for image in collection.images] == [
        ["cup", "2"],
        ["dog", "1", "3"],
    ]
    dataset = Dataset.from_tfds(builder)
    dataset.export("coco", tmp_path / "coco")
    found = Dataset.from_coco(tmp_path / "coco").get_image_samples(annotations=True)
    assert sorted(found.category) == [("cup",), ("dog",)]
    dataset.export("tfds", tmp_path / "again")
    back = read_tfds(str(tmp_path / "again"))
    assert sorted(image.labels for image in back.images) == [("cup",), ("dog",)]
    assert {shape.label for image in back.images for shape in image.annotation.shapes} == {"dog", "cup", "1", "2", "3"}
