"""`JobContext`: the parts that a job is made of, put together by `job_setup`."""

from dataclasses import dataclass

from pydantic import BaseModel

from brevetti_keras.platform.job_folder import JobFolder
from brevetti_keras.platform.reporter import Reporter
from brevetti_keras.utils.redact import Redactor
from brevetti_keras.wire.records import JobConfig


@dataclass(frozen=True)
class JobContext:
    """A job's parts.

    Attributes:
        config: what the platform gave it.
        settings: merged and checked.
        folder: where its files lie.
        reporter: tells the platform what it does.
        redactor: knows its secrets.
        resumed: whether it goes on from a checkpoint.
        code: the file that holds its class, if there is one.
    """

    config: JobConfig
    settings: BaseModel
    folder: JobFolder
    reporter: Reporter
    redactor: Redactor
    resumed: bool = False
    code: str | None = None
