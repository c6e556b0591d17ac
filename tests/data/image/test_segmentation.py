import json

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from brevetti_keras.data.annotation import Annotation, Shape, write_annotation
from brevetti_keras.data.image import ImageAugmenter, ImagePipeline, SegmentationLoader
from brevetti_keras.data.image.index_image import write_indices
from brevetti_keras.data.image.resampling import resize
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.utils.errors import DataError, DecodeError, InvalidInputError, NotFoundError, SettingsError

HEIGHT, WIDTH = 24, 32
OUTLINE = ((3.0, 2.0), (28.0, 5.0), (20.0, 21.0), (9.0, 15.0))


@pytest.fixture
def write(tmp_path):
    """Writes an image whose red is what is marked, and the annotation; returns both paths."""

    def call(*shapes, name="a", size=(HEIGHT, WIDTH), told=None):
        pixels = np.zeros((*size, 3), np.uint8)
        marks = SegmentationLoader(["a"]).load(
            str(_save(tmp_path / f"{name}.json", shapes, size)), str(_picture(tmp_path / f"{name}.png", pixels))
        )
        pixels[..., 0] = marks[..., 0] * 255
        pixels[..., 1] = np.arange(size[1])
        _picture(tmp_path / f"{name}.png", pixels)
        _save(tmp_path / f"{name}.json", shapes, told or size)
        return str(tmp_path / f"{name}.png"), str(tmp_path / f"{name}.json")

    return call


