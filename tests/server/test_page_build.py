"""The build brings the browser packages, and makes nothing without them."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENDOR = "brevetti_keras/server/assets/vendor"
SCRIPTS = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js", "vega-interpreter.js", "uplot.min.js", "htmx.min.js")
_NOT_BUILT = (".*", "__pycache__", "*.egg-info", "tests", "build", "dist", "brevetti-workspace")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what a build reads, the fetched files included."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*_NOT_BUILT))
    return tree


def build(tree: Path, kind: str, folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    """Runs the build backend as pip does, with nothing but `path` to find programs in."""
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(folder)!r}))"
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=tree,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )


def failing_npm(folder: Path) -> str:
    """Makes a program called npm that fails, and returns its folder."""
    folder.mkdir()
    (folder / "npm").write_text("#!/bin/sh\necho 'no network' >&2\nexit 7\n")
    (folder / "npm").chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def test_the_lock_names_each_package_by_its_checksum_and_no_registry() -> None:
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in text
    assert not re.search(r"https?://[^\"]*(?:npm|registry|\.tgz)", text)
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    for name, least in (("vega", "6.2.0"), ("vega-expression", "6.1.0"), ("vega-interpreter", "2.2.1")):
        version = tuple(map(int, packages[f"node_modules/{name}"]["version"].split(".")))
        assert version >= tuple(map(int, least.split(".")))


def test_the_fetched_files_are_here_with_their_licences() -> None:
    for name in SCRIPTS:
        assert (ROOT / VENDOR / name).stat().st_size > 1000
    assert len(list((ROOT / VENDOR).glob("*.LICENSE.txt"))) == 9


def test_a_source_distribution_becomes_a_wheel_with_the_pages_without_npm(tree: Path, tmp_path: Path) -> None:
    broken = failing_npm(tmp_path / "bin")
    made = build(tree, "sdist", tmp_path / "sdist", broken)
    assert made.returncode == 0, made.stderr
    (archive,) = (tmp_path / "sdist").iterdir()
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    made = build(unpacked, "wheel", tmp_path / "wheel", broken)
    assert made.returncode == 0, made.stderr
    (wheel,) = (tmp_path / "wheel").iterdir()
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"{VENDOR}/{name}" for name in SCRIPTS} <= names
    for name in ("templates/job.html", "templates/_macros.html", "assets/pages.css", "assets/pivot.js"):
        assert f"brevetti_keras/server/{name}" in names


@pytest.mark.parametrize("lost", ["vega.min.js", "lock.sha256"])
def test_without_the_pages_nothing_is_built(tree: Path, tmp_path: Path, lost: str) -> None:
    (tree / VENDOR / lost).unlink()
    made = build(tree, "wheel", tmp_path / "wheel", failing_npm(tmp_path / "bin"))
    assert made.returncode != 0
    assert "expected npm to fetch the pages' browser packages" in made.stderr
    assert list((tmp_path / "wheel").glob("*.whl")) == []


def test_a_changed_lock_file_is_fetched_anew(tree: Path, tmp_path: Path) -> None:
    with (tree / "package-lock.json").open("a", encoding="utf-8") as lock:
        lock.write("\n")
    made = build(tree, "editable", tmp_path / "wheel", failing_npm(tmp_path / "bin"))
    assert made.returncode != 0
    assert "no network" in made.stderr
