import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.data.sample_integrity import SampleSplit
from brevetti_keras.schema import Settings
from brevetti_keras.utils.errors import DataError, InvalidInputError, SettingsError

MODES = ["sorted_permutation", "murmurhash3"]


def frame(count: int = 100, **columns) -> pd.DataFrame:
    """`count` samples with an etag each, and the columns given."""
    return pd.DataFrame(
        {"path": [f"/d/{i:05d}.png" for i in range(count)], "etag": [f"e{i}" for i in range(count)], **columns}
    )


def share(samples: pd.DataFrame, purpose: str = "train") -> int:
    return int((samples.purpose == purpose).sum())


def units_of(samples: pd.DataFrame, keys: list[list[str]]) -> list[int]:
    """The unit of each row by naive union-find, to judge the fast one by."""
    parent = list(range(len(samples)))

    def find(row: int) -> int:
        while parent[row] != row:
            row = parent[row]
        return row

    for columns in keys:
        first: dict[tuple, int] = {}
        for row, values in enumerate(zip(*(samples[column] for column in columns), strict=True)):
            if any(pd.isna(value) or value == "" for value in values):
                continue
            parent[find(row)] = find(first.setdefault(values, row))
    return [find(row) for row in range(len(samples))]


@st.composite
def tables(draw, given_purposes: bool = False, maximum: int = 40) -> pd.DataFrame:
    count = draw(st.integers(0, maximum))

    def column(values):
        return draw(st.lists(st.sampled_from(values), min_size=count, max_size=count))

    etags = column(range(2 * maximum))
    samples = pd.DataFrame(
        {
            "path": [f"/d/{i}.png" for i in range(count)],
            "etag": pd.Series([f"e{i}" for i in etags], dtype="str"),
            "patient": pd.Series(column([*range(8), None, None]), dtype="object"),
            "category": pd.Series(column(list("abc")), dtype="str"),
            "leak_group": pd.Series(column([*"pqrstuv", *[""] * 12]), dtype="str"),
        }
    )
    if given_purposes:
        samples["purpose"] = pd.Series(column(["train", "devel", "test", None, None, None, None, None]), dtype="str")
    return samples


SPLITS = st.sampled_from([0.0, 0.1, 0.29, 0.5, 0.8, 1.0])
SEEDS = st.integers(0, 2**32 - 1)
KEYS = st.sampled_from([None, ("patient",), r"/d/(\d)"])
FEW = settings(max_examples=60, deadline=None)


def checked_units(samples: pd.DataFrame, uniqueness) -> np.ndarray:
    marked = samples.copy()
    keys = [["etag"], ["leak_group"]]
    if isinstance(uniqueness, str):
        marked["group"] = samples.path.str.extract(uniqueness)[0] if len(samples) else ""
        keys.append(["group"])
    elif uniqueness:
        keys.append(list(uniqueness))
    return np.array(units_of(marked, keys), dtype=int)


