"""Signals raise in the main thread, and are not lost where Python forgets exceptions."""

import os
import signal
import sys
import threading
import time

import pytest

from brevetti_keras.platform.interruption import Terminated, interruptible


class SignalledAtItsEnd:
    def __init__(self, number):
        self.number = number

    def __del__(self):
        os.kill(os.getpid(), self.number)


def work(seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def ctrl_c():
    """A test runner may itself ignore SIGINT."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def test_sigterm_raises_and_a_second_one_is_let_pass():
    before = signal.getsignal(signal.SIGTERM)

    def stopped_twice():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            work()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            work(0.1)

    with pytest.raises(Terminated), interruptible():
        stopped_twice()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_a_signal_that_falls_into_an_objects_end_is_raised_after_it(number, kind):
    hook = sys.unraisablehook

    def stopped():
        SignalledAtItsEnd(number)
        work()

    with pytest.raises(KeyboardInterrupt) as raised, interruptible():
        stopped()
    assert raised.type is kind
    assert sys.unraisablehook is hook


def test_other_exceptions_of_an_objects_end_are_told_as_ever(monkeypatch):
    class Failing:
        def __del__(self):
            raise ValueError("at the end")

    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    with interruptible():
        Failing()
    assert [str(one.exc_value) for one in told] == ["at the end"]


def test_another_thread_takes_no_signals():
    seen = []

    def body():
        with interruptible():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [before]
