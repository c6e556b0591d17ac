import io
import os

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from brevetti_keras.platform import Dataset
from brevetti_keras.utils.errors import DataError, InvalidInputError, NotFoundError


def png(value):
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 5, 3), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


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
