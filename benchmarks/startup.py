"""Start-up of the command line and of the package, beside the bare interpreter.

    .venv/bin/python -m benchmarks.startup

Medians of nine runs each, in turn. Figures to reach: help in 0.3 s, the package in 0.1 s beyond the bare interpreter.
"""

import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.report import Figure, in_turn, show

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "brevetti-keras --help": [str(Path(sys.executable).with_name("brevetti-keras")), "--help"],
    "import brevetti_keras": [sys.executable, "-c", "import brevetti_keras"],
    "from brevetti_keras.platform import Job": [sys.executable, "-c", "from brevetti_keras.platform import Job"],
    "pip --help": [sys.executable, "-m", "pip", "--help"],
}
ROUNDS = 9


GOALS = {"brevetti-keras --help": 0.3}


def main() -> None:
    """Prints the table."""
    run = partial(subprocess.run, check=True, stdout=subprocess.DEVNULL)
    seconds = in_turn(ROUNDS, {name: partial(run, command) for name, command in COMMANDS.items()})
    figures = [Figure(name, median, "s", at_most=GOALS.get(name)) for name, median in seconds.items()]
    beyond = seconds["import brevetti_keras"] - seconds["python -c pass"]
    show("Start-up", [*figures, Figure("import brevetti_keras by itself", beyond, "s", at_most=0.1)])


if __name__ == "__main__":
    main()
