"""RemoteMonitor against real servers: alive, dead, hanging, refusing; and inside a real `fit`."""

import gc
import json
import logging
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from brevetti_keras.interfaces.event_delivery import job_of
from brevetti_keras.interfaces.remote_monitor import RemoteMonitor
from brevetti_keras.io.event_log import EventLog
from brevetti_keras.utils.errors import InvalidInputError
from tests.support.http_host import http_host
from tests.support.ports import free_port

PATH = "/api/models/7f/remotemonitor?key=the-secret-key"
ELSEWHERE = "/metrics?key=the-secret-key"


def other_host(request):
    """Answers like a host without our routes."""
    return 404 if request.path.startswith("/api/jobs") else 204


def wait_until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


def model():
    import keras

    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    network.compile(loss="mse")
    return network


DATA = (np.zeros((8, 2), np.float32), np.zeros((8, 1), np.float32))


def test_the_epochs_of_a_fit_arrive_in_order_as_one_host_field():
    with http_host(answer=other_host) as host:
        monitor = RemoteMonitor(host.address, PATH)
        network = model()
        network.fit(*DATA, epochs=3, verbose=0, validation_data=DATA, callbacks=[monitor])
        posted = [request for request in host.requests if request.path == PATH]
        assert [json.loads(request.form["data"])["epoch"] for request in posted] == [0, 1, 2]
        assert set(json.loads(posted[0].form["data"])) == {"epoch", "loss", "val_loss"}
        assert len({request.headers["idempotency-key"] for request in posted}) == 3
        assert monitor.undelivered == ()
        assert monitor.model is network
        assert monitor.params["epochs"] == 3


def test_evaluate_and_predict_take_it_too(tmp_path):
    monitor = RemoteMonitor(f"file://{tmp_path}", PATH)
    network = model()
    network.evaluate(*DATA, verbose=0, callbacks=[monitor])
    network.predict(DATA[0], verbose=0, callbacks=[monitor])
    assert list(EventLog(monitor.log_path).read()) == []


def test_our_own_server_gets_batches_with_the_key_as_bearer():
    with http_host() as host:
        monitor = RemoteMonitor(host.address, PATH)
        for epoch in range(5):
            monitor.on_epoch_end(epoch, {"loss": 0.5})
        assert monitor.flush(60)
        assert [event["body"] for event in host.events()] == [{"epoch": epoch, "loss": 0.5} for epoch in range(5)]
        assert {request.path for request in host.requests} == {"/api/jobs/7f/events"}
        assert {request.headers["authorization"] for request in host.requests} == {"Bearer the-secret-key"}


def test_a_path_of_another_form_gets_single_posts_only():
    with http_host() as host:
        monitor = RemoteMonitor(host.address, ELSEWHERE, field="payload", headers={"X-Team": "a"}, send_as_json=False)
        monitor.on_epoch_end(4, {"loss": np.float32(0.5)})
        assert monitor.flush(60)
        (request,) = host.requests
        assert (request.path, request.headers["x-team"]) == (ELSEWHERE, "a")
        assert json.loads(request.form["payload"]) == {"epoch": 4, "loss": 0.5}


def test_an_epoch_can_be_the_body_itself():
    with http_host() as host:
        monitor = RemoteMonitor(host.address, ELSEWHERE, send_as_json=True)
        monitor.on_epoch_end(1, {"loss": np.float64(0.25)})
        assert monitor.flush(60)
        assert host.requests[0].headers["content-type"] == "application/json"
        assert host.requests[0].json == {"epoch": 1, "loss": 0.25}


def test_sending_starts_soon_and_needs_no_flush():
    with http_host() as host:
        monitor = RemoteMonitor(host.address, PATH)
        monitor.on_epoch_end(0, {"loss": 0.5})
        wait_until(lambda: host.requests)


def test_many_at_once_are_gathered_and_whoever_waits_does_not_wait_for_that(monkeypatch):
    monkeypatch.setattr("brevetti_keras.interfaces.event_sender._GATHERING", 600)
    with http_host() as host:
        monitor = RemoteMonitor(host.address, PATH)
        monitor.on_train_begin()
        for burst in range(1, 4):
            for epoch in range(100):
                monitor.on_epoch_end(epoch, {"loss": 0.5})
            assert monitor.flush(60)
            assert sum(len(request.json["events"]) for request in host.requests) == 100 * burst
            # The thread may have been on its way to look when the first of a burst came.
            assert len(host.requests) <= 3 * burst


def test_values_that_json_cannot_hold_are_null_and_named():
    import tensorflow as tf

    with http_host() as host:
        monitor = RemoteMonitor(host.address, PATH)
        monitor.on_epoch_end(0, {"a": float("nan"), "b": np.float32("inf"), "c": tf.constant(2.0), "d": np.arange(2)})
        assert monitor.flush(60)
        body = {"epoch": 0, "a": None, "b": None, "c": 2.0, "d": [0, 1], "nonfinite": {"a": "NaN", "b": "Infinity"}}
        assert host.events()[0]["body"] == body


