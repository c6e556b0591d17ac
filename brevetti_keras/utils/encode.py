"""Strict JSON: numpy values in, no NaN out, and nothing ambiguous accepted.

`to_json` writes what every reader understands (RFC 8259): numpy scalars, arrays, tensors, dates, paths and sets
are converted, a non-finite number becomes null. `from_json` refuses what readers disagree on: duplicate keys,
NaN, numbers beyond a double, lone surrogates, very deep nesting.
"""

import base64
import dataclasses
import datetime
import itertools
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Any

from brevetti_keras.utils.errors import InvalidInputError

MAX_DEPTH = 64
# Made once: making one takes longer than a small body.
_ON_ONE_LINE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_MAX_DIGITS = 400
_FIRST_TOKENS = 500
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKET = re.compile(r"[^\[\]{}]+")
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def to_jsonable(value: Any) -> Any:
    """Returns `value` as plain dicts, lists, strings, numbers, booleans and None.

    Args:
        value: nested containers of Python, numpy, pandas or TensorFlow values. Non-finite numbers become None;
            mappings' keys become text; bytes become base64 text.

    Raises:
        InvalidInputError: for a value that has no JSON form.
    """
    # By its exact type first: nearly everything is of these, and logs are written while a model trains.
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is dict:
        return {key if type(key) is str else _key(key): to_jsonable(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [to_jsonable(item) for item in value]
    if isinstance(value, Enum) and not isinstance(value, str):
        return to_jsonable(value.value)
    if isinstance(value, (str, int)):
        return str(value) if isinstance(value, str) else int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_key(key): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [to_jsonable(item) for item in value]
    return _convert(value)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str(key)
    plain = to_jsonable(key)
    return plain if isinstance(plain, str) else to_json(plain)


def _convert(value: Any) -> Any:
    """The less common kinds, by what they can do rather than by what they are, so that nothing heavy is imported."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        # pandas' NaT is a datetime whose isoformat is the text "NaT".
        text = value.isoformat()
        return None if text == "NaT" else text
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode("ascii")
    if isinstance(value, AbstractSet):
        return sorted((to_jsonable(item) for item in value), key=repr)
    if hasattr(value, "model_dump"):
        return to_jsonable(value.model_dump(mode="json"))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_jsonable(dataclasses.asdict(value))
    if hasattr(value, "numpy"):  # eager tensors, Keras variables
        return to_jsonable(value.numpy())
    if hasattr(value, "tolist"):  # numpy scalars and arrays, pandas series
        return to_jsonable(value.tolist())
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    raise InvalidInputError(
        f"expected a value that JSON can hold, received {type(value).__name__}: "
        "convert it to a number, text, list or dict"
    )


def to_json(value: Any, indent: int | None = None) -> str:
    """Returns `value` as strict JSON text.

    Args:
        value: see `to_jsonable`.
        indent: spaces a level; None writes one line.

    Raises:
        InvalidInputError: for a value that has no JSON form.
    """
    plain = to_jsonable(value)
    if indent is None:
        return _ON_ONE_LINE(plain)
    return json.dumps(plain, indent=indent, separators=(",", ": "), ensure_ascii=False, allow_nan=False)


def split_nonfinite(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Separates what JSON cannot hold from a mapping of metrics.

    Args:
        values: names to numbers (numpy scalars and tensors of one element too).

    Returns:
        The values with null for each non-finite number, and the names of those with what they were:
        `"NaN"`, `"Infinity"` or `"-Infinity"`.
    """
    clean: dict[str, Any] = {}
    nonfinite: dict[str, str] = {}
    for name, value in values.items():
        number = value.numpy() if hasattr(value, "numpy") else value
        number = number.tolist() if hasattr(number, "tolist") else number
        if isinstance(number, float) and not math.isfinite(number):
            clean[name] = None
            nonfinite[name] = "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
        else:
            clean[name] = to_jsonable(number)
    return clean, nonfinite


def from_json(text: str | bytes, *, allow_nan: bool = False, max_depth: int = MAX_DEPTH) -> Any:
    """Reads strict JSON.

    Args:
        text: UTF-8 bytes or text.
        allow_nan: takes the bare words NaN and Infinity, which some clients send, as floats.
        max_depth: how deep lists and objects may nest.

    Raises:
        InvalidInputError: for anything that is not JSON, or that readers would disagree on: a duplicate key, a
            number beyond a double, a lone surrogate, deeper nesting.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInputError(f"expected JSON in UTF-8, received bytes that are not: {error.reason}") from error
    _check_depth(text, max_depth)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_pairs,
            parse_float=_finite_float,
            parse_int=_bounded_int,
            parse_constant=_constant if allow_nan else _refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"expected JSON, received text that is not: {error}") from error
    if "\\ud" in text.lower():
        _refuse_surrogates(value)
    return value


def _check_depth(text: str, max_depth: int) -> None:
    # Before parsing, since the parser itself recurses. Brackets are told apart from those inside strings only where
    # there are enough of them to matter.
    if text.count("[") + text.count("{") <= max_depth:
        return
    # Text that is meant to be too deep is so from its beginning on.
    _refuse_deep(itertools.islice(_STRING_OR_BRACKET.finditer(text), _FIRST_TOKENS), max_depth)
    # Millions of brackets: what opens and closes at once is taken away, at most two levels a pass, until nothing is
    # left. Only text that is deeper, or no JSON, is looked at bracket by bracket.
    brackets = _NO_BRACKET.sub("", _STRING.sub("", text))
    for _ in range(max_depth // 2):
        before, brackets = len(brackets), brackets.replace("[]", "").replace("{}", "")
        if not brackets:
            return
        if len(brackets) == before:
            break
    _refuse_deep(_STRING_OR_BRACKET.finditer(text), max_depth)


def _refuse_deep(tokens: Iterable[re.Match[str]], max_depth: int) -> None:
    depth = 0
    for token in tokens:
        first = token.group()[0]
        depth += (first in "[{") - (first in "]}")
        if depth > max_depth:
            raise InvalidInputError(f"expected JSON nested at most {max_depth} deep, received deeper")


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidInputError(f"expected each key once in a JSON object, received {twice[:80]!r} twice")
    return result


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InvalidInputError(f"expected numbers within a double's range, received {text[:40]}")
    return value


def _bounded_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise InvalidInputError(f"expected integers of at most {_MAX_DIGITS} digits, received one of {len(text)}")
    return int(text)


def _constant(text: str) -> float:
    return float(text.replace("Infinity", "inf"))


def _refuse_constant(text: str) -> float:
    raise InvalidInputError(f"expected finite numbers or null, received {text}")


def _refuse_surrogates(value: Any) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InvalidInputError("expected text that UTF-8 can hold, received a lone surrogate") from error
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_surrogates(key)
            _refuse_surrogates(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_surrogates(item)
