"""One TensorBoard over several jobs, side by side.

url = tensorboard([job_a, job_b])         # the jobs are its runs; it lasts as long as this process
"""

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.wire.artifacts import TENSORBOARD_FOLDER

# -P below: the script's own folder holds a module of TensorBoard's name.
_CHILD = str(Path(__file__).with_name("tensorboard_child.py"))
_ADDRESS = re.compile(r"http://\S+/")
_START = 120.0


def tensorboard(jobs: Any, *, host: str = "localhost", port: int | None = None) -> str:
    """Serves the event files of jobs in one TensorBoard, a child of this process.

    Args:
        jobs: jobs (with `artifact_path`, `name` and `id`), or paths of folders with event files; one or several.
        host: where it is reachable; by default on this machine only.
        port: by default TensorBoard's usual one, or the next that is free.

    Returns:
        Its address.

    Raises:
        InvalidInputError: if there are no jobs, or it cannot be served, as when the port is taken.
    """
    several = isinstance(jobs, Iterable) and not isinstance(jobs, (str, os.PathLike))
    folder = _side_by_side(list(jobs) if several else [jobs])
    said = Path(folder) / "said.txt"
    command = [sys.executable, "-P", _CHILD, "--logdir", f"{folder}/runs", "--host", host]
    command += ["--port", str(port)] if port is not None else []
    with said.open("wb") as output:
        # Its standard input ends with this process, even where this one is killed, and then it ends as well.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output)
    atexit.register(_end, process, folder)
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        found = _ADDRESS.search(said.read_text(errors="replace"))
        if found and not ended:
            return found.group()
        if ended:
            lines = said.read_text(errors="replace").strip().splitlines()
            raise InvalidInputError(
                f"TensorBoard cannot be served: {lines[-1] if lines else 'it ended without a word'}"
            )
        time.sleep(0.05)
    _end(process, folder)
    raise InvalidInputError(f"TensorBoard cannot be served: it did not answer within {_START:g} s")


def _end(process: "subprocess.Popen[bytes]", folder: str) -> None:
    process.terminate()
    process.wait(10)
    if process.stdin is not None:
        process.stdin.close()
    shutil.rmtree(folder, ignore_errors=True)


def _side_by_side(jobs: list[Any]) -> str:
    """A folder whose `runs` has a link to each job's event files, named so that they can be told apart."""
    if not jobs:
        raise InvalidInputError("expected at least one job, received none")
    top = tempfile.mkdtemp(prefix="brevetti-keras-tensorboard-")
    folder = Path(top) / "runs"
    folder.mkdir()
    for job in jobs:
        name, path = _run(job)
        link, number = folder / name, 1
        while link.is_symlink():
            number += 1
            link = folder / f"{name} {number}"
        link.symlink_to(path, target_is_directory=True)
    return top


def _run(job: Any) -> tuple[str, str]:
    if isinstance(job, (str, os.PathLike)):
        path = os.path.abspath(job)
        return _clean(Path(path).name), path
    path = job.artifact_path(TENSORBOARD_FOLDER, dir=True)
    return _clean(f"{job.name} {str(job.id)[:8]}"), os.path.abspath(path)


def _clean(name: str) -> str:
    return re.sub(r"[/\x00-\x1f]+", "-", name).strip(". ")[:100] or "job"