def _picture(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def _save(path, shapes, size):
    path.write_bytes(write_annotation(Annotation(tuple(shapes), size[1], size[0])))
    return path


def polygon(label="a", points=OUTLINE, **extra):
    return Shape(label, "polygon", points, extra=extra)


def both(pipeline, *files):
    paths, annotations = zip(*files, strict=True)
    found = pipeline({"path": tf.constant(paths), "annotation_path": tf.constant(annotations)})
    return found["img"].numpy(), found["segmentation"].numpy()


class TestClasses:
    def test_a_channel_a_class_of_ones_and_zeros(self, write):
        path, marks = write(polygon("a"), Shape("b", "rectangle", ((0.0, 0.0), (4.0, 4.0))), polygon("stranger"))
        found = SegmentationLoader(["b", "a"]).load(marks, path)
        assert (found.shape, found.dtype) == ((HEIGHT, WIDTH, 2), np.float32)
        assert set(np.unique(found)) == {0.0, 1.0}
        assert found[..., 0].sum() == 16
        expected = cv2.contourArea(np.array(OUTLINE, np.float32))
        assert found[..., 1].sum() == pytest.approx(expected, rel=0.05)

    def test_labels_can_stand_for_classes(self, write):
        path, marks = write(Shape("deep", "rectangle", ((0.0, 0.0), (4.0, 4.0))))
        loader = SegmentationLoader(("a", "b", "c"), mapping={"deep": ["a", "c"], "other": "b"})
        assert loader.load(marks, path).sum(axis=(0, 1)).tolist() == [16, 0, 16]

    def test_all_kinds_of_marks(self, write):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[10:12, 20:25] = True
        path, marks = write(
            Shape("a", "line", ((2.0, 4.5), (9.0, 4.5))),
            Shape("a", "point", ((15.5, 4.5),)),
            Shape("a", "mask", mask=RunLengths.of(mask)),
            Shape("a", "class"),
        )
        found = SegmentationLoader(["a"], line_width=3).load(marks, path)[..., 0]
        assert found[3:6, 3:9].all()
        assert found[3:6, 15].all()
        assert found[4, 14:17].all()
        assert found[10:12, 20:25].all()
        assert found[13:].sum() == 0

    def test_holes_leave_their_shape_open(self, write):
        inner = ((10.0, 6.0), (14.0, 6.0), (14.0, 10.0), (10.0, 10.0))
        path, marks = write(
            polygon(uuid="1"), polygon(points=inner, is_hole=True, parent="1"), Shape("b", "polygon", inner)
        )
        found = SegmentationLoader(["a", "b"]).load(marks, path)
        assert not found[6:10, 10:14, 0].any()
        assert found[6:10, 10:14, 1].all()
        path, marks = write(polygon(), polygon(points=inner, is_hole=True), polygon("b"))
        found = SegmentationLoader(["a", "b"]).load(marks, path)
        assert found[8, 12].tolist() == [0, 1]

    def test_no_annotation_marks_nothing(self, write):
        path, _ = write()
        assert not SegmentationLoader(["a"]).load("", path).any()


class TestImagesOfMasks:
    def mask(self, tmp_path, values, mode=None):
        pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
        for column, value in enumerate(values):
            pixels[:, column] = value
        Image.fromarray(pixels if mode is None else np.stack([pixels] * 3, axis=-1)).save(tmp_path / "mask.png")
        return str(tmp_path / "mask.png")

    def test_of_one_class_all_but_black_counts(self, write, tmp_path):
        found = SegmentationLoader(["a"]).load(self.mask(tmp_path, [0, 1, 255], "RGB"), write()[0])
        assert found[0, :4, 0].tolist() == [0, 1, 1, 0]

    def test_of_several_each_has_its_grey(self, write, tmp_path):
        found = SegmentationLoader(["a", "b"]).load(self.mask(tmp_path, [2, 1, 0]), write()[0])
        assert found[5, :3].tolist() == [[0, 1], [1, 0], [0, 0]]
        chosen = SegmentationLoader(["a", "b"], mask_values=(200, 100))
        found = chosen.load(self.mask(tmp_path, [100, 200, 7]), write()[0])
        assert found[5, :3].tolist() == [[0, 1], [1, 0], [0, 0]]

    def test_of_a_palette_the_indices_count_and_not_the_colors(self, write, tmp_path):
        indices = np.zeros((HEIGHT, WIDTH), np.uint8)
        indices[0, :4] = [2, 1, 255, 0]
        (tmp_path / "mask.png").write_bytes(write_indices(indices))
        found = SegmentationLoader(["a", "b"]).load(str(tmp_path / "mask.png"), write()[0])
        assert found[0, :4].tolist() == [[0, 1], [1, 0], [0, 0], [0, 0]]
        found = SegmentationLoader(["b"]).load(str(tmp_path / "mask.png"), write()[0])
        assert found[0, :4, 0].tolist() == [1, 1, 0, 0]
        found = SegmentationLoader(["b"], mask_values=[2]).load(str(tmp_path / "mask.png"), write()[0])
        assert found[0, :4, 0].tolist() == [1, 0, 0, 0]

    def test_255_is_a_class_where_it_has_not_the_color_of_what_nobody_decided(self, write, tmp_path):
        image = Image.new("P", (WIDTH, HEIGHT), 255)
        image.putpalette(bytes(256 * 3 - 3) + b"\xff\xff\xff")
        image.save(tmp_path / "mask.png")
        assert SegmentationLoader(["a"]).load(str(tmp_path / "mask.png"), write()[0]).all()
        with pytest.raises(DataError, match="expected grey values of 0 to 2, received 255: set mask_values"):
            SegmentationLoader(["a", "b"]).load(str(tmp_path / "mask.png"), write()[0])

    def test_a_palette_that_is_cut_off_is_named(self, write, tmp_path):
        (tmp_path / "mask.png").write_bytes(write_indices(np.zeros((HEIGHT, WIDTH), np.uint8))[:-30])
        with pytest.raises(DecodeError, match=r"mask\.png: expected a whole PNG"):
            SegmentationLoader(["a"]).load(str(tmp_path / "mask.png"), write()[0])
        with pytest.raises(NotFoundError, match=r"no file .*none\.png"):
            SegmentationLoader(["a"]).load(str(tmp_path / "none.png"), write()[0])

    def test_what_it_cannot_be_is_one_line(self, write, tmp_path):
        path = write()[0]
        with pytest.raises(DataError, match=r"mask\.png: expected grey values of 0 to 2, received 9: set mask_values"):
            SegmentationLoader(["a", "b"]).load(self.mask(tmp_path, [9]), path)
        Image.new("RGB", (WIDTH, HEIGHT), (1, 2, 3)).save(tmp_path / "mask.png")
        with pytest.raises(DataError, match="expected a mask of grey values, one a class, received one in colour"):
            SegmentationLoader(["a", "b"]).load(str(tmp_path / "mask.png"), path)
        Image.new("L", (5, 5)).save(tmp_path / "mask.png")
        with pytest.raises(DataError, match=r"expected a mask of the image's 24 x 32 pixels .* received 5 x 5"):
            SegmentationLoader(["a"]).load(str(tmp_path / "mask.png"), path)
        (tmp_path / "mask.png").write_bytes(b"no")
        with pytest.raises(DecodeError, match="expected an image"):
            SegmentationLoader(["a"]).load(str(tmp_path / "mask.png"), path)


ROIS = (((2, 1), (26, 13)), ((8, 10), (32, 24)))
GEOMETRIES = [
    {},
    {"target_size": (12, 16)},
    {"target_size": (11, 7)},
    {"target_size": (50, 70)},
    {"target_size": (20, 20), "keep_aspect_ratio": True},
    {"target_size": (40, 20), "keep_aspect_ratio": True, "center_padding": True},
    {"target_size": (24, 20), "keep_aspect_ratio": True, "padding_mode": "REFLECT", "center_padding": True},
    {"target_size": (20, 24), "keep_aspect_ratio": True, "padding_mode": "SYMMETRIC"},
    {"rois": ROIS},
    {"rois": ROIS, "target_size": (17, 13)},
    {"rois": ROIS, "target_size": (30, 30), "keep_aspect_ratio": True},
    {"rois": ROIS, "target_size": (9, 9), "roi_mode": "as_timeseries"},
]


class TestGeometry:
    @pytest.mark.parametrize("settings", GEOMETRIES, ids=str)
    def test_the_mask_lies_where_the_image_shows_it(self, write, settings):
        loader = SegmentationLoader(["a"])
        pipeline = ImagePipeline(resize_method="nearest", cache=False, segmentation=loader, **settings)
        images, masks = both(pipeline, write(polygon(), name="a"), write(name="b"))
        assert masks.shape == (*images.shape[:-1], 1)
        # The red of the image is what is marked, so each pixel of the mask must be that of the image.
        assert np.array_equal(masks[..., 0], images[..., 0] / 255)
        assert masks[0].any()
        assert not masks[1].any()

    def test_it_is_the_nearest_pixels_of_the_whole(self, write):
        path, marks = write(polygon())
        pipeline = ImagePipeline(target_size=(9, 13), cache=False, segmentation=SegmentationLoader(["a"]))
        _, masks = both(pipeline, (path, marks))
        whole = SegmentationLoader(["a"]).load(marks, path)
        assert np.array_equal(masks[0], resize(whole, (9, 13), "nearest"))

    def test_the_upright_image_counts(self, write, tmp_path):
        _, marks = write(polygon(), size=(HEIGHT, WIDTH))
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.new("RGB", (HEIGHT, WIDTH)).save(tmp_path / "turned.png", exif=exif)
        assert SegmentationLoader(["a"]).load(marks, str(tmp_path / "turned.png")).shape == (HEIGHT, WIDTH, 1)

    def test_output_is_the_same_in_a_dataset(self, write):
        files = [write(polygon(), name="a"), write(name="b"), write(polygon(points=OUTLINE[:3]), name="c")]
        pipeline = ImagePipeline(target_size=(12, 16), cache=False, segmentation=SegmentationLoader(["a", "b"]))
        images, masks = both(pipeline, *files)
        paths, annotations = zip(*files, strict=True)
        dataset = tf.data.Dataset.from_tensor_slices({"path": list(paths), "annotation_path": list(annotations)})
        mapped = dataset.batch(3).map(pipeline)
        assert mapped.element_spec["segmentation"].shape.as_list() == [None, 12, 16, 2]
        (batch,) = mapped.as_numpy_iterator()
        assert np.array_equal(batch["img"], images)
        assert np.array_equal(batch["segmentation"], masks)
        (single, *_) = dataset.map(pipeline).as_numpy_iterator()
        assert np.array_equal(single["segmentation"], masks[0])

    def test_without_annotations_in_the_batch_there_are_images_alone(self, write):
        pipeline = ImagePipeline(target_size=(8, 8), cache=False, segmentation=SegmentationLoader(["a"]))
        assert set(pipeline({"path": tf.constant([write()[0]])})) == {"path", "img"}

    def test_an_empty_batch_is_empty(self):
        pipeline = ImagePipeline(target_size=(8, 8), cache=False, segmentation=SegmentationLoader(["a", "b"]))
        found = pipeline({"path": tf.constant([], tf.string), "annotation_path": tf.constant([], tf.string)})
        assert found["segmentation"].shape == (0, 8, 8, 2)


def test_image_and_mask_move_together(write):
    loader = SegmentationLoader(["a"])
    pipeline = ImagePipeline(target_size=(HEIGHT, WIDTH), cache=False, rescale="unit", segmentation=loader)
    images, masks = both(pipeline, *[write(polygon(), name=str(number)) for number in range(4)])
    augmenter = ImageAugmenter(
        random_transformer={"chance": 1, "rotate": 40, "rotate_chance": 1, "interpolation": "nearest"},
        image_noise={"chance": 0},
    )
    found = augmenter({"img": images, "segmentation": masks}, seed=3)
    assert not np.array_equal(found["img"], images)
    different = found["img"].numpy()[..., 0] != found["segmentation"].numpy()[..., 0]
    assert different.mean() < 0.01


class TestSettings:
    def test_config_gives_the_same_loader_again(self):
        loader = SegmentationLoader(np.array(["a", "b"]), mapping={"c": "a"}, line_width=2, mask_values=(3, 4))
        assert SegmentationLoader.from_config(loader.get_config()) == loader
        pipeline = ImagePipeline(segmentation=loader)
        assert ImagePipeline.from_config(json.loads(json.dumps(pipeline.get_config()))) == pipeline
        assert ImagePipeline(segmentation={"classes": ["a"]}).segmentation == SegmentationLoader(["a"])

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"classes": []}, "classes"),
            ({"classes": ["a", "a"]}, "expected each once"),
            ({"classes": ["a"], "mapping": {"b": "c"}}, "expected mapping to the classes a, received c"),
            ({"classes": ["a"], "mapping": 3}, "mapping"),
            ({"classes": ["a"], "mask_values": (1, 2)}, "expected mask_values for each of 1 classes, received 2"),
            ({"classes": ["a"], "line_width": 0}, "line_width"),
            ({"klasses": ["a"]}, "did you mean 'classes'"),
        ],
    )
    def test_wrong_ones_are_one_line(self, settings, message):
        with pytest.raises(SettingsError, match=message) as caught:
            SegmentationLoader(**settings)
        assert "\n" not in str(caught.value)


