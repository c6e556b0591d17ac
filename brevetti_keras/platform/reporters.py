"""`open_reporter`: the Reporter that fits a job's host_name."""

import os

from brevetti_keras.platform.http_reporter import HttpReporter
from brevetti_keras.platform.job_folder import JobFolder
from brevetti_keras.platform.reporter import Reporter
from brevetti_keras.platform.workspace_reporter import WorkspaceReporter
from brevetti_keras.server.capabilities.job_folders import artifact_mirror
from brevetti_keras.server.storage_root import storage_places
from brevetti_keras.server.workspace import workspace_path
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.wire.artifacts import EVENT_LOG
from brevetti_keras.wire.records import JobConfig


def open_reporter(config: JobConfig, folder: JobFolder, *, uploads: bool) -> Reporter:
    """Returns how a job reports; nothing is sent or written yet.

    Args:
        config: the job.
        folder: where its files lie.
        uploads: whether a host behind HTTP is sent the artifacts.

    Raises:
        InvalidInputError: for a host_name that is neither http(s) nor `file://`.
    """
    host = config.host_name
    if host.lower().startswith(("http://", "https://")):
        return HttpReporter(config, folder.event_log, uploads=uploads)
    if host.startswith("file://"):
        workspace = workspace_path(host)
        root, bucket = storage_places(workspace)
        mirror = artifact_mirror(folder.root, config.id, bucket)
        return WorkspaceReporter(config.id, os.path.join(root, "jobs", config.id, EVENT_LOG), workspace, mirror)
    if host:
        raise InvalidInputError(f"expected host_name as http(s)://host or file:///workspace, received {host[:200]!r}")
    return WorkspaceReporter(config.id, folder.event_log, None)