def test_what_is_no_number_is_left_out_with_a_warning(tmp_path, caplog):
    monitor = RemoteMonitor(f"file://{tmp_path}", PATH)
    monitor.on_epoch_end(0, {"loss": 0.5, "odd": object()})
    assert [event.body for event in EventLog(monitor.log_path).read()] == [{"epoch": 0, "loss": 0.5}]
    assert "odd" in caplog.text


def test_every_number_of_batches_reports_within_the_epoch(tmp_path):
    monitor = RemoteMonitor(f"file://{tmp_path}", PATH, every=2)
    model().fit(*DATA, batch_size=1, epochs=2, verbose=0, callbacks=[monitor])
    bodies = [event.body for event in EventLog(monitor.log_path).read()]
    assert [body["epoch"] for body in bodies] == [0] * 5 + [1] * 5  # 8 batches: 4 reports, and the epoch's
    assert all(set(body) == {"epoch", "loss"} for body in bodies)


def test_a_workspace_gets_the_log_of_the_job_and_nothing_is_sent(tmp_path):
    monitor = RemoteMonitor(f"file://{tmp_path}", PATH)
    monitor.on_epoch_end(0, {"loss": 0.5})
    assert monitor.log_path == str(tmp_path / "jobs" / "7f" / "events.log")
    assert next(EventLog(monitor.log_path).read()).body == {"epoch": 0, "loss": 0.5}
    assert monitor.flush()
    assert monitor.undelivered == ()


def test_a_dead_host_costs_nothing_and_the_next_monitor_sends_what_waited(tmp_path, caplog):
    port = free_port()
    log = str(tmp_path / "events.log")
    monitor = RemoteMonitor(f"http://127.0.0.1:{port}", PATH, log=log)
    monitor.on_train_begin()
    for epoch in range(50):
        monitor.on_epoch_end(epoch, {"loss": 1.0})
    wait_until(lambda: caplog.records)
    monitor.on_train_end()
    assert len(monitor.undelivered) == 50
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2  # the first failure, and the sum at the end
    assert "50 reported events have not arrived" in warnings[1]
    assert "the-secret-key" not in caplog.text
    del monitor
    gc.collect()
    with http_host(port) as host:
        again = RemoteMonitor(host.address, PATH, log=log)
        again.on_train_begin()
        assert again.flush(60)
        assert [event["body"]["epoch"] for event in host.events()] == list(range(50))


def test_a_host_that_comes_back_gets_everything_once_in_order():
    port = free_port()
    monitor = RemoteMonitor(f"http://127.0.0.1:{port}", PATH)
    for epoch in range(20):
        monitor.on_epoch_end(epoch, {"loss": 1.0})
    assert not monitor.flush(0.2)
    with http_host(port) as host:
        assert monitor.flush(60)
        events = host.events()
    assert [event["body"]["epoch"] for event in events] == list(range(20))
    assert len({event["key"] for event in events}) == 20


def test_a_hanging_host_never_blocks_the_training():
    asked, go = threading.Event(), threading.Event()

    def answer(request):
        asked.set()
        return 204 if go.wait(60) else 500

    with http_host(answer=answer) as host:
        monitor = RemoteMonitor(host.address, PATH)
        for epoch in range(20):
            monitor.on_epoch_end(epoch, {"loss": 1.0})
            assert asked.wait(60)
        assert not monitor.flush(0.1)
        # All of this while the first request has no answer yet.
        assert host.requests == []
        go.set()
        assert monitor.flush(60)
        assert list(dict.fromkeys(event["body"]["epoch"] for event in host.events())) == list(range(20))


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_may_pass_is_sent_again(status):
    answers = [status, status, 204]
    with http_host(answer=lambda request: (answers.pop(0), {"Retry-After": "0"})) as host:
        monitor = RemoteMonitor(host.address, PATH)
        monitor.on_epoch_end(0, {"loss": 1.0})
        assert monitor.flush(60)
        assert len(host.requests) == 3
        keys = {request.json["events"][0]["key"] for request in host.requests}
        assert len(keys) == 1


@pytest.mark.parametrize("status", [401, 403, 302])
def test_a_host_that_refuses_us_is_asked_once_and_told_of(status, caplog):
    with http_host(answer=lambda request: (status, {"Location": "/elsewhere"})) as host:
        monitor = RemoteMonitor(host.address, PATH)
        for epoch in range(3):
            monitor.on_epoch_end(epoch, {"loss": 1.0})
            wait_until(lambda: host.requests)
        assert not monitor.flush(60)
        monitor.on_train_end()
        assert len(host.requests) == 1
        assert [event.body["epoch"] for event in monitor.undelivered] == [0, 1, 2]
        assert f"{status}" in caplog.text
        assert caplog.text.count("nothing more is sent") == 1


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_an_event_that_is_never_taken_holds_up_no_other(status, caplog):
    def answer(request):
        return status if any(event["body"]["epoch"] == 3 for event in request.json["events"]) else 204

    with http_host(answer=answer) as host:
        monitor = RemoteMonitor(host.address, PATH)
        for epoch in range(8):
            monitor.on_epoch_end(epoch, {"loss": 1.0})
        assert not monitor.flush(60)
        assert [event.body["epoch"] for event in monitor.undelivered] == [3]
        taken = [request for request in host.requests if answer(request) == 204]
        epochs = [event["body"]["epoch"] for request in taken for event in request.json["events"]]
        assert epochs == [0, 1, 2, 4, 5, 6, 7]
        assert caplog.text.count("is not taken") == 1


