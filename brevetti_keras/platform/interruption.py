"""SIGTERM and Ctrl-C as exceptions of the main thread that nothing loses.

    with interruptible():
        run()               # raises Terminated or KeyboardInterrupt

Python runs a signal's handler between any two steps, also in an object's `__del__`, where an exception is told and
forgotten. Such an interrupt is raised once more when that is over, else a job that was stopped would go on.
"""

import _thread
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_MOMENT = 0.05


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; not an Exception, so that nothing takes it for a failure of its own."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Makes SIGTERM raise Terminated in the main thread while the block runs; elsewhere signals cannot be taken."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler, hook = signal.signal(signal.SIGTERM, _terminate), sys.unraisablehook
    sys.unraisablehook = _raising_again(hook)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGTERM, handler if handler is not None else signal.SIG_DFL)
        sys.stderr.flush()


def _terminate(_: int, __: FrameType | None) -> None:
    # A second one must not interrupt the recording of the first.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


def _raising_again(hook: Callable[[Any], object]) -> Callable[[Any], None]:
    def lost(unraisable: Any) -> None:
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            hook(unraisable)
            return
        number = signal.SIGINT
        if isinstance(unraisable.exc_value, Terminated):
            number = signal.SIGTERM
            signal.signal(signal.SIGTERM, _terminate)
        # Not from here: it would be lost in this hook.
        again = threading.Timer(_MOMENT, _thread.interrupt_main, (number,))
        again.daemon = True
        again.start()

    return lost
