"""`Reporter`: how a job tells the platform what happens, in order, each thing once.

    reporter.report("status", status_body("running"))
    reporter.complete("model.1234.tar.gz")                   # the last entry of the job

Everything is appended to the job's own log, `events.log`, first. On a workspace (`file://…`) that is all: the service
reads the log. To a host behind HTTP it is sent from there, and an outage delays it without stopping the job.
`open_reporter` (in `reporters`) chooses by the job's host_name.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from brevetti_keras.wire.events import EventKind
from brevetti_keras.wire.records import Tag


class Reporter(Protocol):
    """Tells the platform what a job does."""

    def report(self, kind: EventKind, body: Mapping[str, Any]) -> None:
        """Notes one event, and sends it on where there is somewhere to send it."""
        ...

    def chart(self, name: str, spec: str) -> None:
        """Tells of a chart, whose file lies among the artifacts, and returns after the answer."""
        ...

    def artifact(self, name: str, path: str) -> None:
        """Brings an artifact to the platform, unless the job's folder is the platform's own."""
        ...

    def complete(self, artifact: str | None) -> None:
        """Notes that the job is complete: its last entry, after all others have arrived.

        Args:
            artifact: the model, relative to the artifacts.
        """
        ...

    def root_tags(self) -> list[Tag]:
        """Returns the trees of the tags of the job and its datasets; none, with a warning, if they cannot be had."""
        ...

    def ended(self) -> None:
        """Brings what the job's life left behind where it belongs; nothing is written among the artifacts after it."""
        ...

    def flush(self, timeout: float) -> bool:
        """Waits until everything has arrived, or cannot for now, at most `timeout` seconds; returns whether it has."""
        ...
