import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.utils.errors import DataError, InvalidInputError
from model_zoo.image_classification.model_type import EarlyStopping
from model_zoo.image_classification.training import TrainingRecord, plain_errors


def model() -> Any:
    keras.utils.set_random_seed(0)
    built = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    built.compile("sgd", "mse")
    return built


def record(folder: Path, **settings: Any) -> TrainingRecord:
    made = TrainingRecord(str(folder / "history.csv"), str(folder / "best"), EarlyStopping(**settings))
    made.set_model(model())
    return made


def run(account: TrainingRecord, losses: list[float], first: int = 0) -> int:
    """Feeds devel losses until the record stops the training; the weight after epoch n is n. Returns the epochs run."""
    account.model.stop_training = False
    for epoch, loss in enumerate(losses, start=first):
        account.on_epoch_begin(epoch)
        account.model.layers[0].kernel.assign([[float(epoch)]])
        account.on_epoch_end(epoch, {"loss": loss / 2, "val_loss": np.float32(loss)})
        if account.model.stop_training:
            return epoch + 1
    return first + len(losses)


def weight(account: TrainingRecord) -> float:
    return float(account.model.layers[0].kernel.numpy()[0, 0])


def test_stops_after_the_patience(tmp_path: Path) -> None:
    account = record(tmp_path, patience=2)
    assert run(account, [5, 4, 3, 3, 3.5, 1]) == 5
    assert account.stopped_early
    assert account.best_epoch == 2


def test_patience_of_0_never_stops(tmp_path: Path) -> None:
    account = record(tmp_path, patience=0)
    assert run(account, [1, 2, 3, 4, 5, 6, 7]) == 7
    assert not account.stopped_early


def test_a_gain_below_min_delta_is_none(tmp_path: Path) -> None:
    assert run(record(tmp_path, patience=2, min_delta=0.5), [5, 4.8, 4.6, 4.0]) == 3


def test_small_gains_add_up_to_one(tmp_path: Path) -> None:
    account = record(tmp_path, patience=3, min_delta=0.5)
    assert run(account, [5, 4.8, 4.4, 4.3, 4.2, 4.1]) == 6
    assert account.best_epoch == 2


def test_the_best_weights_come_back(tmp_path: Path) -> None:
    account = record(tmp_path, patience=0)
    run(account, [5, 1, 3, 2])
    assert weight(account) == 3
    account.restore_best(account.model)
    assert weight(account) == 1


def test_the_last_weights_stay_when_asked_for(tmp_path: Path) -> None:
    account = record(tmp_path, patience=0, restore_best=False)
    run(account, [5, 1, 3])
    account.restore_best(account.model)
    assert weight(account) == 2


def test_the_history_lies_in_the_file_after_each_epoch(tmp_path: Path) -> None:
    account = record(tmp_path)
    for epochs in (1, 2, 3):
        run(account, [1.0], first=epochs - 1)
        assert pd.read_csv(tmp_path / "history.csv").epoch.tolist() == list(range(epochs))
    assert account.history.val_loss.tolist() == [1.0, 1.0, 1.0]
    assert (account.history.seconds >= 0).all()


def test_a_resumed_record_knows_what_was_before(tmp_path: Path) -> None:
    whole = record(tmp_path / "whole", patience=2)
    run(whole, [5, 2, 3, 4])
    first = record(tmp_path / "parts", patience=2)
    run(first, [5, 2, 3])
    second = record(tmp_path / "parts", patience=2)
    assert second.resume(3) == 3
    assert run(second, [4], first=3) == 4
    assert second.stopped_early == whole.stopped_early is True
    pd.testing.assert_frame_equal(second.history.drop(columns="seconds"), whole.history.drop(columns="seconds"))
    second.restore_best(second.model)
    assert weight(second) == 1


def test_epochs_beyond_the_checkpoint_are_done_again(tmp_path: Path) -> None:
    run(record(tmp_path), [5, 4, 3])
    again = record(tmp_path)
    again.resume(2)
    assert again.history.epoch.tolist() == [0, 1]


def test_a_new_job_ignores_what_lies_there(tmp_path: Path) -> None:
    run(record(tmp_path), [5, 4, 3])
    fresh = record(tmp_path)
    assert fresh.resume(0) == 0
    assert fresh.history.empty
    assert fresh.best_epoch is None
    assert not fresh.finished


def test_a_finished_record_says_so_when_resumed(tmp_path: Path) -> None:
    run(record(tmp_path, patience=1), [1, 2])
    again = record(tmp_path, patience=1)
    again.resume(2)
    assert again.finished


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["loss", "val_loss"])
def test_a_loss_that_is_no_number_stops_with_advice(tmp_path: Path, name: str, value: float) -> None:
    account = record(tmp_path)
    with pytest.raises(DataError, match=f"expected a finite {name}, received {value} in epoch 3: lower learning_rate"):
        account.on_epoch_end(2, {"loss": 1.0, "val_loss": 1.0, name: value})
    assert not (tmp_path / "history.csv").exists()


def test_an_error_inside_the_pipeline_is_raised_as_itself(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{side}.png") for side in (8, 9)]
    for side, path in zip((8, 9), paths, strict=True):
        Image.fromarray(np.zeros((side, side, 3), np.uint8)).save(path)
    generator = DataGenerator(pd.DataFrame({"path": paths, "x": [1.0, 2.0]}), output_structure=("x", "x"))
    with pytest.raises(InvalidInputError, match=r"one size.*set target_size") as failed, plain_errors():
        model().fit(generator.map(ImagePipeline()).get_dataset(), verbose=0, shuffle=False)
    assert "\n" not in str(failed.value)
    assert isinstance(failed.value.__cause__, tf.errors.OpError)


def test_other_errors_go_on_as_they_are() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError), plain_errors():
        tf.reshape(tf.zeros(3), (2, 2))
    with pytest.raises(KeyError), plain_errors():
        {}["missing"]
