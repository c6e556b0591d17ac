"""The worker for which only the latest task counts."""

import threading
import time
import weakref

import pytest

from brevetti_keras.interfaces.latest_worker import LatestWorker


def test_tasks_run_in_order_and_waiting_ends_when_all_is_done():
    worker, done = LatestWorker(), []
    for number in range(5):
        worker.submit(lambda number=number: done.append(number))
        assert worker.wait(60)
    assert done == [0, 1, 2, 3, 4]
    assert worker.wait(0)


def test_a_task_that_waits_gives_way_to_the_next():
    worker, done, begun, go = LatestWorker(), [], threading.Event(), threading.Event()

    def first():
        begun.set()
        go.wait(60)
        done.append("first")

    worker.submit(first)
    assert begun.wait(60)
    worker.submit(lambda: done.append("second"))
    worker.submit(lambda: done.append("third"))
    assert not worker.wait(0.05)
    go.set()
    assert worker.wait(60)
    assert done == ["first", "third"]


def test_a_task_that_raises_is_a_warning_and_does_not_block_the_next(caplog):
    worker, done = LatestWorker(), []
    worker.submit(lambda: 1 / 0)
    assert worker.wait(60)
    worker.submit(lambda: done.append(1))
    assert worker.wait(60)
    assert done == [1]
    assert "work in the background failed: ZeroDivisionError" in caplog.text


def test_the_first_runs_at_once_and_the_next_after_a_pause_which_waiting_ends():
    worker, done, first = LatestWorker(pause=600), [], threading.Event()
    worker.submit(first.set)
    assert first.wait(60)
    for number in range(5):
        worker.submit(lambda number=number: done.append(number))
    time.sleep(0.05)
    assert done == []
    assert worker.wait(60)
    assert done == [4]


def test_a_pause_counts_between_tasks_that_come_one_by_one():
    worker, done = LatestWorker(pause=600), []
    worker.submit(lambda: done.append(1))
    assert worker.wait(60)
    worker.submit(lambda: done.append(2))
    time.sleep(0.05)
    assert done == [1]
    assert worker.wait(60)
    assert done == [1, 2]


def test_a_pause_passes_without_anybody_waiting():
    worker, done, second = LatestWorker(pause=0.1), [], threading.Event()
    worker.submit(lambda: done.append(time.monotonic()))
    assert worker.wait(60)
    worker.submit(lambda: (done.append(time.monotonic()), second.set()))
    assert second.wait(60)
    assert done[1] - done[0] >= 0.1


def test_what_a_task_holds_is_let_go_before_the_pause():
    class Network:
        pass

    worker, network, begun, go, gone = LatestWorker(pause=600), Network(), *(threading.Event() for _ in range(3))
    weakref.finalize(network, gone.set)
    worker.submit(lambda network=network: (begun.set(), go.wait(60)))
    del network
    assert begun.wait(60)
    worker.submit(lambda: None)  # the same thread goes on with it, after the pause
    go.set()
    assert gone.wait(60)
    assert worker.wait(60)


def test_without_a_thread_to_give_nobody_waits_and_the_next_runs(monkeypatch):
    worker, done = LatestWorker(), []

    def refuse(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            worker.submit(lambda: done.append(1))
        assert worker.wait(60.0)
    worker.submit(lambda: done.append(2))
    assert worker.wait(60.0)
    assert done == [2]
