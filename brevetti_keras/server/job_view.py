"""What a job's page shows, gathered from the service: its files by kind, its tables, and the command that repeats it.

    view = job_view(service, "7f3c…")
    view.reports, view.quarantine.rows, view.command

Nothing here raises for what a job wrote wrongly: a damaged file shows as absent, with the reason where there is room.
"""

import csv
import io
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from brevetti_keras.server.repeat_command import flat, repeat_command, resume_command
from brevetti_keras.server.service import Service
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import BrevettiError, InvalidInputError, NotFoundError
from brevetti_keras.wire.artifacts import (
    FACETS_ATLAS,
    FACETS_DATA,
    LOG,
    OUTPUT,
    PIVOT_DATA,
    PIVOT_FIELDS,
    QUARANTINE,
    TRACEBACK,
)
from brevetti_keras.wire.records import FINAL_STATES, FileEntry, Job

SHORT_LIST = 25
LONG_LIST = 200
# Ours, and the existing clients' word.
_PACKAGES = ("packages", "modules")
_COUNTS = ("listed", "used", "quarantined")
_STARTABLE = frozenset({"created", "failed", "stopped"})
_LOG_TAIL = 32_000
_TRACEBACK = 200_000


@dataclass(frozen=True)
class Listing:
    """One page of a longer list.

    Attributes:
        rows: those of this page.
        page: its number, from 1.
        pages: how many there are.
        total: rows in all.
        columns: the columns' names, where the rows are cells.
    """

    rows: Sequence[Any]
    page: int
    pages: int
    total: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobView:
    """A job and what it left, ready for its page.

    Attributes:
        job: the record.
        final: whether nothing more will come.
        can_test: whether it left a model, and a model type of kind report can test it.
        tests: the test reports on its model.
        can_start: whether the platform knows its class and it does not run, so that it can be started or resumed.
        files: the first of its artifacts.
        charts: names of its charts.
        reports: names of the HTML files at the artifacts' root.
        has_pivot, has_facets, has_log: whether these are there whole.
        metrics, settings, environment: names (nested ones joined by dots) and values.
        ran_with: whether the settings are those that the job ran with, defaults included; else they are those that it
            was made with.
        packages: the installed packages that the job ran with, and their versions.
        output_problem: why output.json cannot be read, or "".
        counts: how many files were listed, used and quarantined, empty where output.json does not tell.
        quarantine: the files that were not used.
        log_tail: the log's end; `log_cut` tells whether more came before.
        traceback: what a failed job left of its error, or "".
        command: what runs the job again, or None where the platform cannot know.
        resume_command: what goes on from its last checkpoint, or None.
    """

    job: Job
    final: bool
    can_start: bool
    can_test: bool
    tests: Sequence[Job]
    files: Listing
    charts: Sequence[str]
    reports: Sequence[str]
    has_pivot: bool
    has_facets: bool
    has_log: bool
    metrics: Sequence[tuple[str, Any]]
    settings: Sequence[tuple[str, Any]]
    ran_with: bool
    environment: Sequence[tuple[str, Any]]
    packages: Sequence[tuple[str, Any]]
    output_problem: str
    counts: dict[str, int]
    quarantine: Listing
    log_tail: str
    log_cut: bool
    traceback: str
    command: str | None
    resume_command: str | None


def job_view(service: Service, job_id: str) -> JobView:
    """Gathers what the page of a job shows.

    Raises:
        NotFoundError: if there is no such job.
    """
    job = service.jobs.get(job_id)
    entries = service.artifacts.list(job.id)
    paths = {entry.path for entry in entries}
    output, problem = _output(service, job) if OUTPUT in paths else ({}, "")
    environment = _dict(output.get("environment"))
    ran_with = _dict(output.get("job")).get("settings")
    ran_with = ran_with if isinstance(ran_with, dict) else None
    resume = resume_command(service, job)
    log_tail, log_cut = _tail(service, job.id, LOG, _LOG_TAIL) if LOG in paths else ("", False)
    return JobView(
        job=job,
        final=job.state in FINAL_STATES,
        can_start=job.state in _STARTABLE and resume is not None,
        can_test=_can_test(service, job),
        tests=service.jobs.reports_on(job.id) if job.model_path else (),
        files=listing(entries, 1, SHORT_LIST),
        charts=service.charts.list(job.id),
        reports=[path for path in sorted(paths) if is_report(path)],
        has_pivot={PIVOT_FIELDS, PIVOT_DATA} <= paths,
        has_facets={FACETS_DATA, FACETS_ATLAS} <= paths,
        has_log=LOG in paths,
        metrics=flat(job.metrics or _dict(output.get("output"))),
        settings=flat(ran_with or job.settings),
        ran_with=ran_with is not None,
        environment=flat({**_of_samples(output), **{k: v for k, v in environment.items() if k not in _PACKAGES}}),
        packages=flat(_packages(environment)),
        output_problem=problem,
        counts=_counts(output),
        quarantine=quarantine(service, job.id, 1, SHORT_LIST) if QUARANTINE in paths else listing((), 1, SHORT_LIST),
        log_tail=log_tail,
        log_cut=log_cut,
        traceback=_tail(service, job.id, TRACEBACK, _TRACEBACK)[0] if TRACEBACK in paths else "",
        command=repeat_command(service, job),
        resume_command=resume,
    )


