"""The pivot table: how many samples there are of each combination of what is known of them.

    export_pivot_table(job.artifact_path("pivot", dir=True), samples, datasets=job.datasets, tags=job.get_root_tags())

samples → one code a field → one record a combination, with its `count` → the two files that a job's page reads. A
sample of several labels counts for each of them: its combination is one record a label, all under one `id`, so that
dropping repeated ids and summing `count` gives the number of samples.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from brevetti_keras.interfaces.pivot_tags import tag_columns, tag_fields
from brevetti_keras.io.open import open_storage
from brevetti_keras.utils.encode import to_json
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.wire.artifacts import MISSING, PIVOT_DATA, PIVOT_FIELDS, PivotField, PivotFields

Fields = Mapping[str, str | Mapping[str, Any]]
Aggregations = Mapping[str, str | Callable[..., Any] | tuple[str, str | Callable[..., Any]]]
_OWN = ("id", "count")
_LABELS = {"category": "Category", "folder": "Folder", "dataset_id": "Dataset", "purpose": "Purpose"}


def get_default_fields(samples: pd.DataFrame) -> dict[str, str | dict[str, Any]]:
    """Returns the fields to count by: those present of category, folder, dataset_id and purpose.

    Args:
        samples: one row a sample.

    Returns:
        `{key: label}`; category's entry is `{"label", "sort"}`, `sort` being its labels in order.
    """
    fields: dict[str, str | dict[str, Any]] = {key: label for key, label in _LABELS.items() if key in samples.columns}
    if "category" in fields:
        labels = {label for value in _uniques(samples["category"])[1] for label in value}
        fields["category"] = {"label": _LABELS["category"], "sort": sorted(labels, key=str)}
    return fields


def pivot_fields(
    fields: Fields, rows: Sequence[str] | None = None, cols: Sequence[str] | None = None
) -> dict[str, Any]:
    """Returns which fields stand in the table's rows, in its columns, and at hand.

    Args:
        fields: `{key: label}` or `{key: {"label", "sort"}}`.
        rows: keys of the rows, in order.
        cols: keys of the columns; one that is in the rows too stays there.

    Returns:
        `{"rowFields": [{"key", "label", "sort"?}], "colFields": […], "fields": […]}`.

    Raises:
        InvalidInputError: for a row or column that is no field.
    """
    if isinstance(rows, str) or isinstance(cols, str):
        raise InvalidInputError(f"expected rows and columns as lists of keys, received {rows!r} and {cols!r}")
    rows, cols = list(dict.fromkeys(rows or ())), list(dict.fromkeys(cols or ()))
    unknown = [key for key in (*rows, *cols) if key not in fields]
    if unknown:
        raise InvalidInputError(f"expected rows and columns among {', '.join(fields)}, received {unknown[0]!r}")
    cols = [key for key in cols if key not in rows]
    rest = [key for key in fields if key not in rows and key not in cols]
    content = PivotFields(
        rowFields=tuple(_field(key, fields[key]) for key in rows),
        colFields=tuple(_field(key, fields[key]) for key in cols),
        fields=tuple(_field(key, fields[key]) for key in rest),
    )
    return content.model_dump(mode="json", exclude_none=True)


def pivot_data(
    samples: pd.DataFrame,
    fields: Fields | Iterable[str],
    datasets: Iterable[Any] | None = None,
    tags: Iterable[Any] | None = None,
    agg: Aggregations | None = None,
) -> pd.DataFrame:
    """Counts samples by their fields.

    Args:
        samples: one row a sample; a column `count` weighs it. It is left alone.
        fields: `{key: …}` or keys: columns of the samples, or of the tags.
        datasets: the samples' datasets, whose tags become columns by the samples' `dataset_id`.
        tags: the root tags, trees; each adds the field `tag_<its id>`.
        agg: further columns as pandas aggregates them: `{"size": "sum"}` or `{"mean_size": ("size", "mean")}`.

    Returns:
        One row a combination and label: the fields, `id` (shared by the labels of a combination), `count`, and the
        columns of `agg`. What is missing is `"N/A"`.

    Raises:
        InvalidInputError: for fields that are no columns, weights that are no finite numbers, or an `agg` that pandas
            cannot do.
    """
    if isinstance(fields, str):
        raise InvalidInputError(f"expected fields as a dict or a list of keys, received {fields!r}")
    roots = list(tags or ())
    keys = list(dict.fromkeys([*fields, *tag_fields(roots)]))
    extra = tag_columns(samples, datasets or (), roots)
    _check(samples, keys, extra, agg or {})
    codes, values = [], []
    for key in keys:
        code, unique = extra[key] if key in extra else _uniques(samples[key])
        codes.append(code)
        values.append(unique)
    group, first = _combined(codes, len(samples))
    combinations = {
        key: _cells([unique[code[row]] for row in first]) for key, code, unique in zip(keys, codes, values, strict=True)
    }
    result = pd.DataFrame(combinations, columns=pd.Index(keys, dtype=object))
    result["id"] = np.arange(len(first))
    result["count"] = _sum(_weights(samples), group, len(first))
    for name, column in _aggregated(samples, group, len(first), agg or {}).items():
        result[name] = column
    for key in keys:
        result = result.explode(key, ignore_index=True)
    return result


def export_pivot_table(
    pivot_dir: str,
    samples: pd.DataFrame,
    datasets: Iterable[Any] | None = None,
    fields: Fields | None = None,
    tags: Iterable[Any] | None = None,
    rows: Sequence[str] | None = None,
    cols: Sequence[str] | None = None,
    agg: Aggregations | None = None,
) -> None:
    """Writes the files of a job's pivot table.

    Args:
        pivot_dir: the folder, a job's `artifact_path("pivot", dir=True)`.
        samples: see `pivot_data`.
        datasets: see `pivot_data`.
        fields: `{key: label | {"label", "sort"}}`; by default `get_default_fields(samples)`.
        tags: see `pivot_data`; their fields are added, labelled by the root tags' names.
        rows: keys of the rows; by default category, where it is a field.
        cols: keys of the columns; by default purpose, where it is a field.
        agg: see `pivot_data`.

    Raises:
        InvalidInputError: see `pivot_fields` and `pivot_data`.
        StorageError: if a file cannot be written.
    """
    datasets, tags = list(datasets or ()), list(tags or ())
    fields = {**(get_default_fields(samples) if fields is None else fields), **tag_fields(tags)}
    rows = [key for key in ("category",) if key in fields] if rows is None else rows
    cols = [key for key in ("purpose",) if key in fields] if cols is None else cols
    content = pivot_fields(fields, rows, cols)
    records = pivot_data(samples, fields, datasets, tags, agg).to_dict("records")
    storage = open_storage(pivot_dir)
    storage.write_bytes(PIVOT_DATA.rpartition("/")[2], to_json(records).encode())
    storage.write_bytes(PIVOT_FIELDS.rpartition("/")[2], to_json(content).encode())


def _field(key: str, label: str | Mapping[str, Any]) -> PivotField:
    if not isinstance(label, (str, Mapping)):
        raise InvalidInputError(f"field {key!r}: expected a label or a dict of label and sort, received {label!r}")
    more = {"label": label} if isinstance(label, str) else {"label": key, **label}
    return PivotField.model_validate({"key": key, **more})


def _check(samples: pd.DataFrame, keys: Sequence[str], extra: Mapping[str, Any], agg: Aggregations) -> None:
    sources = [source[0] if isinstance(source, tuple) else name for name, source in agg.items()]
    for key in [*(key for key in keys if key not in extra), *sources]:
        if key not in samples.columns:
            raise InvalidInputError(f"expected columns among {', '.join(map(str, samples.columns))}, received {key!r}")
    taken = [key for key in (*keys, *agg) if key in _OWN] or [key for key in agg if key in keys]
    if taken:
        raise InvalidInputError(f"expected fields other than id and count, each once, received {taken[0]!r}")


def _uniques(column: "pd.Series[Any]") -> tuple[npt.NDArray[np.int64], list[tuple[Any, ...]]]:
    """A code a row, and for each code the labels that it stands for, at least one."""
    values = column.to_numpy(dtype=object)
    try:
        codes, unique = pd.factorize(values, use_na_sentinel=False)
    except TypeError:  # lists and arrays
        hashable = np.empty(len(values), dtype=object)
        hashable[:] = [tuple(value) if isinstance(value, (list, set, np.ndarray)) else value for value in values]
        codes, unique = pd.factorize(hashable, use_na_sentinel=False)
    labels = [_labels(value) for value in unique]
    # None, NaN, '' and () are one and the same here.
    places: dict[tuple[Any, ...], int] = {}
    merged = np.array([places.setdefault(label, len(places)) for label in labels], dtype=np.int64)
    return (merged[codes] if len(codes) else np.zeros(0, np.int64)), list(places)


def _labels(value: Any) -> tuple[Any, ...]:
    if isinstance(value, (tuple, frozenset)):
        labels = dict.fromkeys(label for part in value for label in _labels(part))
        named = tuple(label for label in labels if label != MISSING)
        return named or (MISSING,)
    missing = value is None or value is pd.NA or value is pd.NaT or value == "" or value != value
    return (MISSING if missing else value,)


def _combined(
    codes: Sequence[npt.NDArray[np.int64]], count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The number of each row's combination, and the first row of each."""
    group = np.zeros(count, np.int64)
    for code in codes:
        # Numbered anew at each field, so that no product grows beyond 64 bits.
        group = pd.factorize(group * (int(code.max(initial=0)) + 1) + code)[0].astype(np.int64)
    return group, np.unique(group, return_index=True)[1]


