from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from brevetti_keras.data.annotation import Annotation, Shape
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection
from brevetti_keras.data.formats.mvtec import read_mvtec
from brevetti_keras.data.formats.reading import read_format
from brevetti_keras.data.formats.writing import write_format
from brevetti_keras.utils.errors import DataError, DecodeError, NotFoundError
from tests.support.collections import contents
from tests.support.images import write_image


@pytest.fixture
def bottle(tmp_path):
    root = tmp_path / "bottle"
    for number in range(3):
        write_image(root / "train" / "good" / f"{number:03d}.png", seed=number, size=(12, 16))
    write_image(root / "test" / "good" / "000.png", seed=10, size=(12, 16))
    for number in range(2):
        write_image(root / "test" / "broken" / f"{number:03d}.png", seed=20 + number, size=(12, 16))
        write_mask(root / "ground_truth" / "broken" / f"{number:03d}_mask.png", 1 + number)
    (root / "license.txt").write_text("x")
    return root


def write_mask(path, rows):
    mask = np.zeros((12, 16), np.uint8)
    mask[:rows, 4:8] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def test_labels_purposes_and_masks(bottle):
    collection = read_mvtec(str(bottle))
    assert collection.classes == ("good", "broken")
    found = {image.name: (image.labels, image.purpose, len(image.annotation.shapes)) for image in collection.images}
    assert found == {
        "test/broken/000.png": (("broken",), "test", 1),
        "test/broken/001.png": (("broken",), "test", 1),
        "test/good/000.png": (("good",), "test", 0),
        **{f"train/good/00{number}.png": (("good",), "train", 0) for number in range(3)},
    }
    (mask,) = collection.images[0].annotation.shapes
    assert (mask.label, mask.kind, mask.mask) == ("broken", "mask", f"{bottle}/ground_truth/broken/000_mask.png")


def test_the_source_comes_back_as_it_was(bottle, tmp_path):
    given = read_format("mvtec", str(bottle))
    write_format(given, "mvtec", str(tmp_path / "out"))
    assert not (tmp_path / "out" / "brevetti.json").exists()
    back = read_mvtec(str(tmp_path / "out"))
    assert contents(back) == contents(given)
    assert back.classes == given.classes


def test_masks_become_run_lengths_and_polygons_elsewhere(bottle, tmp_path):
    write_format(read_mvtec(str(bottle)), "coco", str(tmp_path / "coco"))
    marks = [shape for image in read_format("coco", str(tmp_path / "coco")).images for shape in image.annotation.shapes]
    assert sorted(shape.mask.area for shape in marks) == [4, 8]
    write_format(read_mvtec(str(bottle)), "yolo", str(tmp_path / "yolo"))
    lines = "".join(path.read_text() for path in (tmp_path / "yolo" / "labels").rglob("*.txt"))
    numbers = [float(word) for word in lines.splitlines()[0].split()]
    assert numbers[0] == 1
    assert sorted(set(numbers[1::2])) == [0.25, 0.5]


def test_good_images_to_develop_on_are_to_validate_with(bottle, tmp_path):
    given = read_mvtec(str(bottle))
    images = tuple(replace(one, purpose="devel") if one.name.endswith("002.png") else one for one in given.images)
    write_format(replace(given, images=images), "mvtec", str(tmp_path / "out"))
    assert [path.name for path in (tmp_path / "out" / "validation" / "good").iterdir()] == ["002.png"]
    assert not (tmp_path / "out" / "brevetti.json").exists()


class TestHostileInput:
    def test_a_defect_without_its_mask_is_named(self, bottle):
        (bottle / "ground_truth" / "broken" / "001_mask.png").unlink()
        with pytest.raises(
            DataError, match=r"test/broken/001\.png: expected its mask ground_truth/broken/001_mask\.png"
        ):
            read_mvtec(str(bottle))

    def test_a_set_without_masks_has_labels_alone(self, bottle):
        for path in (bottle / "ground_truth" / "broken").iterdir():
            path.unlink()
        assert [len(image.annotation.shapes) for image in read_mvtec(str(bottle)).images] == [0] * 6

    def test_the_folder_of_all_objects_names_them(self, bottle):
        with pytest.raises(DataError, match=r"import one of its objects \(bottle\)"):
            read_mvtec(str(bottle.parent))

    def test_an_image_that_is_none_is_named(self, bottle):
        (bottle / "train" / "good" / "001.png").write_bytes(b"")
        with pytest.raises(DecodeError, match=r"train/good/001\.png: expected an image, received an empty file"):
            read_mvtec(str(bottle))

    def test_nothing_there(self, tmp_path):
        with pytest.raises(NotFoundError):
            read_mvtec(str(tmp_path / "nowhere"))


