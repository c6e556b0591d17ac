import collections
import copy
import math
import pickle
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.sampling import Order, Weighing, group_samples, group_weights, make_order
from brevetti_keras.utils.errors import InvalidInputError

WEIGHINGS = ["uniform", "count", "square root", "logx+1"]


def frame_of(*sizes: int) -> pd.DataFrame:
    """Returns samples in groups a, b, … of these sizes, mixed."""
    names = [chr(ord("a") + number) for number, size in enumerate(sizes) for _ in range(size)]
    mixed = np.random.default_rng(0).permutation(np.array(names, dtype=object))
    return pd.DataFrame({"group": mixed})


def order_of(
    samples: pd.DataFrame, length: int, *, shuffle: bool, weighing: Weighing = "uniform", seed: int = 5
) -> Order:
    return make_order(samples, length, shuffle=shuffle, seed=seed, groupby=["group"], weighing=weighing)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 300),
    seed=st.integers(),
    epoch=st.integers(0, 10**6),
    data=st.data(),
)
def test_any_slice_of_a_shuffled_epoch_is_that_of_the_whole(
    count: int, seed: int, epoch: int, data: st.DataObject
) -> None:
    samples = frame_of(count)
    start = data.draw(st.integers(0, count))
    stop = data.draw(st.integers(start, count))

    whole = make_order(samples, count, shuffle=True, seed=seed).rows(epoch, 0, count)
    part = make_order(samples, count, shuffle=True, seed=seed).rows(epoch, start, stop)

    assert sorted(whole.tolist()) == list(range(count))
    assert part.tolist() == whole[start:stop].tolist()


@pytest.mark.parametrize("shuffle", [False, True])
@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    weighing=st.sampled_from(WEIGHINGS),
    length=st.integers(1, 120),
    epoch=st.integers(0, 50),
    data=st.data(),
)
def test_any_slice_of_a_grouped_epoch_is_that_of_the_whole(
    shuffle: bool, sizes: list[int], weighing: str, length: int, epoch: int, data: st.DataObject
) -> None:
    samples = frame_of(*sizes)
    start = data.draw(st.integers(0, length))
    stop = data.draw(st.integers(start, length))

    whole = order_of(samples, length, shuffle=shuffle, weighing=weighing).rows(epoch, 0, length)
    part = order_of(samples, length, shuffle=shuffle, weighing=weighing).rows(epoch, start, stop)

    assert len(whole) == length
    assert part.tolist() == whole[start:stop].tolist()


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_orders_longer_than_a_block_are_the_same_by_small_and_large_steps(shuffle: bool, grouped: bool) -> None:
    samples = frame_of(30_000, 10_000, 7)
    groupby = ["group"] if grouped else None
    length = len(samples)

    def order() -> Order:
        return make_order(samples, length, shuffle=shuffle, seed=1, groupby=groupby, weighing="square root")

    whole = order().rows(2, 0, length)
    stepwise = order()
    steps = np.concatenate([stepwise.rows(2, at, min(at + 1000, length)) for at in range(0, length, 1000)])
    backwards = order()
    turned = np.concatenate([backwards.rows(2, at, min(at + 9000, length)) for at in (36_000, 27_000, 18_000, 9000, 0)])

    assert steps.tolist() == whole.tolist()
    assert np.array_equal(np.sort(turned), np.sort(whole))
    assert backwards.rows(2, 0, length).tolist() == whole.tolist()


def test_two_readers_of_one_order_do_not_disturb_each_other() -> None:
    samples = frame_of(20_000, 20_000)
    shared = order_of(samples, 40_000, shuffle=True)
    alone = order_of(samples, 40_000, shuffle=True)

    mixed = [(shared.rows(0, at, at + 500), shared.rows(1, at, at + 500)) for at in range(0, 40_000, 500)]

    assert np.concatenate([first for first, _ in mixed]).tolist() == alone.rows(0, 0, 40_000).tolist()
    assert np.concatenate([second for _, second in mixed]).tolist() == alone.rows(1, 0, 40_000).tolist()


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("groupby", [None, ["group"]])
def test_a_copied_order_is_the_same(shuffle: bool, groupby: list[str] | None) -> None:
    samples = pd.DataFrame({"group": list("aabbbcc")})
    order = make_order(samples, 7, shuffle=shuffle, seed=3, groupby=groupby)
    expected = order.rows(2, 1, 6)
    for copied in (pickle.loads(pickle.dumps(order)), copy.deepcopy(order)):
        np.testing.assert_array_equal(copied.rows(2, 1, 6), expected)


