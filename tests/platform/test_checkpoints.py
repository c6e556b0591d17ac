import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.io.local import atomic_write
from brevetti_keras.platform.checkpoints import Checkpoints
from brevetti_keras.utils.errors import BrevettiError, IntegrityError, InvalidInputError


def build(width=4, optimizer="adam"):
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(width),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer, "mse")
    return model


def data():
    x = np.random.default_rng(0).random((16, 3), "float32")
    return x, x.sum(1)


def train(model, checkpoints, epochs, first=0):
    x, y = data()
    return model.fit(
        x, y, epochs=epochs, initial_epoch=first, shuffle=False, verbose=0, callbacks=[checkpoints.callback()]
    )


class Variable:
    """What a checkpoint needs of a Keras variable."""

    def __init__(self, value):
        self.value = np.asarray(value)
        self.shape = self.value.shape

    def numpy(self):
        return self.value

    def assign(self, value):
        self.value = np.asarray(value)


class Model:
    """A model of plain arrays, so that faults can be tried by the hundred."""

    optimizer = None

    def __init__(self, *values):
        self.variables = [Variable(value) for value in values]

    @property
    def values(self):
        return [variable.value.tolist() for variable in self.variables]


def test_training_goes_on_exactly_with_optimizer_statistics_and_dropout(tmp_path):
    keras.utils.set_random_seed(1)
    whole = build()
    start = whole.get_weights()
    train(whole, Checkpoints(str(tmp_path / "whole")), 4)
    halted, again = build(), build()
    halted.set_weights(start)
    checkpoints = Checkpoints(str(tmp_path / "halted"))
    train(halted, checkpoints, 2)
    assert checkpoints.restore(again) == 2
    assert int(again.optimizer.iterations) == int(halted.optimizer.iterations) == 2
    train(again, checkpoints, 4, first=2)
    for one, other in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(whole.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_what_killed_saves_left_goes_with_a_later_save(tmp_path):
    folder = tmp_path / "checkpoints"
    checkpoints, model = Checkpoints(str(folder)), build()
    checkpoints.save(model, 1)
    old = ["epoch-000007.npz", f".{'ab' * 12}.tmp", "notes.txt", "epoch-000001.npz"]
    for name in [*old, "epoch-000009.npz", f".{'cd' * 12}.tmp"]:
        if not (folder / name).exists():
            (folder / name).write_bytes(b"half")
    for name in old:
        os.utime(folder / name, (time.time() - 7200, time.time() - 7200))
    checkpoints.save(model, 2)
    assert sorted(path.name for path in folder.iterdir()) == [
        f".{'cd' * 12}.tmp",
        *("epoch-000001.json", "epoch-000001.npz", "epoch-000002.json", "epoch-000002.npz"),
        "epoch-000009.npz",
        "notes.txt",
    ]


def test_a_millionth_epoch_is_one_like_the_others(tmp_path):
    checkpoints, model = Checkpoints(str(tmp_path)), build()
    for epochs in (999_999, 1_000_000):
        checkpoints.save(model, epochs)
    assert checkpoints.epochs() == [999_999, 1_000_000]
    assert checkpoints.restore(model) == 1_000_000


def test_the_last_two_are_kept(tmp_path):
    checkpoints = Checkpoints(str(tmp_path / "c"))
    assert checkpoints.epochs() == []
    for epoch in range(1, 5):
        checkpoints.save(Model([epoch]), epoch)
    assert checkpoints.epochs() == [3, 4]
    assert sorted(os.listdir(tmp_path / "c")) == [
        "epoch-000003.json", "epoch-000003.npz", "epoch-000004.json", "epoch-000004.npz",
    ]  # fmt: skip


def test_without_any_it_starts_at_zero_and_leaves_the_model_alone(tmp_path):
    model = Model([1.0, 2.0])
    assert Checkpoints(str(tmp_path / "none")).restore(model) == 0
    assert model.values == [[1.0, 2.0]]


def saved(folder, count=2):
    checkpoints = Checkpoints(str(folder))
    for epoch in range(1, count + 1):
        checkpoints.save(Model([epoch] * 50), epoch)
    return checkpoints


def test_the_checksum_is_the_file_s(tmp_path):
    saved(tmp_path)
    facts = json.loads((tmp_path / "epoch-000002.json").read_text())
    content = (tmp_path / "epoch-000002.npz").read_bytes()
    assert facts == {"epochs": 2, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), ending=st.sampled_from(["npz", "json"]))
