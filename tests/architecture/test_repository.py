"""The repository speaks of the product alone, and its files agree with one another."""

import configparser
import re
import subprocess
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import brevetti_keras
from tests.support.minimum_versions import minimum_versions
from tests.support.together import TOGETHER

ROOT = Path(__file__).parents[2]


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def requirements():
    """What is required, by the entry of setup.cfg that requires it."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    entries = {"install": config["options"]["install_requires"], **config["options.extras_require"]}
    return {name: [Requirement(line) for line in text.split("\n") if line.strip()] for name, text in entries.items()}


def constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {name.lower().replace("_", "-"): Version(version) for name, _, version in pins}


@pytest.mark.parametrize("requirement", list(chain(*requirements().values())), ids=lambda requirement: requirement.name)
def test_what_is_required_is_pinned_within_its_range(requirement):
    pinned = constraints()[requirement.name.lower().replace("_", "-")]
    assert requirement.specifier.contains(pinned)
    assert any(part.operator == ">=" for part in requirement.specifier), "a minimum version is named"


@pytest.mark.parametrize("entry", requirements())
def test_nothing_is_required_twice(entry):
    names = [requirement.name for requirement in requirements()[entry]]
    assert len(names) == len(set(names))


def test_the_lowest_versions_are_of_all_that_a_user_installs():
    lowest = minimum_versions()
    users = [requirement for entry, required in requirements().items() if entry != "dev" for requirement in required]
    assert set(lowest) == {requirement.name for requirement in users}
    for requirement in users:
        assert requirement.specifier.contains(lowest[requirement.name])


def test_the_changelog_knows_this_version():
    assert f"## {brevetti_keras.__version__}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_the_readmes_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(
        re.findall(r"`?make (\w+)", (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text())
    )
    assert {"demo", "test", "check"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_no_tracked_file_names_a_registry_host_or_this_checkouts_place():
    hosts = re.compile(rb"https?://[\w.-]*(?:" + b"py" + b"pi|np" + b"mjs|deb" + b"ian)[\\w.-]*")
    place = f"{ROOT}/".encode()
    for path in tracked_files():
        content = path.read_bytes()
        assert hosts.search(content) is None, path.relative_to(ROOT)
        assert place not in content, path.relative_to(ROOT)


def test_no_file_outgrows_its_job():
    long = {
        str(path.relative_to(ROOT)): count
        for path in tracked_files()
        if path.suffix == ".py"
        and path.parts[len(ROOT.parts)] in {"brevetti_keras", "model_zoo"}
        and (count := len(path.read_text().splitlines())) > 450
    }
    assert not long


def test_files_of_tests_that_stay_together_are_there():
    paths = list(chain(*TOGETHER.values()))
    assert len(paths) == len(set(paths))
    for path in paths:
        assert (ROOT / path).is_file(), path
