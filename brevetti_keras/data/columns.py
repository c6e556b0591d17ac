"""Columns of a DataFrame as arrays that a batch is gathered from, without copying the frame.

A column is checked once, when a generator is made, so that what cannot become a tensor is told in one line then and not
in the middle of training. After that `take(rows)` reads only the rows of a batch.

    columns = make_columns(frame)
    columns["category"].take(np.array([3, 0]))      # TakenColumn(values (2, longest) of bytes, lengths (2,))
"""

import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brevetti_keras.utils.errors import DataError, InvalidInputError

# An unassigned purpose is missing in every frame that is only partly split; any other text must be there.
MAY_BE_MISSING = ("purpose",)

_TEXT = np.dtype(object)
_TAKEN = "text, numbers, booleans, categoricals or tuples of these"


@dataclass(frozen=True)
class TakenColumn:
    """A batch of one column.

    Attributes:
        values: (rows,), or (rows, longest) of tuples, padded with `b""` or 0; text as UTF-8 bytes in an object array.
        lengths: the tuples' own lengths, int64 (rows,), or None for a column of single values.
    """

    values: NDArray[Any]
    lengths: NDArray[np.int64] | None = None


class Column(Protocol):
    """A column that batches are gathered from."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the gathered values; `object` stands for text."""
        ...

    @property
    def ragged(self) -> bool:
        """Whether a sample holds a tuple."""
        ...

    def take(self, rows: NDArray[np.int64]) -> TakenColumn:
        """Gathers rows by their numbers."""
        ...


def make_columns(samples: pd.DataFrame) -> dict[str, Column]:
    """Returns the columns of a frame by name.

    Raises:
        DataError: for a frame without samples.
        InvalidInputError: for a column that no tensor can hold, a name that is not text or comes twice, missing text.
    """
    if not isinstance(samples, pd.DataFrame):
        raise InvalidInputError(f"expected samples in a DataFrame, received {type(samples).__name__}")
    if not len(samples):
        raise DataError("expected at least one sample, received an empty DataFrame: check how it was filtered")
    if not len(samples.columns):
        raise InvalidInputError("expected samples with at least one column, received none")
    columns: dict[str, Column] = {}
    for position, name in enumerate(samples.columns):
        if not isinstance(name, str):
            raise InvalidInputError(f"expected text as column names, received {name!r}: rename the column")
        if name in columns:
            raise InvalidInputError(f"expected each column once, received {name!r} twice: rename or drop one")
        columns[name] = _make_column(name, samples.iloc[:, position])
    return columns


def _make_column(name: str, series: "pd.Series[Any]") -> Column:
    dtype = series.dtype
    is_object = pd.api.types.is_object_dtype(dtype)
    if isinstance(dtype, pd.SparseDtype):
        return _make_column(name, pd.Series(series.to_numpy(dtype=dtype.subtype), name=name))
    if isinstance(dtype, pd.CategoricalDtype):
        codes = series.cat.codes.to_numpy()
        if (codes < 0).any() and name not in MAY_BE_MISSING:
            raise _missing(name, codes < 0)
        values = pd.Series([*dtype.categories, ""] if (codes < 0).any() else dtype.categories, name=name)
        return _CategoricalColumn(codes, _make_column(name, values))
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        return _NumberColumn(_numbers(name, series))
    if isinstance(dtype, pd.StringDtype) or (not is_object and pd.api.types.is_string_dtype(dtype)):
        if series.hasnans and name not in MAY_BE_MISSING:
            raise _missing(name, series.isna().to_numpy())
        return _TextColumn(series.array)
    if is_object:
        return _object_column(name, series)
    raise _unusable(name, str(dtype))


def _numbers(name: str, series: "pd.Series[Any]") -> NDArray[Any]:
    dtype: Any = getattr(series.dtype, "numpy_dtype", series.dtype)
    if dtype.kind not in "biufc" or dtype.itemsize > (16 if dtype.kind == "c" else 8):
        raise _unusable(name, str(series.dtype))
    if dtype == series.dtype:
        return series.to_numpy()
    if dtype.kind in "fc":
        return series.to_numpy(dtype=dtype, na_value=np.nan)
    if series.hasnans:
        raise _missing(name, series.isna().to_numpy())
    return series.to_numpy(dtype=dtype)


