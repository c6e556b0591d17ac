"""`DataGenerator`: samples of a DataFrame as `tf.data` batches whose every draw is a function of a seed and a place.

The frame's columns (columns.py) are gathered in an order (sampling.py), batch by batch (feed.py), sent through the maps
(mapping.py) and put into the structure that the model takes (structure.py).

    train = DataGenerator(samples, shuffle=True, repeat=True, output_structure=("img", "onehot"))
    train = train.map([ImagePipeline(target_size=(64, 64)), OneHotEncoder(classes)])
    model.fit(train.get_dataset(), steps_per_epoch=len(train), epochs=10, shuffle=False)
"""

import copy
import dataclasses
import logging
import math
import numbers
import secrets
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brevetti_keras.data.columns import make_columns
from brevetti_keras.data.feed import Feed
from brevetti_keras.data.mapping import GraphForm, Map, apply_map, extend_chain, graph_form, map_name, takes_seed
from brevetti_keras.data.sampling import Weighing, make_order
from brevetti_keras.data.structure import Structure, check_structure, select, structure_keys
from brevetti_keras.data.tensor_errors import own_errors
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.utils.lazy import lazy_import

tf = lazy_import("tensorflow")

DEFAULT_STRUCTURE = "__default__"
Form = Literal["host", "graph"]

_LOGGER = logging.getLogger(__name__)


