from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.data.prediction import predict_dataset
from brevetti_keras.data.tensor_errors import own_error, own_errors
from brevetti_keras.utils.errors import BrevettiError, DataError, DecodeError, InvalidInputError


def failing(error: Exception) -> Any:
    """Returns a data set of two numbers that then raises inside its pipeline."""

    def step(number: Any) -> Any:
        if number == 2:
            raise error
        return number

    numbers = tf.data.Dataset.range(3)
    return numbers.map(lambda number: tf.numpy_function(step, [number], tf.int64))


@pytest.mark.parametrize(
    "error",
    [
        DataError("no samples: add some"),
        InvalidInputError("expected a: b, received c: d"),
        DecodeError("/data/å: 7.png", "expected an image, received text: 'x'"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_ours_comes_out_as_itself(error: BrevettiError) -> None:
    found: list[int] = []

    with pytest.raises(type(error)) as caught:
        found.extend(int(number) for number in own_errors(failing(error)))

    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)
    assert isinstance(caught.value.__cause__, tf.errors.OpError)


def test_the_last_of_a_chain_of_errors_counts() -> None:
    try:
        raise DataError("the reason")
    except DataError as reason:
        outer = InvalidInputError("the outcome")
        outer.__cause__ = reason

    with pytest.raises(InvalidInputError, match=r"^the outcome$"):
        list(own_errors(failing(outer)))


def test_other_errors_stay_as_they_are() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="some other trouble"):
        list(own_errors(failing(ValueError("some other trouble"))))
    assert own_error(KeyboardInterrupt()) is None
    assert own_error(RuntimeError("brevetti_keras.utils.errors.Unknown: text")) is None


def test_a_file_that_cannot_be_read_is_named_by_generator_and_prediction() -> None:
    samples = pd.DataFrame({"path": ["/no/such.png"]})
    generator = DataGenerator(samples, output_structure="img").map(ImagePipeline(target_size=(4, 4)))

    with pytest.raises(tf.errors.OpError) as told:
        next(iter(generator.get_dataset()))
    text = str(told.value).splitlines()
    assert "DecodeError: /no/such.png: " in text[0]
    assert len(text) < 25  # what led to it is in the log, not here
    with pytest.raises(DecodeError) as caught:
        next(generator.get_dataset_numpy())
    assert caught.value.path == "/no/such.png"
    with pytest.raises(DecodeError, match=r"/no/such\.png: "):
        next(predict_dataset(lambda images: np.zeros(len(images)), generator))
