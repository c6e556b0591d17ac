"""The orders of sampling.py as functions of (epoch, positions) in a graph, with the same rows.

rows = graph_order(order)(epoch, positions)           # int64 tensors

Nothing is remembered between batches, so the cost of a batch is that of computing it alone: little for frame order,
permutations and interleaved groups; for groups drawn by weight it grows with the position in the epoch.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from brevetti_keras.data.keyed_graph import derive, permute, uniform
from brevetti_keras.data.sampling import DRAW, ORDER, DrawnOrder, FrameOrder, InterleavedOrder, Order, ShuffledOrder
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")

Rows = Callable[[Any, Any], Any]


def graph_order(order: Order) -> Rows:
    """Returns the rows at positions of an epoch, as a function of (epoch (), positions (n,)), all int64 tensors.

    Positions rise evenly: they are those of one worker's batch.

    Raises:
        InvalidInputError: for an order of another kind.
    """
    if isinstance(order, FrameOrder):
        return lambda epoch, positions: positions
    if isinstance(order, ShuffledOrder):
        seed, count = order.seed, order.count
        return lambda epoch, positions: permute(positions, count, derive(seed, epoch, ORDER))
    if isinstance(order, InterleavedOrder):
        return _interleaved(order)
    if isinstance(order, DrawnOrder):
        return _drawn(order)
    raise InvalidInputError(f"expected one of our orders for the graph form, received {type(order).__name__}")


def _interleaved(order: InterleavedOrder) -> Rows:
    groups = order.groups
    weights, sizes = tf.constant(groups.weights), tf.constant(groups.sizes.astype(np.int64))
    members, offsets = tf.constant(groups.members), tf.constant(groups.offsets.astype(np.int64))
    total, slack = float(groups.weights.sum()), len(groups.sizes) / 2 + 1

    def due_before(place: Any) -> Any:
        time = (tf.cast(place, tf.float64) + slack) / total
        return tf.cast(tf.maximum(tf.math.ceil(weights * time - 0.5), 0), tf.int64)

    def rows(epoch: Any, positions: Any) -> Any:
        first, last = epoch * order.length + positions[0], epoch * order.length + positions[-1] + 1
        before = due_before(tf.cast(first, tf.float64) - 2 * slack)
        counts = due_before(last) - before
        group = tf.repeat(tf.range(len(groups.sizes), dtype=tf.int64), counts)
        turn = tf.range(tf.size(group, tf.int64)) - tf.gather(tf.cumsum(counts) - counts - before, group)
        due = (tf.cast(turn, tf.float64) + 0.5) / tf.gather(weights, group)
        # Stable, so that what falls due together comes in the order of the groups.
        chosen = tf.gather(tf.argsort(due, stable=True), first - tf.reduce_sum(before) + positions - positions[0])
        group, turn = tf.gather(group, chosen), tf.gather(turn, chosen)
        return tf.gather(members, tf.gather(offsets, group) + turn % tf.gather(sizes, group))

    return rows


def _drawn(order: DrawnOrder) -> Rows:
    groups = order.groups
    sizes, members = tf.constant(groups.sizes.astype(np.int64)), tf.constant(groups.members)
    offsets, bounds = tf.constant(groups.offsets.astype(np.int64)), tf.constant(order.bounds)

    def rows(epoch: Any, positions: Any) -> Any:
        numbers = uniform(derive(order.seed, epoch, DRAW), tf.range(positions[-1] + 1))
        # All that were drawn before in this epoch: the turn of a sample is their number.
        drawn = tf.searchsorted(bounds, numbers, side="right", out_type=tf.int64)
        ranks = _ranks(drawn, len(groups.sizes))
        group, turn = tf.gather(drawn, positions), tf.gather(ranks, positions)
        size = tf.gather(sizes, group)
        place = permute(turn % size, size, derive(order.seed, epoch, ORDER, group, turn // size))
        return tf.gather(members, tf.gather(offsets, group) + place)

    return rows


def _ranks(group: Any, count: int) -> Any:
    """How many earlier elements equal each element."""
    order = tf.argsort(group, stable=True)
    sizes = tf.math.bincount(tf.cast(group, tf.int32), minlength=count, maxlength=count, dtype=tf.int64)
    sorted_ranks = tf.range(tf.size(group, tf.int64)) - tf.repeat(tf.cumsum(sizes) - sizes, sizes)
    return tf.scatter_nd(tf.cast(order, tf.int64)[:, None], sorted_ranks, tf.shape(group, tf.int64))