def test_a_single_post_that_is_never_taken_holds_up_no_other():
    def answer(request):
        return 413 if request.json["epoch"] == 1 else 204

    with http_host(answer=answer) as host:
        monitor = RemoteMonitor(host.address, ELSEWHERE, send_as_json=True)
        for epoch in range(4):
            monitor.on_epoch_end(epoch, {})
        assert not monitor.flush(60)
        assert [event.body["epoch"] for event in monitor.undelivered] == [1]
        assert [request.json["epoch"] for request in host.requests] == [0, 1, 2, 3]


KILLED = """
import os, signal, sys
from brevetti_keras.interfaces.remote_monitor import RemoteMonitor
monitor = RemoteMonitor(sys.argv[1], sys.argv[2], log=sys.argv[3])
for epoch in range(10):
    monitor.on_epoch_end(epoch, {"loss": 1.0})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_loses_nothing_that_was_logged(tmp_path):
    log = str(tmp_path / "events.log")
    dead = f"http://127.0.0.1:{free_port()}"
    assert subprocess.run([sys.executable, "-c", KILLED, dead, PATH, log], check=False).returncode == -9
    with http_host() as host:
        assert RemoteMonitor(host.address, PATH, log=log).flush(60)
        assert [event["body"]["epoch"] for event in host.events()] == list(range(10))


def test_what_was_sent_is_not_sent_again_by_the_next_monitor(tmp_path):
    log = str(tmp_path / "events.log")
    with http_host() as host:
        first = RemoteMonitor(host.address, PATH, log=log)
        first.on_epoch_end(0, {})
        assert first.flush(60)
        second = RemoteMonitor(host.address, PATH, log=log)
        second.on_epoch_end(1, {})
        assert second.flush(60)
        assert [event["body"]["epoch"] for event in host.events()] == [0, 1]


def test_another_host_gets_the_whole_log(tmp_path):
    log = str(tmp_path / "events.log")
    with http_host() as host, http_host() as other:
        first = RemoteMonitor(host.address, PATH, log=log)
        first.on_epoch_end(0, {})
        assert first.flush(60)
        assert RemoteMonitor(other.address, PATH, log=log).flush(60)
        assert len(other.events()) == 1


BY_HAND = """
import sys
from brevetti_keras.interfaces.remote_monitor import RemoteMonitor
RemoteMonitor(sys.argv[1], sys.argv[2]).on_epoch_end(0, {"loss": 1.0})
assert not {"tensorflow", "keras"} & set(sys.modules)
"""


def test_a_script_that_ends_at_once_still_sends_and_leaves_nothing_behind(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with http_host() as host:
        subprocess.run([sys.executable, "-c", BY_HAND, host.address, PATH], check=True, env=environment)
        assert len(host.events()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_cannot_be_written_is_a_warning(tmp_path, caplog):
    (tmp_path / "jobs").write_text("a file in a folder's place")
    monitor = RemoteMonitor(f"file://{tmp_path}", PATH)
    model().fit(*DATA, verbose=0, callbacks=[monitor])
    assert "the metrics were not logged" in caplog.text


@pytest.mark.parametrize(
    ("root", "path", "every", "expected"),
    [
        ("ftp://host", PATH, "epoch", "expected http://host"),
        ("", PATH, "epoch", "expected http://host"),
        ("file:///workspace", "/metrics?key=abc", "epoch", r"received '/metrics'"),
        ("file:///workspace", "/api/models/%2e%2e/remotemonitor", "epoch", "like /api/models/JOB/remotemonitor"),
        ("http://host", PATH, 0, "received 0"),
        ("http://host", PATH, True, "received True"),
        ("http://host", PATH, "batch", "received 'batch'"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused_at_once(root, path, every, expected):
    with pytest.raises(InvalidInputError, match=expected):
        RemoteMonitor(root, path, every=every)


@pytest.mark.parametrize(
    ("path", "job"),
    [
        ("/api/models/a-1/remotemonitor?key=K", "a-1"),
        ("/api/models/a%20b/remotemonitor", "a b"),
        ("/api/models//remotemonitor", None),
        ("/api/models/../remotemonitor", None),
        ("/api/models/a%2Fb/remotemonitor", None),
        ("/api/models/remotemonitor", None),
        ("/else", None),
    ],
)
def test_the_job_in_a_path(path, job):
    assert job_of(path) == job
