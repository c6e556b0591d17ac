"""Starts Python modules of ours as child processes, which find the modules that this process finds.

environment = child_environment(BREVETTI_HOME="/work")
subprocess.run(module_command("brevetti_keras.server.model_type_probe", "vials.train:TrainingJob"), env=environment)
"""

import os
import sys


def module_command(module: str, *words: str) -> list[str]:
    """Returns the command that runs a module with some words, none of which is taken for an option of Python's."""
    return [sys.executable, "-m", module, "--", *words]


def child_environment(**more: str) -> dict[str, str]:
    """Returns this process' environment with its search path, and `more`."""
    # The folder that Python was started in belongs to the search path too, for a job's script beside the user.
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path), **more}