class DataGenerator:
    """Batches of samples for training, evaluation and prediction.

    Which sample comes at which position of which epoch, and what random maps draw for it, are pure functions of
    (seed, epoch, position). So the same generator iterated twice gives the same; `start` continues exactly; shards
    share an epoch out. Without `repeat` there is one epoch, and iterating again repeats it; training uses
    `repeat=True` and `steps_per_epoch=len(generator)`, and then each epoch has its own order. A batch never crosses an
    epoch's end, so an epoch's last batch may be smaller.

    Args:
        samples: one row a sample; columns of text, numbers, booleans, categoricals, or tuples of these. Missing text
            is `''` (a missing `purpose` counts as that).
        batch_size: samples a batch.
        shuffle: draw the order from the seed, anew each epoch. Without groups each epoch is a permutation.
        repeat: False for one epoch, a count of them, True or -1 for no end.
        sampling_groupby: a column or columns whose values form the groups that are sampled by weight. Without shuffle
            the groups are interleaved evenly by weight, each one endless stream in frame order that epochs do not
            reset; with shuffle each sample's group is drawn by weight, and within an epoch a group's samples all come
            once, shuffled, before one comes again.
        sampling_group_weighing: `"uniform"`, `"count"`, `"square root"`, `"log"` (ln n, so a group of one sample is
            never drawn), `"logx+1"` (ln n + 1), or a callable of the group's size.
        seed: any integer; None draws one, readable as `.seed`.
        output_structure: what `get_dataset` yields: nested keys, or None for the whole dict.
        max_epoch_samples: an epoch holds at most so many samples: the first in its order.

    Raises:
        DataError: for a frame without samples.
        InvalidInputError: for a column that no tensor can hold, or an argument that cannot be used.
    """

    def __init__(
        self,
        samples: pd.DataFrame,
        batch_size: int = 32,
        shuffle: bool = False,
        repeat: bool | int = False,
        sampling_groupby: str | Sequence[str] | None = None,
        sampling_group_weighing: Weighing = "uniform",
        seed: int | None = None,
        output_structure: Structure = None,
        max_epoch_samples: float = math.inf,
    ) -> None:
        columns = make_columns(samples)
        # Shares the data; pandas copies a column when either side writes to it.
        self.samples = samples.copy(deep=False)
        self.seed = secrets.randbits(31) if seed is None else _integer("seed", seed)
        self.output_structure = output_structure
        for _ in structure_keys(output_structure):
            pass
        self._epochs = _epoch_count(repeat)
        self._maps: tuple[Map, ...] = ()
        length = min(len(samples), _sample_limit(max_epoch_samples))
        groupby = [sampling_groupby] if isinstance(sampling_groupby, str) else sampling_groupby
        order = make_order(
            samples, length, shuffle=shuffle, seed=self.seed, groupby=groupby, weighing=sampling_group_weighing
        )
        batch_size = _integer("batch_size", batch_size, at_least=1)
        self._feed = Feed(columns, order, length, batch_size, self.seed, rows=len(samples))

    @property
    def batch_size(self) -> int:
        """Samples a batch, of this worker."""
        return self._feed.batch_size

    @property
    def maps(self) -> tuple[Map, ...]:
        """The chain of maps, in order."""
        return self._maps

    def __len__(self) -> int:
        """Batches an epoch, of this worker."""
        return self._feed.steps

    def map(self, maps: Map | Sequence[Map | None] | None) -> Self:
        """Returns a new generator with maps at the end of its chain.

        Args:
            maps: one, or several of which some may be None. A map takes and returns a dict of batched tensors; if its
                signature has `seed`, it gets int32 (batch, 2), one seed a sample, from (seed, epoch, position) and the
                map's place among those with a seed. A map with a method `bind(previous_maps)` is replaced by what
                that returns.
        """
        chain = extend_chain(self._maps, maps)
        streams = max(1, sum(map(takes_seed, chain)))
        return self._with(_maps=chain, _feed=dataclasses.replace(self._feed, streams=streams))

    def shard(self, index: int, count: int) -> Self:
        """Returns one worker's part of this generator.

        Worker `index` has the positions index, index + count, index + 2·count, … of every epoch, with the seeds that
        these samples have in the whole. So the workers' parts partition each epoch, and the workers' batches of one
        step together are the batch that a generator of batch size `count · batch_size` has at that step. If an epoch
        does not divide, some workers have one sample less, and perhaps one batch less.

        Args:
            index: of the worker, from 0.
            count: workers.
        """
        count = _integer("count", count, at_least=1)
        index = _integer("index", index)
        if not 0 <= index < count:
            raise InvalidInputError(f"expected a shard index from 0 to {count - 1}, received {index}")
        feed = self._feed
        offset = feed.offset + feed.stride * index
        feed = dataclasses.replace(feed, offset=offset, stride=feed.stride * count)
        if not feed.samples:
            raise InvalidInputError(
                f"expected at most as many shards as samples an epoch, received shard {index} of {count} for "
                f"{self._feed.samples} samples"
            )
        return self._with(_feed=feed)

    def get_dataset(
        self,
        batch: bool = True,
        structure: Structure = DEFAULT_STRUCTURE,
        prefetch: bool = True,
        start: tuple[int, int] = (0, 0),
        form: Form = "host",
    ) -> Any:
        """Returns the mapped samples.

        Args:
            batch: whether the elements are batches (tuples padded with `''` or 0) or single samples (tuples of their
                own length; each is mapped as a batch of one).
            structure: nested keys of what to yield, None for the whole dict; by default `output_structure`.
            prefetch: prepare the next elements while one is in use.
            start: (epoch, step in batches) to begin at, both from 0; what follows is what follows there in the
                whole. A step may be `len(generator)`, which is the next epoch's first.
            form: `"host"` gathers samples and makes pictures by Python, OpenCV and the decoded cache, the quickest on
                one machine. `"graph"` does all by TensorFlow's operations, so that the data set can be saved, sent to
                the tf.data service and exported; the order and the seeds are the same, the pictures nearly.

        Returns:
            `tf.data.Dataset` whose cardinality is known: finite, or infinite with `repeat=True`.

        Raises:
            InvalidInputError: for unknown keys, in the structure or in a map, a start beyond the end, or a map that
                cannot be done in the graph form.
            DecodeError: for a file that the graph form cannot decode.
        """
        if isinstance(structure, str) and structure == DEFAULT_STRUCTURE:
            structure = self.output_structure
        if form not in get_args(Form):
            raise InvalidInputError(f"form: expected 'host' or 'graph', received {form!r}")
        graphs = [graph_form(function, self.samples) if form == "graph" else None for function in self._maps]
        dataset = self._dataset(_feed_for(self._feed, graphs, form), batch, start)
        _LOGGER.info("data set in the %s form: %s", form, ", ".join(map(map_name, self._maps)) or "no maps")
        if self._maps:
            dataset = dataset if batch else dataset.batch(1)
            stream = 0
            for position, function in enumerate(self._maps):
                seeded = takes_seed(function)
                dataset = apply_map(dataset, function, position, stream if seeded else None, graphs[position])
                stream += seeded
            if not batch:
                # Not by unbatching, which crashes on rows of no numbers.
                dataset = dataset.map(
                    lambda columns, seeds: tf.nest.map_structure(lambda one: one[0], (columns, seeds))
                )
        return _finished(dataset, structure, prefetch)

    def get_samples(
        self,
        batch: bool = True,
        structure: Structure = None,
        prefetch: bool = True,
        start: tuple[int, int] = (0, 0),
    ) -> Any:
        """Returns the samples without the maps, in the same order; arguments as those of `get_dataset`."""
        check_structure(structure, self._feed.columns)
        wanted = set(structure_keys(structure)) if structure is not None else set(self._feed.columns)
        columns = {name: column for name, column in self._feed.columns.items() if name in wanted}
        return _finished(
            self._dataset(dataclasses.replace(self._feed, columns=columns), batch, start), structure, prefetch
        )

    def get_dataset_numpy(
        self,
        batch: bool = True,
        structure: Structure = DEFAULT_STRUCTURE,
        prefetch: bool = True,
        start: tuple[int, int] = (0, 0),
    ) -> Iterator[Any]:
        """Returns `get_dataset(…)` as an iterator of numpy arrays; text is bytes, as tf.data gives it.

        A map's own errors keep their type here, where the data set itself can only raise TensorFlow's.
        """
        return own_errors(self.get_dataset(batch, structure, prefetch, start).as_numpy_iterator())

    def get_samples_numpy(
        self,
        batch: bool = True,
        structure: Structure = None,
        prefetch: bool = True,
        start: tuple[int, int] = (0, 0),
    ) -> Iterator[Any]:
        """Returns `get_samples(…)` as an iterator of numpy arrays; text is bytes, as tf.data gives it."""
        return iter(self.get_samples(batch, structure, prefetch, start).as_numpy_iterator())

    def batch_rows(self, epoch: int, step: int) -> NDArray[np.int64]:
        """Returns which rows of `.samples` make a batch, int64 (batch,).

        Args:
            epoch: from 0.
            step: of the epoch, from 0; `len(generator)` is the next epoch's first.

        Raises:
            InvalidInputError: for a batch that there is not.
        """
        number = self._number((epoch, step))
        if self._epochs is not None and number == self._epochs * len(self):
            raise InvalidInputError(f"expected a batch before the end, received ({epoch}, {step})")
        return self._feed.place(number)[2]

    def _dataset(self, feed: Feed, batch: bool, start: tuple[int, int]) -> Any:
        last = None if self._epochs is None else self._epochs * len(self)
        return feed.dataset(self._number(start), last, batch=batch)

    def _number(self, start: tuple[int, int]) -> int:
        """Returns the number of the batch at (epoch, step)."""
        try:
            epoch, step = start
        except (TypeError, ValueError) as error:
            raise InvalidInputError(f"expected start as (epoch, step), received {start!r}") from error
        epoch, step = _integer("epoch", epoch, at_least=0), _integer("step", step, at_least=0)
        if step > len(self):
            raise InvalidInputError(f"expected a step from 0 to {len(self)}, the batches an epoch, received {step}")
        number = epoch * len(self) + step
        if self._epochs is not None and number > self._epochs * len(self):
            raise InvalidInputError(
                f"expected a start within {self._epochs} epoch(s), received ({epoch}, {step}): set repeat to have more"
            )
        return number

    def _with(self, **changes: Any) -> Self:
        changed = copy.copy(self)
        vars(changed).update(changes)
        return changed


