import gc
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brevetti_keras.io import LocalStorage, MemoryStorage, open_storage
from brevetti_keras.io.open import file_url, local_path_of, split_url
from brevetti_keras.utils.errors import InvalidInputError


@pytest.mark.parametrize("form", ["{}", "{}/", "file://{}", "file://localhost{}", "FILE://{}"])
def test_opens_a_folder(tmp_path, form):
    storage = open_storage(form.format(tmp_path))
    assert isinstance(storage, LocalStorage)
    assert storage.root == str(tmp_path)


def test_a_relative_path_starts_at_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_storage("data").root == str(tmp_path / "data")


def test_a_file_url_is_decoded(tmp_path):
    folder = tmp_path / "50% ä"
    assert open_storage(folder.as_uri()).root == str(folder)


def test_a_memory_is_shared_by_name_while_it_is_held():
    storage = open_storage("memory://shared")
    assert isinstance(storage, MemoryStorage)
    storage.write_bytes("a", b"1")
    assert open_storage("memory://shared").read_bytes("a") == b"1"
    assert not open_storage("memory://other").isfile("a")
    del storage
    gc.collect()
    assert not open_storage("memory://shared").isfile("a")


@pytest.mark.parametrize(
    "url",
    ["", "s3://bucket/x", "http://x/y", "s3://x", "memory://", "memory:///x", "memory://x/y", "file://host/x", "a\0b"],
)
def test_refuses_what_it_does_not_know(url):
    with pytest.raises(InvalidInputError, match=r"expected .*(/path|memory://name).*, received"):
        open_storage(url)


def test_links_may_leave_only_when_asked(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").write_bytes(b"1")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    with pytest.raises(InvalidInputError):
        open_storage(str(tmp_path / "in")).read_bytes("link")
    assert open_storage(str(tmp_path / "in"), follow_links=True).read_bytes("link") == b"1"


def test_split_url_finds_the_storage_around_a_file(tmp_path):
    storage, path = split_url(str(tmp_path / "a.csv"))
    assert storage.resolve(path) == str(tmp_path / "a.csv")
    storage, path = split_url("memory://x/a/b.csv")
    assert (storage.root, path) == ("memory://x", "a/b.csv")


def test_local_path_of_tells_local_from_other():
    assert local_path_of("/a/../b") == "/b"
    assert local_path_of("file:///a%20b") == "/a b"
    assert local_path_of("gs://bucket/a") is None


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_a_path_and_its_file_url_mean_the_same(text):
    path = os.path.abspath(f"/data/{text}")
    assert local_path_of(file_url(path)) == path
