"""The worker for which only the latest task counts."""

import threading

from brevetti_keras.interfaces.latest_worker import LatestWorker


def test_tasks_run_in_order_and_waiting_ends_when_all_is_done():
    worker, done = LatestWorker(), []
    for number in range(5):
        worker.submit(lambda number=number: done.append(number))
        assert worker.wait(5)
    assert done == [0, 1, 2, 3, 4]
    assert worker.wait(0)


def test_a_task_that_waits_gives_way_to_the_next():
    worker, done, begun, go = LatestWorker(), [], threading.Event(), threading.Event()

    def first():
        begun.set()
        go.wait(5)
        done.append("first")

    worker.submit(first)
    assert begun.wait(5)
    worker.submit(lambda: done.append("second"))
    worker.submit(lambda: done.append("third"))
    assert not worker.wait(0.05)
    go.set()
    assert worker.wait(5)
    assert done == ["first", "third"]


def test_a_task_that_raises_is_a_warning_and_does_not_block_the_next(caplog):
    worker, done = LatestWorker(), []
    worker.submit(lambda: 1 / 0)
    assert worker.wait(5)
    worker.submit(lambda: done.append(1))
    assert worker.wait(5)
    assert done == [1]
    assert "work in the background failed: ZeroDivisionError" in caplog.text