def test_a_mask_may_have_the_image_s_own_name(bottle):
    masks = bottle / "ground_truth" / "broken"
    (masks / "000_mask.png").rename(masks / "000.png")
    (mask,) = read_mvtec(str(bottle)).images[0].annotation.shapes
    assert mask.mask == str(masks / "000.png")


def test_each_of_several_masks_in_the_image_s_own_folder_is_a_mark(bottle, tmp_path):
    masks = bottle / "ground_truth" / "broken"
    for name, rows in {"000/001.png": 3, "000/000.png": 2, "001/000.png": 4}.items():
        write_mask(masks / name, rows)
    for number in range(2):
        (masks / f"{number:03d}_mask.png").unlink()
    given = read_format("mvtec", str(bottle))
    first, second = (image.annotation.shapes for image in given.images[:2])
    assert [shape.mask for shape in first] == [str(masks / "000" / "000.png"), str(masks / "000" / "001.png")]
    assert [shape.mask for shape in second] == [str(masks / "001" / "000.png")]
    assert write_format(given, "mvtec", str(tmp_path / "out")).kept_aside == 1
    assert contents(read_format("mvtec", str(tmp_path / "out"))) == contents(given)
    (masks / "001" / "000.png").unlink()
    with pytest.raises(DataError, match=r"test/broken/001\.png: expected its mask"):
        read_mvtec(str(bottle))


def test_images_that_lie_in_no_folder_of_a_label_or_too_deep_are_none(bottle):
    write_image(bottle / "test" / "overview.png", size=(12, 16))
    write_image(bottle / "test" / "good" / "small" / "000.png", size=(12, 16))
    assert len(read_mvtec(str(bottle)).images) == 6


def test_an_export_makes_masks_of_all_kinds_of_marks(tmp_path):
    shapes = (
        Shape("bad", "rectangle", ((0.0, 0.0), (4.0, 2.0))),
        Shape("other", "polygon", ((8.0, 8.0), (12.0, 8.0), (12.0, 12.0), (8.0, 12.0))),
        Shape("bad", "class"),
    )
    for number in range(3):
        write_image(tmp_path / f"{number}.png", seed=number, size=(12, 16))
    images = (
        AnnotatedImage(str(tmp_path / "0.png"), "0.png", ("good",), "train", Annotation((), 16, 12)),
        AnnotatedImage(str(tmp_path / "1.png"), "1.png", (), "train", Annotation(shapes, 16, 12)),
        AnnotatedImage(str(tmp_path / "2.png"), "2.png", (), "", Annotation((), 16, 12)),
    )
    write_format(Collection(images, ("good", "bad", "other")), "mvtec", str(tmp_path / "out"))
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert found == {
        "train/good/0.png", "train/good/2.png", "test/bad/1.png", "ground_truth/bad/1_mask.png",
    }  # fmt: skip
    mask = np.asarray(Image.open(tmp_path / "out" / "ground_truth" / "bad" / "1_mask.png"))
    assert set(np.unique(mask)) == {0, 255}
    assert (mask == 255).sum() == 8 + 16
    back = read_format("mvtec", str(tmp_path / "out"))
    assert contents(back) == contents(Collection(images))


def test_a_defect_of_an_odd_name_gets_a_plain_folder_and_its_name_again(tmp_path):
    write_image(tmp_path / "0.png", size=(12, 16))
    write_image(tmp_path / "1.png", seed=1, size=(12, 16))
    images = (
        AnnotatedImage(str(tmp_path / "0.png"), "0.png", ("good",), "train", Annotation((), 16, 12)),
        AnnotatedImage(str(tmp_path / "1.png"), "1.png", ("../x: y",), "test", Annotation((), 16, 12)),
    )
    write_format(Collection(images, ("good", "../x: y")), "mvtec", str(tmp_path / "out"))
    assert (tmp_path / "out" / "test" / "_x_ y" / "1.png").exists()
    assert read_format("mvtec", str(tmp_path / "out")).images[0].labels == ("../x: y",)


def test_a_validation_set_is_to_develop_on(bottle):
    write_image(bottle / "validation" / "good" / "000.png", seed=5, size=(12, 16))
    found = {image.name: image.purpose for image in read_mvtec(str(bottle)).images}
    assert found["validation/good/000.png"] == "devel"
    assert found["train/good/000.png"] == "train"


def test_a_mask_of_another_size_is_told_when_it_is_drawn(bottle, tmp_path):
    Image.new("L", (5, 5), 255).save(bottle / "ground_truth" / "broken" / "000_mask.png")
    collection = read_mvtec(str(bottle))
    with pytest.raises(DataError, match=r"expected a mask of the image's 12 x 16 pixels .* received 5 x 5"):
        write_format(collection, "mvtec", str(tmp_path / "out"))
