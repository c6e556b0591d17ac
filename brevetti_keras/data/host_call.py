"""Python functions that TensorFlow calls from threads of its own, and that end before Python does.

A dataset prepares batches ahead. When a program ends while some iterator is alive, TensorFlow's threads ask for
Python's lock in the middle of its shutdown, never get it, and the process hangs or aborts. A `HostCall` holds the
shutdown back for the moment that running calls need, and answers those that still come with a blank at once, until
the buffers of the dataset are full and nothing asks any more.

TensorFlow writes the whole traceback of what a function raises into the text of its own error. So an error of ours is
raised without those that led to it, which the log has, and its one line stands near both ends of that text.

    load = HostCall(self._load, blank=lambda paths: np.zeros((len(paths), 8, 8, 3), np.float32))
    images = tf.numpy_function(load, [paths], tf.float32)
"""

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from brevetti_keras.utils.errors import BrevettiError

_log = logging.getLogger(__name__)

_QUIET_SECONDS = 0.25
_LONGEST_WAIT = 30.0


class HostCall:
    """Stands for a function inside a dataset.

    Args:
        function: what to call; its arguments and its result are numpy arrays.
        blank: returns at once what the function would by type and rank; nobody sees it. By default the function,
            which is right for one that takes no time.
    """

    def __init__(self, function: Callable[..., Any], blank: Callable[..., Any] | None = None) -> None:
        self._function = function
        self._blank = blank or function
        self._changed = threading.Condition()
        self._running = 0
        self._last = 0.0
        self._closing = False
        # By a weak reference: what a dataset that is gone held is not kept until the end.
        atexit.register(_close, weakref.WeakMethod(self.close))

    def __call__(self, *arrays: Any) -> Any:
        """Calls the function, or its blank once the program ends."""
        with self._changed:
            self._running += 1
        try:
            return self._blank(*arrays) if self._closing else self._function(*arrays)
        except BrevettiError as error:
            _log.debug("%s", error, exc_info=True)
            raise error.with_traceback(None) from None
        finally:
            with self._changed:
                self._running -= 1
                self._last = time.monotonic()
                self._changed.notify_all()

    def close(self) -> None:
        """Returns when no call is running and none has come for a moment; Python calls this when the program ends."""
        self._closing = True
        deadline = time.monotonic() + _LONGEST_WAIT
        with self._changed:
            while time.monotonic() < deadline:
                quiet = time.monotonic() - self._last
                if self._running == 0 and quiet >= _QUIET_SECONDS:
                    return
                self._changed.wait(_QUIET_SECONDS if self._running else _QUIET_SECONDS - quiet)


def _close(method: Callable[[], Callable[[], None] | None]) -> None:
    close = method()
    if close is not None:
        close()