@settings(deadline=None, max_examples=60)
def test_any_flipped_bit_leads_to_the_one_before(tmp_path_factory, place, bit, ending):
    folder = tmp_path_factory.mktemp("flip")
    checkpoints = saved(folder)
    path = folder / f"epoch-000002.{ending}"
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    model = Model([0] * 50)
    restored = checkpoints.restore(model)
    # A flip in the facts that still names the right checksum changes nothing that is loaded.
    assert restored == 1 or ending == "json"
    assert model.values == [[restored] * 50]


@pytest.mark.parametrize("damage", ["truncated", "empty", "gone", "other"])
def test_a_damaged_one_is_passed_over_and_the_user_told(tmp_path, caplog, damage):
    checkpoints = saved(tmp_path)
    path = tmp_path / "epoch-000002.npz"
    if damage == "gone":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes({"truncated": content[:-7], "empty": b"", "other": content + b"x"}[damage])
    with caplog.at_level(logging.WARNING):
        assert checkpoints.restore(Model([0] * 50)) == 1
    assert "epoch-000002.npz as it was saved, found it damaged" in caplog.text
    assert "going on from the checkpoint before it" in caplog.text


def test_one_without_its_checksum_never_was(tmp_path):
    checkpoints = saved(tmp_path)
    (tmp_path / "epoch-000002.json").unlink()
    assert checkpoints.restore(Model([0] * 50)) == 1


def test_only_damaged_ones_are_an_error_rather_than_a_silent_start(tmp_path):
    checkpoints = saved(tmp_path)
    for path in tmp_path.glob("*.npz"):
        path.write_bytes(b"")
    with pytest.raises(IntegrityError, match="found only damaged ones"):
        checkpoints.restore(Model([0] * 50))


@pytest.mark.parametrize("values", [([0] * 49,), ([0] * 50, [0]), ()])
def test_another_model_s_checkpoint_is_refused_and_nothing_loaded(tmp_path, values):
    checkpoints = saved(tmp_path)
    model = Model(*values)
    with pytest.raises(InvalidInputError, match="expected a checkpoint of this model"):
        checkpoints.restore(model)
    assert model.values == [list(value) for value in values]


def test_another_optimizer_is_refused(tmp_path):
    checkpoints = Checkpoints(str(tmp_path))
    checkpoints.save(build(), 1)
    with pytest.raises(InvalidInputError, match="optimizer/"):
        checkpoints.restore(build(optimizer="sgd"))


def test_bfloat16_survives(tmp_path):
    checkpoints = Checkpoints(str(tmp_path))
    variable = keras.Variable([1.5, -2.25], dtype="bfloat16")
    model, other = Model(), Model()
    model.variables, other.variables = [variable], [keras.Variable([0.0, 0.0], dtype="bfloat16")]
    for one in (model, other):
        one.variables[0].numpy = lambda one=one: keras.ops.convert_to_numpy(one.variables[0])
    checkpoints.save(model, 1)
    checkpoints.restore(other)
    assert np.asarray(other.variables[0].numpy()).astype("float32").tolist() == [1.5, -2.25]


