import subprocess
import sys

import numpy as np
import pytest

from brevetti_keras.platform.environment import describe_environment, git_state, package_versions


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)

    def git(*words):
        identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True)

    git("init", "-q", "-b", "trunk")
    (tmp_path / "train.py").write_text("1")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return tmp_path


def test_git_tells_commit_branch_and_changes(repository):
    state = git_state(str(repository))
    assert len(state["commit"]) == 40
    assert (state["branch"], state["changed"]) == ("trunk", False)
    (repository / "untracked.txt").write_text("")
    assert git_state(str(repository))["changed"] is False
    (repository / "train.py").write_text("2")
    assert git_state(str(repository))["changed"] is True
    (repository / "inner").mkdir()
    assert git_state(str(repository / "inner"))["commit"] == state["commit"]


def test_without_repository_or_git_there_is_none(tmp_path, repository, monkeypatch):
    assert git_state("/proc") is None
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert git_state(str(repository)) is None


def test_packages_have_their_versions():
    found = package_versions()
    assert found["numpy"] == np.__version__
    assert {"brevetti-keras", "tensorflow", "keras", "pydantic"} <= set(found)
    assert list(found) == sorted(found)


def test_the_description_loads_nothing(repository):
    before = set(sys.modules)
    found = describe_environment(str(repository / "train.py"))
    assert not {"tensorflow", "keras"} & (set(sys.modules) - before)
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["code"] == str(repository / "train.py")
    assert found["git"]["branch"] == "trunk"
    assert found["cpus"] >= 1
    assert describe_environment(None)["git"] is None


def test_a_build_s_id_is_kept(monkeypatch):
    monkeypatch.setenv("BUILD_ID", "77")
    assert describe_environment(None)["build_id"] == "77"
