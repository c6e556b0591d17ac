"""Event files of numbers: what TensorBoard reads of them, and what Keras' own callback would have written."""

import math
import os

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from brevetti_keras.interfaces.tensorboard_scalars import EpochScalars, ScalarEvents


def read(folder):
    """Tags to (step, value), and what TensorBoard's plugin of scalars claims."""
    events = EventAccumulator(str(folder))
    events.Reload()
    points = {}
    for tag in events.Tags()["tensors"]:
        assert events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
        points[tag] = [(one.step, one.tensor_proto.float_val[0] if one.tensor_proto.float_val else number(one))
                       for one in events.Tensors(tag)]  # fmt: skip
    return points


def number(event):
    return float(np.frombuffer(event.tensor_proto.tensor_content, np.float32)[0])


def test_what_is_written_is_read_at_once_and_after_closing(tmp_path):
    events = ScalarEvents(str(tmp_path / "new" / "train"))
    assert not (tmp_path / "new").exists()
    events.write(0, {"loss": np.float32(0.5), "näme/of it": 3})
    expected = {"loss": [(0, 0.5)], "näme/of it": [(0, 3.0)]}
    assert read(tmp_path / "new" / "train") == expected
    events.close()
    events.close()
    assert read(tmp_path / "new" / "train") == expected


def test_after_closing_another_file_goes_on(tmp_path):
    events = ScalarEvents(str(tmp_path))
    for step in range(3):
        events.write(step, {"loss": step})
        events.close()
    assert len(os.listdir(tmp_path)) == 3
    assert read(tmp_path) == {"loss": [(0, 0.0), (1, 1.0), (2, 2.0)]}


def test_numbers_beyond_a_float_and_none_at_all_are_kept_as_such(tmp_path):
    ScalarEvents(str(tmp_path)).write(7, {"none": math.nan, "much": 1e300, "less": -math.inf, "small": 1e-300})
    points = {tag: value for tag, [(_, value)] in read(tmp_path).items()}
    assert math.isnan(points["none"])
    assert (points["much"], points["less"], points["small"]) == (math.inf, -math.inf, 0.0)


@pytest.mark.parametrize("wrong", ["a lot", object(), None, [1, 2]])
def test_what_is_no_number_leaves_the_file_as_it_was(tmp_path, wrong):
    events = ScalarEvents(str(tmp_path))
    events.write(0, {"loss": 1.0})
    with pytest.raises((TypeError, ValueError)):
        events.write(1, {"loss": 2.0, "odd": wrong})
    assert read(tmp_path) == {"loss": [(0, 1.0)]}


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.Adam(0.25),
        lambda: keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.125)),
    ],
)
def test_it_writes_what_keras_writes(tmp_path, optimizer):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    network.compile(optimizer(), "mse", metrics=["mae"])
    x, y = np.ones((8, 2), np.float32), np.ones((8, 1), np.float32)
    folders = tmp_path / "keras", tmp_path / "ours"
    both = [keras.callbacks.TensorBoard(folders[0], write_graph=False), EpochScalars(str(folders[1]))]
    network.fit(x, y, batch_size=4, validation_data=(x, y), epochs=2, verbose=0, callbacks=both)
    for part in ("train", "validation"):
        theirs, ours = (read(folder / part) for folder in folders)
        assert ours == theirs
        assert theirs
    assert "epoch_learning_rate" in read(folders[1] / "train")
    assert "evaluation_mae_vs_iterations" in read(folders[1] / "validation")


def test_a_model_without_optimizer_or_metrics_has_nothing_more_to_tell(tmp_path):
    scalars = EpochScalars(str(tmp_path))
    scalars.on_epoch_end(0, {})
    scalars.on_test_end({"loss": 1.0})
    scalars.on_train_end()
    assert os.listdir(tmp_path) == []
    scalars.on_epoch_end(0, {"loss": 1.0})
    assert read(tmp_path / "train") == {"epoch_loss": [(0, 1.0)]}
