"""Which sample comes when: orders and group weights as pure functions of (seed, epoch, position).

An order answers `rows(epoch, start, stop)`: the frame's row numbers at these positions of an epoch. It holds no
iterator: what it remembers are blocks that it could compute again, so iterations may run side by side, start anywhere
and be shared out.

    order = make_order(frame, length, shuffle=True, seed=7, groupby=["category"], weighing="square root")
    order.rows(epoch=3, start=64, stop=96)         # int64 (32,)
"""

import abc
import math
import numbers
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brevetti_keras.data.keyed import derive, permute, uniform
from brevetti_keras.schema.settings import nearest
from brevetti_keras.utils.errors import InvalidInputError

Weighing = str | Callable[[int], float]

# What a key is for, so that the same (seed, epoch) gives unrelated draws to each.
ORDER, DRAW, AUGMENT = 1, 2, 3

_BLOCK = 16_384
_TWO_BYTES = 1 << 16
_REMEMBERED = 4
_WEIGHINGS: dict[str, Callable[[int], float]] = {
    "uniform": lambda size: 1.0,
    "count": float,
    "square root": math.sqrt,
    "log": math.log,
    "logx+1": lambda size: math.log(size) + 1.0,
}


class Order(Protocol):
    """Says which row stands at each position of each epoch."""

    def rows(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        """Returns the row numbers at positions `start … stop-1` of an epoch, int64 (stop - start,)."""
        ...


@dataclass(frozen=True)
class Groups:
    """The rows of a frame by group.

    Attributes:
        members: row numbers, group after group, in frame order within each; int64 (samples,).
        offsets: where each group begins in `members`; int64 (groups,).
        sizes: samples in each group; int64 (groups,).
        weights: how often each is drawn in relation to the others, all above 0; float64 (groups,).
    """

    members: NDArray[np.int64]
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    weights: NDArray[np.float64]


def make_order(
    samples: pd.DataFrame,
    length: int,
    *,
    shuffle: bool,
    seed: int,
    groupby: Sequence[Hashable] | None = None,
    weighing: Weighing = "uniform",
) -> Order:
    """Returns the order of a generator.

    Args:
        samples: at least one.
        length: positions an epoch.
        shuffle: whether the order is drawn from the seed, anew each epoch.
        seed: of the shuffling.
        groupby: the columns whose values together name a sample's group, or None.
        weighing: how a group's weight follows from its size: `uniform` (1), `count` (n), `square root`, `log`
            (ln n), `logx+1` (ln n + 1), or a callable of the size. A group of weight 0 is never drawn.

    Raises:
        InvalidInputError: for an unknown column or weighing, or weights that cannot be used.
    """
    if groupby is None:
        _weighing_function(weighing)
        return ShuffledOrder(len(samples), length, seed) if shuffle else FrameOrder()
    groups = group_samples(samples, groupby, weighing)
    return DrawnOrder(groups, length, seed) if shuffle else InterleavedOrder(groups, length)


def group_weights(sizes: Sequence[int], weighing: Weighing) -> NDArray[np.float64]:
    """Returns the weight of groups of these sizes.

    Raises:
        InvalidInputError: for an unknown weighing, or one that gives a negative or non-finite weight.
    """
    function = _weighing_function(weighing)
    by_size: dict[int, Any] = {size: function(int(size)) for size in set(sizes)}
    for size, weight in by_size.items():
        if not isinstance(weight, numbers.Real) or not 0 <= float(weight) < math.inf:
            raise InvalidInputError(
                f"sampling_group_weighing: expected weights of 0 or more, received {weight!r} for a group of {size}"
            )
    return np.array([by_size[size] for size in sizes], dtype=np.float64)


def _weighing_function(weighing: Weighing) -> Callable[[int], float]:
    if callable(weighing):
        return weighing
    if weighing not in _WEIGHINGS:
        known = list(_WEIGHINGS)
        raise InvalidInputError(
            f"sampling_group_weighing: expected {', '.join(map(repr, known))} or a callable of the group's size, "
            f"received {weighing!r}{nearest(str(weighing), known)}"
        )
    return _WEIGHINGS[weighing]


def group_samples(samples: pd.DataFrame, groupby: Sequence[Hashable], weighing: Weighing) -> Groups:
    """Returns the groups that can be drawn, in order of their first sample; a missing value is a value like others.

    Raises:
        InvalidInputError: for an unknown column, a column whose values cannot be compared, or weights that are all 0.
    """
    codes: NDArray[np.int64] | None = None
    for column in groupby:
        if column not in samples.columns:
            known = [str(name) for name in samples.columns]
            raise InvalidInputError(
                f"sampling_groupby: expected columns of the samples, received {column!r}{nearest(str(column), known)}"
            )
        own, count = _factorize(samples[column])
        codes = own if codes is None else pd.factorize(codes * count + own)[0]
    codes = np.zeros(len(samples), dtype=np.int64) if codes is None else codes
    sizes = np.bincount(codes)
    weights = group_weights(sizes.tolist(), weighing)
    drawn = weights > 0
    if not drawn.any():
        raise InvalidInputError(
            "sampling_group_weighing: expected a weight above 0 for at least one group, received 0 for all "
            f"{len(sizes)}; 'logx+1' gives groups of one sample a weight, 'log' does not"
        )
    # Numbers of two bytes are sorted by counting, in a fraction of the time.
    narrow = codes.astype(np.uint16) if len(sizes) <= _TWO_BYTES else codes
    members = np.argsort(narrow, kind="stable").astype(np.int64, copy=False)
    offsets = np.cumsum(sizes) - sizes
    return Groups(members, offsets[drawn], sizes[drawn], weights[drawn])


def _factorize(column: "pd.Series[Any]") -> tuple[NDArray[np.int64], int]:
    """Numbers a column's values in the order of their first row, missing ones alike, and counts them."""
    try:
        codes, values = pd.factorize(column)
    except TypeError as error:
        raise InvalidInputError(
            f"sampling_groupby: expected values that can be compared in column {column.name!r}, received "
            f"{type(column.iloc[0]).__name__}: use tuples instead of lists"
        ) from error
    codes = codes.astype(np.int64, copy=False)
    if codes.min() >= 0:
        return codes, len(values)
    return pd.factorize(codes)[0].astype(np.int64, copy=False), len(values) + 1


class FrameOrder:
    """The frame's own order, each epoch from its first sample on."""

    def rows(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        """Returns the positions themselves."""
        return np.arange(start, stop, dtype=np.int64)


class _BlockOrder(abc.ABC):
    """Computes whole blocks of positions, since numpy's cost a call outweighs that of a batch's few numbers."""

    def __init__(self, length: int, block: int = _BLOCK) -> None:
        self.length = length
        self.block = block
        self._blocks: OrderedDict[tuple[int, int], NDArray[np.int64]] = OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """A copy begins without remembered blocks, and with a lock of its own."""
        return {name: value for name, value in vars(self).items() if name not in {"_blocks", "_lock"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes the state of `__getstate__`."""
        vars(self).update(state, _blocks=OrderedDict(), _lock=threading.Lock())

    def rows(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        """Returns the row numbers at positions `start … stop-1` of an epoch."""
        if stop <= start:
            return np.empty(0, dtype=np.int64)
        first, last = start // self.block, (stop - 1) // self.block
        with self._lock:
            found = np.concatenate([self._remembered(epoch, number) for number in range(first, last + 1)])
        return found[start - first * self.block : stop - first * self.block]

    def _remembered(self, epoch: int, number: int) -> NDArray[np.int64]:
        key = (epoch, number)
        if key not in self._blocks:
            start = number * self.block
            self._blocks[key] = self._compute(epoch, start, min(start + self.block, self.length))
        self._blocks.move_to_end(key)
        while len(self._blocks) > _REMEMBERED:
            self._blocks.popitem(last=False)
        return self._blocks[key]

    @abc.abstractmethod
    def _compute(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        """Returns the rows of one block, which begins at a multiple of `block`."""


class ShuffledOrder(_BlockOrder):
    """Each epoch a permutation of all samples (or its first `length`), keyed by (seed, epoch)."""

    def __init__(self, count: int, length: int, seed: int) -> None:
        super().__init__(length)
        self.count = count
        self.seed = seed

    def _compute(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        return permute(np.arange(start, stop), self.count, derive(self.seed, epoch, ORDER))


class InterleavedOrder(_BlockOrder):
    """Groups interleaved by weight, evenly and without chance; each group one endless stream in frame order.

    The k-th sample (from 0) of a group of weight w falls due at time (k + ½) / w, and samples come as they fall due,
    ties in the order of the groups. Epoch e covers the places e·length … (e+1)·length-1 of that one sequence.
    """

    def __init__(self, groups: Groups, length: int) -> None:
        super().__init__(length, max(_BLOCK, len(groups.sizes)))
        self.groups = groups

    def _compute(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        first, last = epoch * self.length + start, epoch * self.length + stop
        # At time T each group has had w·T samples, give or take a half, so these times enclose the wanted places; one
        # sample more on each side leaves room for rounding.
        total, slack = self.groups.weights.sum(), len(self.groups.sizes) / 2 + 1
        before = self._due_before((first - slack) / total)
        after = self._due_before((last + slack) / total)
        counts = after - before
        group = np.repeat(np.arange(len(counts)), counts)
        turn = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts - before, counts)
        order = np.lexsort((group, (turn + 0.5) / self.groups.weights[group]))
        skipped = first - int(before.sum())
        chosen = order[skipped : skipped + stop - start]
        group, turn = group[chosen], turn[chosen]
        rows: NDArray[np.int64] = self.groups.members[self.groups.offsets[group] + turn % self.groups.sizes[group]]
        return rows

    def _due_before(self, time: float) -> NDArray[np.int64]:
        """How many samples of each group fall due before `time`; rounding may move what falls due just then."""
        return np.maximum(np.ceil(self.groups.weights * time - 0.5), 0).astype(np.int64)


class DrawnOrder(_BlockOrder):
    """Groups drawn by weight; within an epoch each group's samples come in passes, each pass a permutation of them.

    The group at a position is keyed by (seed, epoch, position), the order of a pass by (seed, epoch, group, pass). The
    turn that a position has within its group is the number of earlier positions of the epoch with the same group; the
    counts that this takes are carried from block to block, and counted again after a jump.
    """

    def __init__(self, groups: Groups, length: int, seed: int) -> None:
        super().__init__(length, max(_BLOCK, len(groups.sizes)))
        self.groups = groups
        self.seed = seed
        self.bounds = np.cumsum(groups.weights[:-1]) / groups.weights.sum()
        self._counts: OrderedDict[tuple[int, int], NDArray[np.int64]] = OrderedDict()

    def _compute(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        before = self._counts.pop((epoch, start), None)
        if before is None:
            before = self._count_until(epoch, start)
        group = self._drawn(epoch, start, stop)
        self._counts[epoch, stop] = before + np.bincount(group, minlength=len(before))
        while len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)
        turn = before[group] + _ranks(group, len(before))
        sizes = self.groups.sizes[group]
        key = derive(self.seed, epoch, ORDER, group, turn // sizes)
        rows: NDArray[np.int64] = self.groups.members[self.groups.offsets[group] + permute(turn % sizes, sizes, key)]
        return rows

    def _drawn(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        drawn = uniform(derive(self.seed, epoch, DRAW), np.arange(start, stop))
        return np.searchsorted(self.bounds, drawn, side="right").astype(np.int64)

    def _count_until(self, epoch: int, stop: int) -> NDArray[np.int64]:
        counts = np.zeros(len(self.groups.sizes), dtype=np.int64)
        for start in range(0, stop, self.block):
            counts += np.bincount(self._drawn(epoch, start, start + self.block), minlength=len(counts))
        return counts


def _ranks(group: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """How many earlier elements equal each element."""
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=count)
    ranks = np.empty_like(group)
    ranks[order] = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return ranks