class TestAlgebra:
    @FEW
    @given(tables(), KEYS, SPLITS, SEEDS, st.booleans())
    def test_no_unit_straddles_and_the_total_is_within_one_unit(self, samples, uniqueness, split, seed, stratified):
        stratification = ("category",) if stratified else None
        splitter = SampleSplit(stratification=stratification, uniqueness=uniqueness, split=split, seed=seed)
        result = splitter.assign(samples, remainder="devel")
        units = checked_units(samples, uniqueness)
        assert set(result.purpose) <= {"train", "devel"}
        assert (result.groupby(units).purpose.nunique() == 1).all()
        largest = np.bincount(units).max() if len(units) else 0
        assert abs(share(result) - split * len(samples)) <= largest + 1e-9

    @FEW
    @given(tables(), SPLITS, SEEDS)
    def test_each_stratum_is_within_one_unit_where_units_lie_inside(self, samples, split, seed):
        samples["patient"] = samples.category + samples.patient.map(str)
        result = SampleSplit(["category"], ["patient"], tie=(), split=split, seed=seed).assign(samples)
        for _, stratum in result.groupby("category"):
            largest = stratum.patient.value_counts().max()
            assert abs(share(stratum) - split * len(stratum)) <= largest
        largest = samples.patient.value_counts().max() if len(samples) else 0
        assert abs(share(result) - split * len(samples)) <= largest / 2 + 1e-9

    @FEW
    @given(tables(given_purposes=True), KEYS, SPLITS, SEEDS, st.randoms(use_true_random=False))
    def test_the_order_of_rows_plays_no_part(self, samples, uniqueness, split, seed, random):
        splitter = SampleSplit(["category"], uniqueness, split=split, seed=seed)
        order = list(range(len(samples)))
        random.shuffle(order)
        direct = splitter.assign(samples, remainder="devel")
        shuffled = splitter.assign(samples.iloc[order], remainder="devel")
        assert list(shuffled.index) == order
        pd.testing.assert_frame_equal(shuffled.sort_index(), direct)

    @FEW
    @given(tables(given_purposes=True), KEYS, SPLITS, st.sampled_from(MODES))
    def test_purposes_given_stay_and_the_frame_is_left_alone(self, samples, uniqueness, split, mode):
        before = samples.copy(deep=True)
        result = SampleSplit(["category"], uniqueness, split=split, mode=mode).assign(samples, remainder="devel")
        pd.testing.assert_frame_equal(samples, before)
        given_rows = before.purpose.notna()
        assert (result.purpose[given_rows] == before.purpose[given_rows]).all()
        assert result.purpose.notna().all()
        pd.testing.assert_frame_equal(result.drop(columns="purpose"), before.drop(columns="purpose"))

    @FEW
    @given(tables(given_purposes=True), KEYS)
    def test_a_purpose_spreads_over_its_unit_and_conflicts_lie_between(self, samples, uniqueness):
        result = SampleSplit(uniqueness=uniqueness, split=1).assign(samples, "free", "free")
        units = checked_units(samples, uniqueness)
        for unit in set(units):
            rows = units == unit
            said = set(samples.purpose[rows].dropna())
            got = set(result.purpose[rows & samples.purpose.isna()])
            if len(said) == 0:
                assert got == {"free"}
            elif len(said) == 1:
                assert got <= said
            else:
                assert got <= said | {"conflict", "free"}
        # Without the samples set aside, and apart from what was given so, no unit straddles.
        kept = result[(result.purpose != "conflict").to_numpy()].reset_index(drop=True)
        was_given = samples.purpose.notna().to_numpy()[(result.purpose != "conflict").to_numpy()]
        settled = checked_units(kept, uniqueness)
        for unit in set(settled):
            rows = settled == unit
            if len(set(kept.purpose[rows & was_given])) <= 1:
                assert kept.purpose[rows].nunique() == 1

    @FEW
    @given(tables(), SPLITS, SEEDS)
    def test_assigning_again_changes_nothing(self, samples, split, seed):
        splitter = SampleSplit(["category"], ["patient"], split=split, seed=seed)
        once = splitter.assign(samples, remainder="devel")
        pd.testing.assert_frame_equal(splitter.assign(once, remainder="devel"), once)

    @FEW
    @given(tables(), st.integers(0, 40), SEEDS)
    def test_hashed_purposes_do_not_move_when_others_come_or_go(self, samples, kept, seed):
        splitter = SampleSplit(["category"], ["patient"], mode="murmurhash3", seed=seed)
        whole = splitter.assign(samples, remainder="devel")
        part = splitter.assign(samples.iloc[:kept], remainder="devel")
        pd.testing.assert_frame_equal(part, whole.iloc[:kept])

    @FEW
    @given(tables(), st.integers(0, 40), SEEDS)
    def test_the_file_keeps_purposes_when_samples_come_and_go(self, tmp_path_factory, samples, kept, seed):
        path = str(tmp_path_factory.mktemp("ids") / "ids.csv")
        splitter = SampleSplit(["category"], ["patient"], seed=seed)
        first = splitter.update_unassigned(samples.iloc[:kept], path)
        whole = splitter.update_unassigned(samples, path)
        pd.testing.assert_series_equal(whole.purpose.iloc[:kept], first.purpose)
        again = splitter.update_unassigned(samples.iloc[kept:], path)
        settled = (whole.purpose != "conflict").iloc[kept:]
        assert (again.purpose[settled] == whole.purpose.iloc[kept:][settled]).all()


