import os
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brevetti_keras.server.capabilities.artifacts import clean_artifact_path, media_type
from brevetti_keras.utils.errors import BrevettiError, ConflictError, InvalidInputError, NotFoundError

LEAVING = [
    "../x",
    "a/../../x",
    "..",
    ".",
    "a/./b",
    "/etc/passwd",
    "//etc",
    "a//b",
    "a/",
    "",
    "..\\..\\x",
    "C:\\x",
    "a\0b",
    "a\nb",
    "\ud800",
    "x" * 300,
    "é" * 200,
]


@pytest.fixture
def job(service):
    return service.jobs.create("first").id


@pytest.fixture
def folder(service, job):
    return f"{service.home}/jobs/{job}/artifacts"


def test_what_was_written_is_read_and_listed(service, job, folder):
    entry = service.artifacts.write(job, "pivot/a.json", b"{}")
    assert (entry.path, entry.size, entry.media_type) == ("pivot/a.json", 2, "application/json")
    assert entry.modified.endswith("Z")
    service.artifacts.write(job, "report.html", b"<p>")
    assert service.artifacts.read(job, "pivot/a.json") == b"{}"
    assert [found.path for found in service.artifacts.list(job)] == ["pivot/a.json", "report.html"]
    assert [found.path for found in service.artifacts.list(job, "pivot")] == ["pivot/a.json"]
    assert service.artifacts.list(job, "none") == []
    assert service.artifacts.stat(job, "report.html").size == 3
    assert service.artifacts.local_path(job, "report.html") == f"{folder}/report.html"


def test_writing_again_replaces(service, job):
    service.artifacts.write(job, "a.txt", b"old")
    service.artifacts.write(job, "a.txt", b"new")
    assert service.artifacts.read(job, "a.txt") == b"new"


def test_a_missing_job_or_file_is_not_found(service, job):
    for call in (
        lambda: service.artifacts.read(job, "none"),
        lambda: service.artifacts.local_path(job, "none"),
        lambda: service.artifacts.stat(job, "none"),
        lambda: service.artifacts.read("nobody", "a"),
        lambda: service.artifacts.write("nobody", "a", b""),
        lambda: service.artifacts.list("nobody"),
        lambda: service.artifacts.receive("nobody", "a").__enter__(),
    ):
        with pytest.raises(NotFoundError):
            call()


@pytest.mark.parametrize("path", LEAVING)
def test_no_path_leaves_the_folder(service, job, path):
    for call in (
        lambda: service.artifacts.read(job, path),
        lambda: service.artifacts.local_path(job, path),
        lambda: service.artifacts.write(job, path, b"x"),
        lambda: service.artifacts.receive(job, path).__enter__(),
    ):
        with pytest.raises(InvalidInputError):
            call()


@pytest.mark.parametrize("path", [".hidden", "a/.hidden", ".a/b"])
def test_hidden_files_are_not_written(service, job, path):
    with pytest.raises(InvalidInputError, match="hidden"):
        service.artifacts.write(job, path, b"x")


def test_links_out_of_the_folder_are_refused_and_not_listed(service, job, folder, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    os.makedirs(f"{folder}2")
    with open(f"{folder}2/near.txt", "w") as file:
        file.write("secret")
    os.symlink(secret, f"{folder}/link.txt")
    os.symlink(tmp_path, f"{folder}/up")
    os.symlink(f"{folder}2", f"{folder}/sibling")
    for path in ("link.txt", "up/secret.txt", "sibling/near.txt"):
        with pytest.raises(InvalidInputError):
            service.artifacts.read(job, path)
        with pytest.raises(InvalidInputError):
            service.artifacts.local_path(job, path)
    with pytest.raises(InvalidInputError):
        service.artifacts.write(job, "up/new.txt", b"x")
    assert service.artifacts.list(job) == []
    assert not (tmp_path / "new.txt").exists()


def test_names_that_look_alike_are_in_conflict(service, job):
    composed = unicodedata.normalize("NFC", "caf\u00e9.txt")
    decomposed = unicodedata.normalize("NFD", composed)
    assert service.artifacts.write(job, decomposed, b"1").path == composed
    assert service.artifacts.read(job, decomposed) == b"1"
    with pytest.raises(ConflictError):
        service.artifacts.write(job, decomposed, b"2")
    with pytest.raises(ConflictError):
        service.artifacts.write(job, composed.upper(), b"2")
    service.artifacts.write(job, "Folder/a", b"1")
    with pytest.raises(ConflictError):
        service.artifacts.write(job, "folder/b", b"1")
    assert service.artifacts.read(job, composed) == b"1"


def test_a_file_in_a_folder_s_place_is_one_line(service, job):
    service.artifacts.write(job, "a", b"1")
    with pytest.raises(BrevettiError) as caught:
        service.artifacts.write(job, "a/b", b"1")
    assert "\n" not in str(caught.value)


def test_a_file_that_arrives_in_pieces_is_seen_when_it_is_whole(service, job):
    with service.artifacts.receive(job, "models/a.bin") as file:
        file.write(b"one")
        assert service.artifacts.list(job) == []
        file.write(b"two")
    assert service.artifacts.read(job, "models/a.bin") == b"onetwo"


def test_nothing_is_left_of_a_file_that_broke_off(service, job, folder):
    def break_off():
        with service.artifacts.receive(job, "a.bin") as file:
            file.write(b"half")
            raise RuntimeError("the sender is gone")

    with pytest.raises(RuntimeError, match="the sender is gone"):
        break_off()
    assert service.artifacts.list(job) == []
    assert os.listdir(os.path.join(os.path.dirname(folder), "temp")) == []


def test_media_types_are_fixed():
    assert media_type("a.HTML") == "text/html"
    assert media_type("a.tar.gz") == "application/gzip"
    assert media_type("a.svg") == "image/svg+xml"
    assert media_type("none") == "application/octet-stream"


@given(st.text(max_size=30))
def test_a_clean_path_is_relative_plain_and_stays_clean(text):
    try:
        clean = clean_artifact_path(text)
    except InvalidInputError:
        return
    assert clean_artifact_path(clean) == clean
    assert os.path.normpath(os.path.join("/root", clean)) == f"/root/{clean}"
    assert unicodedata.is_normalized("NFC", clean)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(path=st.text(alphabet="ab./\\%~é\u0301\0", max_size=12))
def test_whatever_is_written_lies_inside(service, job, tmp_path, path):
    before = sorted(os.listdir(tmp_path)), sorted(os.listdir(service.home))
    try:
        entry = service.artifacts.write(job, path, b"x")
    except BrevettiError:
        pass
    else:
        assert service.artifacts.read(job, entry.path) == b"x"
    assert (sorted(os.listdir(tmp_path)), sorted(os.listdir(service.home))) == before
