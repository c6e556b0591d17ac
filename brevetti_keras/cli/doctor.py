"""`brevetti-keras doctor` and `verify`: is this machine, this installation, this workspace in order?"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click
from packaging.requirements import Requirement

from brevetti_keras.cli.options import json_option, workspace_option
from brevetti_keras.cli.output import print_json
from brevetti_keras.registry import find_model_types
from brevetti_keras.server.page_assets import missing_assets
from brevetti_keras.server.workspace import open_service, workspace_path
from brevetti_keras.utils.errors import BrevettiError, NotFoundError

_ENOUGH_BYTES = 2_000_000_000
_TENSORFLOW = (
    "import tensorflow as tf, keras; tf.constant(1.0) + 1.0;"
    "print(tf.__version__, keras.__version__, len(tf.config.list_physical_devices('GPU')))"
)


@dataclass(frozen=True)
class Check:
    """One thing looked at: `ok`, what was seen, and what to do if it is not in order."""

    name: str
    ok: bool
    seen: str
    advice: str = ""


@click.command(epilog="Example:  brevetti-keras doctor")
@workspace_option
@json_option
def doctor(workspace: str | None, as_json: bool) -> int:
    """Check this machine, the installation and the workspace; exit status 1 if something is not in order."""
    checks = []
    for check in _checks(workspace):
        checks.append(check)
        if not as_json:
            click.echo(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.seen}")
            if not check.ok:
                click.echo(f"      {check.advice}")
    if as_json:
        print_json([asdict(check) for check in checks])
    return 0 if all(check.ok for check in checks) else 1


@click.command(epilog="Example:  brevetti-keras verify")
@workspace_option
@json_option
def verify(workspace: str | None, as_json: bool) -> int:
    """Compare every record of the workspace with its checksum, and the log of changes with its hash chain."""
    path = workspace_path(workspace)
    if not os.path.exists(path):
        raise NotFoundError(f"expected a workspace at {path}, found nothing: name another with --workspace")
    problems = open_service(workspace).verify()
    if as_json:
        print_json({"problems": problems})
    elif not problems:
        click.echo("every record is as it was written")
    else:
        for problem in problems:
            click.echo(problem, err=True)
    return 1 if problems else 0


def _checks(workspace: str | None) -> Iterator[Check]:
    yield Check(
        "Python", sys.version_info >= (3, 11), sys.version.split()[0], "expected 3.11 or newer: install a newer Python"
    )
    yield _packages()
    yield _tensorflow()
    yield _model_types()
    yield _pages()
    yield _space(workspace)
    yield _workspace(workspace)


def _packages() -> Check:
    wrong = []
    for text in importlib.metadata.requires("brevetti-keras") or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, expected {requirement.specifier}")
    return Check("packages", not wrong, "; ".join(wrong) or "all there", "install again: pip install brevetti-keras")


def _tensorflow() -> Check:
    # In a child process: a broken or foreign build may end the process it is loaded in.
    done = subprocess.run([sys.executable, "-c", _TENSORFLOW], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        last = done.stderr.strip().rpartition("\n")[2] or f"its process ended with status {done.returncode}"
        return Check(
            "TensorFlow and Keras", False, last, "install again: pip install --force-reinstall tensorflow keras"
        )
    tensorflow, keras, accelerators = done.stdout.split()
    count = os.cpu_count() or 1
    return Check("TensorFlow and Keras", True, f"{tensorflow} and {keras}, {count} processors, {accelerators} GPUs")


def _model_types() -> Check:
    try:
        found = find_model_types()
    except BrevettiError as error:
        return Check("model types", False, str(error), "uninstall one of the two packages")
    return Check("model types", bool(found), ", ".join(found) or "none", "install again: pip install brevetti-keras")


def _pages() -> Check:
    missing = missing_assets()
    return Check(
        "pages",
        not missing,
        f"missing: {', '.join(missing)}" if missing else "all files there",
        "install again, with Node or network: make install",
    )


def _space(workspace: str | None) -> Check:
    folder = workspace_path(workspace)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    free = shutil.disk_usage(folder).free
    return Check(
        "disk",
        free >= _ENOUGH_BYTES,
        f"{free / 1e9:.1f} GB free at {folder}",
        f"expected {_ENOUGH_BYTES / 1e9:.0f} GB: free some space, or name another workspace with --workspace",
    )


def _workspace(workspace: str | None) -> Check:
    path = workspace_path(workspace)
    if not os.path.exists(path):
        return Check("workspace", True, f"{path} is made by the first job")
    try:
        problems = open_service(workspace).verify()
    except (BrevettiError, OSError) as error:
        return Check(
            "workspace", False, re.sub(r"\s+", " ", str(error)), "check its permissions and that it is a workspace"
        )
    seen = f"{len(problems)} damaged records" if problems else f"{path}, every record as it was written"
    return Check("workspace", not problems, seen, "`brevetti-keras verify` lists them; restore a backup")
