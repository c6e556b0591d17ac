"""Reads a CSV whose every value is text, and refuses one that readers would disagree on.

read_text_csv(b"etag,purpose\\n0017,train\\n", "ids.csv").etag[0]      # "0017"
"""

import csv
import io

import pandas as pd

from brevetti_keras.utils.errors import DataError


def read_text_csv(data: bytes, name: str) -> pd.DataFrame:
    """Returns the rows below the line of names; columns of dtype `str`, `""` where empty. Blank lines are passed over.

    Args:
        data: UTF-8, separated by commas.
        name: the file's, for messages.

    Raises:
        DataError: if it is not CSV in UTF-8, has one name twice or a row of another length.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name}: expected CSV in UTF-8, received one that cannot be read: {error}") from error
    header = rows.pop(0) if rows else []
    if len(set(header)) != len(header):
        raise DataError(f"{name}: expected each column once, received {', '.join(header)}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise DataError(f"{name}: expected {len(header)} values in row {number}, received {len(row)}")
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    return pd.DataFrame({key: pd.Series(values, dtype="str") for key, values in zip(header, columns, strict=True)})
