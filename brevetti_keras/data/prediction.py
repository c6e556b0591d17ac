"""`predict_dataset`: every sample of a generator beside what a model says of it.

predictions = pd.DataFrame(predict_dataset(model, generator))
predict_dataset(model, generator, map_output=lambda prediction: {"label": classes[prediction["scores"].argmax()]})
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from brevetti_keras.data.generator import DataGenerator
from brevetti_keras.data.tensor_errors import own_errors
from brevetti_keras.utils.errors import InvalidInputError

Prediction = dict[str, Any]
_Outputs = NDArray[Any] | tuple[NDArray[Any], ...]


def predict_dataset(
    model: Callable[[Any], Any],
    generator: DataGenerator,
    map_output: Callable[[Prediction], Mapping[str, Any]] | None = None,
) -> Iterator[Prediction]:
    """Yields one epoch's samples in the generator's order, each with its prediction; progress goes to stderr.

    Args:
        model: a Keras model, or a callable of a batch. It gets the first part of the generator's `output_structure`
            if that is a tuple or list, else all of it.
        generator: of the samples; with `repeat`, its first epoch is used.
        map_output: takes one sample's prediction dict and returns the dict to use in its place.

    Yields:
        A dict: the sample's columns as they are in the DataFrame, then its predictions, which win over columns of
        the same name: numpy arrays or scalars without the batch's dimension. A result that is a dict keeps its keys,
        a Keras model's outputs go by its `output_names`, anything else is `prediction`.

    Raises:
        InvalidInputError: if the model's result does not have one row a sample, or `map_output` returns no dict.
        DecodeError: for a file that cannot be read.
    """
    if not isinstance(generator, DataGenerator):
        raise InvalidInputError(f"expected a DataGenerator, received {type(generator).__name__}")
    structure = generator.output_structure
    if isinstance(structure, (tuple, list)):
        structure = structure[0] if structure else None
    steps = len(generator)
    batches = generator.get_dataset(structure=structure).take(steps)
    for step, batch in enumerate(tqdm(own_errors(batches), total=steps, desc="predict", unit="batch")):
        rows = generator.batch_rows(0, step)
        outputs = {name: _outputs(name, value, len(rows)) for name, value in _named(model, batch).items()}
        for number, sample in enumerate(generator.samples.iloc[rows].to_dict("records")):
            prediction = {name: _row(value, number) for name, value in outputs.items()}
            yield {**_texts(sample), **(_mapped(map_output, prediction) if map_output is not None else prediction)}


def _mapped(map_output: Callable[[Prediction], Mapping[str, Any]], prediction: Prediction) -> Mapping[str, Any]:
    mapped: Any = map_output(prediction)
    if not isinstance(mapped, Mapping):
        raise InvalidInputError(f"map_output: expected a dict as its result, received {type(mapped).__name__}")
    return mapped


def _texts(sample: Mapping[Any, Any]) -> Prediction:
    return {str(name): value for name, value in sample.items()}


def _named(model: Callable[[Any], Any], batch: Any) -> Mapping[str, Any]:
    predict = getattr(model, "predict_on_batch", model)
    result = predict(batch)
    if isinstance(result, Mapping):
        return result
    names = getattr(model, "output_names", None)
    if not names:
        return {"prediction": result}
    return dict(zip(names, result if len(names) > 1 else [result], strict=True))


def _outputs(name: str, value: Any, count: int) -> _Outputs:
    """Returns an output as arrays of one row a sample; a tuple of outputs stays one."""
    if isinstance(value, tuple):
        return tuple(_array(name, part, count) for part in value)
    return _array(name, value, count)


def _array(name: str, value: Any, count: int) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except ValueError as error:
        # numpy takes no list of arrays of different shapes.
        raise InvalidInputError(
            f"expected one row a sample of the model's output {name!r}, received {len(value)} of different shapes: "
            "return several outputs as a tuple or a dict"
        ) from error
    if array.ndim == 0 or len(array) != count:
        raise InvalidInputError(
            f"expected one row a sample of the model's output {name!r}, "
            f"received shape {array.shape} for {count} samples"
        )
    return array


def _row(output: _Outputs, number: int) -> Any:
    return tuple(part[number] for part in output) if isinstance(output, tuple) else output[number]
