import os

import pytest

from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError


def test_a_dataset_is_a_reference(service, vials):
    added = service.datasets.add(vials, tags=["line=3", "site=Aarhus"], reference="R-1", notes="first lot")
    assert (added.name, added.bucket, added.locked) == ("vials", vials, False)
    assert (added.reference, added.notes) == ("R-1", "first lot")
    assert [tag.name for tag in added.tags] == ["3", "Aarhus"]
    assert added.tagIds == tuple(tag.id for tag in added.tags)
    assert service.datasets.get(added.id) == service.datasets.get("vials") == added
    assert service.datasets.list() == [added]


def test_datasets_are_listed_by_name(service, vials):
    for name in ("b", "c", "a"):
        service.datasets.add(vials, name)
    assert [dataset.name for dataset in service.datasets.list()] == ["a", "b", "c"]


def test_a_name_that_is_not_given_is_made_free(service, vials):
    names = [service.datasets.add(vials).name for _ in range(3)]
    assert names == ["vials", "vials-2", "vials-3"]


def test_a_name_that_is_given_must_be_free(service, vials):
    service.datasets.add(vials, "mine")
    with pytest.raises(ConflictError, match="'mine'"):
        service.datasets.add(vials, " mine ")


def test_a_path_may_be_relative_or_a_url(service, vials, monkeypatch):
    monkeypatch.chdir(os.path.dirname(vials))
    assert service.datasets.add("vials", "a").bucket == vials
    assert service.datasets.add(f"file://{vials}/", "b").bucket == vials
    assert service.datasets.add("gs://bucket/prefix/", "c").bucket == "gs://bucket/prefix"


def test_a_csv_is_taken_and_another_file_is_not(service, vials):
    for name in ("list.csv", "list.txt"):
        with open(f"{vials}/{name}", "w") as file:
            file.write("path\n")
    assert service.datasets.add(f"{vials}/list.csv").name == "list.csv"
    with pytest.raises(InvalidInputError, match="received the file"):
        service.datasets.add(f"{vials}/list.txt")


def test_a_folder_that_is_not_there_is_said(service):
    with pytest.raises(NotFoundError, match="/nowhere/at/all, which is not there"):
        service.datasets.add("/nowhere/at/all")


@pytest.mark.parametrize("bucket", ["", "  ", "a\0b", "x" * 5000, "\ud800"])
def test_a_place_that_cannot_be_is_refused(service, bucket):
    with pytest.raises(InvalidInputError):
        service.datasets.add(bucket)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 201, "a\0", "\ud800"])
def test_a_name_that_cannot_be_shown_is_refused(service, vials, name):
    with pytest.raises(InvalidInputError):
        service.datasets.add(vials, name)


def test_a_folder_s_odd_name_becomes_one_that_can_be_shown(service, tmp_path):
    folder = tmp_path / "a\nb"
    folder.mkdir()
    assert service.datasets.add(str(folder)).name == "a_b"


def test_hostile_names_are_only_text(service, vials):
    name = "<img src=x onerror=alert(1)>'; DROP TABLE datasets; --"
    assert service.datasets.get(service.datasets.add(vials, name).id).name == name


def test_update_changes_what_is_given(service, vials):
    added = service.datasets.add(vials, notes="old", reference="R-1")
    tag = service.tags.ensure("line=4")
    changed = service.datasets.update(added.id, name="new", tag_ids=[tag.id, tag.id])
    assert (changed.name, changed.notes, changed.reference) == ("new", "old", "R-1")
    assert changed.tagIds == (tag.id,)
    assert service.datasets.update("new", notes="", reference="").notes == ""
    assert service.datasets.update(added.id, tag_ids=[]).tags == ()


def test_update_refuses_taken_names_and_unknown_tags(service, vials):
    first = service.datasets.add(vials, "first")
    service.datasets.add(vials, "second")
    with pytest.raises(ConflictError):
        service.datasets.update(first.id, name="second")
    with pytest.raises(InvalidInputError, match="'nobody'"):
        service.datasets.update(first.id, tag_ids=["nobody"])
    with pytest.raises(NotFoundError):
        service.datasets.update("nobody", name="x")
    assert service.datasets.update(first.id, name="first").name == "first"


def test_removing_leaves_the_files(service, vials):
    added = service.datasets.add(vials)
    service.datasets.remove(added.id)
    assert service.datasets.list() == []
    assert os.path.isfile(f"{vials}/good/1.png")
    with pytest.raises(NotFoundError):
        service.datasets.remove(added.id)
    assert service.verify() == []


def test_find_or_add(service, vials):
    first = service.datasets.find_or_add(vials)
    for text in (vials, f"{vials}/", f"file://{vials}", first.id, "vials"):
        assert service.datasets.find_or_add(text) == first
    with pytest.raises(NotFoundError, match="a dataset's name or a folder, received 'nothing'"):
        service.datasets.find_or_add("nothing")
