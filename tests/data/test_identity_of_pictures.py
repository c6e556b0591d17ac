"""The same sample at the same (seed, epoch, position) is the same picture through the whole chain, however it is run.

What is expected is made by hand, one picture at a time without TensorFlow: the order's row at a position, the file as
the pipeline reads it, and the augmenter with the seed of that position.
"""

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.data.keyed import derive, seeds
from brevetti_keras.data.sampling import AUGMENT, make_order
from tests.support.images import write_image_folder

AUGMENTER = ImageAugmenter(
    random_transformer={"chance": 0.7},
    image_noise={"chance": 0.7, "stddev": 0.02},
    salt_pepper={"chance": 0.5, "fraction": 0.02, "scale": 3},
    image_filter={"chance": 0.5, "emboss_strength": (0.5, 1.5)},
    image_deformation={"chance": 0.5, "alpha": 3, "sigma": 4},
)
EPOCHS = 2


def as_bytes(batch):
    return {**batch, "img": tf.cast(batch["img"], tf.uint8)}


@dataclass(frozen=True)
class Case:
    """A range of values: what the pipeline gives, whether it is cast to bytes, and the augmenter as it works there."""

    pipeline: ImagePipeline
    to_bytes: bool = False

    @property
    def maps(self):
        return [self.pipeline, as_bytes if self.to_bytes else None, AUGMENTER]

    def picture(self, path, pair):
        image = self.pipeline.load_image(path)
        augmenter = AUGMENTER.bind([self.pipeline])
        return augmenter.vary((image.astype(np.uint8) if self.to_bytes else image)[None], pair[None])[0]


CASES = {
    "0 to 255": Case(ImagePipeline(target_size=(20, 17))),
    "0 to 1": Case(ImagePipeline(target_size=(20, 17), rescale="unit", color_mode="greyscale")),
    "-1 to 1": Case(ImagePipeline(target_size=(16, 23), rescale="imagenet")),
    "bytes": Case(ImagePipeline(target_size=(20, 17)), to_bytes=True),
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    root = write_image_folder(tmp_path_factory.mktemp("data") / "vials", {"cracked": 3, "dirty": 4, "good": 6})
    paths = sorted(map(str, root.rglob("*.png")))
    return pd.DataFrame({"path": paths, "folder": [Path(path).parent.name for path in paths]})


@pytest.fixture(scope="module")
def expected(samples):
    """Returns a function that makes the picture at a place by hand, once."""
    made = {}

    def at(name, grouped, seed, epoch, position):
        key = (name, grouped, seed, epoch, position)
        if key not in made:
            groupby = ["folder"] if grouped else None
            order = make_order(samples, len(samples), shuffle=True, seed=seed, groupby=groupby)
            row = int(order.rows(epoch, position, position + 1)[0])
            pair = seeds(derive(seed, epoch, AUGMENT), [position], 1)[0, 0]
            made[key] = CASES[name].picture(samples["path"][row], pair)
        return made[key]

    return at


@pytest.mark.parametrize("name", CASES)
@given(
    batch_size=st.integers(1, 15),
    grouped=st.booleans(),
    seed=st.integers(0, 2),
    threads=st.sampled_from([1, 4]),
    shards=st.integers(1, 3),
    batch=st.booleans(),
    data=st.data(),
)
@settings(max_examples=5, deadline=None)
def test_a_picture_depends_on_its_place_alone(
    samples, expected, name, batch_size, grouped, seed, threads, shards, batch, data
):
    whole = DataGenerator(
        samples,
        batch_size,
        shuffle=True,
        repeat=EPOCHS,
        seed=seed,
        sampling_groupby="folder" if grouped else None,
        output_structure="img",
    ).map(CASES[name].maps)
    index = data.draw(st.integers(0, shards - 1))
    part = whole.shard(index, shards)
    start = data.draw(st.tuples(st.integers(0, EPOCHS - 1), st.integers(0, len(part))))
    dataset = part.get_dataset(batch=batch, start=start)
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    pictures = list(dataset.with_options(options).as_numpy_iterator())
    pictures = [picture for batched in pictures for picture in batched] if batch else pictures
    positions = range(index, len(samples), shards)
    places = [(epoch, position) for epoch in range(EPOCHS) for position in positions]
    places = places[start[0] * len(positions) + min(start[1] * batch_size, len(positions)) :]
    assert len(pictures) == len(places)
    for (epoch, position), picture in zip(places, pictures, strict=True):
        np.testing.assert_array_equal(picture, expected(name, grouped, seed, epoch, position))


def test_pictures_differ_by_epoch_and_by_seed(samples):
    def digests(seed):
        generator = DataGenerator(samples[:1], 1, repeat=3, seed=seed, output_structure="img")
        return {image.tobytes() for image in generator.map(CASES["0 to 255"].maps).get_dataset_numpy()}

    assert len(digests(1) | digests(2)) == 6


PROGRAM = """
import hashlib, sys
import pandas as pd
from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
augmenter = ImageAugmenter.from_config({augmenter!r})
generator = DataGenerator(
    pd.DataFrame({{"path": {paths!r}}}), 5, shuffle=True, repeat=2, seed=7, output_structure="img"
).map([ImagePipeline(target_size=(20, 17)), augmenter])
digest = hashlib.sha256()
for batch in generator.get_dataset_numpy():
    digest.update(batch.tobytes())
sys.stdout.write(digest.hexdigest())
"""


def test_another_process_makes_the_same_pictures(samples):
    paths = samples["path"].tolist()
    program = PROGRAM.format(augmenter=AUGMENTER.get_config(), paths=paths)
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=240)
    digest = hashlib.sha256()
    frame = pd.DataFrame({"path": paths})
    generator = DataGenerator(frame, 13, shuffle=True, repeat=2, seed=7, output_structure="img")
    for batch in generator.map(CASES["0 to 255"].maps).get_dataset_numpy():
        digest.update(batch.tobytes())
    assert other.stdout == digest.hexdigest()


def test_what_a_seed_draws_stays_from_release_to_release():
    # Written down once: a change here changes every training that is repeated by its seed.
    (drawn,) = ImageAugmenter(random_transformer={"chance": 1}, image_noise={"chance": 1}).drawn(np.array([[1, -2]]))
    assert drawn == {
        "random_transformer": pytest.approx(GOLDEN_MOTION, abs=1e-12),
        "image_noise": pytest.approx(GOLDEN_NOISE, abs=1e-12),
    }


GOLDEN_MOTION = {
    "flip_up_down": False,
    "flip_left_right": True,
    "scale": 1.0107419835998217,
    "rotate": 0.0,
    "translate_horizontal": 0.01394674683105937,
    "translate_vertical": 0.04188254799821539,
    "shear": 0.03000770969014422,
}
GOLDEN_NOISE = {
    "brightness": -0.2435650628082216,
    "contrast": 0.6555661600896402,
    "hue": -0.04441395742797497,
    "saturation": 1.157541764359984,
}
