"""Reads a CSV of samples: `path`, if need be `category`, and columns that are carried along.

    frame = read_samples_csv(b"path,category,lot\\na.png,good,0017\\n", "list.csv")

A column of numbers becomes numbers only if no number loses a digit by it: `0017` stays text.
"""

import csv
import io

import pandas as pd

from brevetti_keras.utils.errors import DataError

_NUMBER = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?"
_WHOLE = r"-?(?:0|[1-9][0-9]{0,17})"


def read_samples_csv(data: bytes, name: str) -> pd.DataFrame:
    """Returns the rows of a CSV of samples.

    Args:
        data: the file's content, UTF-8, separated by commas, with a line of names.
        name: the file's, for messages.

    Returns:
        The columns as named; those of text of dtype `str` with `""` where empty, the others numbers or booleans.

    Raises:
        DataError: if it is not CSV in UTF-8, has no column `path`, has one name twice, a row of another length or a
            row without a path.
    """
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{name}: expected a CSV of samples in UTF-8, received one that cannot be read: {error}"
        ) from error
    header = rows[0] if rows else []
    if "path" not in header:
        raise DataError(f"{name}: expected a column 'path', received {', '.join(header) or 'an empty file'}")
    if len(set(header)) != len(header):
        raise DataError(f"{name}: expected each column once, received {', '.join(header)}")
    body = [(number, row) for number, row in enumerate(rows[1:], start=2) if row]
    at = header.index("path")
    for number, row in body:
        if len(row) != len(header):
            raise DataError(f"{name}: expected {len(header)} values in row {number}, received {len(row)}")
        if not row[at] or "\0" in row[at]:
            raise DataError(f"{name}: expected a path in row {number}, received {row[at]!r}")
    frame = pd.DataFrame([row for _, row in body], columns=pd.Index(header), dtype="str")
    for column in frame.columns.difference(["path", "category", "folder", "reference"]):
        frame[column] = _typed(frame[column])
    return frame


def _typed(values: "pd.Series[str]") -> "pd.Series":
    given = values[values != ""]
    if given.empty:
        return values
    if given.str.fullmatch(_WHOLE).all() and len(given) == len(values):
        return values.astype("int64")
    if given.str.fullmatch(_NUMBER).all():
        return pd.to_numeric(values.where(values != "", None))
    if len(given) == len(values) and given.isin(["True", "False", "true", "false"]).all():
        return values.str.lower() == "true"
    return values
