"""Reads a CSV of samples: `path`, if need be `category` or `categories`, and columns that are carried along.

    frame = read_samples_csv(b"path,category,lot\\na.png,good,0017\\n", "list.csv")

A column of numbers becomes numbers only if no number loses a digit by it: `0017` stays text.
"""

import pandas as pd

from brevetti_keras.data.text_csv import read_text_csv
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import DataError, InvalidInputError

_NUMBER = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?"
_WHOLE = r"-?(?:0|[1-9][0-9]{0,17})"


def read_samples_csv(data: bytes, name: str) -> pd.DataFrame:
    """Returns the rows of a CSV of samples.

    Args:
        data: the file's content, UTF-8, separated by commas, with a line of names.
        name: the file's, for messages.

    Returns:
        The columns as named; those of text of dtype `str` with `""` where empty, the others numbers or booleans. But
        `category` is a tuple of labels: those of `categories`, a JSON list of text, if the row has one, else the one
        that `category` names, else None.

    Raises:
        DataError: if it is not CSV in UTF-8, has no column `path`, has one name twice, a row of another length, a row
            without a path or `categories` of another form.
    """
    frame = read_text_csv(data, name)
    if "path" not in frame:
        received = ", ".join(frame.columns)
        # As spreadsheets write CSV where the comma is in numbers.
        advice = ": separate values by commas" if len(frame.columns) == 1 and {*received} & {";", "\t"} else ""
        raise DataError(f"{name}: expected a column 'path', received {received or 'an empty file'}{advice}")
    unusable = (frame["path"] == "") | frame["path"].str.contains("\0", regex=False)
    if unusable.any():
        row = int(unusable.to_numpy().argmax())
        raise DataError(f"{name}: expected a path in row {row + 1}, received {frame['path'][row]!r}")
    for column in frame.columns.difference(
        ["path", "category", "categories", "annotation_path", "folder", "reference"]
    ):
        frame[column] = _typed(frame[column])
    given = frame.get("category", [""] * len(frame))
    labels: list[tuple[str, ...] | None] = [(label,) if label else None for label in given]
    for row, text in enumerate(frame.pop("categories") if "categories" in frame else ()):
        if text:
            labels[row] = _labels(text, f"{name}: row {row + 1}")
    frame["category"] = pd.Series(labels, index=frame.index, dtype="object")
    return frame


def _labels(text: str, where: str) -> tuple[str, ...]:
    try:
        labels = from_json(text)
    except InvalidInputError as error:
        raise DataError(f"{where}: expected categories as a JSON list of text: {error}") from error
    if not isinstance(labels, list) or not all(isinstance(label, str) and label for label in labels):
        raise DataError(f"{where}: expected categories as a JSON list of text, received {text[:80]}")
    return tuple(labels)


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