class TestBadInput:
    def test_marks_of_another_size_are_refused(self, write):
        path, marks = write(polygon(), told=(48, 64))
        with pytest.raises(DataError, match=r"a\.json: expected marks in an image of 24 x 32 pixels .* one of 48 x 64"):
            SegmentationLoader(["a"]).load(marks, path)

    def test_broken_and_missing_annotations_are_named(self, write, tmp_path):
        path, marks = write()
        with pytest.raises(NotFoundError, match=r"none\.json"):
            SegmentationLoader(["a"]).load(str(tmp_path / "none.json"), path)
        (tmp_path / "a.json").write_text("{")
        pipeline = ImagePipeline(cache=False, segmentation=SegmentationLoader(["a"]))
        with pytest.raises(DataError, match=r"a\.json: expected JSON"):
            both(pipeline, (path, marks))
        dataset = tf.data.Dataset.from_tensors({"path": [path], "annotation_path": [marks]}).map(pipeline)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"a\.json: expected JSON"):
            list(dataset)

    def test_regions_beyond_the_image_are_told(self, write):
        path, marks = write(polygon())
        reader = ImagePipeline(rois=(((0, 0), (40, 10)),)).reader
        with pytest.raises(DataError, match=r"a\.png: expected an image of at least 40 x 10 pixels"):
            SegmentationLoader(["a"]).load(marks, path, reader)

    def test_images_of_several_sizes_need_a_target_size(self, write):
        pipeline = ImagePipeline(cache=False, segmentation=SegmentationLoader(["a"]))
        with pytest.raises(InvalidInputError, match="set target_size"):
            both(pipeline, write(name="a"), write(name="b", size=(10, 10)))
