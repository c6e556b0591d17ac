"""The batches of a feed gathered in a graph: the same as `Feed.fetch` gives, without Python.

fetch = graph_fetch(feed)                 # number () int64 → (columns, seeds, lengths)

The frame's columns become constants of the graph, so that it can be saved, sent to other machines and exported.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brevetti_keras.data.columns import Column, TakenColumn
from brevetti_keras.data.keyed_graph import derive, seeds
from brevetti_keras.data.order_graph import graph_order
from brevetti_keras.data.sampling import AUGMENT, Order
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")

Fetch = Callable[[Any], tuple[dict[str, Any], Any, dict[str, Any]]]

MAX_BYTES = 1_500_000_000
"""What a graph may hold: its file format ends at 2 GiB."""


def graph_fetch(
    columns: dict[str, Column],
    order: Order,
    rows: int,
    place: Callable[[Any], tuple[Any, Any]],
    seed: int,
    streams: int,
) -> Fetch:
    """Returns what gathers a batch by its number.

    Args:
        columns: what is gathered.
        order: which row stands at which position of an epoch.
        rows: of the frame.
        place: from a batch's number to its epoch and its positions there, by operations that tensors have too.
        seed: of the maps' random draws.
        streams: seeds a sample.

    Returns:
        A function of the number that returns the columns by name, the seeds int32 (batch, streams, 2), and the
        lengths of the ragged columns.

    Raises:
        InvalidInputError: for columns that take more than a graph may hold.
    """
    taken = {name: column.take(np.arange(rows, dtype=np.int64)) for name, column in columns.items()}
    _check_size(taken)
    values = {name: tf.constant(_plain(column.values)) for name, column in taken.items()}
    lengths = {name: tf.constant(column.lengths) for name, column in taken.items() if column.lengths is not None}
    find_rows = graph_order(order)

    def fetch(number: Any) -> tuple[dict[str, Any], Any, dict[str, Any]]:
        epoch, positions = place(number)
        found = find_rows(epoch, positions)
        batch = {name: tf.gather(value, found) for name, value in values.items()}
        own = {name: tf.gather(value, found) for name, value in lengths.items()}
        for name, length in own.items():
            batch[name] = batch[name][:, : tf.reduce_max(length)]
        drawn = seeds(derive(seed, epoch, AUGMENT), positions, streams)
        for tensor in (*batch.values(), *own.values(), drawn):
            tensor.set_shape([None, *tensor.shape[1:]])
        return batch, drawn, own

    return fetch


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    # Of an array of objects without elements TensorFlow cannot tell the type.
    return values if values.size or values.dtype != object else values.astype(np.bytes_)


def _check_size(columns: dict[str, TakenColumn]) -> None:
    sizes = {name: _bytes(column.values) for name, column in columns.items()}
    if sum(sizes.values()) > MAX_BYTES:
        largest = max(sizes, key=lambda name: sizes[name])
        raise InvalidInputError(
            f"expected columns of at most {MAX_BYTES / 1e9:g} GB for the graph form, received "
            f"{sum(sizes.values()) / 1e9:.1f} GB, most in {largest!r}: drop columns that no map reads, or use shards "
            "of the frame"
        )


def _bytes(values: NDArray[Any]) -> int:
    return sum(map(len, values.ravel().tolist())) if values.dtype == object else values.nbytes
