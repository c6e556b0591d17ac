"""Between a job's row in the database and its records.

job_record(row)                 # wire.records.Job
read_config(path)               # wire.records.JobConfig from info.json, the key included
"""

from typing import Any

from brevetti_keras.io.local import os_errors
from brevetti_keras.server import tables
from brevetti_keras.server.session import Reader, Row
from brevetti_keras.utils.encode import from_json, to_json
from brevetti_keras.utils.errors import BrevettiError, IntegrityError, InvalidInputError, NotFoundError
from brevetti_keras.utils.redact import Redactor
from brevetti_keras.wire.records import Job, JobConfig

_PLAIN = (
    *("id", "run_id", "name", "state", "message", "model_type", "model_type_version", "job_class", "kind"),
    *("created", "started", "ended", "epoch", "epochs", "pid"),
)
_JSON = ("datasets", "tags", "settings", "metrics", "models")


def job_row(reader: Reader, job_id: str) -> Row:
    """Returns a job's row.

    Raises:
        NotFoundError: if there is no such job.
    """
    row = reader.get(tables.jobs, job_id)
    if row is None:
        raise NotFoundError(f"no job {job_id[:80]!r}: see the list of jobs")
    return row


def job_record(row: Row, queue_position: int | None = None) -> Job:
    """Returns a job as the platform lists it; `queue_position` counts only while it is queued."""
    message = row["message"]
    if row["log_damaged"]:
        lines = f"{row['log_damaged']} damaged line(s) of its log of events were left out"
        message = f"{message}; {lines}" if message else lines
    return Job.model_validate(
        {
            **{name: row[name] for name in _PLAIN},
            **{name: from_json(row[name]) for name in _JSON},
            "message": message,
            "model_path": row["model_path"] or None,
            "parent": row["parent"] or None,
            "queue_position": queue_position if row["state"] == "queued" else None,
        }
    )


def row_of(config: JobConfig, **more: Any) -> Row:
    """Returns the row of a new job; the key is not in it, nor a password in a URL of the settings.

    What the job needs to run stands in its `info.json`, which its owner alone may read.
    """
    plain = config.model_dump(mode="json")
    plain["settings"] = Redactor().value(plain["settings"])
    return {
        **{name: plain[name] for name in ("id", "run_id", "name", "model_type", "model_type_version", "job_class")},
        **{name: to_json(plain[name]) for name in ("datasets", "models", "tags", "settings")},
        "host_name": config.host_name,
        "parent": config.parent or "",
        "state": "created",
        "metrics": "{}",
        **more,
    }


def read_config(path: str) -> JobConfig:
    """Reads an `info.json`.

    Raises:
        NotFoundError: if it is not there.
        IntegrityError: if it holds something else.
    """
    with os_errors(path), open(path, "rb") as file:
        data = file.read()
    try:
        return JobConfig.model_validate(from_json(data))
    except (InvalidInputError, ValueError) as error:
        raise IntegrityError(f"expected a job's description in {path}, received something else") from error


def job_secrets(path: str) -> list[str]:
    """Returns the secrets in a job's `info.json`, none if it cannot be read."""
    try:
        return [read_config(path).api_key.get_secret_value()]
    except BrevettiError:
        return []
