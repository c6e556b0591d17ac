import functools
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.data_generator import DataGenerator, OneHotEncoder
from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.utils.errors import DataError, InvalidInputError

Batch = Mapping[str, Any]


def frame(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [f"{number}.png" for number in range(count)],
            "category": [("good",) if number % 2 else ("dent", "scratch") for number in range(count)],
            "value": np.linspace(0, 1, count, dtype=np.float32),
        }
    )


def keep_seed(batch: Batch, seed: Any) -> Batch:
    return {**batch, "seed": seed}


def doubled(batch: Batch) -> Batch:
    return {**batch, "value": batch["value"] * 2}


def seeds_of(generator: DataGenerator, key: str = "seed", **arguments: Any) -> list[tuple[int, ...]]:
    batches = generator.get_dataset_numpy(structure=key, **arguments)
    return [tuple(pair) for batch in batches for pair in batch.reshape(-1, 2).tolist()]


def test_map_returns_a_new_generator_and_leaves_the_old_alone() -> None:
    plain = DataGenerator(frame(4))

    mapped = plain.map(doubled)
    twice = mapped.map([doubled, None, doubled])

    for generator, factor in [(plain, 1), (mapped, 2), (twice, 8)]:
        assert next(generator.get_dataset_numpy())["value"].tolist() == pytest.approx(
            [0, factor / 3, factor * 2 / 3, factor]
        )
    assert next(twice.get_samples_numpy())["value"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_none_maps_nothing() -> None:
    generator = DataGenerator(frame(2))

    for maps in (None, [], [None]):
        assert next(generator.map(maps).get_dataset_numpy(structure="value")).tolist() == [0, 1]


@settings(max_examples=6, deadline=None)
@given(first=st.integers(1, 20), second=st.integers(1, 20), seed=st.integers(), shuffle=st.booleans())
def test_a_samples_seed_does_not_depend_on_the_batch_size(first: int, second: int, seed: int, shuffle: bool) -> None:
    def found(batch_size: int, **arguments: Any) -> list[tuple[int, ...]]:
        generator = DataGenerator(frame(15), batch_size, shuffle=shuffle, repeat=2, seed=seed).map(keep_seed)
        return seeds_of(generator, **arguments)

    seeds = found(first)

    assert found(second) == seeds
    assert found(second, batch=False) == seeds
    assert len(set(seeds)) == 30


def test_seeds_are_int32_pairs_that_differ_by_generator_seed_epoch_and_position() -> None:
    generator = DataGenerator(frame(10), batch_size=4, repeat=2, seed=1).map(keep_seed)

    assert generator.get_dataset().element_spec["seed"] == tf.TensorSpec((None, 2), tf.int32)
    other = DataGenerator(frame(10), batch_size=4, repeat=2, seed=2).map(keep_seed)
    assert len({*seeds_of(generator), *seeds_of(other)}) == 40


def test_a_shard_keeps_the_seeds_that_its_samples_have_in_the_whole() -> None:
    generator = DataGenerator(frame(11), batch_size=2, shuffle=True, seed=1).map(keep_seed)

    whole = seeds_of(generator)

    assert [seeds_of(generator.shard(index, 3)) for index in range(3)] == [whole[index::3] for index in range(3)]


def test_a_start_in_the_middle_has_the_seeds_of_the_whole() -> None:
    generator = DataGenerator(frame(10), batch_size=4, repeat=3, seed=1).map(keep_seed)

    assert seeds_of(generator, start=(1, 2)) == seeds_of(generator)[18:]


def test_maps_with_a_seed_get_different_ones_and_others_do_not_count() -> None:
    def other(batch: Batch, seed: Any = 0) -> Batch:
        return {**batch, "other": seed}

    generator = DataGenerator(frame(8), seed=1).map([keep_seed, other])
    spread = DataGenerator(frame(8), seed=1).map(doubled).map([keep_seed, doubled]).map(other)

    assert set(seeds_of(generator)).isdisjoint(seeds_of(generator, "other"))
    assert seeds_of(spread) == seeds_of(generator)
    assert seeds_of(spread, "other") == seeds_of(generator, "other")
    assert seeds_of(DataGenerator(frame(8), seed=1).map(keep_seed)) == seeds_of(generator)


def test_random_maps_repeat_with_the_generator_and_vary_with_the_epoch() -> None:
    def noise(batch: Batch, seed: Any) -> Batch:
        drawn = tf.map_fn(lambda pair: tf.random.stateless_normal((), pair), seed, fn_output_signature=tf.float32)
        return {"noise": drawn}

    generator = DataGenerator(frame(6), batch_size=6, repeat=2, seed=1, output_structure="noise").map(noise)

    first, second = (batch.tolist() for batch in generator.get_dataset_numpy())

    assert [batch.tolist() for batch in generator.get_dataset_numpy()] == [first, second]
    assert set(first).isdisjoint(second)


def test_callables_of_every_kind_are_maps() -> None:
    class Adder:
        def __call__(self, batch: Batch, *, seed: Any) -> Batch:
            return {**batch, "sum": tf.reduce_sum(seed, axis=1)}

    def scaled(batch: Batch, factor: float) -> Batch:
        return {**batch, "value": batch["value"] * factor}

    generator = DataGenerator(frame(2)).map([Adder(), functools.partial(scaled, factor=3.0), tf.function(doubled)])

    batch = next(generator.get_dataset_numpy())

    assert batch["value"].tolist() == [0, 6]
    assert batch["sum"].shape == (2,)


def test_maps_may_use_python_conditions_on_tensors() -> None:
    def large(batch: Batch) -> Batch:
        if tf.reduce_max(batch["value"]) > 0.5:
            return {"value": batch["value"] + 10}
        return {"value": batch["value"]}

    generator = DataGenerator(frame(4), batch_size=2, output_structure="value").map(large)

    assert np.concatenate(list(generator.get_dataset_numpy())).tolist() == pytest.approx([0, 1 / 3, 10 + 2 / 3, 11])


def test_a_map_that_changes_its_dict_does_not_change_the_samples() -> None:
    def greedy(batch: dict[str, Any]) -> dict[str, Any]:
        batch["label"] = batch.pop("category")
        return batch

    generator = DataGenerator(frame(2)).map(greedy)

    assert set(next(generator.get_dataset_numpy())) == {"path", "value", "label"}
    assert set(next(generator.get_samples_numpy())) == {"path", "value", "category"}


def test_a_map_that_lacks_a_key_is_named() -> None:
    generator = DataGenerator(frame(2)).map([doubled, OneHotEncoder(["good"], input_key="folder")])

    with pytest.raises(InvalidInputError) as caught:
        generator.get_dataset()

    assert str(caught.value) == (
        "map 2 (OneHotEncoder) needs 'folder', received samples with 'path', 'category', 'value': "
        "put the map that makes it before, or set the map's key"
    )


def test_a_map_that_returns_no_dict_is_named() -> None:
    def length(batch: Batch) -> Any:
        return len(batch)

    with pytest.raises(InvalidInputError, match=r"^map 1 \(length\): expected a dict of batched tensors .* int$"):
        DataGenerator(frame(2)).map(length).get_dataset()


def test_a_maps_own_errors_keep_their_type_and_name_the_map() -> None:
    def wrong(batch: Batch) -> Batch:
        raise DataError("these samples will not do")

    def broken(batch: Batch) -> Batch:
        return {"value": batch["value"] + "text"}

    with pytest.raises(DataError, match=r"^these samples will not do$"):
        DataGenerator(frame(2)).map(wrong).get_dataset()
    with pytest.raises(TypeError) as caught:
        DataGenerator(frame(2)).map([doubled, broken]).get_dataset()
    assert caught.value.__notes__ == ["in map 2 (broken)"]


def test_what_cannot_be_called_is_no_map() -> None:
    with pytest.raises(InvalidInputError, match="received str"):
        DataGenerator(frame(2)).map(["doubled"])  # type: ignore[list-item]


def test_a_map_is_bound_to_all_maps_before_it() -> None:
    class Asked:
        def __init__(self, before: tuple[Any, ...] = ()) -> None:
            self.before = before

        def bind(self, previous_maps: tuple[Any, ...]) -> "Asked":
            return Asked(previous_maps)

        def __call__(self, batch: Batch) -> Batch:
            return {"before": tf.constant([len(self.before)])}

    unbound = Asked()
    generator = DataGenerator(frame(1)).map(doubled).map([doubled, unbound])

    assert next(generator.get_dataset_numpy())["before"].tolist() == [2]
    assert unbound.before == ()


def test_the_augmenter_takes_the_pipelines_range() -> None:
    seen: list[Any] = []

    def spy(batch: Batch) -> Batch:
        return batch

    class Spy(ImageAugmenter):
        def bind(self, previous_maps: Any) -> Any:
            seen.append(super().bind(previous_maps).value_range)
            return spy

    DataGenerator(frame(1)).map([ImagePipeline(rescale="imagenet"), doubled]).map(Spy())

    assert seen == [(-1, 1)]


def test_fit_evaluate_and_predict() -> None:
    samples = pd.DataFrame({"x": np.arange(40, dtype=np.float32) / 40, "category": ["low"] * 20 + ["high"] * 20})
    encoder = OneHotEncoder(["low", "high"])
    train = DataGenerator(samples, 8, shuffle=True, repeat=True, seed=1, output_structure=("x", "onehot")).map(encoder)
    devel = DataGenerator(samples, 12, output_structure=("x", "onehot")).map(encoder)
    keras.utils.set_random_seed(1)
    inputs = keras.Input(())
    hidden = keras.layers.Dense(8, "relu")(keras.layers.Reshape((1,))(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(hidden))
    model.compile(keras.optimizers.Adam(0.05), "categorical_crossentropy", metrics=["accuracy"])

    history = model.fit(
        train.get_dataset(),
        steps_per_epoch=len(train),
        epochs=15,
        shuffle=False,
        validation_data=devel.get_dataset(),
        verbose=0,
    )

    assert len(history.history["loss"]) == 15
    assert model.evaluate(devel.get_dataset(), verbose=0, return_dict=True)["accuracy"] > 0.9
    assert model.predict(devel.get_dataset(), verbose=0).shape == (40, 2)
    assert history.history["val_loss"][-1] == pytest.approx(model.evaluate(devel.get_dataset(), verbose=0)[0])


def test_a_training_that_starts_in_the_middle_sees_what_the_whole_one_saw() -> None:
    generator = DataGenerator(frame(13), 4, shuffle=True, repeat=True, seed=3, output_structure=("value", "seed"))
    generator = generator.map(keep_seed)

    whole = [np.concatenate(list(map(np.ravel, batch))) for batch in generator.get_dataset().take(12)]
    resumed = [np.concatenate(list(map(np.ravel, batch))) for batch in generator.get_dataset(start=(1, 2)).take(6)]

    assert all(np.array_equal(first, second) for first, second in zip(whole[6:], resumed, strict=True))
