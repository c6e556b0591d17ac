"""Reports to a workspace on this machine: the job's log is all that is written, and the service reads it."""

import logging
import os
from collections.abc import Mapping
from typing import Any

from brevetti_keras.interfaces.latest_worker import LatestWorker
from brevetti_keras.io.event_log import EventLog
from brevetti_keras.io.folder_mirror import FolderMirror
from brevetti_keras.platform.embedded_platform import EmbeddedPlatform
from brevetti_keras.server.workspace import DATABASE
from brevetti_keras.utils.errors import BrevettiError
from brevetti_keras.wire.artifacts import chart_path
from brevetti_keras.wire.events import EventKind
from brevetti_keras.wire.records import Tag

_LOGGER = logging.getLogger(__name__)


class WorkspaceReporter:
    """A Reporter that appends to the job's log.

    Args:
        job_id: the job.
        log: path of its `events.log`.
        workspace: the workspace's path; None for a job whose info.json names no host.
        mirror: brings the artifacts to the workspace's bucket, if it has one.
    """

    def __init__(self, job_id: str, log: str, workspace: str | None, mirror: FolderMirror | None = None) -> None:
        self._job_id = job_id
        self._log = EventLog(log)
        self._workspace = workspace
        self._mirror = mirror
        self._worker = LatestWorker()
        self._kept_back = False

    def report(self, kind: EventKind, body: Mapping[str, Any]) -> None:
        """Appends one event."""
        self._log.append(kind, body)

    def chart(self, name: str, spec: str) -> None:
        """Appends where the chart lies."""
        self.report("chart", {"name": name, "path": chart_path(name)})
        self._bring_soon()

    def artifact(self, name: str, path: str) -> None:
        """Has the artifact brought to the bucket in the background; it lies already where the platform looks."""
        self._bring_soon()

    def ended(self) -> None:
        """Brings what is new among the artifacts to the bucket; what an outage keeps back stays in the folder."""
        if self._mirror is None or self._kept_back:
            return
        try:
            self._kept_back = bool(self._mirror.push())
        except BrevettiError as error:
            self._kept_back = True
            _LOGGER.warning("the artifacts have not been brought to the bucket: %s", error)

    def _bring_soon(self) -> None:
        if self._mirror is not None:
            self._worker.submit(self._mirror.push)

    def complete(self, artifact: str | None) -> None:
        """Appends the last entry once the artifacts are where they belong, and lets the service take the log over, so
        that the job's key ends now."""
        self.ended()
        self.report("complete", {"model_path": artifact})
        if not self._has_platform():
            return
        try:
            with EmbeddedPlatform(self._workspace) as platform:
                platform.events.sync(self._job_id)
        except BrevettiError as error:
            # The log holds it all; the service reads it when somebody next looks at the job.
            _LOGGER.warning("the workspace has not taken the job's log over yet: %s", error)

    def root_tags(self) -> list[Tag]:
        """Asks the service in this process."""
        if not self._has_platform():
            return []
        try:
            with EmbeddedPlatform(self._workspace) as platform:
                return list(platform.jobs.root_tags(self._job_id))
        except BrevettiError as error:
            _LOGGER.warning("no tags: %s", error)
            return []

    def flush(self, timeout: float) -> bool:
        """Returns True: what is in the log has arrived."""
        return True

    def _has_platform(self) -> bool:
        # Opening would make a workspace where none is.
        return self._workspace is not None and os.path.isfile(os.path.join(self._workspace, DATABASE))
