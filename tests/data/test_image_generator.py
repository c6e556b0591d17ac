from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from brevetti_keras.data.data_generator import build_image_data_generator
from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.utils.errors import DataError, InvalidInputError, SettingsError
from tests.support.images import write_image_folder

COUNTS = {"scratch": 3, "dent": 2, "good": 4}


@pytest.fixture
def samples(tmp_path: Path) -> pd.DataFrame:
    paths = sorted(write_image_folder(tmp_path, COUNTS).glob("*/*.png"))
    return pd.DataFrame({"path": [str(path) for path in paths], "category": [(path.parent.name,) for path in paths]})


def test_it_yields_images_and_one_hots_of_the_sorted_labels(samples: pd.DataFrame) -> None:
    generator = build_image_data_generator(samples, image={"target_size": (8, 6)}, batch_size=5)

    batches = list(generator.get_dataset_numpy())

    assert [image.shape for image, _ in batches] == [(5, 8, 6, 3), (4, 8, 6, 3)]
    onehot = np.concatenate([onehot for _, onehot in batches])
    assert onehot.sum(axis=0).tolist() == [2, 4, 3]
    assert onehot[0].tolist() == [1, 0, 0]


def test_images_are_those_of_the_pipeline(samples: pd.DataFrame) -> None:
    pipeline = ImagePipeline(target_size=(8, 6), rescale="unit", output_key="picture")

    images = np.concatenate(
        [image for image, _ in build_image_data_generator(samples, image=pipeline).get_dataset_numpy()]
    )

    alone = pipeline({"path": samples.path.to_numpy(dtype=object)})["picture"].numpy()
    assert images == pytest.approx(alone, abs=1e-6)


def test_without_a_pipeline_images_keep_their_size(samples: pd.DataFrame) -> None:
    image, _ = next(build_image_data_generator(samples).get_dataset_numpy())

    assert image.shape == (9, 32, 24, 3)


@pytest.mark.parametrize("labels", [["good", "dent"], ("good", "dent"), np.array(["good", "dent"])])
def test_classes_can_be_given(samples: pd.DataFrame, labels: Any) -> None:
    _, onehot = next(build_image_data_generator(samples, classes=labels).get_dataset_numpy())

    assert onehot.sum(axis=0).tolist() == [4, 2]


def test_text_is_one_label_and_several_labels_are_several_ones(samples: pd.DataFrame) -> None:
    text = samples.assign(category=[label for (label,) in samples.category])
    several = samples.assign(category=[(label, "any") for (label,) in samples.category])

    _, one = next(build_image_data_generator(text).get_dataset_numpy())
    _, two = next(build_image_data_generator(several).get_dataset_numpy())

    assert one.sum(axis=0).tolist() == [2, 4, 3]
    assert two.sum(axis=0).tolist() == [9, 2, 4, 3]


@pytest.mark.parametrize(
    "augmentation",
    [ImageAugmenter(), {"image_noise": {"chance": 1, "brightness": 0.3}}, {}],
    ids=["augmenter", "settings", "defaults"],
)
def test_augmentation_varies_the_epochs_and_repeats_with_the_seed(samples: pd.DataFrame, augmentation: Any) -> None:
    def made() -> list[Any]:
        generator = build_image_data_generator(
            samples, image={"target_size": (8, 6)}, augmentation=augmentation, repeat=2, seed=1
        )
        return [image for image, _ in generator.get_dataset_numpy()]

    first, second = made()

    again = made()
    assert np.array_equal(first, again[0])
    assert np.array_equal(second, again[1])
    assert not np.array_equal(first, second)
    assert first.min() >= 0
    assert first.max() <= 255
    assert first.max() > 1


def test_the_generators_arguments_are_taken(samples: pd.DataFrame) -> None:
    generator = build_image_data_generator(
        samples, batch_size=2, shuffle=True, repeat=True, seed=7, output_structure=("onehot", "path")
    )

    onehot, path = next(generator.get_dataset_numpy())

    assert (generator.batch_size, generator.seed, len(generator)) == (2, 7, 5)
    assert onehot.shape == (2, 3)
    assert path.shape == (2,)


def test_wrong_settings_and_samples_are_refused(samples: pd.DataFrame) -> None:
    with pytest.raises(SettingsError, match="ImagePipeline: target_siz: unknown setting, did you mean 'target_size'"):
        build_image_data_generator(samples, image={"target_siz": (8, 8)})
    with pytest.raises(SettingsError, match="ImageAugmenter: noise: unknown setting"):
        build_image_data_generator(samples, augmentation={"noise": {}})
    with pytest.raises(InvalidInputError, match="expected samples with a column 'category', received path"):
        build_image_data_generator(samples[["path"]])
    with pytest.raises(DataError, match="expected samples with labels in 'category', received none"):
        build_image_data_generator(samples.assign(category=[()] * len(samples)))
    for label, kind in ((1.0, "float"), (b"a", "bytes")):
        with pytest.raises(InvalidInputError, match=f"integers or tuples of these .* 'category', received {kind}"):
            build_image_data_generator(samples.assign(category=[label] * len(samples)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": 5}, "image: expected an ImagePipeline or its settings, received 5"),
        ({"augmentation": 5}, "augmentation: expected an ImageAugmenter or its settings, received 5"),
    ],
)
def test_components_of_another_kind_are_refused(samples: pd.DataFrame, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        build_image_data_generator(samples, **arguments)
