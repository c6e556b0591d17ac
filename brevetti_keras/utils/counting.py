"""Counts in words, as they stand in messages.

counted(1, "image")                                 # "1 image"
counted(2000, "file is", "files are")               # "2,000 files are"
"""


def counted(number: int, one: str, many: str | None = None) -> str:
    """Returns how many there are of something.

    Args:
        number: how many.
        one: what one of it is called, with a verb if need be.
        many: the same for none or several; by default `one` with an s.
    """
    return f"{number:,} {one if number == 1 else f'{one}s' if many is None else many}"
