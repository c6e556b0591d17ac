"""Reads a CSV of samples: `path`, if need be `category`, and columns that are carried along.

    frame = read_samples_csv(b"path,category,lot\\na.png,good,0017\\n", "list.csv")

A column of numbers becomes numbers only if no number loses a digit by it: `0017` stays text.
"""

import pandas as pd

from brevetti_keras.data.text_csv import read_text_csv
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
    frame = read_text_csv(data, name)
    if "path" not in frame:
        raise DataError(f"{name}: expected a column 'path', received {', '.join(frame.columns) or 'an empty file'}")
    unusable = (frame["path"] == "") | frame["path"].str.contains("\0", regex=False)
    if unusable.any():
        row = int(unusable.to_numpy().argmax())
        raise DataError(f"{name}: expected a path in row {row + 1}, received {frame['path'][row]!r}")
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
