"""A small fit under the backend that KERAS_BACKEND names; prints what it saw as JSON.

Keras is imported before TensorFlow: under torch the other way round crashes with some versions of CUDA.
"""

import hashlib
import json
import sys
import time

import keras
import pandas as pd

from brevetti_keras.data.data_generator import DataGenerator, OneHotEncoder
from brevetti_keras.data.image import ImageAugmenter, ImagePipeline

EPOCHS = 6


def main(form: str, table: str) -> None:
    """Fits a small network on the samples of a CSV."""
    start = time.perf_counter()
    samples = pd.read_csv(table)
    samples["category"] = [(label,) for label in samples["label"]]
    keras.utils.set_random_seed(0)
    maps = [
        ImagePipeline(target_size=(16, 16), rescale="unit"),
        ImageAugmenter(random_transformer={"chance": 0.5}, image_noise={"chance": 0.5, "hue": 0, "brightness": 0.05}),
        OneHotEncoder(sorted(set(samples["label"]))),
    ]
    train = DataGenerator(samples, 8, shuffle=True, repeat=True, seed=5, output_structure=("img", "onehot")).map(maps)
    dataset = train.get_dataset(form=form)
    first = next(iter(dataset))[0].numpy()
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.05), "categorical_crossentropy")
    history = model.fit(dataset, steps_per_epoch=len(train), epochs=EPOCHS, shuffle=False, verbose=0)
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                "losses": [float(loss) for loss in history.history["loss"]],
                "first": hashlib.sha256(first.tobytes()).hexdigest(),
                "seconds": time.perf_counter() - start,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
