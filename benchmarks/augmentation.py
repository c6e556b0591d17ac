"""Augmentation of 224×224 images in batches of 32: ours beside six Keras layers and Albumentations.

The same set of transformations everywhere: flips, rotation, zoom, translation, contrast, brightness, each for every
image. Figure to reach: at least 8 × the Keras layers in the processor's time by OpenCV, at least 3 × in the graph.

    .venv/bin/python benchmarks/augmentation.py            # Albumentations beside them where it is installed
"""

import argparse
import importlib
import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from brevetti_keras.data.host_call import HostCall
from brevetti_keras.data.image import ImageAugmenter

SIDE, BATCH = 224, 32
SAME: dict[str, Any] = {
    "random_transformer": {"chance": 1, "rotate_chance": 1, "rotate": 90, "shear": 0},
    "image_noise": {"chance": 1, "hue": 0, "saturation": (1, 1), "contrast": (0.5, 1.5), "stddev": 0},
}
MORE: dict[str, Any] = {"random_transformer": {"chance": 1, "rotate_chance": 1}, "image_noise": {"chance": 1}}

Map = Callable[[Any, Any], Any]


def keras_layers() -> Map:
    """Returns Keras' layers as a map of (images, seeds)."""
    layers = keras.layers
    chain = keras.Sequential(
        [
            layers.RandomFlip("horizontal_and_vertical"),
            layers.RandomRotation(90 / 360, fill_mode="constant"),
            layers.RandomZoom(0.2, fill_mode="constant"),
            layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
            layers.RandomContrast(0.5),
            layers.RandomBrightness(0.25, value_range=(0, 255)),
        ]
    )

    def run(images: Any, seeds: Any) -> Any:
        return chain(images, training=True)

    return run


def ours(settings: dict[str, Any]) -> Map:
    """Returns our augmenter as a map of (images, seeds)."""
    augmenter = ImageAugmenter(**settings, value_range=(0, 255))

    def run(images: Any, seeds: Any) -> Any:
        return augmenter({"img": images}, seed=seeds)["img"]

    return run


def in_graph(settings: dict[str, Any]) -> Map:
    """Returns our augmenter's form in the graph as a map of (images, seeds)."""
    function = ImageAugmenter(**settings, value_range=(0, 255)).graph_form(pd.DataFrame()).function

    def run(images: Any, seeds: Any) -> Any:
        return function({"img": images}, seed=seeds)["img"]

    return run


def albumentations() -> Map:
    """Returns Albumentations' transformations as a map of (images, seeds)."""
    peer = importlib.import_module("albumentations")
    chain = peer.Compose(
        [
            peer.HorizontalFlip(p=0.5),
            peer.VerticalFlip(p=0.5),
            peer.Affine(rotate=(-90, 90), scale=(0.8, 1.2), translate_percent=(-0.1, 0.1), p=1),
            peer.RandomBrightnessContrast(brightness_limit=0.25, contrast_limit=0.5, p=1),
        ]
    )
    call = HostCall(lambda images: np.stack([chain(image=image)["image"] for image in images]), blank=np.copy)

    def run(images: Any, seeds: Any) -> Any:
        result = tf.numpy_function(call, [images], images.dtype)
        result.set_shape(images.shape)
        return result

    return run


def cases() -> dict[str, tuple[Map, type[np.generic]]]:
    """Returns the maps and the types of image they get, by name; the first is what the others are compared with."""
    found: dict[str, tuple[Map, type[np.generic]]] = {
        "six Keras layers, float32": (keras_layers(), np.float32),
        "ours by OpenCV, float32": (ours(SAME), np.float32),
        "ours by OpenCV, uint8": (ours(SAME), np.uint8),
        "ours by OpenCV and hue, saturation, shear, noise, float32": (ours(MORE), np.float32),
        "ours by OpenCV and hue, saturation, shear, noise, uint8": (ours(MORE), np.uint8),
        "ours in the graph, float32": (in_graph(SAME), np.float32),
        "ours in the graph and hue, saturation, shear, noise, float32": (in_graph(MORE), np.float32),
    }
    if importlib.util.find_spec("albumentations"):
        found["Albumentations, uint8"] = (albumentations(), np.uint8)
    return found


def measure(images: Any, seeds: Any, function: Map) -> tuple[float, float]:
    """Returns the milliseconds an image of the processor and of the clock."""
    dataset = tf.data.Dataset.from_tensor_slices((images, seeds)).batch(BATCH, drop_remainder=True)
    dataset = dataset.map(function, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
    for _ in dataset.take(2):  # tracing
        pass
    processor, clock = time.process_time(), time.perf_counter()
    for _ in dataset:
        pass
    count = len(images) / 1000
    return (time.process_time() - processor) / count, (time.perf_counter() - clock) / count


def main() -> None:
    """Prints one line a case: the best of some rounds in turn."""
    parser = argparse.ArgumentParser(description="Measures augmentation beside Keras' layers and Albumentations.")
    parser.add_argument("--images", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    images = np.random.default_rng(0).integers(0, 256, (arguments.images, SIDE, SIDE, 3), dtype=np.uint8)
    seeds = np.arange(2 * len(images), dtype=np.int32).reshape(-1, 2)
    as_type = {np.uint8: images, np.float32: images.astype(np.float32)}
    best: dict[str, tuple[float, float]] = {}
    for _ in range(arguments.rounds):
        for name, (function, dtype) in cases().items():
            found = measure(as_type[dtype], seeds, function)
            best[name] = min(best.get(name, found), found)
    reference = next(iter(best.values()))
    print(f"load {os.getloadavg()[0]:.1f}, {arguments.images} images of {SIDE} x {SIDE}, batches of {BATCH}")
    for name, (processor, clock) in best.items():
        ratios = f"{reference[0] / processor:5.1f} x processor, {reference[1] / clock:5.1f} x clock"
        print(f"{name:61} {processor:6.2f} ms processor {clock:6.2f} ms clock an image   {ratios}")


if __name__ == "__main__":
    main()
