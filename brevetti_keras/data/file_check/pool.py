"""`WorkerPool`: child processes that check files, one file each at a time.

    with WorkerPool(count=2, max_pixels=100_000_000, caches=[]) as pool:
        pool.check("/data/1.png")           # FileFacts; threads may ask side by side

A child that dies, or does not answer in time, is replaced, and the file that it had is told what happened to it.
"""

import contextlib
import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any, Literal, Self

from brevetti_keras.data.file_check.facts import FileFacts
from brevetti_keras.data.image.pixel_reader import PixelReader
from brevetti_keras.utils.errors import DataError

CacheRoot = str | Literal[False] | None

_MODULE = "brevetti_keras.data.file_check.worker"
_START_SECONDS = 120.0
# A child needs neither threads of its own nor the accelerators.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONWARNINGS": "ignore",
}


class WorkerPool:
    """Up to `count` children, each started when it is first needed.

    Args:
        count: children at once.
        max_pixels: images of more are refused.
        caches: the folder of each cache (None is the default place, False for no cache), and what reads from it.
        seconds: how long a file may take.
        hash_pixels: tell the hash of the decoded picture too, which takes decoding it in full.
    """

    def __init__(
        self,
        count: int,
        max_pixels: int,
        caches: Sequence[tuple[CacheRoot, PixelReader]],
        seconds: float = 120.0,
        hash_pixels: bool = False,
    ) -> None:
        told = [(root, reader.to_json()) for root, reader in caches]
        self._orders = {"max_pixels": max_pixels, "caches": told, "hash_pixels": hash_pixels}
        self._seconds = seconds
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()
        self._slots = threading.BoundedSemaphore(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the children."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().end()

    def check(self, path: str) -> FileFacts:
        """Returns what a child finds out about a file.

        Raises:
            DataError: if no child can be started.
        """
        with self._slots:
            try:
                child = self._idle.get_nowait()
            except queue.Empty:
                child = _Child(self._orders)
            try:
                answer = child.ask(path, self._seconds)
            except BaseException:
                child.end()
                raise
            if answer is None:
                return FileFacts(reason=child.fate())
            self._idle.put(child)
            return FileFacts(**answer)


class _Child:
    def __init__(self, orders: dict[str, Any]) -> None:
        search = os.pathsep.join(path or os.getcwd() for path in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": search},
        )
        self._late = False
        if self.ask(orders, _START_SECONDS) != "ready":
            fate = self.fate()
            raise DataError(f"expected a process that checks files, received one that cannot start: {fate}")

    def ask(self, question: Any, seconds: float) -> Any:
        """Returns the answer, None if the child is dead or too slow."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            return None
        try:
            stdin.write(json.dumps(question).encode("ascii") + b"\n")
            stdin.flush()
        except BrokenPipeError:
            return None
        poll = select.poll()
        poll.register(stdout, select.POLLIN)
        if not poll.poll(1000 * seconds):
            self._late = True
            return None
        line = stdout.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def fate(self) -> str:
        """Ends the child and returns what became of it."""
        status = self.end(kill=self._late)
        if self._late:
            return "expected an image that can be decoded in reasonable time, received one that cannot"
        if status < 0:
            name = signal.Signals(-status).name
            return f"expected an image that can be decoded, received one that ends its decoder by {name}"
        return f"expected an image that can be decoded, received one that ends its decoder with status {status}"

    def end(self, kill: bool = False) -> int:
        """Ends the child and returns its status."""
        if kill:
            self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            return self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