def test_a_pickle_in_its_place_is_never_run(tmp_path):
    checkpoints = saved(tmp_path, 1)
    path = tmp_path / "epoch-000001.npz"
    np.savez(path, **{"model/0": np.array([print], dtype=object)}, allow_pickle=True)
    (tmp_path / "epoch-000001.json").write_text(
        json.dumps({"epochs": 1, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    )
    with pytest.raises(IntegrityError):
        checkpoints.restore(Model([0] * 50))


def test_what_keeps_it_from_saving_does_not_stop_training(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    checkpoints = Checkpoints(str(tmp_path / "file" / "checkpoints"))
    with pytest.raises(BrevettiError):
        checkpoints.save(Model([1]), 1)
    callback = checkpoints.callback(Model([1]))
    with caplog.at_level(logging.WARNING):
        callback.on_epoch_end(0, {})
        callback.on_train_end()
    assert "no checkpoint was saved after epoch 1: " in caplog.text


def test_variables_that_cannot_be_read_do_not_stop_training(tmp_path, caplog):
    Checkpoints(str(tmp_path)).callback(object()).on_epoch_end(6, {})
    assert "no checkpoint was saved after epoch 7: AttributeError" in caplog.text


def test_an_epoch_s_end_copies_and_does_not_wait_for_the_disk(tmp_path, monkeypatch):
    written, begun, go = [], threading.Event(), threading.Event()

    def slow(path, content):
        begun.set()
        assert go.wait(60)
        written.append(os.path.basename(path))
        atomic_write(path, content)

    monkeypatch.setattr("brevetti_keras.platform.checkpoints.atomic_write", slow)
    checkpoints = Checkpoints(str(tmp_path), pause=0)
    model = build()
    callback = checkpoints.callback(model)
    ends = []
    for epoch in range(6):
        ends.append(model.get_weights())
        callback.on_epoch_end(epoch, {})
        assert begun.wait(60)
        model.set_weights([weight + 1 for weight in ends[-1]])
    assert written == []
    assert not checkpoints.settle(0.01)
    go.set()
    callback.on_train_end()
    # The first was under way; of those that came meanwhile the last counts, as it was at its epoch's end.
    assert written == ["epoch-000001.npz", "epoch-000001.json", "epoch-000006.npz", "epoch-000006.json"]
    assert checkpoints.epochs() == [1, 6]
    again = build()
    assert checkpoints.restore(again) == 6
    for one, other in zip(again.get_weights(), ends[-1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_short_epochs_are_saved_a_pause_apart_and_the_last_one_always(tmp_path):
    folder = tmp_path / "checkpoints"
    checkpoints = Checkpoints(str(folder), pause=600)
    model = Model([0.0])
    callback = checkpoints.callback(model)
    callback.on_epoch_end(0, {})
    deadline = time.monotonic() + 60
    while not (folder / "epoch-000001.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    for epoch in range(1, 50):
        model.variables = [Variable([float(epoch)])]
        callback.on_epoch_end(epoch, {})
    time.sleep(0.05)
    assert sorted(path.name for path in folder.iterdir()) == ["epoch-000001.json", "epoch-000001.npz"]
    callback.on_train_end()
    assert sorted(path.name for path in folder.glob("*.json")) == ["epoch-000001.json", "epoch-000050.json"]
    other = Model([1.0])
    assert checkpoints.restore(other) == 50
    assert other.values == [[49.0]]


def test_what_still_waits_is_there_for_whoever_asks(tmp_path):
    checkpoints, model = Checkpoints(str(tmp_path), pause=600), Model([0.0])
    for epoch in range(1, 4):
        model.variables = [Variable([float(epoch)])]
        checkpoints.save_soon(model, epoch)
    assert checkpoints.restore(model) == 3
    checkpoints.save_soon(model, 4)
    checkpoints.save(model, 5)
    assert checkpoints.epochs() == [4, 5]


def test_later_ones_than_the_last_are_of_a_training_that_went_back(tmp_path):
    checkpoints = saved(tmp_path / "c", 5)
    assert checkpoints.epochs() == [4, 5]
    (tmp_path / "c" / "epoch-000005.npz").unlink()
    checkpoints.save(Model([2] * 50), 2)
    assert checkpoints.epochs() == [2]
    assert sorted(os.listdir(tmp_path / "c")) == ["epoch-000002.json", "epoch-000002.npz"]


PLAIN = """
import itertools, sys
import numpy as np
from brevetti_keras.platform.checkpoints import Checkpoints

class Variable:
    def __init__(self, value):
        self.value, self.shape = value, value.shape
    def numpy(self):
        return self.value

class Model:
    optimizer = None
"""

ENDED = """
model = Model()
model.variables = [Variable(np.full(100_000, 7.0))]
callback = Checkpoints(sys.argv[1], pause=600).callback(model)
for epoch in range(20):
    callback.on_epoch_end(epoch, {})
raise SystemExit(3)
"""


def test_the_process_s_end_saves_what_still_waits(tmp_path):
    folder = str(tmp_path / "c")
    ended = subprocess.run(
        [sys.executable, "-c", PLAIN + ENDED, folder],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ended.returncode == 3
    model = Model([0.0] * 100_000)
    assert Checkpoints(folder).restore(model) == 20
    assert set(model.values[0]) == {7.0}


KILLED = """
checkpoints, model = Checkpoints(sys.argv[1], pause=0), Model()
save = getattr(checkpoints, sys.argv[2])
for epoch in itertools.count(1):
    model.variables = [Variable(np.full(100_000, epoch))]
    save(model, epoch)
    if epoch == 2:
        checkpoints.settle()
        print("saving", flush=True)
"""


def test_a_kill_while_saving_leaves_one_that_loads(tmp_path):
    for attempt in range(8):
        folder = tmp_path / str(attempt)
        process = subprocess.Popen(
            [sys.executable, "-c", PLAIN + KILLED, str(folder), "save_soon" if attempt % 2 else "save"],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"saving\n"
        time.sleep(0.003 * attempt)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        model = Model([0] * 100_000)
        epoch = Checkpoints(str(folder)).restore(model)
        assert epoch >= 2
        assert set(model.values[0]) == {epoch}
