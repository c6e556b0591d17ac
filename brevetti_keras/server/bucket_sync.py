"""`BucketSync`: while the server runs, what jobs leave in the workspace goes to its bucket, also after an outage.

    with BucketSync(service):       # does nothing for a workspace without a bucket
        serve()

A job on this machine brings its artifacts itself; this is for jobs that sent theirs by HTTP, and for what an outage
kept back.
"""

import logging
import threading
from types import TracebackType
from typing import Self

from brevetti_keras.server.service import Service
from brevetti_keras.utils.errors import BrevettiError

_LOG = logging.getLogger(__name__)
_JOIN_SECONDS = 5.0


class BucketSync:
    """Looks after the newest jobs again and again.

    Args:
        service: the platform.
        every: seconds between two looks.
        newest: so many jobs; `brevetti-keras sync` looks after all.
    """

    def __init__(self, service: Service, every: float = 30.0, newest: int = 50) -> None:
        self._service = service
        self._every = every
        self._newest = newest
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._service.artifacts.has_bucket:
            self._thread = threading.Thread(target=self._run, name="bucket-sync", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self._look()
            except BrevettiError as error:
                _LOG.warning("artifacts were not brought to the bucket: %s", error)

    def _look(self) -> None:
        for job in self._service.jobs.list(limit=self._newest):
            if self._ended.is_set():
                return
            if self._service.artifacts.sync(job.id):
                return  # the bucket cannot be reached; the other jobs wait for the next look
