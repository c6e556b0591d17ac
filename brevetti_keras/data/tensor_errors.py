"""Our own errors out of TensorFlow's.

What Python code raises inside a `tf.data` pipeline arrives as TensorFlow's error, pages of text that hold the original
one's traceback. `own_error` finds the line that was meant for the user.

    for batch in own_errors(dataset):      # DecodeError: /data/7.png: expected …
        ...
"""

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from brevetti_keras.utils import errors

T = TypeVar("T")

_RAISED = re.compile(rf"^{re.escape(errors.__name__)}\.(\w+): (.+)$", re.MULTILINE)


def own_error(error: BaseException) -> errors.BrevettiError | None:
    """Returns the error of ours that TensorFlow's error carries, or None if it carries none."""
    found = _RAISED.findall(str(error))
    if not found:
        return None
    name, text = found[-1]
    kind = getattr(errors, name, None)
    if kind is errors.DecodeError:
        path, _, reason = text.partition(": ")
        return errors.DecodeError(path, reason)
    return kind(text) if isinstance(kind, type) and issubclass(kind, errors.BrevettiError) else None


def own_errors(elements: Iterable[T]) -> Iterator[T]:
    """Yields a data set's elements; an error of ours inside its pipeline is raised as itself."""
    try:
        yield from elements
    except Exception as error:
        own = own_error(error)
        if own is None:
            raise
        raise own from error
