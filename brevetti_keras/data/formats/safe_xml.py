"""Reads XML from strangers: no document type, so no entities to expand or to fetch, and not nested deeply.

root = read_xml(data, "1.xml")          # xml.etree.ElementTree.Element
"""

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from brevetti_keras.utils.errors import DataError

_MAX_DEPTH = 64


class _RefusedError(Exception):
    """The text is the reason."""


def read_xml(data: bytes, name: str) -> Element:
    """Returns the root of an XML document.

    Args:
        data: the file's content.
        name: the file's, for messages.

    Raises:
        DataError: if it is not XML, has a document type, or is nested more than 64 deep.
    """
    builder = TreeBuilder()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise _RefusedError(f"expected XML nested at most {_MAX_DEPTH} deep, received deeper")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse_document_type
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, _RefusedError, ValueError, LookupError) as error:
        raise DataError(f"{name}: expected plain XML, received what cannot be read: {error}") from error
    return builder.close()


def _refuse_document_type(*_: object) -> None:
    raise _RefusedError("a document type, which is refused with the entities that it may define")
