from brevetti_keras.server.tag_names import tag_names
from brevetti_keras.wire.records import Tag


def test_names_tell_the_way_from_the_root_in_the_trees_order() -> None:
    deep = Tag(id="d", name="left", parentId="b")
    trees = [
        Tag(
            id="a", name="line", children=(Tag(id="b", name="3", parentId="a", children=(deep,)), Tag(id="c", name="4"))
        ),
        Tag(id="e", name="site"),
    ]
    names = tag_names(trees)
    assert names == {"a": "line", "b": "line=3", "d": "line=3/left", "c": "line=4", "e": "site"}
    assert list(names) == ["a", "b", "d", "c", "e"]


def test_no_tag_has_no_name() -> None:
    assert tag_names([]) == {}
