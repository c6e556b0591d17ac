"""One job of the existing client against a server of ours, each in a process and an environment of its own."""

import base64
import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from brevetti_keras.platform import connect
from brevetti_keras.platform.platform import Platform
from brevetti_keras.server.workspace import open_service
from brevetti_keras.wire.records import Dataset, JobConfig

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-client" / "bin" / "python"
SCRIPT = Path(__file__).with_name("client_job.py")
ENDINGS = ("jpg", "png", "bmp")
_SECONDS = 240


@dataclass
class Run:
    """What there was before the job, and what there is after it."""

    home: str
    url: str
    platform: Platform
    browser: httpx.Client
    datasets: list[Dataset]
    earlier: JobConfig
    config: JobConfig
    printed: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The job's own folder in the workspace."""
        return Path(self.home) / "jobs" / self.config.id

    def artifact(self, path: str) -> bytes:
        """An artifact as the platform gives it."""
        return self.platform.artifacts.read(self.config.id, path)

    @property
    def seen(self) -> dict[str, Any]:
        """What the client saw."""
        found: dict[str, Any] = json.loads(self.artifact("client.json"))
        return found


@pytest.fixture(scope="session")
def client_files() -> Path:
    """The client's folder of packages."""
    folders = sorted((ROOT / ".venv-client").glob("lib/python*/site-packages"))
    if not folders or not PYTHON.exists():
        pytest.fail("expected the client in .venv-client, found none: `make test-client` makes it", pytrace=False)
    return folders[0]


def changed_files(packages: Path) -> list[str]:
    """The client's files that are not as they were published."""
    record = next(packages.glob("brevettiai-*.dist-info/RECORD"))
    with record.open(newline="") as rows:
        published = [(path, digest) for path, digest, _ in csv.reader(rows) if digest]
    assert len(published) > 50
    return [path for path, digest in published if _digest(packages / path) != digest]


def _digest(path: Path) -> str:
    value = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=")
    return f"sha256={value.decode()}"


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, client_files: Path) -> Iterator[Run]:
    """The job, run from its making to its end."""
    root = tmp_path_factory.mktemp("client")
    home = str(root / "workspace")
    write_crops(root / "line three", {"cracked": 6, "good": 12}, first=0)
    write_crops(root / "line four", {"good": 9}, first=100)
    with open_service(home) as service:
        datasets = [
            service.datasets.add(str(root / "line three"), tags=["line=three", "customer=acme"], reference="R-3"),
            service.datasets.add(str(root / "line four"), tags=["line=four"]),
        ]
        key = service.access.create("tests")[1]
    with serving(home, root) as link, httpx.Client(base_url=link.partition("/login")[0], timeout=60) as browser:
        assert browser.get(link).status_code == 303
        url = str(browser.base_url).rstrip("/")
        with connect(url, key) as platform:
            earlier = platform.jobs.create("earlier")
            bucket = f"{home}/jobs/{earlier.id}"
            config = platform.jobs.create(
                "Vials, by the client",
                dataset_ids=[dataset.id for dataset in datasets],
                parent=earlier.id,
                models=[{"id": earlier.id, "bucket": bucket}],
                settings={
                    "epochs": 2,
                    "image_pipeline": {"target_size": [64, 64]},
                    "sample_split": {"split": 0.6, "seed": 1, "stratification": ["folder"]},
                    "class_mapping": json.dumps({"cracked": ["cracked", "defect"], "good": ["good", "sound"]}),
                    "note": "free text",
                },
            )
            found = Run(home, url, platform, browser, datasets, earlier, config)
            found.printed = run_client(found, root)
            yield found


@contextmanager
def serving(home: str, root: Path) -> Iterator[str]:
    """Runs `brevetti-keras serve` on a free port; yields its one-time link."""
    command = [sys.executable, "-m", "brevetti_keras", "serve", "--port", "0", "--workspace", home]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "BREVETTI_CACHE": str(root / "cache")}
    with (
        (root / "server.log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process,
    ):
        try:
            assert process.stdout is not None
            told = "".join(process.stdout.readline() for _ in range(3))
            match = re.search(r"http://\S+/login\?token=\S+", told)
            assert match is not None, told + (root / "server.log").read_text()
            yield match.group()
        finally:
            process.terminate()
            assert process.wait(30) is not None
    log_text = (root / "server.log").read_text()
    assert "Traceback" not in log_text, log_text


def run_client(found: Run, root: Path) -> dict[str, Any]:
    """Runs the script as its user would; returns the one line that it printed.

    The client's log goes to the file that `$CLIENT_LOG` names, if set.
    """
    log = Path(os.environ.get("CLIENT_LOG") or root / "client.log")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BREVETTI", "PYTHON"))}
    environment = {
        **kept,
        "BREVETTIAI_HOST_NAME": found.url,
        "BREVETTIAI_DATA_BUCKET": f"{found.home}/jobs",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    key = found.config.api_key.get_secret_value()
    command = [str(PYTHON), str(SCRIPT), found.config.id, key, "--epochs", "3", "--sample_split.split=0.5"]
    with log.open("w") as stderr:
        ended = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment, cwd=root, timeout=_SECONDS
        )
    text = log.read_text()
    assert ended.returncode == 0, text
    return {**json.loads(ended.stdout), "log": text}


def write_crops(root: Path, classes: dict[str, int], first: int) -> None:
    """Writes pieces of two photographs, which come with scikit-learn, as classes in files of several formats."""
    photographs = load_sample_images().images
    for name, count in classes.items():
        picture = photographs[name == "good"]
        (root / name).mkdir(parents=True)
        for number in range(count):
            rng = np.random.default_rng([first, number])
            y, x = rng.integers(0, (picture.shape[0] - 80, picture.shape[1] - 90))
            path = root / name / f"piece {number}.{ENDINGS[number % len(ENDINGS)]}"
            Image.fromarray(picture[y : y + 80, x : x + 90]).save(path)
