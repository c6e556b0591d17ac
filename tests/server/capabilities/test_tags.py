import pytest

from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError


def test_tags_form_trees(service):
    line = service.tags.add("line")
    three = service.tags.add("3", line.id)
    service.tags.add("area")
    assert three.parentId == line.id
    roots = service.tags.list()
    assert [tag.name for tag in roots] == ["area", "line"]
    assert roots[1].children == (three,)
    assert service.tags.get(line.id).children == (three,)
    assert service.tags.get(three.id) == three


def test_ensure_makes_what_is_missing_and_finds_what_is_there(service):
    leaf = service.tags.ensure("line=3")
    assert leaf.name == "3"
    assert service.tags.ensure("line=3") == leaf
    assert service.tags.ensure("line").id == leaf.parentId
    other = service.tags.ensure("line=4")
    assert other.parentId == leaf.parentId
    assert len(service.tags.list()) == 1
    assert service.tags.ensure("formula=a=b").name == "a=b"


def test_a_level_has_each_name_once(service):
    line = service.tags.add("line")
    with pytest.raises(ConflictError, match="'line'"):
        service.tags.add("line")
    service.tags.add("line", line.id)
    other = service.tags.add("other")
    with pytest.raises(ConflictError):
        service.tags.update(other.id, "line")


def test_names_that_look_alike_are_one(service):
    service.tags.add("caf\u00e9")
    with pytest.raises(ConflictError):
        service.tags.add("cafe\u0301")


def test_rename(service):
    line = service.tags.add("line")
    child = service.tags.add("3", line.id)
    renamed = service.tags.update(line.id, "line number")
    assert (renamed.id, renamed.name, renamed.children) == (line.id, "line number", (child,))
    assert service.tags.update(line.id, "line number") == renamed


@pytest.mark.parametrize("text", ["", "=", "line=", "=3", " = "])
def test_empty_names_are_refused(service, text):
    with pytest.raises(InvalidInputError, match="expected a name for the tag"):
        service.tags.ensure(text)
    assert service.tags.list() == []


def test_unknown_ids_are_not_found(service):
    for call in (
        lambda: service.tags.get("x"),
        lambda: service.tags.update("x", "y"),
        lambda: service.tags.remove("x"),
        lambda: service.tags.add("y", "x"),
    ):
        with pytest.raises(NotFoundError, match="'x'"):
            call()


def test_a_tag_in_use_stays(service, vials):
    leaf = service.tags.ensure("line=3")
    with pytest.raises(ConflictError, match="below"):
        service.tags.remove(leaf.parentId)
    dataset = service.datasets.add(vials, tags=["line=3"])
    with pytest.raises(ConflictError, match="'vials'"):
        service.tags.remove(leaf.id)
    service.datasets.update(dataset.id, tag_ids=[])
    service.tags.remove(leaf.id)
    assert service.tags.list()[0].children == ()
