"""One small fit under each backend of Keras, each in a process of its own: `make test-backends`."""

import json
import os
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from tests.support.images import write_image_folder

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-backends" / "bin" / "python"
SCRIPT = Path(__file__).with_name("small_fit.py")
BACKENDS = ("tensorflow", "jax", "torch")
_SECONDS = 280


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    paths = sorted(write_image_folder(folder / "vials", {"cracked": 12, "good": 12}).rglob("*.png"))
    frame = pd.DataFrame({"path": map(str, paths), "label": [path.parent.name for path in paths]})
    frame.to_csv(folder / "samples.csv", index=False)
    return folder / "samples.csv"


@pytest.fixture(scope="module", params=["host", "graph"])
def runs(request, table):
    """What each backend saw, in either form of the data set."""
    assert PYTHON.is_file(), f"expected {PYTHON}: `make test-backends` installs it"
    found = {}
    for backend in BACKENDS:
        environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
        done = subprocess.run(
            [PYTHON, SCRIPT, request.param, table], env=environment, capture_output=True, text=True, timeout=_SECONDS
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found[backend] = json.loads(done.stdout.splitlines()[-1])
        print(f"{request.param} {backend}: {found[backend]['seconds']:.1f} s, losses {found[backend]['losses']}")
    return found


@pytest.mark.timeout(3 * _SECONDS)
def test_each_backend_learns_from_the_same_pixels(runs):
    assert [run["backend"] for run in runs.values()] == list(BACKENDS)
    assert len({run["first"] for run in runs.values()}) == 1
    for run in runs.values():
        assert run["losses"][-1] < 0.7 * run["losses"][0]
