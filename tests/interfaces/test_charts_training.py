"""The chart of a training, from every form of history."""

import subprocess
import sys
import types

import altair
import numpy as np
import pandas as pd
import pytest

from brevetti_keras.interfaces.vegalite_charts import training_history
from brevetti_keras.io.event_log import EventLog
from brevetti_keras.utils.errors import InvalidInputError, NotFoundError
from brevetti_keras.wire.events import epoch_body, status_body
from tests.support.charts import rows, spec_of

HISTORY = {"loss": [0.9, 0.5, 0.25], "val_loss": [1.0, 0.75, 0.5], "accuracy": [0.1, 0.2, 0.3]}
EXPECTED = [
    {"epoch": epoch + 1, "metric": metric, "of": of, "value": HISTORY[column][epoch]}
    for column, metric, of in (
        ("loss", "loss", "training"),
        ("val_loss", "loss", "validation"),
        ("accuracy", "accuracy", "training"),
    )
    for epoch in range(3)
]


def bodies():
    return [epoch_body(epoch, {name: column[epoch] for name, column in HISTORY.items()}) for epoch in range(3)]


def events(tmp_path):
    log = EventLog(tmp_path / "events.log")
    log.append("status", status_body("running"))
    for body in bodies():
        log.append("epoch", body)
    return list(log.read())


def csv(tmp_path):
    pd.DataFrame({"epoch": range(3), **HISTORY}).to_csv(tmp_path / "training.csv", index=False)
    return tmp_path / "training.csv"


@pytest.mark.parametrize(
    "form",
    [
        lambda _: HISTORY,
        lambda _: types.SimpleNamespace(history=HISTORY, epoch=[0, 1, 2]),
        lambda _: pd.DataFrame(HISTORY),
        lambda _: pd.DataFrame({"epoch": [2, 0, 1], **{k: [v[2], v[0], v[1]] for k, v in HISTORY.items()}}),
        lambda _: bodies(),
        lambda _: iter(bodies()),
        events,
        csv,
        lambda tmp_path: str(csv(tmp_path)),
    ],
)
def test_every_form_of_history_gives_the_same_chart(tmp_path, form):
    assert rows(training_history(form(tmp_path))) == EXPECTED


def test_a_history_of_keras_itself_is_taken():
    import keras

    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    network.compile(loss="mse")
    history = network.fit(np.zeros((2, 1)), np.zeros((2, 1)), initial_epoch=3, epochs=5, verbose=0)
    assert [row["epoch"] for row in rows(training_history(history))] == [4, 5]


def test_each_metric_has_its_panel_and_scale():
    spec = spec_of(training_history(HISTORY))
    assert spec["facet"]["sort"] == ["loss", "accuracy"]
    assert spec["resolve"]["scale"]["y"] == "independent"
    assert spec["name"] == "training_history"


def test_it_is_vega_lite_as_altair_knows_it_and_needs_no_altair():
    code = (
        "import sys; from brevetti_keras.interfaces.charts_training import training_history; "
        "print(training_history({'loss': [2, 1], 'val_loss': [2, 3], 'f1': [0, 1]})); "
        "sys.exit('altair' in sys.modules)"
    )
    text = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    spec = spec_of(text)
    known = altair.Chart.from_dict({key: value for key, value in spec.items() if key != "name"}).to_dict()
    parts = ("title", "facet", "columns", "spec", "resolve")
    assert {key: known[key] for key in parts} == {key: spec[key] for key in parts}
    assert {*spec} == {*parts, "name", "data", "$schema"}
    assert spec["$schema"].removesuffix(".json") in known["$schema"]


def test_what_is_no_finite_number_is_left_out():
    history = {"loss": [1.0, float("nan"), None, float("inf"), np.float32(0.5)], "note": ["a", "b", "c", "d", "e"]}
    assert [(row["epoch"], row["value"]) for row in rows(training_history(history))] == [(1, 1.0), (5, 0.5)]
    reported = [epoch_body(0, {"loss": float("nan")}), epoch_body(1, {"loss": 0.5})]
    assert [(row["epoch"], row["metric"]) for row in rows(training_history(reported))] == [(2, "loss")]


def test_of_an_epoch_told_several_times_the_last_counts():
    reported = [{"epoch": 0, "loss": 3.0}, {"epoch": 0, "loss": 2.0}, {"epoch": 1, "loss": 1.0}]
    assert [row["value"] for row in rows(training_history(reported))] == [2.0, 1.0]


def test_a_metric_that_came_later_has_its_own_length():
    assert len(rows(training_history({"loss": [3, 2, 1], "val_loss": [2]}))) == 4
    later = [{"epoch": 0, "loss": 1.0}, {"epoch": 1, "loss": 0.5, "f1": 0.1}]
    assert [(row["epoch"], row["metric"]) for row in rows(training_history(later))] == [
        (1, "loss"),
        (2, "loss"),
        (2, "f1"),
    ]


def test_long_trainings_are_thinned_with_both_ends_kept():
    epochs = [row["epoch"] for row in rows(training_history({"loss": np.linspace(1, 0, 50_000)}))]
    assert (len(epochs), epochs[0], epochs[-1]) == (1000, 1, 50_000)
    assert epochs == sorted(epochs)


def test_an_empty_history_is_an_empty_chart_and_nothing_is_changed():
    assert rows(training_history([])) == rows(training_history({})) == rows(training_history(pd.DataFrame())) == []
    frame = pd.DataFrame({"loss": [1.0]})
    training_history(frame)
    assert list(frame.columns) == ["loss"]


@pytest.mark.parametrize("wrong", [5, None, [1, 2], [{"loss": 1}]])
def test_what_is_no_history_is_told(wrong):
    with pytest.raises(InvalidInputError, match="expected"):
        training_history(wrong)


def test_a_csv_that_is_not_there_or_none_is_told(tmp_path):
    with pytest.raises(NotFoundError, match=r"nothing\.csv"):
        training_history(tmp_path / "nothing.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InvalidInputError, match=r"empty\.csv"):
        training_history(tmp_path / "empty.csv")


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ({"loss": 3}, "expected a list of values of the metric 'loss', received 3"),
        ({"loss": "0.5"}, "expected a list of values of the metric 'loss', received '0.5'"),
        ([{"epoch": "x", "loss": 1}], "expected a number in each 'epoch', received 'x'"),
        ([{"epoch": None, "loss": 1}], "expected a number in each 'epoch', received None"),
        (pd.DataFrame({"epoch": [np.nan], "loss": [1.0]}), "expected a number in each 'epoch', received nan"),
    ],
)
def test_histories_with_other_values_are_told_in_one_line(history, message):
    with pytest.raises(InvalidInputError) as caught:
        training_history(history)
    assert str(caught.value).replace("np.float64(nan)", "nan") == message