class TestShare:
    @pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 99, 1000])
    @pytest.mark.parametrize("split", [0, 0.07, 0.29, 0.5, 0.8, 1])
    def test_of_single_samples_is_exact(self, count, split):
        assert abs(share(SampleSplit(split=split).assign(frame(count))) - split * count) <= 0.5 + 1e-9

    def test_zero_and_one_are_none_and_all(self):
        samples = frame(9, patient=list("aabbccddd"), category=list("xyxyxyxyz"))
        for stratification in (None, ["category"]):
            for uniqueness in (None, ["patient"]):
                splitter = {"stratification": stratification, "uniqueness": uniqueness}
                assert share(SampleSplit(split=0, **splitter).assign(samples)) == 0
                assert share(SampleSplit(split=1, **splitter).assign(samples)) == 9

    def test_holds_in_every_stratum_and_in_total(self):
        sizes = [1, 2, 3, 4, 7, 13, 29, 41]
        category = [f"c{i}" for i, size in enumerate(sizes) for _ in range(size)]
        result = SampleSplit(["category"], split=0.77).assign(frame(sum(sizes), category=category))
        counts = (result.purpose == "train").groupby(result.category).sum()
        assert all(abs(got - 0.77 * size) < 1 for got, size in zip(counts, sizes, strict=True))
        assert abs(counts.sum() - 0.77 * sum(sizes)) <= 0.5

    def test_of_strata_of_one_is_carried_over(self):
        assert share(SampleSplit(["path"], split=0.8).assign(frame(1000))) == 800

    def test_of_several_columns_is_of_their_combinations(self):
        samples = frame(400, a=["x", "y"] * 200, b=["1"] * 200 + ["2"] * 200)
        result = SampleSplit(["a", "b"], split=0.9).assign(samples)
        assert (result.purpose == "train").groupby([result.a, result.b]).sum().tolist() == [90] * 4

    def test_of_labels_in_tuples(self):
        samples = frame(100, category=[("a",), ("a", "b")] * 50)
        result = SampleSplit(["category"]).assign(samples)
        assert (result.purpose == "train").groupby(result.category).sum().tolist() == [40, 40]

    def test_counts_only_what_is_unassigned(self):
        samples = frame(100, purpose=["test"] * 60 + [None] * 40)
        result = SampleSplit(split=0.5).assign(samples, remainder="devel")
        assert (share(result), share(result, "devel"), share(result, "test")) == (20, 20, 60)

    def test_is_near_in_every_stratum_where_units_lie_across(self):
        rng = np.random.default_rng(0)
        samples = frame(
            3000, patient=rng.integers(0, 300, 3000), category=rng.choice(list("abcd"), 3000, p=[0.7, 0.2, 0.08, 0.02])
        )
        result = SampleSplit(["category"], ["patient"], split=0.8).assign(samples)
        counts = result.groupby("category").purpose.agg([lambda column: (column == "train").mean()])
        assert (abs(counts - 0.8) < 0.03).all(axis=None)
        assert abs(share(result) - 2400) <= samples.patient.value_counts().max()

    def test_units_inside_a_stratum_make_up_for_those_across(self):
        # Each of the 11 patients across brings 20 samples of a and 1 of b: whole, they cannot meet half of both.
        patient = [f"across{i}" for i in range(11) for _ in range(21)] + [f"inside{i}" for i in range(400)]
        category = (["a"] * 20 + ["b"]) * 11 + ["a", "b"] * 200
        samples = frame(len(patient), patient=patient, category=category)
        result = SampleSplit(["category"], ["patient"], split=0.5).assign(samples)
        for _, stratum in result.groupby("category"):
            assert abs(share(stratum) - len(stratum) / 2) <= 1

    def test_does_not_favour_big_units(self):
        samples = frame(300, patient=["big"] * 100 + [f"p{i}" for i in range(200)])
        taken = [
            (SampleSplit(uniqueness=["patient"], split=0.5, seed=seed).assign(samples).purpose[0] == "train")
            for seed in range(60)
        ]
        assert 15 < sum(taken) < 45

    def test_hashed_is_met_on_average(self):
        assert abs(share(SampleSplit(mode="murmurhash3").assign(frame(20_000))) - 16_000) < 300


