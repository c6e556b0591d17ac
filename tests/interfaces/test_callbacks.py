"""The reports as callbacks: in a real `fit`, by hand, and when what they need fails."""

import json
import logging
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest

from brevetti_keras.interfaces.background_report import BackgroundReport
from brevetti_keras.interfaces.callbacks import ChartUpload, FacetsReport, PivotReport, RemoteMonitor, TensorBoard
from brevetti_keras.interfaces.keras_hooks import KerasHooks
from brevetti_keras.utils.errors import InvalidInputError, PlatformError

SAMPLES = pd.DataFrame({"category": [("a",), ("b",)], "dataset": ["d", "d"], "purpose": ["train", ""]})
BATCHES = [{"img": np.full((2, 8, 8, 3), 100, np.uint8), "name": np.array(["x", "y"])}]


def model():
    import keras

    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    network.compile(loss="mse")
    return network


def fit(*callbacks, epochs=3):
    data = (np.zeros((8, 2), np.float32), np.zeros((8, 1), np.float32))
    network = model()
    network.fit(*data, validation_data=data, epochs=epochs, verbose=0, callbacks=list(callbacks))
    return network


def points(spec):
    chart = json.loads(spec)
    return [(row["epoch"], row["metric"], row["of"]) for row in chart["data"]["values"]]


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [event.step for event in events.Tensors(tag)] for tag in events.Tags()["tensors"]}


def test_all_of_them_report_one_fit(tmp_path, job):
    monitor = RemoteMonitor(f"file://{tmp_path}", "/api/models/7f/remotemonitor")
    fit(monitor, FacetsReport(job, BATCHES), ChartUpload(job), PivotReport(job, SAMPLES), TensorBoard(job))
    files = {str(path.relative_to(job.folder)) for path in job.folder.rglob("*") if path.is_file()}
    assert {
        "facets/facets.json",
        "facets/spriteatlas.jpeg",
        "pivot/summary_fields.json",
        "pivot/classification_summary.json",
    } < files
    assert len(json.loads((job.folder / "facets" / "facets.json").read_text())) == 2
    expected = {(epoch, "loss", of) for epoch in (1, 2, 3) for of in ("training", "validation")}
    assert set(points(job.charts["training_history"])) == expected
    assert scalars(job.folder / "tensorboard" / "train")["epoch_loss"] == [0, 1, 2]
    assert scalars(job.folder / "tensorboard" / "validation")["epoch_loss"] == [0, 1, 2]


class BrokenJob:
    """A job of which everything fails, each in its own way."""

    @property
    def datasets(self):
        raise RuntimeError("no datasets")

    def artifact_path(self, *parts, dir=False):  # noqa: A002
        raise OSError(28, "No space left on device")

    def upload_chart(self, name, vegalite_json=None):
        raise PlatformError("the platform is down")

    def get_root_tags(self):
        raise PlatformError("the platform is down")


@pytest.mark.parametrize(
    ("callback", "expected"),
    [
        (lambda: FacetsReport(BrokenJob(), BATCHES), "the facets were not written: [Errno 28] No space left"),
        (lambda: PivotReport(BrokenJob(), SAMPLES), "the pivot table was not written: [Errno 28] No space left"),
        (lambda: ChartUpload(BrokenJob()), "the chart training_history was not uploaded: the platform is down"),
        (lambda: TensorBoard(BrokenJob()), "TensorBoard's files were not written: [Errno 28] No space left"),
    ],
)
def test_what_fails_is_a_warning_and_training_goes_on(callback, expected, caplog):
    assert fit(callback(), epochs=1).built
    assert expected in caplog.text
    caplog.clear()
    assert callback()() is False
    assert expected in caplog.text


def test_facets_do_not_hold_the_first_epoch_up_and_are_there_when_fit_ends(job):
    first_epoch = threading.Event()

    def slow():
        assert first_epoch.wait(60)
        yield from BATCHES

    class Telling(KerasHooks):
        def on_epoch_end(self, epoch, logs=None):
            first_epoch.set()

    fit(FacetsReport(job, slow()), Telling(), epochs=1)
    assert len(json.loads((job.folder / "facets" / "facets.json").read_text())) == 2


def test_a_report_that_takes_too_long_is_a_warning_at_the_end_of_fit(caplog):
    let_go = threading.Event()

    class Slow(BackgroundReport):
        what = "the long one"

        def __call__(self):
            return let_go.wait(60)

    fit(Slow(patience=0.05), epochs=1)
    let_go.set()
    assert "the long one took longer than the training and 0.05 s: not yet written" in caplog.text


def test_a_generator_that_fails_is_a_warning_with_its_cause(job, caplog):
    def broken():
        yield BATCHES[0]
        raise ZeroDivisionError("in the middle")

    fit(FacetsReport(job, broken()), epochs=1)
    assert "the facets were not written: ZeroDivisionError: in the middle" in caplog.text
    assert not (job.folder / "facets" / "facets.json").exists()


def test_tensorboard_that_fails_later_is_left_out_from_then_on(job, caplog):
    callback = TensorBoard(job)
    callback.set_model(model())
    callback.on_epoch_end(0, {"loss": object()})
    callback.on_epoch_end(1, {"loss": object()})
    assert caplog.text.count("TensorBoard's files were not written") == 1


def test_with_options_keras_own_callback_writes(job):
    fit(TensorBoard(job, histogram_freq=1, update_freq=1), epochs=1)
    tags = set(scalars(job.folder / "tensorboard" / "train"))
    assert {"epoch_loss", "batch_loss"} < tags
    assert any(tag.endswith("/histogram") for tag in tags)


