import itertools
import math
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.utils.errors import DataError, InvalidInputError


def frame(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [f"/data/{number}.png" for number in range(count)],
            "category": [("good",) if number % 3 else ("dent", "scratch") for number in range(count)],
            "folder": ["good" if number % 3 else "bad" for number in range(count)],
            "number": np.arange(count, dtype=np.int32),
        }
    )


def numbers(generator: DataGenerator, **arguments: Any) -> list[int]:
    """Returns the samples of a data set, one after another."""
    return [int(n) for batch in generator.get_samples_numpy(structure="number", **arguments) for n in np.ravel(batch)]


def rows_of(generator: DataGenerator, epoch: int) -> list[int]:
    return [int(row) for step in range(len(generator)) for row in generator.batch_rows(epoch, step)]


modes = st.fixed_dictionaries(
    {
        "shuffle": st.booleans(),
        "sampling_groupby": st.sampled_from([None, "folder", ["folder", "category"]]),
        "sampling_group_weighing": st.sampled_from(["uniform", "count", "square root", "logx+1"]),
        "max_epoch_samples": st.one_of(st.just(math.inf), st.integers(1, 60)),
        "batch_size": st.integers(1, 40),
        "seed": st.integers(),
    }
)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 100), seed=st.integers(), batch_size=st.integers(1, 40), epoch=st.integers(0, 9))
def test_each_shuffled_epoch_is_a_permutation(count: int, seed: int, batch_size: int, epoch: int) -> None:
    generator = DataGenerator(frame(count), batch_size=batch_size, shuffle=True, repeat=True, seed=seed)

    assert sorted(rows_of(generator, epoch)) == list(range(count))


@settings(max_examples=40, deadline=None)
@given(count=st.integers(2, 60), mode=modes, epoch=st.integers(0, 5), workers=st.integers(1, 5))
def test_shards_partition_each_epoch_and_each_global_batch(
    count: int, mode: dict[str, Any], epoch: int, workers: int
) -> None:
    length = int(min(count, mode["max_epoch_samples"]))
    workers = min(workers, length)
    samples = frame(count)
    together = DataGenerator(samples, **{**mode, "batch_size": mode["batch_size"] * workers}, repeat=True)
    parts = [DataGenerator(samples, **mode, repeat=True).shard(index, workers) for index in range(workers)]

    for step in range(len(together)):
        of_step = [part.batch_rows(epoch, step).tolist() for part in parts if step < len(part)]
        dealt = [row for turn in itertools.zip_longest(*of_step) for row in turn if row is not None]
        assert dealt == together.batch_rows(epoch, step).tolist()
    assert max(map(len, parts)) == len(together)
    assert sum(len(rows_of(part, epoch)) for part in parts) == length


def test_a_shard_of_a_shard() -> None:
    generator = DataGenerator(frame(24), batch_size=3, shuffle=True, seed=1)

    parts = [generator.shard(outer, 2).shard(inner, 3) for outer in range(2) for inner in range(3)]

    assert sorted(row for part in parts for row in rows_of(part, 0)) == list(range(24))
    assert rows_of(generator.shard(1, 2).shard(2, 3), 0) == rows_of(generator, 0)[5::6]


@settings(max_examples=8, deadline=None)
@given(mode=modes, epoch=st.integers(0, 2), data=st.data())
def test_start_equals_skip(mode: dict[str, Any], epoch: int, data: st.DataObject) -> None:
    generator = DataGenerator(frame(30), **mode, repeat=3)
    step = data.draw(st.integers(0, len(generator)))

    whole = list(generator.get_samples_numpy(structure="number"))
    rest = list(generator.get_samples_numpy(structure="number", start=(epoch, step)))

    skipped = epoch * len(generator) + step
    assert [batch.tolist() for batch in rest] == [batch.tolist() for batch in whole[skipped:]]
    assert generator.get_dataset(start=(epoch, step)).cardinality() == len(whole) - skipped


