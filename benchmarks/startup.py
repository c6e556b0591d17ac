"""Start-up of the command line and of the package, beside the bare interpreter.

    python benchmarks/startup.py

Prints the median seconds of nine runs each, and the ratio to `python -c pass` in the same round.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "brevetti-keras --help": [str(Path(sys.executable).with_name("brevetti-keras")), "--help"],
    "import brevetti_keras": [sys.executable, "-c", "import brevetti_keras"],
    "from brevetti_keras.platform import Job": [sys.executable, "-c", "from brevetti_keras.platform import Job"],
    "pip --help": [sys.executable, "-m", "pip", "--help"],
}
ROUNDS = 9


def main() -> None:
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS + 1):
        for name, command in COMMANDS.items():
            begin = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - begin)
    bare = statistics.median(seconds["python -c pass"][1:])
    print(f"{'command':42} {'seconds':>8} {'ratio':>6}")
    for name, runs in seconds.items():
        median = statistics.median(runs[1:])  # the first round warms the disk cache
        print(f"{name:42} {median:8.3f} {median / bare:6.1f}")


if __name__ == "__main__":
    main()