def test_epochs_and_seeds_shuffle_differently() -> None:
    samples = frame_of(60)
    found = {
        tuple(make_order(samples, 60, shuffle=True, seed=seed).rows(epoch, 0, 60).tolist())
        for seed in range(4)
        for epoch in range(4)
    }

    assert len(found) == 16


def test_frame_order_begins_anew_each_epoch() -> None:
    order = make_order(frame_of(10), 4, shuffle=False, seed=0)

    assert order.rows(0, 0, 4).tolist() == [0, 1, 2, 3]
    assert order.rows(7, 1, 3).tolist() == [1, 2]


def test_interleaving_is_round_robin_for_equal_weights_in_order_of_appearance() -> None:
    samples = pd.DataFrame({"group": list("bbbbac")})

    rows = order_of(samples, 6, shuffle=False).rows(0, 0, 6)

    assert "".join(samples.group.iloc[rows]) == "bacbac"


def test_interleaved_groups_are_endless_streams_in_frame_order() -> None:
    samples = frame_of(5, 3, 2)
    order = order_of(samples, 7, shuffle=False)

    stream = np.concatenate([order.rows(epoch, 0, 7) for epoch in range(30)])

    for name, members in samples.groupby("group").indices.items():
        of_group = stream[samples.group.iloc[stream].to_numpy() == name]
        assert of_group.tolist() == np.resize(members, len(of_group)).tolist()


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=8), weighing=st.sampled_from(WEIGHINGS))
def test_every_prefix_of_an_interleaving_meets_the_weights(sizes: list[int], weighing: str) -> None:
    samples = frame_of(*sizes)
    groups = group_samples(samples, ["group"], weighing)
    shares = groups.weights / groups.weights.sum()
    codes = pd.factorize(samples.group)[0]

    drawn = codes[order_of(samples, 200, shuffle=False, weighing=weighing).rows(0, 0, 200)]

    counts = np.stack([np.cumsum(drawn == group) for group in range(len(sizes))])
    wanted = shares[:, None] * np.arange(1, 201)
    # A group is due at the half, so it is never a whole turn of all groups away from its share.
    assert np.abs(counts - wanted).max() <= 0.5 + len(sizes) / 2 * shares.max() + 1e-9


def test_weighing_by_count_interleaves_every_sample_once_an_epoch() -> None:
    samples = frame_of(50, 20, 3)

    rows = order_of(samples, 73, shuffle=False, weighing="count").rows(4, 0, 73)

    assert sorted(rows.tolist()) == list(range(73))


@pytest.mark.parametrize(
    ("weighing", "weight"),
    [
        ("uniform", lambda size: 1),
        ("count", lambda size: size),
        ("square root", math.sqrt),
        ("log", math.log),
        ("logx+1", lambda size: math.log(size) + 1),
        (lambda size: 1 / size, lambda size: 1 / size),
    ],
)
def test_groups_are_drawn_in_proportion_to_their_weights(weighing: Weighing, weight: Callable[[int], float]) -> None:
    sizes = (400, 90, 8)
    samples = frame_of(*sizes)

    rows = order_of(samples, 40_000, shuffle=True, weighing=weighing).rows(0, 0, 40_000)

    found = samples.group.iloc[rows].value_counts(normalize=True)
    total = sum(weight(size) for size in sizes)
    for name, size in zip("abc", sizes, strict=True):
        assert found[name] == pytest.approx(weight(size) / total, abs=0.01)


def test_each_epoch_draws_its_groups_anew() -> None:
    samples = frame_of(30, 30)
    order = order_of(samples, 60, shuffle=True)

    drawn = {"".join(samples.group.iloc[order.rows(epoch, 0, 60)]) for epoch in range(10)}

    assert len(drawn) == 10


