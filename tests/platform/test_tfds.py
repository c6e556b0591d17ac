import io
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from brevetti_keras.data.annotation import Annotation, Shape, read_annotation
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection
from brevetti_keras.platform import Dataset
from brevetti_keras.platform.tfds import read_tfds
from brevetti_keras.platform.tfds_writing import write_tfds
from brevetti_keras.utils.errors import ConflictError, DataError, InvalidInputError, NotFoundError
from tests.support.collections import contents, picture
from tests.support.stored_dataset import boxed_builder, png


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "cache"))


class TinyVials(tfds.core.GeneratorBasedBuilder):
    """Five images of two classes, made here."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3)),
                    "label": tfds.features.ClassLabel(names=["good", "a/b"]),
                }
            )
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate(4), "test": self._generate(1)}

    def _generate_examples(self):
        return iter(())

    def _generate(self, count):
        for index in range(count):
            yield index, {"image": io.BytesIO(png(index)), "label": index % 2}


class TinyNumbers(tfds.core.GeneratorBasedBuilder):
    """No image in it."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict({"number": np.int64}))

    def _split_generators(self, dl_manager):
        return {"train": iter([(0, {"number": 1})])}

    def _generate_examples(self):
        return iter(())


@pytest.fixture
def data_dir(tmp_path):
    return str(tmp_path / "tfds")


def test_a_split_is_written_once_as_the_files_it_holds(data_dir):
    dataset = Dataset.from_tfds("tiny_vials:1.0.0", split="train", data_dir=data_dir)
    assert dataset.name == "tiny_vials:1.0.0 train"
    samples = dataset.get_image_samples()
    assert sorted(samples.folder) == ["a_b", "a_b", "good", "good"]
    contents = set()
    for path in samples.path:
        with open(path, "rb") as file:
            contents.add(file.read())
    assert contents == {png(value) for value in range(4)}
    before = {path: os.stat(path).st_ino for path in samples.path}
    again = Dataset.from_tfds("tiny_vials:1.0.0", split="train", data_dir=data_dir)
    assert again.id == dataset.id
    assert {path: os.stat(path).st_ino for path in again.get_image_samples().path} == before


def test_splits_and_parts_of_them_lie_apart(data_dir):
    test = Dataset.from_tfds("tiny_vials", split="test", data_dir=data_dir)
    half = Dataset.from_tfds("tiny_vials", split="train[:50%]", data_dir=data_dir)
    assert len(test.get_image_samples()) == 1
    assert len(half.get_image_samples()) == 2
    assert test.bucket != half.bucket


@pytest.mark.parametrize(
    ("name", "split", "kind", "message"),
    [
        ("no_such_dataset_here", "train", NotFoundError, "expected a dataset of TensorFlow Datasets"),
        ("tiny_vials", "nope", InvalidInputError, "expected one of the splits"),
        ("tiny_numbers", "train", DataError, "expected a dataset of images, received tiny_numbers with number"),
    ],
)
def test_what_cannot_be_is_one_line(data_dir, name, split, kind, message):
    with pytest.raises(kind, match=message) as caught:
        Dataset.from_tfds(name, split=split, data_dir=data_dir)
    assert "\n" not in str(caught.value)


def test_several_splits_have_purposes_and_labels_as_they_are(data_dir):
    samples = Dataset.from_tfds("tiny_vials", split=None, data_dir=data_dir).get_image_samples()
    assert samples.purpose.value_counts().to_dict() == {"train": 4, "test": 1}
    assert sorted(set(samples.category)) == [("a/b",), ("good",)]
    assert "purpose" not in Dataset.from_tfds("tiny_vials", data_dir=data_dir).get_image_samples().dropna(axis=1)


def test_a_builder_will_do_and_its_boxes_are_annotations(tmp_path, capsys):
    builder = boxed_builder(str(tmp_path / "stored"))
    dataset = Dataset.from_tfds(builder, split=("train", "validation"))
    assert dataset.name == "boxed/1.0.0 train validation"
    samples = dataset.get_image_samples(annotations=True)
    assert sorted(zip(samples.purpose, samples.category, strict=True)) == [
        ("devel", ()),
        ("train", ()),
        ("train", ("cup",)),
    ]
    marked = samples[samples.category == ("cup",)].iloc[0]
    with open(marked.annotation_path, "rb") as file:
        (shape,) = read_annotation(file.read(), "x").shapes
    assert (shape.kind, shape.label, shape.points) == ("rectangle", "cup", ((1.0, 1.0), (5.0, 3.0)))
    with open(marked.path, "rb") as file:
        assert file.read() == png(1)


