"""What jobs set aside of a dataset: files that could not be used, each with its reason.

for file in service.quarantine.of_dataset(vials.id):
    print(file.path, file.reason, [job.name for job in file.jobs])

It is read from the tables (`quarantine.csv`) that the jobs which used the dataset left among their artifacts.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.artifacts import Artifacts
from brevetti_keras.server.capabilities.datasets import Datasets
from brevetti_keras.server.session import Row
from brevetti_keras.server.store import Store
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import BrevettiError
from brevetti_keras.wire.artifacts import QUARANTINE
from brevetti_keras.wire.records import JobName, QuarantinedFile

_MOST_JOBS = 50
_MOST_FILES = 10_000
_LONGEST_TABLE = 16 << 20
_PAGE = 500


class Quarantine:
    """The files that jobs set aside.

    Args:
        store: knows the jobs.
        datasets: knows the datasets.
        artifacts: the jobs' tables.
    """

    def __init__(self, store: Store, datasets: Datasets, artifacts: Artifacts) -> None:
        self._store = store
        self._datasets = datasets
        self._artifacts = artifacts

    def of_dataset(self, id_or_name: str) -> list[QuarantinedFile]:
        """Returns the files of a dataset that its newest 50 jobs set aside, by path; at most 10,000.

        A file that several jobs set aside for one reason stands there once, with these jobs, the newest first.

        Raises:
            NotFoundError: if there is no such dataset.
        """
        dataset = self._datasets.get(id_or_name)
        found: dict[tuple[str, str], QuarantinedFile] = {}
        for number, row in enumerate(self._users(dataset.id)):
            if number == _MOST_JOBS:
                break
            job = JobName(id=row["id"], name=row["name"])
            for path, label, reason in self._rows(row["id"], dataset.id):
                known = found.get((path, reason))
                if known is not None:
                    found[path, reason] = known.model_copy(update={"jobs": (*known.jobs, job)})
                elif len(found) < _MOST_FILES:
                    found[path, reason] = QuarantinedFile(path=path, label=label, reason=reason, jobs=(job,))
        return [found[key] for key in sorted(found)]

    def _users(self, dataset_id: str) -> Iterator[Row]:
        """The jobs that used a dataset, the newest first."""
        offset = 0
        while True:
            with self._store.read() as reader:
                rows = reader.find(tables.jobs, order=("number",), descending=True, limit=_PAGE, offset=offset)
            for row in rows:
                if dataset_id in row["datasets"] and any(
                    used.get("id") == dataset_id for used in from_json(row["datasets"])
                ):
                    yield row
            if len(rows) < _PAGE:
                return
            offset += _PAGE

    def _rows(self, job_id: str, dataset_id: str) -> Iterator[tuple[str, str, str]]:
        """The path, label and reason of a job's files of one dataset; none where its table is missing or damaged."""
        try:
            with open(self._artifacts.local_path(job_id, QUARANTINE), encoding="utf-8", errors="replace") as file:
                text = file.read(_LONGEST_TABLE)
        except (BrevettiError, OSError):
            return
        reader: Any = csv.DictReader(io.StringIO(text, newline=""))
        try:
            for row in reader:
                if row.get("dataset_id") == dataset_id and row.get("path"):
                    yield row["path"], row.get("category") or "", row.get("reason") or ""
        except csv.Error:
            return
