"""Runs in the existing client's environment: its SampleSplit, as benchmarks/sample_split.py calls ours.

    .venv-client/bin/python benchmarks/peers/brevettiai_split.py assign SAMPLES.csv JSON
    .venv-client/bin/python benchmarks/peers/brevettiai_split.py update SAMPLES.csv JSON

JSON holds SampleSplit's arguments. Prints the seconds by the clock and the processor's, in one line, after whatever the
library prints.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from brevettiai.data.sample_integrity import SampleSplit


def main() -> None:
    """Measures one of the two."""
    what, table, arguments = sys.argv[1:]
    samples = pd.read_csv(table)
    split = SampleSplit(seed=0, **json.loads(arguments))
    with tempfile.TemporaryDirectory() as folder:
        clock, processor = time.perf_counter(), time.process_time()
        if what == "assign":
            samples = split.assign(samples, "train", "devel")
        else:
            samples = split.update_unassigned(samples, str(Path(folder) / "ids.csv"))
        sys.stdout.write(f"\n{time.perf_counter() - clock} {time.process_time() - processor}\n")
    if not set(samples.purpose) <= {"train", "devel"}:
        raise SystemExit(f"expected the purposes train and devel, received {set(samples.purpose)}")


if __name__ == "__main__":
    main()