def test_start_in_an_endless_data_set_and_in_single_samples() -> None:
    generator = DataGenerator(frame(10), batch_size=4, shuffle=True, repeat=True, seed=3)
    singles = generator.get_samples(batch=False, structure="number", start=(2, 1)).take(9).as_numpy_iterator()

    expected = rows_of(generator, 2)[4:] + rows_of(generator, 3)

    assert [int(number) for number in singles] == expected[:9]
    batches = generator.get_dataset(structure="number", start=(2, 1)).take(2).as_numpy_iterator()
    assert np.concatenate(list(batches)).tolist() == expected[:6]


def test_iterated_twice_it_gives_the_same_and_so_does_its_twin() -> None:
    def make() -> DataGenerator:
        return DataGenerator(frame(50), batch_size=7, shuffle=True, repeat=2, seed=11)

    generator = make()

    first = numbers(generator)
    assert numbers(generator) == first == numbers(make())
    dataset = generator.get_samples(structure="number")
    assert np.concatenate(list(dataset.as_numpy_iterator())).tolist() == first
    assert np.concatenate(list(dataset.as_numpy_iterator())).tolist() == first
    assert first[:50] != first[50:]


def test_iterations_side_by_side_do_not_disturb_each_other() -> None:
    generator = DataGenerator(frame(1200), batch_size=8, shuffle=True, repeat=2, seed=1, sampling_groupby="folder")
    expected = numbers(generator)
    found: dict[int, list[int]] = {}

    threads = [threading.Thread(target=lambda key=key: found.update({key: numbers(generator)})) for key in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [found[key] for key in range(3)] == [expected] * 3


def test_batches_never_cross_an_epochs_end() -> None:
    generator = DataGenerator(frame(10), batch_size=4, repeat=2)

    sizes = [len(batch) for batch in generator.get_samples_numpy(structure="number")]

    assert len(generator) == 3
    assert sizes == [4, 4, 2, 4, 4, 2]


@pytest.mark.parametrize(("repeat", "epochs"), [(False, 1), (1, 1), (3, 3), (np.int64(2), 2)])
def test_repeat_counts_epochs(repeat: Any, epochs: int) -> None:
    generator = DataGenerator(frame(10), batch_size=4, repeat=repeat)

    assert numbers(generator) == list(range(10)) * epochs
    assert generator.get_dataset().cardinality() == 3 * epochs
    assert generator.get_dataset(batch=False).cardinality() == 10 * epochs
    assert generator.get_samples(batch=False).cardinality() == 10 * epochs


@pytest.mark.parametrize("repeat", [True, -1])
@pytest.mark.parametrize("batch", [True, False])
def test_endless_data_sets_say_so(repeat: Any, batch: bool) -> None:
    dataset = DataGenerator(frame(3), repeat=repeat).map(lambda sample: sample).get_dataset(batch=batch)

    assert dataset.cardinality() == -1  # tf.data.INFINITE_CARDINALITY
    assert len(list(dataset.take(20))) == 20


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("groupby", [None, "folder"])
def test_max_epoch_samples_bounds_what_is_iterated_and_what_is_counted(shuffle: bool, groupby: str | None) -> None:
    generator = DataGenerator(
        frame(50), batch_size=4, shuffle=shuffle, sampling_groupby=groupby, max_epoch_samples=10, repeat=2, seed=1
    )

    assert len(generator) == 3
    assert len(numbers(generator)) == 20
    assert len(DataGenerator(frame(5), max_epoch_samples=10, batch_size=1)) == 5


def test_a_limited_shuffled_epoch_is_the_beginning_of_the_whole_one() -> None:
    whole = DataGenerator(frame(50), shuffle=True, repeat=True, seed=1)
    limited = DataGenerator(frame(50), shuffle=True, repeat=True, seed=1, max_epoch_samples=10.9)

    assert rows_of(limited, 2) == rows_of(whole, 2)[:10]


def test_groups_without_shuffle_go_on_where_the_last_epoch_ended() -> None:
    samples = pd.DataFrame({"number": np.arange(8), "folder": list("aaaaaabb")})
    generator = DataGenerator(samples, batch_size=2, sampling_groupby="folder", max_epoch_samples=4, repeat=3)

    assert numbers(generator) == [0, 6, 1, 7, 2, 6, 3, 7, 4, 6, 5, 7]
    assert numbers(generator) == numbers(DataGenerator(samples, 2, False, 3, ["folder"], max_epoch_samples=4))


def test_weighted_groups_reach_the_model_in_proportion() -> None:
    samples = pd.DataFrame({"number": np.arange(100), "folder": ["rare"] * 4 + ["common"] * 96})
    generator = DataGenerator(samples, 50, shuffle=True, repeat=20, seed=1, sampling_groupby="folder")

    rare = np.mean([number < 4 for number in numbers(generator)])

    assert rare == pytest.approx(0.5, abs=0.04)


def test_a_seed_is_drawn_once_and_can_be_read() -> None:
    generator = DataGenerator(frame(40), shuffle=True)

    assert isinstance(generator.seed, int)
    assert generator.map(lambda sample: sample).seed == generator.seed
    assert rows_of(generator, 0) == rows_of(DataGenerator(frame(40), shuffle=True, seed=generator.seed), 0)
    assert DataGenerator(frame(40), shuffle=True).seed != generator.seed
    assert DataGenerator(frame(40), batch_size=8, seed=0).seed == 0


def test_batches_hold_what_the_frame_holds() -> None:
    generator = DataGenerator(frame(5), batch_size=3)

    first, second = generator.get_samples_numpy()

    assert first["path"].tolist() == [b"/data/0.png", b"/data/1.png", b"/data/2.png"]
    assert first["category"].tolist() == [[b"dent", b"scratch"], [b"good", b""], [b"good", b""]]
    assert second["category"].tolist() == [[b"dent", b"scratch"], [b"good", b""]]
    assert first["number"].dtype == np.int32
    assert first["folder"].tolist() == [b"bad", b"good", b"good"]


@pytest.mark.parametrize("mapped", [False, True])
def test_single_samples_keep_their_tuples_lengths(mapped: bool) -> None:
    generator = DataGenerator(frame(5), batch_size=3)
    if mapped:
        generator = generator.map(lambda sample: dict(sample))

    samples = list(generator.get_dataset_numpy(batch=False))

    assert [sample["category"].tolist() for sample in samples] == [
        [b"dent", b"scratch"],
        [b"good"],
        [b"good"],
        [b"dent", b"scratch"],
        [b"good"],
    ]
    assert [int(sample["number"]) for sample in samples] == [0, 1, 2, 3, 4]


def test_structures_nest() -> None:
    generator = DataGenerator(frame(4), output_structure=("number", {"where": ["path", "folder"]}))

    number, rest = next(generator.get_dataset_numpy())
    assert number.tolist() == [0, 1, 2, 3]
    assert rest["where"][1].tolist() == [b"bad", b"good", b"good", b"bad"]
    assert set(next(generator.get_dataset_numpy(structure=None))) == {"path", "category", "folder", "number"}
    assert set(next(generator.get_dataset_numpy(structure=("number", None)))[1]) == {
        "path",
        "category",
        "folder",
        "number",
    }
    assert set(next(generator.get_samples_numpy())) == {"path", "category", "folder", "number"}
    assert next(generator.get_samples_numpy(structure="number")).tolist() == [0, 1, 2, 3]


def test_prefetch_changes_nothing() -> None:
    generator = DataGenerator(frame(9), batch_size=4, shuffle=True, seed=1)

    assert numbers(generator, prefetch=False) == numbers(generator, prefetch=True)


def test_later_changes_of_the_frame_do_not_reach_the_generator() -> None:
    samples = frame(6)
    generator = DataGenerator(samples, batch_size=6)

    samples["number"] = 0
    samples.loc[0, "path"] = "changed"

    assert numbers(generator) == [0, 1, 2, 3, 4, 5]
    assert generator.samples.path.iloc[0] == "/data/0.png"


def test_batch_rows_are_the_rows_of_the_data_set_whatever_the_index() -> None:
    samples = frame(20).sample(frac=1, random_state=0)
    generator = DataGenerator(samples, batch_size=6, shuffle=True, repeat=2, seed=4, sampling_groupby="folder")

    found = list(generator.get_samples_numpy(structure="path"))

    places = itertools.product(range(2), range(len(generator)))
    for batch, (epoch, step) in zip(found, places, strict=True):
        rows = generator.batch_rows(epoch, step)
        assert [path.decode() for path in batch] == generator.samples.path.iloc[rows].tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected an integer of at least 1, received 0"),
        ({"batch_size": 2.0}, "batch_size: expected an integer of at least 1, received 2.0"),
        ({"batch_size": True}, "batch_size: expected an integer of at least 1, received True"),
        ({"repeat": 0}, "repeat: expected False, a count above 0, True or -1, received 0"),
        ({"repeat": -2}, "received -2"),
        ({"repeat": "yes"}, "received 'yes'"),
        ({"seed": 1.5}, "seed: expected an integer, received 1.5"),
        ({"max_epoch_samples": 0}, "max_epoch_samples: expected a number of at least 1, received 0"),
        ({"max_epoch_samples": math.nan}, "received nan"),
        ({"sampling_groupby": "fodler"}, "received 'fodler', did you mean 'folder'?"),
        ({"sampling_group_weighing": "sqrt"}, "sampling_group_weighing: expected 'uniform'"),
        ({"output_structure": 3}, "expected a structure of keys"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        DataGenerator(frame(3), **arguments)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_frame_is_refused() -> None:
    with pytest.raises(DataError, match="expected at least one sample"):
        DataGenerator(frame(3)[:0])


def test_unknown_keys_and_starts_are_refused() -> None:
    generator = DataGenerator(frame(10), batch_size=4, repeat=2)

    for getter in (generator.get_dataset, generator.get_samples):
        with pytest.raises(InvalidInputError, match="received 'numbr', did you mean 'number'"):
            getter(structure=("path", "numbr"))
        for start, message in [
            ((0, 4), "expected a step from 0 to 3, the batches an epoch, received 4"),
            ((2, 1), r"expected a start within 2 epoch\(s\), received \(2, 1\)"),
            ((-1, 0), "epoch: expected an integer of at least 0, received -1"),
            (3, r"expected start as \(epoch, step\), received 3"),
        ]:
            with pytest.raises(InvalidInputError, match=message):
                getter(start=start)
    assert list(generator.get_dataset(start=(2, 0))) == []
    with pytest.raises(InvalidInputError, match=r"expected a batch before the end, received \(2, 0\)"):
        generator.batch_rows(2, 0)


@pytest.mark.parametrize(
    ("index", "count", "message"),
    [
        (2, 2, "expected a shard index from 0 to 1, received 2"),
        (-1, 2, "expected a shard index from 0 to 1, received -1"),
        (0, 0, "count: expected an integer of at least 1, received 0"),
        (9, 11, "expected at most as many shards as samples an epoch, received shard 9 of 11 for 5 samples"),
    ],
)
def test_shards_that_cannot_be_are_refused(index: int, count: int, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        DataGenerator(frame(5)).shard(index, count)


def test_making_and_counting_loads_no_tensorflow() -> None:
    code = """
import sys
import pandas
from brevetti_keras.data.data_generator import DataGenerator, OneHotEncoder, StratifiedSampler
from brevetti_keras.data.data_generator import build_image_data_generator
from brevetti_keras.data.prediction import predict_dataset
samples = pandas.DataFrame({"path": ["a", "b"], "category": [("x",), ("y",)]})
generator = StratifiedSampler(groupby=["category"]).get(samples, shuffle=True)
assert len(generator.map([OneHotEncoder(["x"])]).shard(0, 2)) == 1
assert len(build_image_data_generator(samples, image={"target_size": (8, 8)}, augmentation={})) == 1
sys.exit(", ".join({"tensorflow", "keras", "cv2"} & set(sys.modules)) or None)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("structure", [(), {}, [((), {})]])
def test_a_structure_without_keys_is_refused(structure) -> None:
    generator = DataGenerator(pd.DataFrame({"x": [1, 2]}))

    with pytest.raises(InvalidInputError, match="expected a structure with at least one key, received"):
        generator.get_dataset(structure=structure)
    with pytest.raises(InvalidInputError, match="expected a structure with at least one key, received"):
        generator.get_samples(structure=structure)