class TestUnits:
    def test_a_missing_key_is_a_unit_of_its_own(self):
        samples = frame(200, patient=["p"] * 100 + [None] * 50 + [""] * 50)
        result = SampleSplit(uniqueness=["patient"], split=0.5).assign(samples, remainder="devel")
        assert result.purpose[:100].nunique() == 1
        assert result.purpose[100:150].nunique() == result.purpose[150:].nunique() == 2

    def test_several_columns_are_one_key(self):
        samples = frame(40, a=["x", "y"] * 20, b=[i // 4 for i in range(40)])
        result = SampleSplit(uniqueness=["a", "b"], split=0.5).assign(samples, remainder="devel")
        assert (result.groupby(["a", "b"]).purpose.nunique() == 1).all()
        assert (result.groupby("b").purpose.nunique() == 2).any()

    def test_a_key_of_several_columns_that_misses_one_is_a_unit_of_its_own(self):
        samples = frame(60, a=["x"] * 30 + ["y"] * 30, b=["1"] * 30 + [None] * 30)
        result = SampleSplit(uniqueness=["a", "b"], split=0.5).assign(samples, remainder="devel")
        assert result.purpose[:30].nunique() == 1
        assert result.purpose[30:].nunique() == 2

    def test_the_first_group_of_an_expression_is_the_key(self):
        samples = frame(6).assign(path=["/p1/a.png", "/p1/b.png", "/p2/a.png", "/p2/b.png", "/x/a.png", "/x/b.png"])
        result = SampleSplit(uniqueness=r"/(p\d+)/", split=0.5, seed=1).assign(samples, remainder="devel")
        assert (result.purpose[0], result.purpose[2]) == (result.purpose[1], result.purpose[3])
        found = {
            tuple(
                SampleSplit(uniqueness=r"/(p\d+)/", split=0.5, seed=seed).assign(samples, remainder="devel").purpose[4:]
            )
            for seed in range(20)
        }
        assert ("train", "devel") in found or ("devel", "train") in found

    def test_an_expression_may_stratify(self):
        samples = frame(100).assign(path=[f"/{'ab'[i % 2]}/{i}.png" for i in range(100)])
        result = SampleSplit(stratification="^/(.)/").assign(samples)
        assert share(result[result.path.str.startswith("/a")]) == 40

    def test_equal_content_is_tied_whatever_the_uniqueness(self):
        samples = frame(100, patient=range(100)).assign(etag=[f"e{i // 2}" for i in range(100)])
        for uniqueness in (None, ["patient"]):
            result = SampleSplit(uniqueness=uniqueness, split=0.5).assign(samples, remainder="devel")
            assert (result.groupby("etag").purpose.nunique() == 1).all()

    def test_leak_groups_are_tied_if_the_frame_has_them(self):
        samples = frame(100, leak_group=[f"g{i // 10}" for i in range(60)] + [""] * 40)
        result = SampleSplit(split=0.5).assign(samples, remainder="devel")
        assert (result[:60].groupby("leak_group").purpose.nunique() == 1).all()
        assert result.purpose[60:].nunique() == 2

    def test_ties_chain(self):
        samples = frame(4, patient=["a", "a", "b", "b"]).assign(etag=["1", "2", "2", "3"])
        for seed in range(5):
            assert SampleSplit(uniqueness=["patient"], split=0.5, seed=seed).assign(samples).purpose.nunique() <= 1

    def test_without_ties_equal_content_may_straddle_and_is_reported(self, caplog):
        samples = frame(100).assign(etag="same")
        result = SampleSplit(tie=(), split=0.5).assign(samples, remainder="devel")
        assert share(result) == 50
        SampleSplit(mode="murmurhash3", uniqueness=["path"], split=0.5).assign(samples, remainder="devel")
        assert "1 value of the tie column etag with samples of several purposes: a leak" in caplog.text

    @pytest.mark.parametrize("dtype", ["int64", "float64", "str", "category", "object"])
    def test_the_dtype_of_a_key_plays_no_part(self, dtype):
        samples = frame(60, patient=[i // 3 for i in range(60)])
        expected = SampleSplit(uniqueness=["patient"]).assign(samples).purpose
        changed = samples.assign(patient=samples.patient.astype(dtype))
        assert SampleSplit(uniqueness=["patient"]).assign(changed).purpose.equals(expected)

    def test_where_a_dataset_lies_plays_no_part(self):
        samples = frame(60)
        moved = samples.assign(path="/elsewhere" + samples.path)
        assert SampleSplit().assign(samples).purpose.equals(SampleSplit().assign(moved).purpose)


class TestGiven:
    def test_a_purpose_passes_to_its_unit(self):
        samples = frame(6, patient=list("aaabbb"), purpose=[None, "test", None, None, None, None])
        assert SampleSplit(uniqueness=["patient"]).assign(samples).purpose.tolist()[:3] == ["test"] * 3

    def test_blank_text_is_no_purpose(self):
        assert share(SampleSplit(split=1).assign(frame(3, purpose=["", "devel", ""]))) == 2

    def test_without_a_remainder_the_rest_is_missing(self):
        result = SampleSplit(split=0.5).assign(frame(10))
        assert (share(result), result.purpose.isna().sum()) == (5, 5)
        assert str(result.purpose.dtype) == "str"

    def test_another_column(self):
        result = SampleSplit().assign(frame(10), "a", "b", column="fold")
        assert result.fold.value_counts().to_dict() == {"a": 8, "b": 2}
        assert "purpose" not in result.columns

    def test_a_sample_between_two_purposes_is_set_aside_and_nothing_else_moves(self, caplog):
        samples = frame(6, patient=["a", "a", "b", "b", "a", "c"]).assign(etag=["1", "2", "3", "4", "3", "5"])
        samples["purpose"] = ["train", None, "devel", None, None, None]
        result = SampleSplit(uniqueness=["patient"], split=1).assign(samples, "free")
        assert result.purpose.tolist() == ["train", "train", "devel", "devel", "conflict", "free"]
        assert "1 sample ties units of different purposes and is set aside as 'conflict': /d/00004.png" in caplog.text

    def test_where_the_tie_is_a_chain_those_who_meet_are_set_aside(self):
        samples = frame(5, patient=["a", "a", "b", "b", None]).assign(etag=["1", "2", "2", "3", "2"])
        samples["purpose"] = ["train", None, None, "devel", None]
        result = SampleSplit(uniqueness=["patient"], split=1).assign(samples, "free")
        assert result.purpose.tolist() == ["train", "conflict", "conflict", "devel", "free"]

    def test_what_a_conflict_cuts_off_is_a_unit_apart_from_all_others(self):
        # The last row hangs on the chain through two rows set aside; the first forty are units of their own.
        chain = frame(5, patient=["a", "a", "b", "b", None]).assign(etag=["1", "2", "2", "3", "2"])
        chain["purpose"] = ["train", None, None, "devel", None]
        samples = pd.concat([frame(40), chain], ignore_index=True)
        alone = [
            SampleSplit(uniqueness=["patient"], split=0.5, seed=seed).assign(samples, "t", "d").purpose
            for seed in range(12)
        ]
        assert {(purposes[0] == purposes[44]) for purposes in alone} == {True, False}

    def test_a_conflict_stays_and_passes_nothing_on(self):
        samples = frame(4, patient=list("aaaa"), purpose=["conflict", None, None, None])
        result = SampleSplit(uniqueness=["patient"], split=1).assign(samples)
        assert result.purpose.tolist() == ["conflict", "train", "train", "train"]

    def test_rows_keep_their_index(self):
        samples = frame(10)
        samples.index = pd.Index([7, 7, *"abcdefgh"])
        result = SampleSplit().assign(samples)
        assert list(result.index) == list(samples.index)
        assert share(result) == 8


class TestSeed:
    def test_equal_seeds_equal_splits_other_seeds_others(self):
        first, again, other = (SampleSplit(seed=seed).assign(frame()).purpose for seed in (3, 3, 4))
        assert first.equals(again)
        assert not first.equals(other)

    def test_a_split_is_pinned(self):
        # What a job split yesterday it must split alike tomorrow: these change only with a new major version.
        result = SampleSplit(split=0.5).assign(frame(8), "t", "d")
        hashed = SampleSplit(split=0.5, mode="murmurhash3").assign(frame(8), "t", "d")
        assert "".join(result.purpose) == "tdttdtdd"
        assert "".join(hashed.purpose) == "dttdddtt"

    def test_none_draws_one_and_shows_it(self, caplog):
        caplog.set_level("INFO")
        split = SampleSplit(seed=None)
        assert isinstance(split.seed, int)
        assert f"drew the seed {split.seed}" in caplog.text
        again = SampleSplit.from_config(split.get_config())
        assert again == split
        assert again.assign(frame()).purpose.equals(split.assign(frame()).purpose)
        assert SampleSplit(seed=None).seed != split.seed

    def test_seeds_of_the_hash_differ_too(self):
        first, other = (SampleSplit(mode="murmurhash3", seed=seed).assign(frame()).purpose for seed in (0, 1))
        assert not first.equals(other)


class TestSmallAndWrong:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("columns", [[], ["path"], ["path", "etag", "patient", "category"]])
    def test_empty_frames_work(self, mode, columns):
        keys = {"stratification": ["category"], "uniqueness": ["patient"]} if "patient" in columns else {}
        splitter = SampleSplit(mode=mode, **keys)
        result = splitter.assign(pd.DataFrame(columns=columns))
        assert list(result.columns) == [*columns, "purpose"]
        assert len(result) == 0

    def test_frames_without_path_or_etag_work(self):
        assert share(SampleSplit().assign(pd.DataFrame({"x": range(10)}))) == 8
        assert share(SampleSplit().assign(pd.DataFrame(index=range(10)))) == 8

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("setting", ["stratification", "uniqueness"])
    def test_a_missing_column_is_named(self, mode, setting):
        with pytest.raises(ValueError, match="expected the samples to have the column 'patient', received path, etag"):
            SampleSplit(mode=mode, **{setting: ["patient"]}).assign(frame())

    @pytest.mark.parametrize("mode", MODES)
    def test_an_expression_needs_paths(self, mode):
        with pytest.raises(ValueError, match="'path'"):
            SampleSplit(uniqueness="(.)", mode=mode).assign(frame().drop(columns="path"))

    def test_missing_tie_columns_are_passed_over(self):
        assert share(SampleSplit(tie=("nothing",)).assign(frame())) == 80

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"split": 1.5}, "split: expected less than or equal to 1"),
            ({"split": float("nan")}, "split"),
            ({"seed": -1}, "seed"),
            ({"mode": "random"}, "mode: expected 'sorted_permutation' or 'murmurhash3', received 'random'"),
            ({"uniqueness": "patient"}, "uniqueness: expected a list of columns, or a regular expression"),
            ({"uniqueness": "("}, "uniqueness: expected columns or a regular expression"),
            ({"stratify": ["a"]}, "stratify: unknown setting, did you mean 'stratification'"),
        ],
    )
    def test_wrong_settings_are_named(self, arguments, text):
        with pytest.raises(SettingsError, match=text):
            SampleSplit(**arguments)

    def test_is_settings(self):
        split = SampleSplit(stratification=["category"], uniqueness=r"/(\d+)_")
        assert isinstance(split, Settings)
        assert SampleSplit.from_config(split.get_config()) == split
        assert split == SampleSplit(["category"], r"/(\d+)_")
        assert SampleSplit(uniqueness=[]) == SampleSplit(uniqueness="") == SampleSplit()
        assert SampleSplit().mode == SampleSplit.MODE_SORTED_PERMUTATION
        assert SampleSplit(mode=SampleSplit.MODE_MURMURHASH3).mode == "murmurhash3"
        assert set(SampleSplit.get_schema().schema["properties"]) == {
            "stratification", "uniqueness", "tie", "split", "seed", "mode",
        }  # fmt: skip


