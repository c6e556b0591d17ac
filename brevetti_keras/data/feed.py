"""From an order and columns to a `tf.data.Dataset` of batches, before any map.

A feed numbers its batches through all epochs; batch number n is step n mod steps of epoch n div steps, and everything
about it follows from that number. So a data set is `range(first, last)` mapped by `Feed.fetch`, starts anywhere, and
knows its cardinality.

    feed.dataset(first=0, last=feed.steps, batch=True)     # elements (dict of tensors, seeds int32 (batch, streams, 2))
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brevetti_keras.data.columns import Column
from brevetti_keras.data.feed_graph import graph_fetch
from brevetti_keras.data.host_call import HostCall
from brevetti_keras.data.keyed import derive, seeds
from brevetti_keras.data.sampling import AUGMENT, Order
from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")


@dataclass(frozen=True)
class Feed:
    """Gathers batches by their number.

    Attributes:
        columns: what is gathered.
        order: which row stands at which position of an epoch.
        length: positions an epoch, over all workers.
        batch_size: samples a batch, of this worker.
        seed: of the maps' random draws.
        offset: the first position of this worker.
        stride: the distance between its positions: the number of workers.
        streams: seeds a sample, one for each map that takes some.
        rows: of the frame that the columns come from.
        in_graph: whether batches are gathered in the graph, or by Python.
    """

    columns: dict[str, Column]
    order: Order
    length: int
    batch_size: int
    seed: int
    offset: int = 0
    stride: int = 1
    streams: int = 1
    rows: int = 0
    in_graph: bool = False

    @property
    def samples(self) -> int:
        """Samples an epoch of this worker."""
        return max(0, -((self.offset - self.length) // self.stride))

    @property
    def steps(self) -> int:
        """Batches an epoch of this worker; the last may be smaller, none crosses an epoch's end."""
        return -(-self.samples // self.batch_size)

    def place(self, number: int) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
        """Returns where batch `number` comes from: the epoch, its positions there, and the frame's rows."""
        epoch, step = divmod(number, self.steps)
        first = step * self.batch_size
        stop = min(first + self.batch_size, self.samples)
        positions = self.offset + self.stride * np.arange(first, stop, dtype=np.int64)
        start = int(positions[0])
        return epoch, positions, self.order.rows(epoch, start, int(positions[-1]) + 1)[positions - start]

    def fetch(self, number: int) -> list[NDArray[Any]]:
        """Returns batch `number` flat: the seeds, the values of each column, then the lengths of each ragged one."""
        epoch, positions, rows = self.place(int(number))
        taken = [column.take(rows) for column in self.columns.values()]
        lengths = [column.lengths for column in taken if column.lengths is not None]
        drawn = seeds(derive(self.seed, epoch, AUGMENT), positions, self.streams)
        return [drawn, *(column.values for column in taken), *lengths]

    def dataset(self, first: int, last: int | None, *, batch: bool) -> Any:
        """Returns the data set of batches `first … last-1`, or without end if `last` is None.

        Args:
            first: number of the first batch.
            last: number after the last.
            batch: whether the elements are batches or single samples.

        Returns:
            `tf.data.Dataset` of (dict by column, seeds). In a batch a column is (batch,), or (batch, longest) of
            tuples, padded; in a sample it is (), or (own length,). Seeds are int32 (batch, streams, 2).
        """
        numbers = tf.data.Dataset.range(first, last) if last is not None else tf.data.Dataset.counter(first)
        batches = numbers.map(self._graph_fetch() if self.in_graph else self._fetch_tensors)
        if batch:
            return batches.map(lambda columns, drawn, lengths: (columns, drawn))
        singles = (
            batches.map(_widened).unbatch().map(lambda columns, drawn, lengths: (_trimmed(columns, lengths), drawn))
        )
        if last is None:
            return singles.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
        count = self._samples_before(last) - self._samples_before(first)
        return singles.apply(tf.data.experimental.assert_cardinality(count))

    def _samples_before(self, number: int) -> int:
        epoch, step = divmod(number, max(1, self.steps))
        return epoch * self.samples + min(step * self.batch_size, self.samples)

    def _graph_fetch(self) -> Any:
        def place(number: Any) -> tuple[Any, Any]:
            epoch, first = number // self.steps, number % self.steps * self.batch_size
            stop = tf.minimum(first + self.batch_size, self.samples)
            return epoch, self.offset + self.stride * tf.range(first, stop)

        return graph_fetch(self.columns, self.order, self.rows, place, self.seed, self.streams)

    def _fetch_tensors(self, number: Any) -> tuple[dict[str, Any], Any, dict[str, Any]]:
        ragged = [name for name, column in self.columns.items() if column.ragged]
        dtypes = [tf.string if column.dtype == object else column.dtype for column in self.columns.values()]
        flat = tf.numpy_function(HostCall(self.fetch), [number], [tf.int32, *dtypes, *(tf.int64 for _ in ragged)])
        drawn, values, lengths = flat[0], flat[1 : len(dtypes) + 1], flat[len(dtypes) + 1 :]
        for (_, column), value in zip(self.columns.items(), values, strict=True):
            value.set_shape([None, None] if column.ragged else [None])
        for length in lengths:
            length.set_shape([None])
        drawn.set_shape([None, self.streams, 2])
        return dict(zip(self.columns, values, strict=True)), drawn, dict(zip(ragged, lengths, strict=True))


def _widened(
    columns: dict[str, Any], drawn: Any, lengths: dict[str, Any]
) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Pads numbers by one: TensorFlow 2.21 crashes where it unbatches rows of no numbers."""
    wider = {name: tf.pad(columns[name], ((0, 0), (0, 1))) for name in lengths if columns[name].dtype != tf.string}
    return {**columns, **wider}, drawn, lengths


def _trimmed(columns: dict[str, Any], lengths: dict[str, Any]) -> dict[str, Any]:
    return {name: value[: lengths[name]] if name in lengths else value for name, value in columns.items()}
