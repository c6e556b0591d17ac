"""`KerasHooks`, what Keras' `fit`, `evaluate` and `predict` call on a callback, without loading Keras to say so.

    class Counter(KerasHooks):
        def on_epoch_end(self, epoch, logs=None):
            with unharmed("the counter"):
                ...

Keras asks nothing of a callback but these methods. `unharmed` is the edge where a report's failure ends: it becomes a
warning, and training goes on.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from brevetti_keras.utils.errors import BrevettiError

Logs = Mapping[str, Any] | None
_Hook = TypeVar("_Hook", bound=Callable[..., None])
_LOGGER = logging.getLogger(__name__)


class Attempt:
    """What stands inside of `unharmed`.

    Attributes:
        good: whether it came to its end.
    """

    __slots__ = ("_what", "good")

    def __init__(self, what: str) -> None:
        self._what = what
        self.good = False

    def __enter__(self) -> "Attempt":
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        self.good = error is None
        if isinstance(error, (BrevettiError, OSError)):
            _LOGGER.warning("%s: %s", self._what, error)
        elif isinstance(error, Exception):
            _LOGGER.warning("%s: %s: %s", self._what, type(error).__name__, error, exc_info=error)
        return isinstance(error, Exception)


def unharmed(what: str) -> Attempt:
    """Turns whatever is raised inside of its `with` into a logged warning with its cause.

    Args:
        what: what could not be done, for example `"the facets were not written"`.
    """
    return Attempt(what)


def _default(hook: _Hook) -> _Hook:
    # Keras runs batches ahead of the callbacks where it sees that none of them looks at a batch.
    hook._is_default = True  # type: ignore[attr-defined]
    return hook


class KerasHooks:
    """A callback that does nothing; subclasses override the hooks that they need.

    Attributes:
        model: the model that is trained; None before.
        params: what Keras tells of the run: `epochs`, `steps`, `verbose`.
    """

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Takes the model."""
        self.model = model

    def set_params(self, params: Mapping[str, Any] | None) -> None:
        """Takes what Keras tells of the run."""
        self.params = dict(params or {})

    def on_train_begin(self, logs: Logs = None) -> None:
        """Is called once before `fit`'s first epoch."""

    def on_train_end(self, logs: Logs = None) -> None:
        """Is called once after `fit`'s last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Is called before each epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Is called after each epoch with its metrics, those of the validation included."""

    @_default
    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Is an older name of `on_train_batch_begin`."""

    @_default
    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Is an older name of `on_train_batch_end`."""

    @_default
    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Is called before each training batch, counted from 0 in its epoch."""

    @_default
    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Is called after each training batch with the metrics of the epoch so far."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """Is called before an evaluation."""

    def on_test_end(self, logs: Logs = None) -> None:
        """Is called after an evaluation."""

    @_default
    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Is called before each batch of an evaluation."""

    @_default
    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Is called after each batch of an evaluation."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Is called before a prediction."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """Is called after a prediction."""

    @_default
    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Is called before each batch of a prediction."""

    @_default
    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Is called after each batch of a prediction."""
