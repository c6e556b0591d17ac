"""`KerasHooks`, what Keras' `fit`, `evaluate` and `predict` call on a callback, without loading Keras to say so.

    class Counter(KerasHooks):
        def on_epoch_end(self, epoch, logs=None):
            with unharmed("the counter"):
                ...

Keras asks nothing of a callback but these methods. `unharmed` is the edge where a report's failure ends: it becomes a
warning, and training goes on.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from brevetti_keras.utils.errors import BrevettiError

Logs = Mapping[str, Any] | None
_Hook = TypeVar("_Hook", bound=Callable[..., None])
_LOGGER = logging.getLogger(__name__)


@dataclass
class Attempt:
    """Whether what stood inside of `unharmed` came to its end."""

    good: bool = False


@contextlib.contextmanager
def unharmed(what: str) -> Iterator[Attempt]:
    """Turns whatever is raised inside into a logged warning with its cause.

    Args:
        what: what could not be done, for example `"the facets were not written"`.
    """
    attempt = Attempt()
    try:
        yield attempt
        attempt.good = True
    except (BrevettiError, OSError) as error:
        _LOGGER.warning("%s: %s", what, error)
    except Exception as error:
        _LOGGER.warning("%s: %s: %s", what, type(error).__name__, error, exc_info=True)


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
