"""Two finished trainings as users start them, made once and looked at from every side by several modules.

A training in a process of its own takes longer than all that is looked for in it, so the modules that look share the
workspaces, write nothing to them, and stay together in `tests/support/together.py`.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.images import write_image_folder
from tests.support.together import made_by_one_worker

CLASSES = {"cracked": 12, "good": 16, "odd": 8}
SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "first_job.py"


@dataclass(frozen=True)
class Training:
    """The images, the workspace with the one finished job, and what the program printed."""

    images: Path
    home: Path
    printed: str


@pytest.fixture(scope="session")
def vials_with_one_torn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images in three classes, and a file among the good ones that ends too early."""
    made_by_one_worker(tmp_path_factory, "trainings")
    images = write_image_folder(tmp_path_factory.mktemp("trainings") / "vials", CLASSES, size=(20, 16))
    (images / "good" / "torn.png").write_bytes((images / "good" / "good_0000.png").read_bytes()[:60])
    return images


@pytest.fixture(scope="session")
def trained_by_command(vials_with_one_torn: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """What `brevetti-keras train --json` made."""
    settings = ("image_pipeline.target_size=[16, 16]", "epochs=2", "batch_size=8", "max_bad_share=0.1")
    words = ("train", "image-classification", "--dataset", str(vials_with_one_torn), "--name", "by command", "--json")
    overrides = [word for setting in settings for word in ("--set", setting)]
    return _train(vials_with_one_torn, tmp_path_factory.mktemp("command"), "-m", "brevetti_keras", *words, *overrides)


@pytest.fixture(scope="session")
def trained_by_script(vials_with_one_torn: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """What the documentation's example made."""
    words = ("--dataset", str(vials_with_one_torn), "--name", "by script", "--epochs", "2", "--max_bad_share", "0.1")
    size = ("--image_pipeline.target_size", "[16, 16]")
    return _train(vials_with_one_torn, tmp_path_factory.mktemp("script"), str(SCRIPT), *words, *size)


def _train(images: Path, folder: Path, *words: str) -> Training:
    home = folder / "workspace"
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        env={**os.environ, "BREVETTI_HOME": str(home), "BREVETTI_CACHE": str(folder / "cache")},
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return Training(images, home, done.stdout)
