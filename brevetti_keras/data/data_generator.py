"""From a DataFrame of samples to the batches of a model: what user code imports.

    generator = DataGenerator(samples, shuffle=True, repeat=True, output_structure=("img", "onehot"))
    generator = generator.map([ImagePipeline(target_size=(64, 64)), OneHotEncoder(classes)])
    model.fit(generator.get_dataset(), steps_per_epoch=len(generator), epochs=10, shuffle=False)

The class itself is in generator.py, which tells how its parts work together.
"""

from brevetti_keras.data.encoding import OneHotEncoder
from brevetti_keras.data.generator import DataGenerator
from brevetti_keras.data.image_generator import build_image_data_generator
from brevetti_keras.data.prediction import predict_dataset
from brevetti_keras.data.stratified_sampler import StratifiedSampler

__all__ = ["DataGenerator", "OneHotEncoder", "StratifiedSampler", "build_image_data_generator", "predict_dataset"]