def test_a_folder_of_images_is_a_builder_too_and_read_anew_when_it_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "cache"))
    for place, value in {"train/a b/1": 0, "train/good/1": 1, "test/good/2": 2}.items():
        (tmp_path / "set" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / f"{place}.png").write_bytes(png(value))

    def held():
        samples = Dataset.from_tfds(tfds.ImageFolder(str(tmp_path / "set")), split=None).get_image_samples()
        assert all("/set/t" in name for name in samples["image/filename"])
        return sorted(
            zip(samples.purpose, samples.category, map(Path.read_bytes, map(Path, samples.path)), strict=True)
        )

    first = held()
    assert first == [("test", ("good",), png(2)), ("train", ("a b",), png(0)), ("train", ("good",), png(1))]
    (tmp_path / "set" / "test" / "good" / "3.png").write_bytes(png(3))
    assert held() == sorted([*first, ("test", ("good",), png(3))])
    with pytest.raises(InvalidInputError, match="expected one of the splits test, train of image_folder"):
        Dataset.from_tfds(tfds.ImageFolder(str(tmp_path / "set")), split="train[:50%]")


def test_an_export_comes_back_as_it_was(tmp_path, capsys):
    sources = tmp_path / "sources"
    sources.mkdir()
    labels = ("good", " a\n", '"', "b")
    mark = Shape("b", "line", ((1.0, 2.5), (30.0, 4.0)), extra={"severity": 2})
    box = Shape('"', "rectangle", ((-2.0, 1.0), (8.0, 5.0)))
    images = (
        AnnotatedImage(picture(sources, 0), "0.png", (" a\n", "good"), "train", Annotation((), 16, 12), {"lot": "7a"}),
        AnnotatedImage(picture(sources, 1), "1.png", (), "odd one", Annotation((mark, box), 16, 12)),
        AnnotatedImage(picture(sources, 2), "2.png", ("b",), "", Annotation((mark,), 16, 12)),
    )
    collection = Collection(images, labels, {"info": {"year": 2026}, "licenses": [{"id": 1, "name": "CC"}]})
    assert write_tfds(collection, "My parts!", str(tmp_path / "out")).images == 3
    assert capsys.readouterr().out == ""  # standard output is for answers
    back = read_tfds(str(tmp_path / "out"), parent=str(tmp_path / "written"))
    assert contents(back) == contents(collection)
    assert (back.classes, back.about) == (labels, collection.about)
    stored = tfds.builder_from_directory(str(tmp_path / "out" / "my_parts" / "1.0.0"))
    (sample,) = stored.as_dataset(split="odd_one").as_numpy_iterator()
    assert sample["image"].shape == (12, 16, 3)
    assert sample["objects"]["bbox"].tolist() == pytest.approx(
        np.array([[2.5 / 12, 1 / 16, 4 / 12, 1], [1 / 12, 0, 5 / 12, 0.5]])
    )
    with pytest.raises(ConflictError, match="expected a folder that is new or empty"):
        write_tfds(collection, "x", str(tmp_path / "out"))


def test_a_damaged_file_of_what_is_told_of_the_whole_is_named(tmp_path):
    image = AnnotatedImage(picture(tmp_path, 0), "0.png", ("a",), "train")
    write_tfds(Collection((image,), ("a",), {"info": 1}), "parts", str(tmp_path / "out"))
    (tmp_path / "out" / "parts" / "1.0.0" / "metadata.json").write_text("{")
    with pytest.raises(DataError, match=r"1\.0\.0/metadata\.json: expected JSON"):
        read_tfds(str(tmp_path / "out"), parent=str(tmp_path / "written"))


def test_an_export_of_the_same_name_is_read_anew(tmp_path):
    for number in range(2):
        image = AnnotatedImage(picture(tmp_path, number), "x.png", ("good",), "", Annotation((), 16, 12))
        write_tfds(Collection((image,), ("good",)), "same", str(tmp_path / str(number)))
        (found,) = read_tfds(str(tmp_path / str(number)), parent=str(tmp_path / "written")).images
        with open(found.path, "rb") as file, open(image.path, "rb") as source:
            assert file.read() == source.read()


def test_what_is_no_builder_is_one_line(tmp_path):
    with pytest.raises(InvalidInputError, match="expected a name or a builder of TensorFlow Datasets, received 3"):
        Dataset.from_tfds(3)
    with pytest.raises(DataError, match="expected one stored dataset of TensorFlow Datasets below it, found 0"):
        Dataset.from_tfds(str(tmp_path))
