import numpy as np
import pandas as pd
import pytest

from brevetti_keras.data.column_keys import ColumnKeys, Key
from brevetti_keras.data.identification import IdentificationFile
from brevetti_keras.data.sample_integrity import SampleSplit


def known(path, text: str, samples: dict[str, list[str]], key=(), ties=()):
    """Returns what the file says of each sample, which other entries are related, and its text after an update that
    gives every sample `devel`."""
    path.write_text(text)
    keys = ColumnKeys(pd.DataFrame(samples, dtype="str"))
    ids = {name: keys.of([name]) for name in samples}
    count = len(next(iter(samples.values())))

    def decide(file: IdentificationFile):
        said, others = file.lookup().series().tolist(), file.others()
        file.update(Key(np.zeros(count, dtype=np.int64), ["devel"]))
        return said, others

    said, others = IdentificationFile(str(path), ids, key, ties).settle(decide)
    related = [",".join(entry) for entry in others.drop(columns="purpose").to_numpy().tolist()]
    return said, related, path.read_text().splitlines()[1:]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ids.csv"


def test_an_id_is_its_etag_and_its_key_together(path) -> None:
    text = "etag,patient,purpose\ne1,a,train\ne1,b,test\ne2,,test\n,a,train\n"

    said, others, lines = known(
        path, text, {"etag": ["e1", "e1", "e1", "e2", ""], "patient": [*"abc", "", "a"]}, ["patient"], ["etag"]
    )

    # Entries of one etag have settled for the strongest.
    assert said == ["train", "train", "", "test", "train"]
    assert others == []
    assert lines == ["e1,a,train", "e1,b,train", "e2,,test", ",a,train", "e1,c,devel"]


def test_where_etags_do_not_tie_each_id_keeps_its_own_purpose(path) -> None:
    text = "etag,patient,purpose\ne1,a,train\ne1,b,devel\ne1,b,test\n"

    said, _, lines = known(path, text, {"etag": ["e1", "e1"], "patient": ["a", "b"]}, ["patient"])

    assert said == ["train", "devel"]
    assert lines == ["e1,a,train", "e1,b,devel"]


def test_entries_of_others_are_related_by_etag_key_or_tie(path) -> None:
    text = "etag,patient,leak_group,purpose\ne1,z,,train\ne8,a,,test\ne9,y,g,test\ne7,x,h,test\ne6,a,,\n,,g,train\n"

    _, others, _ = known(
        path, text, {"etag": ["e1"], "patient": ["a"], "leak_group": ["g"]}, ["patient"], ["leak_group"]
    )

    assert others == ["e1,z,", "e8,a,", "e9,y,g", ",,g"]


def test_a_key_of_several_columns_relates_only_where_it_is_whole(path) -> None:
    text = "etag,line,lot,purpose\ne1,a,1,train\ne2,a,2,train\ne3,a,,train\ne4,b,1,train\n"

    _, others, _ = known(path, text, {"etag": ["n1", "n2"], "line": ["a", "a"], "lot": ["1", ""]}, ["line", "lot"])

    assert others == ["e1,a,1"]


def test_blank_entries_are_filled_and_equal_ones_become_one(path) -> None:
    text = "etag,purpose\ne1,\ne2, test \ne1,\n,\n,\ne3,\n"

    said, _, lines = known(path, text, {"etag": ["e1", "e2", "e4", "e4", ""]})

    assert said == ["", "test", "", "", ""]
    assert lines == ["e1,devel", "e2,test", ",", "e3,", "e4,devel"]


def test_columns_of_others_stay_in_a_file_without_entries(path) -> None:
    _, _, lines = known(path, "note,etag,purpose\n", {"etag": ["e1"]})

    assert path.read_text().splitlines()[0] == "etag,note,purpose"
    assert lines == ["e1,,devel"]


def test_a_file_from_before_the_uniqueness_and_no_samples_today(path) -> None:
    path.write_text("etag,purpose\ne0,test\n")

    result = SampleSplit(uniqueness=["patient"]).update_unassigned(pd.DataFrame({"etag": [], "patient": []}), str(path))

    assert len(result) == 0
    assert path.read_text() == "etag,patient,purpose\ne0,,test\n"


def test_of_several_samples_of_an_etag_the_first_tells_an_older_file_its_key(path) -> None:
    text = "etag,purpose\ne0,test\ne5,train\n"

    said, _, lines = known(path, text, {"etag": ["e0", "e0", "e0", "e1"], "patient": ["", "b", "d", "c"]}, ["patient"])

    assert said == ["", "test", "", ""]
    assert lines == ["e0,b,test", "e5,,train", "e0,,devel", "e0,d,devel", "e1,c,devel"]


def test_others_win_by_strength_and_stand_where_the_first_stood(path) -> None:
    text = "etag,patient,purpose\ne2,a,devel\ne1,a,other\ne2,a,train\ne1,a,test\ne3,b,\n"

    _, _, lines = known(path, text, {"etag": ["e9"], "patient": ["q"]}, ["patient"])

    assert lines == ["e2,a,train", "e1,a,test", "e3,b,", "e9,q,devel"]


def test_of_several_entries_of_an_id_the_first_counts(path) -> None:
    text = "etag,patient,leak_group,purpose\n,a,g,test\n,a,h,train\n"

    said, _, _ = known(path, text, {"etag": [""], "patient": ["a"], "leak_group": [""]}, ["patient"], ["leak_group"])

    assert said == ["test"]
