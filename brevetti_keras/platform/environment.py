"""What a job ran on: package versions, Python, the machine, and the git state of the job's own code.

describe_environment("/data/vials/train.py")["git"]      # {"commit": "…", "branch": "main", "changed": False}
"""

import importlib.metadata
import os
import platform
import subprocess
import sys
from typing import Any

_GIT_TIMEOUT = 5.0


def describe_environment(code: str | None) -> dict[str, Any]:
    """Returns what `output.json` records of where the job ran; no package is imported for it.

    Args:
        code: the file that holds the job's class, if it has one.
    """
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "code": code,
        "git": git_state(os.path.dirname(code)) if code else None,
        "build_id": os.environ.get("BUILD_ID"),
        "packages": package_versions(),
    }


def package_versions() -> dict[str, str]:
    """Returns the installed packages by name."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(name.lower().replace("_", "-"), distribution.version)
    return dict(sorted(found.items()))


def git_state(folder: str) -> dict[str, Any] | None:
    """Returns `{"commit", "branch", "changed"}` of the repository that `folder` lies in; None if in none, or without
    git. `changed` tells whether tracked files differ from the commit."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {
        "commit": commit,
        "branch": _git(folder, "rev-parse", "--abbrev-ref", "HEAD"),
        "changed": None if status is None else bool(status),
    }


def _git(folder: str, *arguments: str) -> str | None:
    # No lock is taken, so that a job never disturbs a commit under way.
    command = ["git", "--no-optional-locks", "-C", folder, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
