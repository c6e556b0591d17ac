"""The whole way of a segmenting job's data: a folder of MVTec AD to batches of varied images with their masks."""

import numpy as np
import pytest

from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.data.image import ImageAugmenter, ImagePipeline, SegmentationLoader
from brevetti_keras.data.sample_integrity import SampleSplit
from brevetti_keras.platform import Dataset, connect, get_image_samples
from brevetti_keras.platform.imports import import_dataset
from tests.support.drawn_parts import write_parts
from tests.support.images import write_image_folder

SCRATCH_ABOVE = 160 / 255
TURNS = {"chance": 1, "rotate": 25, "rotate_chance": 1, "scale": 0.1, "translate_horizontal": 0.05}


@pytest.fixture
def samples(tmp_path):
    with connect(tmp_path / "workspace") as platform:
        added = import_dataset(platform, "mvtec", str(write_parts(tmp_path / "caps")))
        loose = Dataset(write_image_folder(tmp_path / "loose", {"good": 10}, size=(72, 96)))
        return get_image_samples([added, loose], annotations=True)


def generator(samples, augmenter=None, **arguments):
    loader = SegmentationLoader(["scratch"])
    pipeline = ImagePipeline(
        target_size=(64, 64), keep_aspect_ratio=True, center_padding=True, rescale="unit", segmentation=loader
    )
    made = DataGenerator(samples, seed=3, output_structure=("img", "segmentation", "category"), **arguments)
    return made.map([pipeline, *([] if augmenter is None else [augmenter])])


def agreement(images, masks):
    """How much of the bright pixels and of the marked ones are both."""
    bright, marked = images.min(axis=-1) > SCRATCH_ABOVE, masks[..., 0] > 0
    return (bright & marked).sum() / (bright | marked).sum()


def test_given_purposes_stay_and_the_others_are_split(samples):
    assert samples.purpose.value_counts(dropna=False).to_dict() == {"train": 8, "test": 9, np.nan: 10}
    split = SampleSplit(split=0.7, seed=1).assign(samples, remainder="devel")
    given = samples.purpose.notna()
    assert split.purpose[given].tolist() == samples.purpose[given].tolist()
    assert split.purpose[~given].value_counts().to_dict() == {"train": 7, "devel": 3}
    assert set(split[split.purpose == "train"].folder) == {"good"}


def test_images_and_masks_come_in_batches_and_move_together(samples):
    tested = samples[samples.purpose == "test"]
    (plain,) = generator(tested, batch_size=16).get_dataset_numpy()
    images, masks, labels = plain
    assert images.shape == (9, 64, 64, 3)
    assert (masks.shape, masks.dtype) == ((9, 64, 64, 1), np.float32)
    scratched = np.array([b"scratch" in label for label in labels])
    assert (masks.any(axis=(1, 2, 3)) == scratched).all()
    assert agreement(images, masks) > 0.9
    augmenter = ImageAugmenter(random_transformer=TURNS, image_noise={"chance": 0})
    (varied,) = generator(tested, augmenter, batch_size=16).get_dataset_numpy()
    assert (varied[0][scratched] != images[scratched]).any(axis=(1, 2, 3)).all()
    assert (varied[1][scratched] != masks[scratched]).any(axis=(1, 2, 3)).all()
    assert agreement(varied[0], varied[1]) > 0.85


def test_a_sample_has_the_same_mask_in_any_batch(samples):
    tested = samples[samples.purpose == "test"]
    augmenter = ImageAugmenter(random_transformer=TURNS)
    together = [
        np.concatenate(parts)
        for parts in zip(*generator(tested, augmenter, batch_size=4, shuffle=True).get_dataset_numpy(), strict=True)
    ]
    alone = [
        np.concatenate(parts)
        for parts in zip(*generator(tested, augmenter, batch_size=1, shuffle=True).get_dataset_numpy(), strict=True)
    ]
    assert np.array_equal(together[0], alone[0])
    assert np.array_equal(together[1], alone[1])
