"""Runs a script of benchmarks/peers in the existing client's environment, which `make bench` makes.

times = run("brevettiai_reports.py", "pivot", "samples.csv", "pivot")  # None where it is not installed
"""

import os
import subprocess
from pathlib import Path

Times = tuple[float, float]

_PYTHON = Path(__file__).parents[1] / ".venv-client" / "bin" / "python"
_SCRIPTS = Path(__file__).with_name("peers")


def run(script: str, *arguments: str | Path) -> Times | None:
    """Returns the seconds that a script measured: by the clock, and the processor's.

    Args:
        script: its file's name; it prints the two as the last words of its output.
        arguments: its words.

    Raises:
        SystemExit: it failed; what it wrote last.
    """
    if not _PYTHON.is_file():
        return None
    # Oldest protobuf and newest TensorFlow's words are of no interest here.
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [_PYTHON, _SCRIPTS / script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"the existing client's {script} failed:\n{done.stderr[-2000:]}")
    clock, processor = done.stdout.split()[-2:]
    return float(clock), float(processor)
