"""Maps of a generator: functions from a dict of batched tensors to another.

A map that has a parameter `seed` gets the samples' own seeds. One that has `bind(previous_maps)` is asked, when it
joins a chain, for the form that it takes after these maps.

    chain = extend_chain((), [pipeline, None, augmenter])
    dataset = apply_map(dataset, chain[0], position=0, stream=None)

In the graph form a map must be TensorFlow's operations alone. One that works by Python otherwise has a method
`graph_form(samples)`, which returns what it is there: a `GraphForm`.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from brevetti_keras.utils.errors import BrevettiError, InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")

Map = Callable[..., Mapping[str, Any]]

_PYTHON_OPS = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})


@dataclass(frozen=True)
class GraphForm:
    """A map as it is in the graph.

    Attributes:
        function: of TensorFlow's operations alone; takes `seed` if the map does.
        columns: values for each row of the samples, (rows,) each, that the function finds in its batch beside the
            samples' own and leaves out of its result.
    """

    function: Map
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def graph_form(function: Map, samples: pd.DataFrame) -> GraphForm:
    """Returns a map's form in the graph: its own, or itself.

    Raises:
        BrevettiError: for settings or samples that its form in the graph cannot do.
    """
    own = getattr(function, "graph_form", None)
    return own(samples) if callable(own) else GraphForm(function)


def calls_python(graph: Any) -> bool:
    """Tells whether a graph, or a function in it, calls back into Python."""
    definition = graph.as_graph_def()
    nodes = [*definition.node, *(node for inner in definition.library.function for node in inner.node_def)]
    return any(node.op in _PYTHON_OPS for node in nodes)


def extend_chain(chain: tuple[Map, ...], maps: Map | Sequence[Map | None] | None) -> tuple[Map, ...]:
    """Returns a chain with these maps at its end, each bound to those before it; None stands for no map.

    Raises:
        InvalidInputError: for something that cannot be called.
    """
    for function in maps if isinstance(maps, (list, tuple)) else (maps,):
        if function is None:
            continue
        if not callable(function):
            raise InvalidInputError(
                f"expected maps to be callables of a dict of batched tensors, received {type(function).__name__}"
            )
        bind = getattr(function, "bind", None)
        chain = (*chain, bind(chain) if callable(bind) else function)
    return chain


def takes_seed(function: Map) -> bool:
    """Tells whether a map has a parameter called `seed`."""
    try:
        return "seed" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # some built-in callables have no signature
        return False


def map_name(function: Map) -> str:
    """Returns what to call a map in messages."""
    return getattr(function, "__name__", None) or type(function).__name__


def _batch_type(reader: str) -> type[dict[str, Any]]:
    """Returns a dict that names its reader when a key is missing.

    A class for each reader, since TensorFlow makes new dicts of a dict's class from the items alone.
    """

    class Batch(dict[str, Any]):
        def __missing__(self, key: str) -> Any:
            raise InvalidInputError(
                f"{reader} needs {key!r}, received samples with {', '.join(map(repr, self))}: "
                "put the map that makes it before, or set the map's key"
            )

    return Batch


def apply_map(dataset: Any, function: Map, position: int, stream: int | None, graph: GraphForm | None = None) -> Any:
    """Returns a data set of (dict, seeds) with the dicts mapped.

    Args:
        dataset: elements (dict of batched tensors, seeds int32 (batch, streams, 2)).
        function: the map.
        position: its place in the chain, for messages.
        stream: which of the seeds is its own, or None for a map without.
        graph: the map's form in the graph, where nothing but that may run.

    Raises:
        InvalidInputError: for a key that the map reads and the samples lack, a result that is not a dict, or a form
            in the graph that calls Python.
        BrevettiError: as the map raises it.
    """
    reader = f"map {position + 1} ({map_name(function)})"
    batch_type = _batch_type(reader)
    failures: list[BrevettiError] = []
    called = function if graph is None else graph.function

    def run(columns: dict[str, Any], seeds: Any) -> tuple[dict[str, Any], Any]:
        batch = batch_type(columns)
        try:
            result = called(batch) if stream is None else called(batch, seed=seeds[:, stream])
            if not isinstance(result, Mapping):
                raise InvalidInputError(
                    f"{reader}: expected a dict of batched tensors as its result, received {type(result).__name__}"
                )
            if graph is not None and calls_python(tf.compat.v1.get_default_graph()):
                raise InvalidInputError(
                    f"{reader}: expected TensorFlow's operations alone in the graph form, received a call of Python: "
                    "use form='host', or give the map a method graph_form(samples)"
                )
        except BrevettiError as error:
            failures.append(error)
            raise
        return dict(result), seeds

    try:
        return dataset.map(run, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    except Exception as error:
        # AutoGraph raises a copy of another type and many lines in place of what was raised inside the map.
        if failures:
            raise failures[0] from None
        error.add_note(f"in {reader}")
        raise
