"""Loads TensorFlow without the lines that it writes at every start.

TensorFlow logs which optimizations it was built with, and that it found no GPU, before its log level can be set: four
to eight lines ahead of every answer. `load_quietly()` lets pass whatever is not one of those.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")
keras = lazy_import("keras")

_INFORMATION = re.compile(
    r"WARNING: All log messages before absl::InitializeLog|To enable the following instructions|"
    r"I\d{4} |\d{4}-\d\d-\d\d [\d:.]+: I "
)
_NO_GPU = re.compile(r"cuInit|cuda drivers|cudart_stub")


def load_quietly() -> None:
    """Imports TensorFlow and Keras and finds the devices; messages other than the usual ones go to standard error."""
    with _held_back() as lines:
        # Asking for the devices brings the last of the start-up messages.
        tf.config.list_logical_devices()
        _ = keras.__version__
    for line in worth_telling(lines):
        sys.stderr.write(line)


def worth_telling(lines: list[str], gpu: bool | None = None) -> list[str]:
    """Returns the lines that are not TensorFlow's usual start-up messages.

    Args:
        lines: what was written to standard error.
        gpu: whether this machine has an NVIDIA GPU, where a message about CUDA is news; None looks.
    """
    if gpu is None:
        gpu = any(Path("/dev").glob("nvidia[0-9]*"))
    told = [line for line in lines if line.strip() and not _INFORMATION.match(line)]
    return told if gpu else [line for line in told if not _NO_GPU.search(line)]


@contextmanager
def _held_back() -> Iterator[list[str]]:
    """Collects what this process writes to file descriptor 2, from C++ too."""
    lines: list[str] = []
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            lines.extend(file.read().decode("utf-8", "replace").splitlines(keepends=True))