def listing(rows: Sequence[Any], page: int, size: int, columns: tuple[str, ...] = ()) -> Listing:
    """Cuts one page out of a list; a page beyond the end is the last one."""
    pages = max(1, math.ceil(len(rows) / size))
    page = min(max(1, page), pages)
    return Listing(rows[(page - 1) * size : page * size], page, pages, len(rows), columns)


def quarantine(service: Service, job_id: str, page: int, size: int = LONG_LIST) -> Listing:
    """Returns one page of the files that a job listed and did not use.

    Raises:
        NotFoundError: if there is no such job.
    """
    try:
        text = service.artifacts.read(job_id, QUARANTINE).decode("utf-8", errors="replace")
    except NotFoundError:
        service.jobs.get(job_id)
        text = ""
    rows = list(csv.reader(io.StringIO(text)))
    names = rows[0] if rows else []
    # The reason beside the file: on a narrow screen the other columns lie outside it.
    order = sorted(range(len(names)), key=lambda column: names[column] not in ("path", "reason"))
    shown = [[row[column] for column in order if column < len(row)] for row in rows]
    return listing(shown[1:], page, size, tuple(names[column] for column in order))


def artifacts(service: Service, job_id: str, page: int) -> Listing:
    """Returns one page of a job's files.

    Raises:
        NotFoundError: if there is no such job.
    """
    entries: list[FileEntry] = service.artifacts.list(job_id)
    return listing(entries, page, LONG_LIST)


def is_report(path: str) -> bool:
    """Tells whether an artifact is shown as a report: an HTML file at the root."""
    return "/" not in path and path.lower().endswith(".html")


def _can_test(service: Service, job: Job) -> bool:
    has_model = job.state == "completed" and job.model_path is not None
    return has_model and any(one.kind == "report" and one.settings_schema for one in service.model_types.list())


def _output(service: Service, job: Job) -> tuple[dict[str, Any], str]:
    try:
        # Existing clients write bare NaN.
        value = from_json(service.artifacts.read(job.id, OUTPUT), allow_nan=True)
    except (InvalidInputError, NotFoundError) as error:
        return {}, f"output.json cannot be read: {error}"
    return _dict(value), "" if isinstance(value, dict) else "output.json holds no JSON object"


def _of_samples(output: dict[str, Any]) -> dict[str, Any]:
    """The fingerprint of the samples that the job used, by which another job's can be told from them."""
    root = output.get("fingerprint")
    return {"fingerprint of the samples": root} if isinstance(root, str) and root else {}


def _counts(output: dict[str, Any]) -> dict[str, int]:
    """How many files were listed, and what became of them; empty where another client wrote something else."""
    samples = _dict(output.get("samples"))
    counts = {name: samples[name] for name in _COUNTS if isinstance(samples.get(name), int)}
    return counts if len(counts) == len(_COUNTS) else {}


def _packages(environment: dict[str, Any]) -> dict[str, Any]:
    """The installed packages and their versions; existing clients list them as `name==version`."""
    modules = environment.get("modules")
    listed = (str(module).partition("==") for module in (modules if isinstance(modules, list) else ()))
    return {**_dict(modules), **{name: version for name, _, version in listed}, **_dict(environment.get("packages"))}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tail(service: Service, job_id: str, path: str, size: int) -> tuple[str, bool]:
    """The last bytes of a text from the start of a line, and whether anything stood before them."""
    return _absent_as(("", False), lambda: _read_tail(service.artifacts.local_path(job_id, path), size))


def _read_tail(path: str, size: int) -> tuple[str, bool]:
    with open(path, "rb") as file:
        length = file.seek(0, os.SEEK_END)
        file.seek(max(0, length - size))
        data = file.read(size)
    if length > size:
        data = data.partition(b"\n")[2] or data
    return data.decode("utf-8", errors="replace"), length > size


def _absent_as(value: tuple[str, bool], read: Callable[[], tuple[str, bool]]) -> tuple[str, bool]:
    """Answers `value` where a file that was listed is gone or cannot be read when its turn comes."""
    try:
        return read()
    except (BrevettiError, OSError):
        return value
