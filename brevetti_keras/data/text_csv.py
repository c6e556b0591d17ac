"""Reads and writes a CSV whose every value is text, and refuses to read one that readers would disagree on.

    read_text_csv(b"etag,purpose\\n0017,train\\n", "ids.csv").etag[0]      # "0017"
    text_csv(pd.DataFrame({"etag": ["0017"], "purpose": ["train"]}))      # b"etag,purpose\\n0017,train\\n"

A file without quotes, as nearly all are, is taken apart and put together in a few passes over the whole; any other is
the csv module's, value by value. Both give the same.
"""

import csv
import io
from collections.abc import Sequence

import numpy as np
import pandas as pd

from brevetti_keras.utils.errors import DataError

_COMMA, _LINE_END = ord(","), ord("\n")
_PART = 65_536


def read_text_csv(data: bytes, name: str) -> pd.DataFrame:
    """Returns the rows below the line of names; columns of dtype `str`, `""` where empty. Blank lines are passed over.

    Args:
        data: UTF-8, separated by commas.
        name: the file's, for messages.

    Raises:
        DataError: if it is not CSV in UTF-8, has one name twice or a row of another length.
    """
    try:
        text = data.decode("utf-8-sig")
        header, columns = _split(text) or _parsed(text, name)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name}: expected CSV in UTF-8, received one that cannot be read: {error}") from error
    return pd.DataFrame({key: pd.Series(values, dtype="str") for key, values in zip(header, columns, strict=True)})


def _split(text: str) -> tuple[list[str], list[list[str]]] | None:
    """Returns the names and the columns of text without quotes, blank lines or rows of another length, else None."""
    if '"' in text:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.removesuffix("\n")
    header = text.partition("\n")[0].split(",")
    if "\n\n" in text or {text[:1], text[-1:]} & {"", "\n"} or len(set(header)) != len(header):
        return None
    characters = np.frombuffer(text.encode(), dtype=np.uint8)
    at = np.append(np.flatnonzero((characters == _COMMA) | (characters == _LINE_END)), len(characters))
    if np.diff(at, prepend=-1).max() > csv.field_size_limit() or len(at) % len(header):
        return None
    ends = characters[at[:-1]] == _LINE_END
    wanted = np.arange(1, len(at)) % len(header) == 0
    if (ends != wanted).any():
        return None
    del characters, at, ends, wanted
    values = text.replace("\n", ",").split(",")
    return header, [values[len(header) + place :: len(header)] for place in range(len(header))]


def _parsed(text: str, name: str) -> tuple[list[str], list[Sequence[str]]]:
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    header = rows.pop(0) if rows else []
    if len(set(header)) != len(header):
        raise DataError(f"{name}: expected each column once, received {', '.join(header)}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise DataError(f"{name}: expected {len(header)} values in row {number}, received {len(row)}")
    return header, [*zip(*rows, strict=True)] if rows else [()] * len(header)


def text_csv(frame: pd.DataFrame) -> bytes:
    """Returns columns of text as CSV in UTF-8, from which `read_text_csv` gets them back.

    Values are quoted only where they hold a quote, a comma or the end of a line.
    """
    header = ",".join(frame.columns)
    parts = [_plain([header], len(frame.columns))]
    # Part by part, for the lists of a million rows take twice the memory of their text.
    for start in range(0, len(frame), _PART):
        lists = [frame[name].iloc[start : start + _PART].tolist() for name in frame]
        parts.append(_plain([*map(",".join, zip(*lists, strict=True))], len(lists)))
    plain = [part for part in parts if part is not None]
    return b"".join(plain) if len(plain) == len(parts) else _written(frame).encode()


def _plain(rows: list[str], columns: int) -> bytes | None:
    """Returns rows of values joined by commas as lines, or None if a value needs quotes: not if there are as many
    separators as between values."""
    text = "\n".join([*rows, ""])
    separators = text.count("\n") == len(rows) and text.count(",") == len(rows) * (columns - 1)
    return text.encode() if separators and columns > 1 and '"' not in text and "\r" not in text else None


def _written(frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), *zip(*(frame[name].tolist() for name in frame), strict=True)]
    # The csv module does not quote a carriage return by itself.
    returns = any("\r" in value for row in rows for value in row)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL).writerows(rows)
    return text.getvalue()