def _object_column(name: str, series: "pd.Series[Any]") -> Column:
    values = series.to_numpy()
    types = set(map(type, values))
    if all(issubclass(kind, (tuple, list, np.ndarray)) for kind in types):
        return _tuple_column(name, values)
    missing = series.isna().to_numpy() if series.hasnans else np.zeros(len(values), dtype=bool)
    if missing.any():
        types = set(map(type, values[~missing]))
        if name not in MAY_BE_MISSING or not all(issubclass(kind, str) for kind in types):
            raise _missing(name, missing)
    dtype = _element_dtype(name, types)
    return _TextColumn(values) if dtype == _TEXT else _NumberColumn(_converted(name, values.tolist(), dtype))


def _tuple_column(name: str, values: NDArray[Any]) -> Column:
    types = set(map(type, itertools.chain.from_iterable(values)))
    dtype = _element_dtype(name, types)
    if int in types and dtype.kind in "iu":
        elements = list(itertools.chain.from_iterable(values))
        _converted(name, [min(elements), max(elements)], dtype)
    return _TupleColumn(values, dtype)


def _element_dtype(name: str, types: set[type]) -> np.dtype[Any]:
    if all(issubclass(kind, (str, bytes, os.PathLike)) for kind in types):
        return _TEXT
    if not all(issubclass(kind, (bool, int, float, np.bool_, np.number)) for kind in types):
        raise _unusable(name, ", ".join(sorted(kind.__name__ for kind in types)))
    dtype = np.result_type(*(np.dtype(kind) for kind in types))
    integers = all(issubclass(kind, (bool, int, np.bool_, np.integer)) for kind in types)
    if dtype.kind not in "biuf" or dtype.itemsize > 8 or (integers and dtype.kind == "f"):
        raise _unusable(name, ", ".join(sorted(kind.__name__ for kind in types)))
    return dtype


def _converted(name: str, values: Iterable[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        return np.array(values, dtype=dtype)
    except OverflowError as error:
        raise InvalidInputError(
            f"column {name!r}: expected integers within {dtype}, received larger ones: convert them to text"
        ) from error


def _missing(name: str, missing: NDArray[np.bool_]) -> InvalidInputError:
    count, first = int(missing.sum()), int(missing.argmax())
    return InvalidInputError(
        f"column {name!r}: expected a value for every sample, received {count} missing, the first in row {first}: "
        "fill them (missing text is '') or drop the column"
    )


def _unusable(name: str, received: str) -> InvalidInputError:
    return InvalidInputError(
        f"column {name!r}: expected {_TAKEN}, received {received}: convert the column (for example to text) or drop it"
    )


def _encode(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        # Names of files that are not UTF-8 come as surrogates, and must name the same file again.
        return value.encode("utf-8", "surrogateescape")
    return os.fsencode(value) if isinstance(value, os.PathLike) else b""


def _encoded(values: Sequence[Any]) -> NDArray[Any]:
    result = np.empty(len(values), dtype=object)
    result[:] = [_encode(value) for value in values]
    return result


@dataclass(frozen=True)
class _TextColumn:
    array: Any
    dtype: np.dtype[Any] = _TEXT
    ragged: bool = False

    def take(self, rows: NDArray[np.int64]) -> TakenColumn:
        return TakenColumn(_encoded(self.array.take(rows).tolist()))


@dataclass(frozen=True)
class _NumberColumn:
    values: NDArray[Any]
    ragged: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    def take(self, rows: NDArray[np.int64]) -> TakenColumn:
        return TakenColumn(self.values.take(rows))


@dataclass(frozen=True)
class _TupleColumn:
    array: NDArray[Any]
    dtype: np.dtype[Any]
    ragged: bool = True

    def take(self, rows: NDArray[np.int64]) -> TakenColumn:
        taken = self.array.take(rows)
        lengths = np.fromiter(map(len, taken), dtype=np.int64, count=len(taken))
        flat = list(itertools.chain.from_iterable(taken))
        filled = np.arange(lengths.max(initial=0)) < lengths[:, None]
        if self.dtype == _TEXT:
            values = np.full(filled.shape, b"", dtype=object)
            values[filled] = _encoded(flat)
        else:
            values = np.zeros(filled.shape, dtype=self.dtype)
            values[filled] = flat
        return TakenColumn(values, lengths)


@dataclass(frozen=True)
class _CategoricalColumn:
    codes: NDArray[Any]
    categories: Column

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.categories.dtype

    @property
    def ragged(self) -> bool:
        return self.categories.ragged

    def take(self, rows: NDArray[np.int64]) -> TakenColumn:
        # A missing code is -1, which takes the last category: the '' that was put there for it.
        return self.categories.take(self.codes.take(rows).astype(np.int64))