def _feed_for(feed: Feed, graphs: Sequence[GraphForm | None], form: str) -> Feed:
    """Returns the feed with the columns that the maps' forms in the graph read."""
    if form == "host":
        return feed
    own = {name: value for graph in graphs if graph is not None for name, value in graph.columns.items()}
    columns = {**feed.columns, **(make_columns(pd.DataFrame(own)) if own else {})}
    return dataclasses.replace(feed, columns=columns, in_graph=True)


def _finished(dataset: Any, structure: Structure, prefetch: bool) -> Any:
    check_structure(structure, dataset.element_spec[0])
    if not tf.nest.flatten(select(dataset.element_spec[0], structure)):
        raise InvalidInputError(f"expected a structure with at least one key, received {structure!r}")
    dataset = dataset.map(lambda columns, seeds: select(columns, structure))
    return dataset.prefetch(tf.data.AUTOTUNE) if prefetch else dataset


def _integer(name: str, value: Any, at_least: int | None = None) -> int:
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or (at_least is not None and value < at_least):
        wanted = "an integer" if at_least is None else f"an integer of at least {at_least}"
        raise InvalidInputError(f"{name}: expected {wanted}, received {value!r}")
    return int(value)


def _epoch_count(repeat: Any) -> int | None:
    """Returns how many epochs there are, None for no end."""
    if isinstance(repeat, (bool, np.bool_)):
        return None if repeat else 1
    if isinstance(repeat, numbers.Integral) and (int(repeat) == -1 or int(repeat) > 0):
        return None if int(repeat) == -1 else int(repeat)
    raise InvalidInputError(f"repeat: expected False, a count above 0, True or -1, received {repeat!r}")


def _sample_limit(limit: Any) -> int:
    if isinstance(limit, bool) or not isinstance(limit, numbers.Real) or not float(limit) >= 1:
        raise InvalidInputError(f"max_epoch_samples: expected a number of at least 1, received {limit!r}")
    return int(min(float(limit), 2.0**62))
