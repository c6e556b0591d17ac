"""Reads and writes `.keras` files, trusting none of them.

    data = keras_bytes(model)
    model = load_keras(data, "vials.tar.gz")

Before Keras sees a file, three things are checked: that the zip holds only what Keras writes, that its config names
only Keras' own layers (or registered ones), and that the variables the config asks for fit the weights that are
there, so that a small file cannot make the process reserve gigabytes. Then Keras loads it with `safe_mode=True`.
"""

import io
import math
import os
import re
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from brevetti_keras.model_package.archive import MAX_RATIO, MODEL, SLACK
from brevetti_keras.utils.encode import from_json
from brevetti_keras.utils.errors import BrevettiError, IntegrityError, InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

keras = lazy_import("keras")

_CONFIG = "config.json"
_WEIGHTS = "model.weights.h5"
_MEMBER = re.compile(r"metadata\.json|config\.json|model\.weights\.h5|assets(/[\w][\w.\- ]*)*/?")
_MAX_CONFIG = 64 << 20
_MAX_DEPTH = 256
# Their configs hold code, or a path to it.
_FORBIDDEN = frozenset({"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
_BUILTINS = frozenset({"function", "tuple", "list", "dict", "bool", "int", "float", "str"})
_KERAS_MODULES = re.compile(
    r"keras(\.(layers|models|initializers|activations|losses|metrics|optimizers(\.schedules)?|regularizers|constraints"
    r"|dtype_policies|quantizers|random|ops)|\.src\.(ops|models|layers|activations|random)(\.\w+)*)?"
)


def keras_bytes(model: Any) -> bytes:
    """Returns `model` as the bytes of a `.keras` file."""
    with tempfile.TemporaryDirectory(prefix="brevetti-") as folder:
        path = os.path.join(folder, MODEL)
        model.save(path)
        with open(path, "rb") as file:
            return file.read()


def read_config(data: bytes, source: str) -> dict[str, Any]:
    """Returns the config inside a `.keras` file, after checking the zip around it.

    Args:
        data: the file's bytes.
        source: what to call it in messages.

    Raises:
        InvalidInputError: if it holds anything that Keras does not write.
        IntegrityError: if it is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            _check_members(file.infolist(), len(data), source)
            config = from_json(file.read(_CONFIG), allow_nan=True, max_depth=_MAX_DEPTH)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise IntegrityError(f"{source}: {MODEL} is damaged: {error}") from error
    if not isinstance(config, dict):
        raise InvalidInputError(f"{source}: expected {_CONFIG} of {MODEL} to describe a model, received {config!r:.80}")
    return config


def load_keras(data: bytes, source: str) -> Any:
    """Returns the Keras model in the bytes of a `.keras` file, not compiled.

    Args:
        data: the file's bytes.
        source: what to call it in messages.

    Raises:
        InvalidInputError: if it holds anything but Keras' own or registered layers, or more than its weights carry.
        IntegrityError: if it is damaged.
    """
    config = read_config(data, source)
    for node in _nodes(config):
        _check_node(node, source)
    try:
        _check_size(config, len(data), source)
        with tempfile.TemporaryDirectory(prefix="brevetti-") as folder:
            path = os.path.join(folder, MODEL)
            with open(path, "xb") as file:
                file.write(data)
            return keras.models.load_model(path, compile=False, safe_mode=True)
    except BrevettiError:
        raise
    # Keras answers a wrong file with whatever its reader of that part raises; the cause stays attached.
    except (ValueError, TypeError, KeyError, AttributeError, OSError, IndexError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0][:300]
        raise InvalidInputError(f"{source}: Keras cannot load {MODEL}: {reason}") from error


def _check_members(members: list[zipfile.ZipInfo], size: int, source: str) -> None:
    names = [member.filename for member in members]
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if not _MEMBER.fullmatch(member.filename) or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise InvalidInputError(
                f"{source}: expected {MODEL} as Keras writes it, received {member.filename[:80]!r} in it"
            )
    if len(set(names)) != len(names) or not {_CONFIG, _WEIGHTS} <= set(names):
        raise InvalidInputError(
            f"{source}: expected {_CONFIG} and {_WEIGHTS} once each in {MODEL}, received {names[:8]}"
        )
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    config = next(member for member in members if member.filename == _CONFIG)
    if packed > size or unpacked > size * MAX_RATIO + SLACK or config.file_size > _MAX_CONFIG:
        raise InvalidInputError(
            f"{source}: expected {MODEL} of {size} bytes to unpack to about that, received {unpacked}"
        )


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from _nodes(item)


def _check_node(node: dict[str, Any], source: str) -> None:
    """Refuses what is not made of Keras' own parts, whatever the process-wide switch of Keras says."""
    name, module = node.get("class_name"), node.get("module")
    if name in _FORBIDDEN:
        raise InvalidInputError(f"{source}: expected a model of plain layers, received {name}, which can run any code")
    if isinstance(node.get("vocabulary"), str):
        raise InvalidInputError(f"{source}: expected words in the model itself, received the path of a file of them")
    if not isinstance(module, str) or (module == "builtins" and name in _BUILTINS):
        return
    registered = node.get("registered_name")
    if isinstance(registered, str) and keras.saving.get_registered_object(registered) is not None:
        return
    if not _KERAS_MODULES.fullmatch(module):
        raise InvalidInputError(
            f"{source}: expected layers of Keras, received {module}.{name}; import the code that registers it "
            "(keras.saving.register_keras_serializable) before loading"
        )


def _check_size(config: dict[str, Any], size: int, source: str) -> None:
    without_training = {key: value for key, value in config.items() if key != "compile_config"}
    # Keras keeps the variables it has yet to fill in a list of the thread, and fills them at its next chance: in a
    # thread of its own the list ends with it.
    with ThreadPoolExecutor(1) as thread:
        needed = thread.submit(_bytes_needed, without_training).result()
    if needed > size + SLACK:
        raise InvalidInputError(f"{source}: {MODEL} asks for {needed} bytes of weights and carries at most {size}")


def _bytes_needed(config: dict[str, Any]) -> int:
    # Inside a stateless scope Keras notes variables' shapes and reserves no memory for them.
    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        shapes = [(tuple(v.shape), str(v.dtype)) for v in getattr(model, "variables", [])]
    bits: int = sum(math.prod(shape) * _bits_of(dtype) for shape, dtype in shapes)
    return bits // 8


def _bits_of(dtype: str) -> int:
    bits = re.search(r"\d+", dtype)
    return int(bits.group()) if bits else 8