def _cells(labels: Sequence[tuple[Any, ...]]) -> "pd.Series[Any]":
    return pd.Series([label[0] if len(label) == 1 else list(label) for label in labels], dtype=object)


def _weights(samples: pd.DataFrame) -> npt.NDArray[Any]:
    if "count" not in samples.columns:
        return np.ones(len(samples), np.int64)
    weights = samples["count"].reset_index(drop=True)
    numbers = pd.to_numeric(weights, errors="coerce")
    unusable = ~np.isfinite(numbers.to_numpy(dtype=float, na_value=np.nan))
    if unusable.any():
        wrong = weights[unusable].iloc[0]
        raise InvalidInputError(f"expected a number in each row of the column 'count', received {wrong!r}")
    return numbers.to_numpy()


def _sum(weights: npt.NDArray[Any], group: npt.NDArray[np.int64], groups: int) -> npt.NDArray[Any]:
    total = np.zeros(groups, weights.dtype)
    np.add.at(total, group, weights)
    return total


def _aggregate(name: str, grouped: Any, function: Any) -> Any:
    if not callable(getattr(grouped, function, None) if isinstance(function, str) else function):
        raise InvalidInputError(
            f"agg {name!r}: expected a function or the name of one of pandas, received {function!r}"
        )
    try:
        return grouped.agg(function)
    except TypeError as error:
        raise InvalidInputError(f"agg {name!r}: cannot aggregate the column {grouped.obj.name!r}: {error}") from error


def _aggregated(
    samples: pd.DataFrame, group: npt.NDArray[np.int64], groups: int, agg: Aggregations
) -> dict[str, npt.NDArray[Any]]:
    columns = {}
    for name, source in agg.items():
        column, function = source if isinstance(source, tuple) else (name, source)
        aggregated = _aggregate(name, samples[column].groupby(group), function)
        columns[name] = aggregated.reindex(range(groups)).to_numpy()
    return columns
