"""Augmentation of 224×224 images in batches of 32: ours beside six Keras layers and Albumentations.

The same set of transformations everywhere: flips, rotation, zoom, translation, contrast, brightness, each for every
image. Figure to reach: at least 8 × the Keras layers in the processor's time by OpenCV, at least 3 × in the graph.

    .venv/bin/python -m benchmarks.augmentation            # Albumentations beside them after `make bench`
"""

import argparse
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from benchmarks.report import Figure, show
from brevetti_keras.data.image import ImageAugmenter

SIDE, BATCH = 224, 32
PEERS = Path(__file__).parents[1] / ".venv-bench" / "bin" / "python"
PEER_SCRIPT = Path(__file__).with_name("peers") / "albumentations_speed.py"
SAME: dict[str, Any] = {
    "random_transformer": {"chance": 1, "rotate_chance": 1, "rotate": 90, "shear": 0},
    "image_noise": {"chance": 1, "hue": 0, "saturation": (1, 1), "contrast": (0.5, 1.5), "stddev": 0},
}
MORE: dict[str, Any] = {"random_transformer": {"chance": 1, "rotate_chance": 1}, "image_noise": {"chance": 1}}

GOALS = {"ours by OpenCV, float32": 8.0, "ours by OpenCV, uint8": 8.0, "ours in the graph, float32": 3.0}

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


def albumentations_speed() -> float | None:
    """Returns Albumentations' milliseconds of the processor an image, or None where it is not installed."""
    if not PEERS.is_file():
        return None
    # Without this it asks the network for a newer version of itself.
    environment = {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"}
    found = subprocess.run([PEERS, PEER_SCRIPT], capture_output=True, text=True, timeout=300, env=environment)
    return float(found.stdout) if found.returncode == 0 else None


def alone_speed(images: Any, seeds: Any) -> float:
    """Returns our milliseconds of the processor an image without TensorFlow, as Albumentations is measured."""
    augmenter = ImageAugmenter(**SAME, value_range=(0, 255))
    times = []
    for _ in range(4):
        start = time.process_time()
        for first in range(0, 192, BATCH):
            augmenter.vary(images[first : first + BATCH], seeds[first : first + BATCH])
        times.append((time.process_time() - start) / 192 * 1e3)
    return min(times)


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
    figures = []
    for name, (processor, clock) in best.items():
        figures.append(Figure(f"{name}: processor's time an image", processor, "ms"))
        figures.append(Figure(f"{name}: clock's time an image", clock, "ms"))
        figures.append(Figure(f"{name}: against Keras", reference[0] / processor, "x", at_least=GOALS.get(name)))
    figures.append(Figure("ours by OpenCV, uint8, without TensorFlow", alone_speed(images, seeds), "ms"))
    peer = albumentations_speed()
    if peer is not None:
        figures.append(Figure("Albumentations, uint8", peer, "ms"))
    show(f"Augmentation, {arguments.images} images of {SIDE} x {SIDE} in batches of {BATCH}", figures)


if __name__ == "__main__":
    main()
