"""What a tag is called where its tree is not shown: `line=3` for the leaf `3` below the root `line`.

tag_names(service.tags.list())      # {"7f3c…": "line", "a01b…": "line=3", "…": "line=3/left"}
"""

from collections.abc import Iterable

from brevetti_keras.wire.records import Tag


def tag_names(trees: Iterable[Tag]) -> dict[str, str]:
    """Returns the names of all tags by id, in the trees' order."""
    names: dict[str, str] = {}
    pending = [(tag, "", "") for tag in reversed(list(trees))]
    while pending:
        tag, above, link = pending.pop()
        name = f"{above}{link}{tag.name}"
        names[tag.id] = name
        pending += [(child, name, "/" if above else "=") for child in reversed(tag.children)]
    return names
