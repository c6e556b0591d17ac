import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.platform.job_folder import JobFolder
from brevetti_keras.utils.errors import BrevettiError, InvalidInputError


def test_areas_and_files(tmp_path):
    folder = JobFolder(str(tmp_path / "j"))
    assert not (tmp_path / "j").exists(), "nothing is made before it is needed"
    assert folder.path("artifacts", "a", "b.txt") == str(tmp_path / "j" / "artifacts" / "a" / "b.txt")
    assert folder.artifacts == str(tmp_path / "j" / "artifacts")
    assert folder.checkpoints == str(tmp_path / "j" / "checkpoints")
    assert folder.event_log == str(tmp_path / "j" / "events.log")


def test_a_relative_root_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = JobFolder("j")
    monkeypatch.chdir("/")
    assert folder.path("temp", "x") == str(tmp_path / "j" / "temp" / "x")


def test_parts_may_be_path_objects_and_hold_slashes(tmp_path):
    folder = JobFolder(str(tmp_path))
    assert folder.path("temp", tmp_path.relative_to("/"), "x/./y") == os.path.join(
        tmp_path, "temp", *tmp_path.parts[1:], "x", "y"
    )


@pytest.mark.parametrize("parts", [(), ("",), ("/",), ("a", "/b"), ("..",), ("a", "..", "..", "b"), ("a/..",), ("\0",)])
def test_what_leads_out_or_names_no_file_is_refused(tmp_path, parts):
    with pytest.raises(InvalidInputError, match="expected"):
        JobFolder(str(tmp_path)).path("artifacts", *parts)


@given(st.lists(st.text(alphabet="ab./\0~", max_size=5), max_size=4))
@settings(deadline=None, max_examples=200)
def test_no_path_ever_leads_out(tmp_path_factory, parts):
    root = tmp_path_factory.getbasetemp() / "contained"
    folder = JobFolder(str(root))
    try:
        path = folder.path("artifacts", *parts, directory=True)
    except BrevettiError:
        return
    assert os.path.commonpath([os.path.realpath(path), str(root / "artifacts")]) == str(root / "artifacts")
    assert os.path.isdir(path)


def test_a_link_that_leads_out_is_refused_even_deep_inside(tmp_path):
    folder = JobFolder(str(tmp_path / "j"))
    os.symlink("/etc", os.path.join(folder.path("artifacts", "a", directory=True), "link"))
    for parts in (("a", "link", "passwd"), ("a/link/passwd",)):
        with pytest.raises(InvalidInputError, match="a link leads out"):
            folder.path("artifacts", *parts)


def test_a_link_that_stays_inside_is_followed(tmp_path):
    folder = JobFolder(str(tmp_path / "j"))
    inner = folder.path("artifacts", "inner", directory=True)
    os.symlink(inner, os.path.join(folder.artifacts, "link"))
    assert folder.path("artifacts", "link", "x").endswith("link/x")