@settings(max_examples=30, deadline=None)
@given(
    weights=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30),
    epoch=st.integers(0, 10**7),
    data=st.data(),
)
def test_slices_of_an_interleaving_by_any_weights_far_from_its_beginning(
    weights: list[float], epoch: int, data: st.DataObject
) -> None:
    samples = frame_of(*range(1, len(weights) + 1))
    start = data.draw(st.integers(0, 100))

    def order() -> Order:
        return order_of(samples, 100, shuffle=False, weighing=lambda size: weights[size - 1])

    parts = [order().rows(epoch, 0, start), order().rows(epoch, start, 100)]

    whole = make_order(
        samples, 400, shuffle=False, seed=0, groupby=["group"], weighing=lambda size: weights[size - 1]
    ).rows(epoch // 4, 0, 400)
    assert np.concatenate(parts).tolist() == whole[epoch % 4 * 100 :][:100].tolist()


def test_within_an_epoch_a_group_is_used_up_before_it_repeats() -> None:
    samples = frame_of(40, 6)

    rows = order_of(samples, 500, shuffle=True).rows(3, 0, 500)

    for name in "ab":
        counts = collections.Counter(rows[samples.group.iloc[rows].to_numpy() == name].tolist())
        assert max(counts.values()) - min(counts.values()) <= 1
        assert len(counts) == (samples.group == name).sum()


def test_each_pass_through_a_group_has_an_order_of_its_own() -> None:
    samples = frame_of(12)

    rows = order_of(samples, 120, shuffle=True).rows(0, 0, 120)

    assert len({tuple(one.tolist()) for one in rows.reshape(10, 12)}) == 10


def test_groups_by_several_columns_and_missing_values() -> None:
    samples = pd.DataFrame(
        {"line": ["x", "x", "y", None, None, "y"], "category": [("a",), ("b",), ("a",), ("a",), ("a",), ("a",)]}
    )

    groups = group_samples(samples, ["line", "category"], "count")

    assert groups.sizes.tolist() == [1, 1, 2, 2]
    assert groups.members.tolist() == [0, 1, 2, 5, 3, 4]
    assert groups.offsets.tolist() == [0, 1, 2, 4]
    assert groups.weights.tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize("count", [3, 65_536, 65_537])
def test_members_of_any_number_of_groups_are_in_frame_order(count: int) -> None:
    names = np.random.default_rng(0).permutation(np.resize(np.arange(count), count + 100))

    groups = group_samples(pd.DataFrame({"group": names}), ["group"], "count")

    rows_of: dict[int, list[int]] = {}
    for row, name in enumerate(names.tolist()):
        rows_of.setdefault(name, []).append(row)
    assert groups.members.tolist() == [row for rows in rows_of.values() for row in rows]
    assert groups.sizes.tolist() == [len(rows) for rows in rows_of.values()]


def test_a_missing_value_meets_no_value_of_another_group() -> None:
    samples = pd.DataFrame({"category": [*"aaabbb"], "line": ["x", "y", None, "x", "y", None]})

    groups = group_samples(samples, ["category", "line"], "count")

    assert groups.sizes.tolist() == [1] * 6


def test_a_group_of_weight_zero_is_never_drawn() -> None:
    samples = frame_of(10, 1)

    for shuffle in (False, True):
        rows = order_of(samples, 200, shuffle=shuffle, weighing="log").rows(0, 0, 200)
        assert set(samples.group.iloc[rows]) == {"a"}


def test_more_groups_than_a_block_holds() -> None:
    samples = pd.DataFrame({"group": np.arange(20_000)})

    rows = order_of(samples, 20_000, shuffle=False).rows(1, 0, 20_000)

    assert rows.tolist() == list(range(20_000))


@pytest.mark.parametrize(
    ("weighing", "message"),
    [
        ("squareroot", "did you mean 'square root'?"),
        ("", "expected 'uniform', 'count', 'square root', 'log', 'logx+1' or a callable"),
        (3, "received 3"),
        (lambda size: -1.0, "expected weights of 0 or more, received -1.0 for a group of 4"),
        (lambda size: math.nan, "received nan"),
        (lambda size: 0.0, "expected a weight above 0 for at least one group, received 0 for all 1"),
    ],
)
def test_weighings_that_cannot_be_used_are_refused(weighing: Weighing, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        order_of(frame_of(4), 4, shuffle=True, weighing=weighing)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_weighing_is_refused_without_groups_too() -> None:
    with pytest.raises(InvalidInputError, match="sampling_group_weighing"):
        make_order(frame_of(3), 3, shuffle=True, seed=0, weighing="sqrt")


def test_unknown_and_incomparable_columns_are_refused() -> None:
    samples = frame_of(3)
    samples["labels"] = [[1], [2], [3]]

    with pytest.raises(InvalidInputError, match="received 'grup', did you mean 'group'"):
        make_order(samples, 3, shuffle=True, seed=0, groupby=["grup"])
    with pytest.raises(InvalidInputError, match="'labels', received list: use tuples"):
        make_order(samples, 3, shuffle=True, seed=0, groupby=["labels"])


def test_a_weighing_is_asked_once_for_each_size() -> None:
    asked: list[int] = []

    def weighing(size: int) -> float:
        asked.append(size)
        return float(size)

    assert group_weights([3, 5, 3, 3], weighing).tolist() == [3, 5, 3, 3]
    assert sorted(asked) == [3, 5]


@pytest.mark.parametrize("weight", ["a", None, 1j])
def test_a_weight_that_is_no_number_is_told(weight: object) -> None:
    with pytest.raises(InvalidInputError, match=r"expected weights of 0 or more, received .* for a group of 3"):
        group_weights([3], lambda size: weight)  # type: ignore[arg-type,return-value]
