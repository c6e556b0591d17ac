from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from brevetti_keras.data.data_generator import DataGenerator, OneHotEncoder
from brevetti_keras.data.prediction import predict_dataset
from brevetti_keras.utils.errors import InvalidInputError


def frame(count: int = 10) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [f"/å/{number}.png" for number in range(count)],
            "category": [("good",) if number % 2 else ("dent", "scratch") for number in range(count)],
            "purpose": ["train" if number % 2 else None for number in range(count)],
            "x": np.arange(count, dtype=np.float32),
        },
        index=range(100, 100 + count),
    )


def generator(structure: Any = ("x", "onehot"), **arguments: Any) -> DataGenerator:
    made = DataGenerator(frame(), batch_size=4, output_structure=structure, **arguments)
    return made.map(OneHotEncoder(["good", "dent", "scratch"]))


def test_each_sample_stands_beside_its_prediction() -> None:
    found = list(predict_dataset(lambda x: x * 2, generator()))

    assert len(found) == 10
    for number, item in enumerate(found):
        assert list(item) == ["path", "category", "purpose", "x", "prediction"]
        assert item["path"] == f"/å/{number}.png"
        assert item["category"] == frame().category.iloc[number]
        assert item["x"] == number
        assert item["prediction"] == 2 * number
    assert pd.isna(found[0]["purpose"])
    assert found[1]["purpose"] == "train"


def test_the_order_is_the_generators_and_repeat_means_one_epoch() -> None:
    shuffled = generator(shuffle=True, repeat=True, seed=3)

    found = list(predict_dataset(lambda x: x, shuffled))

    assert [item["x"] for item in found] == [item["prediction"] for item in found]
    assert sorted(item["x"] for item in found) == list(range(10))
    assert [item["x"] for item in found] != list(range(10))


def test_a_shard_is_predicted_alone() -> None:
    found = list(predict_dataset(lambda x: x, generator().shard(1, 2)))

    assert [(item["x"], item["prediction"]) for item in found] == [(n, n) for n in (1, 3, 5, 7, 9)]


@pytest.mark.parametrize(
    ("structure", "received"),
    [
        (("x", "onehot"), "tensor"),
        (["x", "onehot"], "tensor"),
        ("x", "tensor"),
        ({"first": "x"}, "first"),
        (({"first": "x"}, "onehot"), "first"),
        (None, "path category purpose x onehot"),
    ],
)
def test_the_model_gets_the_structures_first_part(structure: Any, received: str) -> None:
    seen: set[str] = set()

    def model(batch: Any) -> Any:
        seen.add(" ".join(batch) if isinstance(batch, dict) else "tensor")
        return np.zeros(len(batch["x"]) if isinstance(batch, dict) and "x" in batch else len(next(_tensors(batch))))

    list(predict_dataset(model, generator(structure)))

    assert seen == {received}


def _tensors(batch: Any) -> Any:
    yield from batch.values() if isinstance(batch, dict) else [batch]


def test_a_dict_keeps_its_keys_and_map_output_replaces_it() -> None:
    def model(x: Any) -> Any:
        return {"twice": x * 2, "scores": tf.stack([x, -x], axis=1)}

    plain = list(predict_dataset(model, generator()))
    mapped = list(predict_dataset(model, generator(), lambda prediction: {"best": int(prediction["scores"].argmax())}))

    assert plain[3]["twice"] == 6
    assert plain[3]["scores"].tolist() == [3, -3]
    assert mapped[3]["best"] == 0
    assert "twice" not in mapped[3]
    assert "scores" not in mapped[3]


def test_a_prediction_wins_over_a_column_of_its_name() -> None:
    (first, *_) = predict_dataset(lambda x: {"x": x + 0.5}, generator())

    assert first["x"] == 0.5


def test_a_keras_models_outputs_go_by_their_names() -> None:
    inputs = keras.Input(())
    column = keras.layers.Reshape((1,))(inputs)
    score, size = keras.layers.Dense(2, name="score")(column), keras.layers.Dense(1, name="size")(column)

    (one, *_) = predict_dataset(keras.Model(inputs, score), generator())
    (two, *_) = predict_dataset(keras.Model(inputs, [score, size]), generator())
    (named, *_) = predict_dataset(keras.Model(inputs, {"a": score, "b": size}), generator())

    assert one["score"].shape == (2,)
    assert (two["score"].shape, two["size"].shape) == ((2,), (1,))
    assert (named["a"].shape, named["b"].shape) == ((2,), (1,))


def test_predictions_agree_with_keras_own() -> None:
    keras.utils.set_random_seed(1)
    inputs = keras.Input(())
    model = keras.Model(inputs, keras.layers.Dense(2, name="out")(keras.layers.Reshape((1,))(inputs)))

    found = np.stack([item["out"] for item in predict_dataset(model, generator())])

    assert found == pytest.approx(model.predict(generator().get_dataset(), verbose=0), rel=1e-6)


def test_a_tuple_of_outputs_stays_a_tuple() -> None:
    (_, second, *_) = predict_dataset(lambda x: (x, x * 3), generator())

    assert second["prediction"] == (1, 3)


@pytest.mark.parametrize(("result", "shape"), [(np.zeros(3), r"\(3,\)"), (1.0, r"\(\)")])
def test_a_result_of_another_length_is_refused(result: Any, shape: str) -> None:
    with pytest.raises(
        InvalidInputError, match=rf"one row a sample .* 'prediction', received shape {shape} for 4 samples"
    ):
        list(predict_dataset(lambda x: result, generator()))


def test_a_list_of_outputs_is_refused_by_a_message_that_says_what_to_return() -> None:
    with pytest.raises(InvalidInputError, match="received 2 of different shapes: return several outputs as a tuple"):
        list(predict_dataset(lambda x: [x, tf.stack([x, x], axis=1)], generator()))


def test_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    list(predict_dataset(lambda x: x, generator()))

    shown = capsys.readouterr()
    assert "3/3" in shown.err
    assert shown.out == ""


def test_a_mapped_prediction_must_be_a_dict() -> None:
    with pytest.raises(InvalidInputError, match="map_output: expected a dict as its result, received int"):
        list(predict_dataset(lambda x: x, generator(), map_output=lambda prediction: 3))  # type: ignore[arg-type,return-value]


def test_only_a_generator_is_predicted() -> None:
    with pytest.raises(InvalidInputError, match="expected a DataGenerator, received DataFrame"):
        list(predict_dataset(lambda x: x, frame()))  # type: ignore[arg-type]
