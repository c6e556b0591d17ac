"""`get_dataset(form="graph")`: the same samples and seeds, and a data set that needs no Python where it runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from brevetti_keras.data import feed_graph
from brevetti_keras.data.data_generator import DataGenerator, OneHotEncoder
from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.utils.errors import InvalidInputError
from tests.support.images import write_image_folder

GROUPS = ["a", "b", "b", "c", "c", "c", "c"]


def keep_seed(batch, seed):
    return {**batch, "seed": seed}


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "text": [f"ü{number}" for number in range(7)],
            "number": np.arange(7, dtype=np.uint8),
            "labels": [("x",) * (number % 3) for number in range(7)],
            "scores": [(0.5,) * (number % 2) for number in range(7)],
            "group": pd.Categorical(GROUPS),
        }
    )


def elements(dataset: Any) -> list[Any]:
    return [
        tf.nest.map_structure(lambda value: np.asarray(value).tolist(), element)
        for element in dataset.as_numpy_iterator()
    ]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("groupby", [None, "group"])
def test_samples_order_seeds_and_forms_are_the_hosts(shuffle, groupby):
    whole = DataGenerator(frame(), 3, shuffle=shuffle, repeat=2, seed=9, sampling_groupby=groupby).map(keep_seed)
    for generator, start in ((whole, (0, 0)), (whole.shard(1, 2), (1, 1))):
        host, graph = (generator.get_dataset(start=start, form=form) for form in ("host", "graph"))
        assert graph.element_spec == host.element_spec
        assert int(graph.cardinality()) == int(host.cardinality())
        assert elements(graph) == elements(host)


def test_single_samples_keep_their_own_lengths():
    generator = DataGenerator(frame(), 3, shuffle=True, seed=9)
    host, graph = (generator.get_dataset(batch=False, form=form) for form in ("host", "graph"))
    assert elements(graph) == elements(host)
    mapped = generator.map(keep_seed)
    assert elements(mapped.get_dataset(batch=False, form="graph")) == elements(mapped.get_dataset(batch=False))


def test_without_end_and_from_far_on():
    generator = DataGenerator(frame(), 3, shuffle=True, repeat=True, seed=9)
    host, graph = (generator.get_dataset(start=(10**9, 1), form=form) for form in ("host", "graph"))
    assert graph.cardinality() == tf.data.INFINITE_CARDINALITY
    assert elements(graph.take(3)) == elements(host.take(3))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root = write_image_folder(tmp_path_factory.mktemp("data") / "vials", {"cracked": 5, "good": 6})
    paths = sorted(map(str, root.rglob("*.png")))
    samples = pd.DataFrame({"path": paths, "category": [(Path(path).parent.name,) for path in paths]})
    parts = ("random_transformer", "image_noise", "salt_pepper")
    augmenter = ImageAugmenter(**{name: {"chance": 0.7} for name in parts})
    maps = [ImagePipeline(target_size=(16, 20), rescale="unit"), OneHotEncoder(["cracked", "good"]), augmenter]

    def build(batch_size=4, structure=("img", "onehot")):
        generator = DataGenerator(samples, batch_size, shuffle=True, repeat=2, seed=3, output_structure=structure)
        return generator.map(maps)

    return build


@pytest.fixture(scope="module")
def expected(pictures):
    return list(pictures().get_dataset(form="graph").as_numpy_iterator())


def assert_same(batches, expected):
    for batch, wanted in zip(batches, expected, strict=True):
        for found, value in zip(batch, wanted, strict=True):
            np.testing.assert_array_equal(found, value)


def test_pictures_are_nearly_the_hosts_and_the_same_in_any_batch_size(pictures, expected):
    for batch, host in zip(expected, pictures().get_dataset_numpy(), strict=True):
        np.testing.assert_allclose(batch[0], host[0], atol=0.05)
        np.testing.assert_array_equal(batch[1], host[1])
    images = np.concatenate([batch[0] for batch in expected])
    other = pictures(7, "img").get_dataset(form="graph", start=(1, 0)).as_numpy_iterator()
    np.testing.assert_array_equal(np.concatenate(list(other)), images[11:])


def test_nothing_in_the_graph_calls_python(pictures):
    @tf.function(autograph=False)
    def graph():
        return tf.data.experimental.to_variant(pictures().get_dataset(form="graph"))

    definition = graph.get_concrete_function().graph.as_graph_def()
    nodes = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
    operations = {node.op for node in nodes}
    assert {"DecodePng", "GatherV2", "RangeDataset"} <= operations
    assert not {operation for operation in operations if "Py" in operation or "Generator" in operation}


def test_the_whole_dict_holds_what_the_host_gives(pictures):
    graph = pictures(structure=None).get_dataset(form="graph")
    assert graph.element_spec == pictures(structure=None).get_dataset().element_spec


def test_it_can_be_saved_and_loaded(pictures, expected, tmp_path):
    pictures().get_dataset(form="graph").save(str(tmp_path / "saved"))
    assert_same(tf.data.Dataset.load(str(tmp_path / "saved")).as_numpy_iterator(), expected)


def test_another_process_of_tf_data_can_run_it(pictures, expected):
    dispatcher = tf.data.experimental.service.DispatchServer(
        tf.data.experimental.service.DispatcherConfig(port=0, protocol="grpc")
    )
    address = dispatcher.target.split("://")[1]
    worker = tf.data.experimental.service.WorkerServer(
        tf.data.experimental.service.WorkerConfig(dispatcher_address=address, heartbeat_interval_ms=100)
    )
    policy = tf.data.experimental.service.ShardingPolicy.OFF
    served = (
        pictures()
        .get_dataset(form="graph")
        .apply(tf.data.experimental.service.distribute(policy, dispatcher.target, max_outstanding_requests=1))
    )
    assert_same(served.as_numpy_iterator(), expected)
    del served, worker, dispatcher


def test_a_map_that_calls_python_is_refused_by_name():
    def by_python(batch):
        return {**batch, "twice": tf.numpy_function(lambda number: number * 2, [batch["number"]], tf.uint8)}

    def inside_a_loop(batch):
        twice = tf.map_fn(lambda one: tf.py_function(lambda number: number * 2, [one], tf.uint8), batch["number"])
        return {**batch, "twice": twice}

    for function in (by_python, inside_a_loop):
        generator = DataGenerator(frame()).map([keep_seed, function])
        with pytest.raises(InvalidInputError, match=rf"map 2 \({function.__name__}\): .*use form='host'"):
            generator.get_dataset(form="graph")
        generator.get_dataset()


def test_wrong_forms_and_large_frames_are_one_line(monkeypatch):
    with pytest.raises(InvalidInputError, match="form: expected 'host' or 'graph', received 'python'"):
        DataGenerator(frame()).get_dataset(form="python")  # type: ignore[arg-type]
    monkeypatch.setattr(feed_graph, "MAX_BYTES", 20)
    with pytest.raises(InvalidInputError, match=r"for the graph form, received .* most in 'scores'"):
        DataGenerator(frame()[["number", "scores"]]).get_dataset(form="graph")


def test_which_form_made_the_pictures_is_logged(caplog):
    caplog.set_level("INFO", "brevetti_keras")
    for form in ("host", "graph"):
        DataGenerator(frame()).map(keep_seed).get_dataset(form=form)
    assert [record.message for record in caplog.records if "form" in record.message] == [
        "data set in the host form: keep_seed",
        "data set in the graph form: keep_seed",
    ]
