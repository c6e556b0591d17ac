"""Checks of the short texts that people give: names and notes.

checked_name("  vials ", "dataset")     # "vials"
"""

import unicodedata

from brevetti_keras.utils.errors import InvalidInputError

MAX_NAME = 200
MAX_NOTES = 20_000


def checked_name(name: str, what: str) -> str:
    """Returns a name without spaces at its ends and in Unicode's composed form (NFC), so that equal looks are equal.

    Args:
        name: as given.
        what: it names, for the message.

    Raises:
        InvalidInputError: if it is empty, too long, or has control characters.
    """
    clean = unicodedata.normalize("NFC", checked_text(name, f"name of a {what}", MAX_NAME)).strip()
    if not clean:
        raise InvalidInputError(f"expected a name for the {what}, received an empty one")
    if any(unicodedata.category(character) == "Cc" for character in clean):
        raise InvalidInputError(f"expected the name of a {what} on one line, received {clean[:80]!r}")
    return clean


def checked_text(text: str, what: str, longest: int = MAX_NOTES) -> str:
    """Returns a text that the database can hold.

    Raises:
        InvalidInputError: if it is no text, too long, has a NUL, or cannot be written in UTF-8.
    """
    if not isinstance(text, str):
        raise InvalidInputError(f"expected the {what} as text, received {type(text).__name__}")
    if len(text) > longest:
        raise InvalidInputError(f"expected the {what} in at most {longest} characters, received {len(text)}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"expected the {what} as text that UTF-8 can hold") from error
    if "\0" in text:
        raise InvalidInputError(f"expected the {what} without NUL characters")
    return text