class TestIdentificationFile:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "artifacts" / "ids.csv"

    def write(self, path, text):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def read(self, path) -> dict[str, str]:
        return pd.read_csv(path, dtype=str, na_filter=False).set_index("etag").purpose.to_dict()

    def test_is_etag_and_purpose(self, path):
        result = SampleSplit().update_unassigned(frame(10), str(path))
        assert result.purpose.value_counts().to_dict() == {"train": 8, "devel": 2}
        lines = path.read_text().split("\n")
        assert lines[:2] == ["etag,purpose", f"e0,{result.purpose[0]}"]
        assert (len(lines), lines[-1]) == (12, "")

    def test_overrules_the_frame_but_its_blanks_do_not(self, path):
        self.write(path, "etag,purpose\ne0,test\ne1,\ne2,devel\n")
        samples = frame(4, purpose=["train", "test", None, None])
        result = SampleSplit(split=1).update_unassigned(samples, str(path))
        assert result.purpose.tolist() == ["test", "test", "devel", "train"]
        assert self.read(path) == {"e0": "test", "e1": "test", "e2": "devel", "e3": "train"}

    @pytest.mark.parametrize(
        ("purposes", "strongest"),
        [
            (["test", "devel", "train"], "train"),
            (["test", "development", ""], "development"),
            (["", "test"], "test"),
            (["other", "test"], "test"),
            (["", "other"], "other"),
        ],
    )
    def test_of_several_purposes_the_strongest_stands(self, path, purposes, strongest):
        self.write(path, "etag,purpose\n" + "".join(f"e0,{purpose}\n" for purpose in purposes) + "z,train\n")
        assert SampleSplit().update_unassigned(frame(1), str(path)).purpose.tolist() == [strongest]
        assert self.read(path) == {"e0": strongest, "z": "train"}

    def test_equal_samples_of_several_purposes_settle_too(self, path):
        samples = frame(3, purpose=["test", "train", "devel"]).assign(etag="same")
        SampleSplit().update_unassigned(samples, str(path))
        assert self.read(path) == {"same": "train"}

    def test_ids_absent_today_are_kept(self, path):
        SampleSplit().update_unassigned(frame(10), str(path))
        before = self.read(path)
        SampleSplit(seed=5).update_unassigned(frame(20)[5:], str(path))
        after = self.read(path)
        assert {etag: after[etag] for etag in before} == before
        assert len(after) == 20

    def test_is_not_touched_when_nothing_is_new(self, path):
        SampleSplit().update_unassigned(frame(10), str(path))
        before = path.stat()
        SampleSplit().update_unassigned(frame(10), str(path))
        assert path.stat().st_ino == before.st_ino

    def test_unassigned_and_conflicting_samples_are_blank(self, path):
        samples = frame(4, patient=["a", "b", None, None]).assign(etag=["1", "2", "3", "4"])
        samples["leak_group"] = ["x", "y", "z", ""]
        samples["purpose"] = ["train", "devel", None, None]
        samples.loc[4] = {"path": "p", "patient": "a", "etag": "5", "leak_group": "y", "purpose": None}
        result = SampleSplit(uniqueness=["patient"], split=0).update_unassigned(samples, str(path), remainder=None)
        assert result.purpose.tolist()[4] == "conflict"
        assert self.read(path) == {"1": "train", "2": "devel", "3": "", "4": "", "5": ""}

    def test_another_uniqueness_adds_its_columns(self, path):
        samples = frame(20, patient=[i // 2 for i in range(20)])
        result = SampleSplit(uniqueness=["patient"]).update_unassigned(samples, str(path))
        assert path.read_text().split("\n")[:2] == ["etag,patient,purpose", f"e0,0,{result.purpose[0]}"]

    def test_a_new_sample_of_a_known_unit_gets_its_purpose(self, path):
        samples = frame(20, patient=[i // 2 for i in range(20)])
        old = SampleSplit(uniqueness=["patient"], split=0.5).update_unassigned(samples[::2], str(path))
        new = SampleSplit(uniqueness=["patient"], split=0.5, seed=9).update_unassigned(samples[1::2], str(path))
        assert new.purpose.tolist() == old.purpose.tolist()

    def test_a_unit_by_expression_is_known_again_too(self, path):
        samples = frame(20).assign(path=[f"/p{i // 2}/{i}.png" for i in range(20)])
        splitter = SampleSplit(uniqueness=r"/(p\d+)/", split=0.5)
        old = splitter.update_unassigned(samples[::2], str(path))
        assert path.read_text().startswith("etag,uniqueness,purpose\n")
        assert splitter.update_unassigned(samples[1::2], str(path)).purpose.tolist() == old.purpose.tolist()

    @pytest.mark.parametrize("uniqueness", [["etag"], ["etag", "patient"], ["patient", "etag"], ["patient", "patient"]])
    def test_absent_samples_tie_newcomers_where_the_etag_or_a_repeated_column_is_part_of_the_key(
        self, path, uniqueness
    ):
        first = frame(2, patient=["a", "b"], line=["x", "y"], purpose=["test", "devel"])
        splitter = SampleSplit(uniqueness=uniqueness, tie=["line"], split=1)
        splitter.update_unassigned(first, str(path))
        later = frame(2, patient=["a", "b"], line=["", "y"]).assign(etag=["e0", "new"])
        if uniqueness == ["patient", "patient"]:
            later["etag"] = ["new", "newer"]
        assert splitter.update_unassigned(later, str(path)).purpose.tolist() == ["test", "devel"]

    def test_a_file_from_before_the_uniqueness_is_understood(self, path):
        self.write(path, "etag,purpose\ne0,test\n")
        samples = frame(3, patient=["a", "a", "b"])
        result = SampleSplit(uniqueness=["patient"], split=1).update_unassigned(samples, str(path))
        assert result.purpose.tolist() == ["test", "test", "train"]
        assert path.read_text() == "etag,patient,purpose\ne0,a,test\ne1,a,test\ne2,b,train\n"

    def test_without_etags_the_key_is_the_id(self, path):
        samples = frame(4, patient=["a", "a", "b", None]).drop(columns="etag")
        result = SampleSplit(uniqueness=["patient"], split=1).update_unassigned(samples, str(path))
        assert result.purpose.tolist() == ["train"] * 4
        assert path.read_text() == "patient,purpose\na,train\nb,train\n"
        again = SampleSplit(uniqueness=["patient"], split=0).update_unassigned(samples, str(path))
        assert again.purpose.tolist() == ["train", "train", "train", "devel"]

    def test_columns_of_others_are_kept(self, path):
        self.write(path, "etag,note,purpose\ne0,seen by QA,test\n")
        SampleSplit(split=1).update_unassigned(frame(2), str(path))
        assert path.read_text() == "etag,note,purpose\ne0,seen by QA,test\ne1,,train\n"

    @pytest.mark.parametrize("key", ["a,b", 'q"q', "new\nline", "cr\rcr", "é", " x ", "NA", "nan", "001"])
    def test_odd_keys_are_known_again(self, path, key):
        samples = frame(2, patient=[key, "other"], purpose=["test", None])
        SampleSplit(uniqueness=["patient"]).update_unassigned(samples, str(path))
        again = samples.assign(etag=["new", "newer"], purpose=None)
        assert SampleSplit(uniqueness=["patient"]).update_unassigned(again, str(path)).purpose[0] == "test"

    def test_samples_without_an_id_are_split_but_not_written(self, path):
        samples = frame(3).assign(etag=["", "1", ""])
        assert share(SampleSplit(split=1).update_unassigned(samples, str(path))) == 3
        assert self.read(path) == {"1": "train"}

    def test_hashed_splits_use_it_too(self, path):
        self.write(path, "etag,purpose\ne0,test\n")
        assert SampleSplit(mode="murmurhash3").update_unassigned(frame(5), str(path)).purpose[0] == "test"
        assert len(self.read(path)) == 5

    def test_an_empty_frame_keeps_the_file(self, path):
        self.write(path, "etag,purpose\ne0,test\n")
        assert len(SampleSplit().update_unassigned(frame(0), str(path))) == 0
        assert path.read_text() == "etag,purpose\ne0,test\n"

    def test_the_frame_is_left_alone(self, path):
        samples = frame(10, purpose=[None, "test"] * 5)
        before = samples.copy(deep=True)
        SampleSplit().update_unassigned(samples, str(path))
        pd.testing.assert_frame_equal(samples, before)

    def test_something_to_know_samples_by_is_needed(self, path):
        with pytest.raises(ValueError, match="'etag', or a uniqueness"):
            SampleSplit().update_unassigned(frame(3).drop(columns="etag"), str(path))
        assert not path.exists()

    @pytest.mark.parametrize(
        "text", ["\n", "etag\ne0\n", "id,purpose\ne0,train\n", "etag,purpose\ne0,train,x,y\n", "\udcff,"]
    )
    def test_a_file_of_another_kind_is_refused_and_kept(self, path, text):
        path.parent.mkdir()
        path.write_bytes(os.fsencode(text))
        with pytest.raises(DataError, match=r"ids\.csv: expected"):
            SampleSplit().update_unassigned(frame(3), str(path))
        assert path.read_bytes() == os.fsencode(text)

    def test_jobs_that_share_it_lose_nothing_and_agree(self, path):
        # Eight processes with overlapping samples and seeds of their own, over and over.
        code = (
            "import sys, pandas as pd\n"
            "from brevetti_keras.data.sample_integrity import SampleSplit\n"
            "job, path = int(sys.argv[1]), sys.argv[2]\n"
            "for turn in range(10):\n"
            "    ids = [f'e{(job * 7 + turn * 5 + i) % 150}' for i in range(20)] + [f'own-{job}-{turn}']\n"
            "    split = SampleSplit(seed=job * 100 + turn, split=0.5)\n"
            "    result = split.update_unassigned(pd.DataFrame({'etag': ids}), path)\n"
            "    for etag, purpose in zip(result.etag, result.purpose):\n"
            "        print(etag, purpose)\n"
        )
        jobs = [
            subprocess.Popen([sys.executable, "-c", code, str(job), str(path)], stdout=subprocess.PIPE, text=True)
            for job in range(8)
        ]
        outputs = [job.communicate()[0] for job in jobs]
        assert all(job.returncode == 0 for job in jobs)
        known = self.read(path)
        said = [tuple(line.split()) for output in outputs for line in output.splitlines()]
        assert len(said) == 8 * 10 * 21
        assert all(known[etag] == purpose for etag, purpose in said)
        assert set(known) == {etag for etag, _ in said}
        assert [entry.name for entry in path.parent.iterdir()] == ["ids.csv"]


def test_a_hundred_thousand_samples_are_split_quickly():
    # Far slower than what is measured, so that a busy machine passes and a quadratic way does not.
    count = 100_000
    samples = frame(count, patient=np.arange(count) // 7, category=np.arange(count) % 5)
    start = time.process_time()
    result = SampleSplit(["category"], ["patient"]).assign(samples)
    assert abs(share(result) - 80_000) <= 7
    assert time.process_time() - start < 20


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([1, 2], "expected samples in a DataFrame, received list"),
        (pd.concat([frame(3), frame(3)[["etag"]]], axis=1), "expected each column once, received 'etag' twice"),
    ],
)
def test_samples_that_are_no_frame_of_single_columns_are_refused_in_one_line(tmp_path, samples, message) -> None:
    with pytest.raises(InvalidInputError, match=message):
        SampleSplit().assign(samples)
    with pytest.raises(InvalidInputError, match=message):
        SampleSplit().update_unassigned(samples, str(tmp_path / "ids.csv"))
    assert list(tmp_path.glob("*.csv")) == []
