"""`ImagePipeline` against Keras' directory loader and `Dataset.cache(file)`: first epoch, later epochs, error, memory.

Figures to reach: first epoch without a cache at least 1.3 × `image_dataset_from_directory`, at an error no larger than
its own; later epochs at least as fast as `Dataset.cache(file)`, at least 50 × the directory loader as uint8, and at
least 20 × once cast and rescaled; memory flat over 50 epochs.

Processor time counts both cores, and is what to compare on a machine that others use too.

    .venv/bin/python benchmarks/decoding.py [--profile]
"""

import cProfile
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import psutil
import tensorflow as tf
from PIL import Image

from brevetti_keras.data.decoded_cache import DecodedCache
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.data.image.resampling import resize

COUNT, HEIGHT, WIDTH, SIDE, BATCH = 200, 960, 1280, 224, 32
REPEATS, EPOCHS, SETTLED = 20, 50, 10
LONG_AGO = 1_000_000_000


def write_photos(folder: Path) -> list[str]:
    """Writes photos of large shapes with fine detail, as JPEG of quality 90."""
    random = np.random.default_rng(0)
    paths = []
    for number in range(COUNT):
        image = np.full((HEIGHT, WIDTH, 3), 128, np.float32)
        for side, strength in ((6, 50), (40, 25), (200, 12), (480, 6)):
            layer = random.normal(0, strength, (side, side, 3)).astype(np.float32)
            image += cv2.resize(layer, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        path = folder / f"{number % 2}" / f"{number:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(path, quality=90)
        os.utime(path, (LONG_AGO, LONG_AGO))
        paths.append(str(path))
    return sorted(paths)


def measure(name: str, dataset: Any, images: int, reference: float | None = None) -> float:
    """Prints and returns the processor's milliseconds an image."""
    start, begun = time.process_time(), time.perf_counter()
    seen = sum(int(batch.shape[0]) for batch in dataset)
    cpu, wall = time.process_time() - start, time.perf_counter() - begun
    if seen != images:
        raise SystemExit(f"{name}: expected {images} images, received {seen}")
    ratio = f"{reference / (1e3 * cpu / images):8.2f} x" if reference else ""
    print(
        f"{name:46} {1e3 * cpu / images:7.3f} CPU ms/image {images / wall:9.0f} images/s {ratio:12} "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return 1e3 * cpu / images


def error(path: str, image: Any) -> float:
    """Returns the root mean square distance from the area-averaged picture."""
    full = np.asarray(Image.open(path))
    averaged = resize(full, (SIDE, SIDE), "area")
    return float(np.sqrt(np.mean((np.asarray(image, np.float32) - averaged) ** 2)))


def dataset(paths: list[str], pipeline: Callable[[Any], Any], repeats: int = 1) -> Any:
    """Returns batches of what a pipeline makes."""
    batches = tf.data.Dataset.from_tensor_slices({"path": paths}).batch(BATCH).repeat(repeats)
    images = batches.map(pipeline, num_parallel_calls=tf.data.AUTOTUNE).map(lambda batch: batch["img"])
    return images.prefetch(tf.data.AUTOTUNE)


def pixels_of(cache: DecodedCache) -> Callable[[Any], Any]:
    """Returns a map to the cache's own uint8, before it is scaled."""

    def load(names: Any) -> Any:
        return cache.load([name.decode() for name in names])

    def pipeline(batch: Any) -> Any:
        images = tf.numpy_function(load, [batch["path"]], tf.uint8)
        images.set_shape([None, SIDE, SIDE, 3])
        return {"img": images}

    return pipeline


def first_epoch(folder: Path, paths: list[str]) -> float:
    """Compares the first epoch; returns Keras' milliseconds an image."""
    loader = keras.utils.image_dataset_from_directory(
        folder, labels=None, image_size=(SIDE, SIDE), batch_size=BATCH, shuffle=False, verbose=False
    )
    uncached = dataset(paths, ImagePipeline(target_size=(SIDE, SIDE), cache=False))
    for warming in (loader, uncached):
        for _ in warming.take(1):
            pass
    keras_time = min(measure("image_dataset_from_directory", loader, COUNT) for _ in range(2))
    for _ in range(2):
        measure("first epoch, cache off", uncached, COUNT, keras_time)
    theirs = np.mean([error(path, image) for path, image in zip(paths[:20], next(iter(loader)), strict=False)])
    ours = np.mean([error(path, image) for path, image in zip(paths[:20], next(iter(uncached)), strict=False)])
    print(f"error against the area-averaged picture: Keras {theirs:.3f}, ours {ours:.3f}")
    return keras_time


def later_epochs(folder: Path, paths: list[str], keras_time: float) -> None:
    """Compares later epochs, uint8 and scaled."""
    pipeline = ImagePipeline(target_size=(SIDE, SIDE), rescale="unit", cache=str(folder / "cache"))
    measure("epoch that fills the cache", dataset(paths, pipeline), COUNT, keras_time)
    loader = keras.utils.image_dataset_from_directory(
        folder / "photos", labels=None, image_size=(SIDE, SIDE), batch_size=BATCH, shuffle=False, verbose=False
    )
    kept = loader.map(lambda images: tf.cast(images, tf.uint8)).unbatch().cache(str(folder / "kept")).batch(BATCH)
    measure("epoch that fills Dataset.cache(file)", kept, COUNT, keras_time)
    many = COUNT * REPEATS
    scaled = kept.repeat(REPEATS).map(lambda images: tf.cast(images, tf.float32) / 255, tf.data.AUTOTUNE)
    theirs = measure("Dataset.cache(file), uint8", kept.repeat(REPEATS).prefetch(tf.data.AUTOTUNE), many, keras_time)
    their_scaled = measure(
        "Dataset.cache(file), cast and rescaled", scaled.prefetch(tf.data.AUTOTUNE), many, keras_time
    )
    cache = DecodedCache(pipeline.cache or None, pipeline.reader)
    for start in range(0, COUNT, BATCH):  # a first meeting with the files, as in an epoch before
        cache.load(paths[start : start + BATCH])
    ours = measure("decoded cache, uint8", dataset(paths, pixels_of(cache), REPEATS), many, keras_time)
    our_scaled = measure("decoded cache, float32 rescaled", dataset(paths, pipeline, REPEATS), many, keras_time)
    print(f"against Dataset.cache(file): uint8 {theirs / ours:.2f} x, scaled {their_scaled / our_scaled:.2f} x")


def resident() -> dict[str, float]:
    """Returns the memory in use, MB: this process' own (`RssAnon`) and that of files, as of libraries (`RssFile`)."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {words[0].rstrip(":"): 1024 * int(words[1]) / 1e6 for words in lines if words[0].startswith("Rss")}


def memory(folder: Path, paths: list[str]) -> None:
    """Prints the memory in use over 50 epochs of one data set, as `fit` runs them, and its trend."""
    pipeline = ImagePipeline(target_size=(SIDE, SIDE), rescale="unit", cache=str(folder / "cache"))
    process = psutil.Process()
    batches = dataset(paths, pipeline)
    own = []
    for epoch in range(1, EPOCHS + 1):
        for _ in batches:
            pass
        now = resident()
        own.append(now["RssAnon"])
        if epoch in {1, 2} or epoch % 5 == 0:
            print(
                f"epoch {epoch:3}: {now['RssAnon']:7.1f} MB of its own, {now['RssFile']:7.1f} MB of files, "
                f"{process.num_fds()} files open",
                flush=True,
            )
    settled = own[SETTLED - 1 :]
    slope = np.polyfit(range(len(settled)), settled, 1)[0]
    print(
        f"epochs {SETTLED} to {EPOCHS}: {min(settled):.1f} to {max(settled):.1f} MB of its own, "
        f"{slope:+.3f} MB an epoch; a batch has {BATCH * SIDE * SIDE * 3 * 4 / 1e6:.1f} MB"
    )


def profile(folder: Path, paths: list[str]) -> None:
    """Shows where the time of a first epoch goes, in this thread alone."""
    pipeline = ImagePipeline(target_size=(SIDE, SIDE), cache=str(folder / "profiled"))
    profiler = cProfile.Profile()
    with profiler:
        for path in paths:
            pipeline.load_image(path)
    profiler.print_stats("tottime")


def main() -> None:
    """Prints all comparisons."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["BREVETTI_CACHE"] = str(folder / "caches")
        paths = write_photos(folder / "photos")
        keras_time = first_epoch(folder / "photos", paths)
        later_epochs(folder, paths, keras_time)
        memory(folder, paths)
        if "--profile" in sys.argv:
            profile(folder, paths)


if __name__ == "__main__":
    main()