def test_no_callback_keeps_keras_from_running_batches_ahead(tmp_path, job, monkeypatch):
    from keras.src.callbacks.callback_list import CallbackList

    monkeypatch.setattr("keras.src.backend.IS_THREAD_SAFE", True)  # as it is under JAX

    def ahead(*callbacks):
        return CallbackList(list(callbacks))._async_train

    root, path = f"file://{tmp_path}", "/api/models/7f/remotemonitor"
    reports = [FacetsReport(job, BATCHES), ChartUpload(job), PivotReport(job, SAMPLES)]
    assert ahead(*reports, RemoteMonitor(root, path), TensorBoard(job))
    assert not ahead(RemoteMonitor(root, path, every=10))
    assert not ahead(TensorBoard(job, update_freq=10))


def test_by_hand_each_is_a_plain_call(tmp_path, job):
    assert FacetsReport(job, BATCHES)() is True
    assert PivotReport(job, SAMPLES, rows=["dataset"], fields={"dataset": "D"})() is True
    assert json.loads((job.folder / "pivot" / "summary_fields.json").read_text())["rowFields"][0]["key"] == "dataset"
    assert ChartUpload(job)({"loss": [1, 2]}) is True
    assert points(job.charts["training_history"]) == [(1, "loss", "training"), (2, "loss", "training")]
    assert TensorBoard(job)({"loss": [1, float("nan"), 3], "val_acc": [0.1, 0.2, 0.3]}) is True
    assert scalars(job.folder / "tensorboard" / "train") == {"epoch_loss": [0, 2]}
    assert scalars(job.folder / "tensorboard" / "validation") == {"epoch_acc": [0, 1, 2]}
    monitor = RemoteMonitor(f"file://{tmp_path}", "/api/models/7f/remotemonitor")
    assert monitor(0, {"loss": 1.0}) is True


def test_pivot_reports_datasets_and_tags(job):
    job.datasets = [{"id": "d1", "tagIds": ["t"]}]
    job.tags = [{"id": "t", "name": "Site"}]
    assert PivotReport(job, SAMPLES.assign(dataset_id="d1"))()
    records = json.loads((job.folder / "pivot" / "classification_summary.json").read_text())
    assert {record["tag_t"] for record in records} == {"Site"}


@pytest.mark.parametrize(("every", "expected"), [(1, 3), (2, 3), (3, 3), (5, 3)])
def test_charts_end_with_the_whole_history_whatever_their_turn(job, every, expected):
    seen = []
    job.upload_chart = lambda name, spec: seen.append(max(epoch for epoch, *_ in points(spec)))
    fit(ChartUpload(job, every=every), epochs=3)
    assert seen[-1] == expected
    assert len(seen) <= -(-3 // every)


def test_charts_of_samples_and_of_ones_own(job):
    upload = ChartUpload(job, charts=["dataset_summary", "split_overview"], samples=SAMPLES)
    assert upload()
    assert set(job.charts) == {"dataset_summary", "split_overview"}
    own = ChartUpload(job, charts={"mine": lambda: '{"mark": "bar"}', "still": {"mark": "line"}}, every=2)
    assert own()
    assert (job.charts["mine"], job.charts["still"]) == ('{"mark": "bar"}', {"mark": "line"})


def test_one_chart_that_fails_does_not_stop_the_others(job, caplog):
    upload = ChartUpload(job, charts={"bad": lambda: 1 / 0, "good": {"mark": "bar"}})
    assert upload() is False
    assert set(job.charts) == {"good"}
    assert "the chart bad was not uploaded: ZeroDivisionError" in caplog.text


def test_a_slow_platform_does_not_hold_up_epochs_and_gets_the_latest(job):
    seen, begun, release = [], threading.Event(), threading.Event()

    def slow(name, spec):
        begun.set()
        assert release.wait(60)
        seen.append(max(epoch for epoch, *_ in points(spec)))

    job.upload_chart = slow
    upload = ChartUpload(job)
    upload.on_epoch_end(0, {"loss": 1.0})
    assert begun.wait(60)
    for epoch in range(1, 30):
        upload.on_epoch_end(epoch, {"loss": 1.0})
    assert seen == []
    release.set()
    upload.on_train_end()
    assert seen == [1, 30]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"charts": ["party"]}, "received 'party'"),
        ({"charts": ["split_overview"]}, "expected samples for the chart split_overview"),
        ({"every": 0}, "received 0"),
        ({"every": True}, "received True"),
        ({"every": "epoch"}, "received 'epoch'"),
    ],
)
def test_charts_that_cannot_be_are_refused_at_once(job, arguments, expected):
    with pytest.raises(InvalidInputError, match=expected):
        ChartUpload(job, **arguments)


def test_importing_and_making_them_loads_neither_keras_nor_tensorflow():
    code = (
        "import sys; from brevetti_keras.interfaces.callbacks import *; "
        "from brevetti_keras.interfaces import vegalite_charts, html_report, tensorboard; "
        "TensorBoard(None); FacetsReport(None, []); ChartUpload(None); PivotReport(None, None); "
        "assert not {'tensorflow', 'keras', 'sklearn', 'cv2', 'altair', 'tensorboard'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_warnings_carry_no_traceback_of_what_we_raised_ourselves(caplog):
    ChartUpload(BrokenJob())()
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.exc_info is None
