import logging

import pandas as pd
import pytest

from brevetti_keras.data.sample_integrity import SampleSplit
from tests.support.split_trials import COUNTS, run_trials


def samples(**columns) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    return pd.DataFrame({"path": [f"/d/{index}.png" for index in range(count)], **columns})


def test_random_orders_subsets_and_additions_leak_nothing_and_move_nothing(tmp_path):
    figures = run_trials(range(12), str(tmp_path))
    assert figures.pop("trials") == 12
    assert figures.pop("conflicts set aside, with the identification file") > 0
    assert figures == dict.fromkeys(figures, 0)
    assert len(figures) == len(COUNTS) - 2


def test_a_newcomer_that_ties_train_to_devel_is_set_aside_named_and_counted(tmp_path, caplog):
    path = str(tmp_path / "ids.csv")
    old = samples(etag=["a", "b"], leak_group=["", "g"], patient=["p", "q"], purpose=["train", "devel"])
    SampleSplit(uniqueness=["patient"]).update_unassigned(old, path)
    new = samples(etag=["a", "b", "c"], leak_group=["", "g", "g"], patient=["p", "q", "p"])
    with caplog.at_level(logging.WARNING):
        result = SampleSplit(uniqueness=["patient"]).update_unassigned(new, path)
    assert result.purpose.tolist() == ["train", "devel", "conflict"]
    assert "1 sample ties units of different purposes and is set aside as 'conflict': /d/2.png" in caplog.text


@pytest.mark.parametrize("absent", [[2], [1, 2], [0, 2]])
def test_what_it_ties_need_not_be_there(tmp_path, absent):
    path = str(tmp_path / "ids.csv")
    old = samples(etag=["a", "b"], leak_group=["", "g"], patient=["p", "q"], purpose=["train", "devel"])
    SampleSplit(uniqueness=["patient"]).update_unassigned(old, path)
    new = samples(etag=["a", "b", "c"], leak_group=["", "g", "g"], patient=["p", "q", "p"])
    found = SampleSplit(uniqueness=["patient"]).update_unassigned(new.drop(index=[i for i in absent if i < 2]), path)
    assert found.purpose.iloc[-1] == "conflict"
    # Set aside, it does not become what one of its ties is when the other has gone.
    assert SampleSplit(uniqueness=["patient"]).update_unassigned(new, path).purpose.iloc[2] == "conflict"


def test_a_group_is_known_again_by_the_file_alone(tmp_path):
    path = str(tmp_path / "ids.csv")
    first = samples(etag=["a", "b"], leak_group=["g", ""], purpose=["devel", "train"])
    SampleSplit().update_unassigned(first, path)
    assert (tmp_path / "ids.csv").read_text() == "etag,leak_group,purpose\na,g,devel\nb,,train\n"
    alone = samples(etag=["c"], leak_group=["g"])
    assert SampleSplit(split=1).update_unassigned(alone, path).purpose.tolist() == ["devel"]


def test_without_groups_the_file_has_no_column_for_them(tmp_path):
    SampleSplit(split=1).update_unassigned(samples(etag=["a"], leak_group=[""]), str(tmp_path / "ids.csv"))
    assert (tmp_path / "ids.csv").read_text() == "etag,purpose\na,train\n"


def test_samples_of_one_etag_and_several_keys_are_each_known(tmp_path):
    path = str(tmp_path / "ids.csv")
    first = samples(etag=["e", "e"], patient=["p", "q"], purpose=["test", "test"])
    SampleSplit(uniqueness=["patient"]).update_unassigned(first, path)
    later = samples(etag=["x", "y"], patient=["p", "q"])
    assert SampleSplit(uniqueness=["patient"], split=1).update_unassigned(later, path).purpose.tolist() == ["test"] * 2


def test_in_hash_mode_straddling_etags_and_groups_are_reported_by_name(caplog):
    tied = samples(etag=["e"] * 40, leak_group=["g"] * 20 + [""] * 20, patient=[str(n) for n in range(40)])
    with caplog.at_level(logging.WARNING):
        result = SampleSplit(uniqueness=["patient"], mode="murmurhash3").assign(tied, remainder="devel")
    assert set(result.purpose) == {"train", "devel"}
    assert "1 value of the tie column etag with samples of several purposes: a leak" in caplog.text
    assert "1 value of the tie column leak_group with samples of several purposes: a leak" in caplog.text


@pytest.mark.parametrize("tie", [(), ("leak_group",)])
@pytest.mark.parametrize("uniqueness", [None, ["patient"], ["patient", "line"]])
def test_what_a_job_made_of_equal_files_is_what_the_next_one_finds_where_etags_do_not_tie(tmp_path, tie, uniqueness):
    path = str(tmp_path / "ids.csv")
    patients = ["", *map(str, range(1, 40))]
    frame = samples(etag=[f"e{n // 4}" for n in range(40)], patient=patients, line=["", "1"] * 20, leak_group="")
    splitter = SampleSplit(uniqueness=uniqueness, tie=tie, split=0.55)
    first = splitter.update_unassigned(frame, path)
    assert set(first.purpose) == {"train", "devel"}
    again = splitter.update_unassigned(frame.sample(frac=1, random_state=1), path)
    assert again.purpose.sort_index().tolist() == first.purpose.tolist()


def test_samples_without_etag_that_miss_a_part_of_their_key_are_units_apart_and_not_written(tmp_path):
    path = tmp_path / "ids.csv"
    given = [""] * 42 + ["train", "test"]
    frame = samples(line=["1"] * 40 + ["2", "2", "1", "1"], patient=[""] * 40 + ["p", "p", "", ""], purpose=given)
    splitter = SampleSplit(uniqueness=["line", "patient"], split=0.5)
    for _ in range(2):
        found = splitter.update_unassigned(frame, str(path))
        assert found.purpose.value_counts()["test"] == 1
        assert found.purpose[42:].tolist() == ["train", "test"]
        assert set(found.purpose[:40]) == {"train", "devel"}
    assert [line.rsplit(",", 1)[0] for line in path.read_text().splitlines()] == ["line,patient", "2,p"]


def test_a_purpose_given_to_a_newcomer_moves_no_sample_of_its_etag(tmp_path):
    path = str(tmp_path / "ids.csv")
    old = samples(etag=["a", "b"], patient=["p", "p"], purpose=["devel", "devel"])
    splitter = SampleSplit(uniqueness=["patient"])
    splitter.update_unassigned(old, path)
    new = samples(etag=["a", "b", "a", "c"], patient=["p", "p", "q", "r"], purpose=["", "", "train", "train"])
    found = splitter.update_unassigned(new, path)
    assert found.purpose.tolist() == ["devel", "devel", "devel", "train"]
    assert splitter.update_unassigned(new, path).purpose.tolist() == found.purpose.tolist()


def test_samples_of_one_etag_stay_where_their_hash_puts_them_also_with_a_file(tmp_path):
    splitter = SampleSplit(uniqueness=["patient"], mode="murmurhash3")
    frame = samples(etag=["e"] * 40, patient=[str(number) for number in range(40)])
    expected = splitter.assign(frame, "train", "devel").purpose.tolist()
    assert len(set(expected)) == 2
    for _ in range(2):
        assert splitter.update_unassigned(frame, str(tmp_path / "ids.csv")).purpose.tolist() == expected
