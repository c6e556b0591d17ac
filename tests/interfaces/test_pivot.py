"""The pivot table: fields, counts, labels, weights and tags."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.interfaces.pivot import export_pivot_table, get_default_fields, pivot_data, pivot_fields
from brevetti_keras.utils.errors import InvalidInputError
from brevetti_keras.wire.records import Dataset, Tag

FIELDS = {"category": {"label": "Category", "sort": ["a", "b"]}, "folder": "Folder", "purpose": "Purpose"}
SITE = Tag(
    id="3f-2 a",
    name="Site",
    children=(Tag(id="t1", name="Aarhus", children=(Tag(id="t2", name="Line 3"),)), Tag(id="t3", name="Odense")),
)


def frame(**columns):
    return pd.DataFrame(columns)


def counts(result, *keys):
    return {tuple(row[key] for key in keys): row["count"] for row in result.to_dict("records")}


def test_fields_are_placed_and_a_key_in_both_stays_in_the_rows():
    content = pivot_fields(FIELDS, rows=["category"], cols=["purpose", "category"])
    assert content == {
        "rowFields": [{"key": "category", "label": "Category", "sort": ["a", "b"]}],
        "colFields": [{"key": "purpose", "label": "Purpose"}],
        "fields": [{"key": "folder", "label": "Folder"}],
    }
    assert [field["key"] for field in pivot_fields(FIELDS)["fields"]] == list(FIELDS)


def test_a_row_that_is_no_field_is_refused():
    with pytest.raises(InvalidInputError, match="among category, folder, purpose, received 'colour'"):
        pivot_fields(FIELDS, rows=["colour"])


def test_default_fields_are_those_that_are_there():
    samples = frame(category=[("b",), ("a", "b"), ()], purpose=["train", "", None], path=list("xyz"))
    assert get_default_fields(samples) == {
        "category": {"label": "Category", "sort": ["N/A", "a", "b"]},
        "purpose": "Purpose",
    }
    assert get_default_fields(frame(path=["x"])) == {}
    assert get_default_fields(frame(category=[], folder=[]))["category"] == {"label": "Category", "sort": []}


def test_samples_are_counted_by_combination():
    samples = frame(category=[("a",), ("a",), ("b",)], folder=["x", "x", "x"], purpose=["train", "train", "devel"])
    result = pivot_data(samples, FIELDS)
    assert list(result.columns) == ["category", "folder", "purpose", "id", "count"]
    assert counts(result, "category", "purpose") == {("a", "train"): 2, ("b", "devel"): 1}
    assert counts(pivot_data(samples, ["folder"]), "folder") == {("x",): 3}
    assert counts(pivot_data(samples, []), "id") == {(0,): 3}


def test_a_sample_of_several_labels_counts_for_each_under_one_id():
    samples = frame(category=[("a", "b"), ("a", "b"), ("a",)])
    result = pivot_data(samples, ["category"])
    assert counts(result, "category", "id") == {("a", 0): 2, ("b", 0): 2, ("a", 1): 1}
    assert result.drop_duplicates("id")["count"].sum() == 3


def test_a_count_column_weighs():
    samples = frame(folder=["x", "x", "y"], count=[2, 3, 10])
    assert counts(pivot_data(samples, ["folder"]), "folder") == {("x",): 5, ("y",): 10}
    fractions = frame(folder=["x", "x"], count=[0.5, 0.25])
    assert counts(pivot_data(fractions, ["folder"]), "folder") == {("x",): 0.75}


@pytest.mark.parametrize("weights", [[1, None], [1, "many"], [1.0, math.nan]])
def test_a_weight_that_is_no_number_is_told(weights):
    with pytest.raises(InvalidInputError, match="expected a number in each row of the column 'count'"):
        pivot_data(frame(folder=["x", "y"], count=weights), ["folder"])


def test_what_is_missing_in_any_way_is_one_value():
    samples = frame(folder=pd.Series(["x", "", None, math.nan, pd.NA, pd.NaT, ()], dtype=object))
    assert counts(pivot_data(samples, ["folder"]), "folder") == {("x",): 1, ("N/A",): 6}
    text = frame(purpose=pd.Series(["train", pd.NA], dtype="string"))
    assert counts(pivot_data(text, ["purpose"]), "purpose") == {("train",): 1, ("N/A",): 1}


def test_any_kind_of_column_is_a_field():
    samples = frame(
        flag=[True, False, True],
        number=[1.5, 2.5, 1.5],
        kind=pd.Categorical(["u", "v", "u"], categories=["v", "u", "w"]),
        labels=[["p"], ["p", "q"], np.array(["p"])],
        day=pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"]),
    )
    result = pivot_data(samples, list(samples.columns))
    assert list(result["count"]) == [2, 1, 1]
    assert list(result["labels"]) == ["p", "p", "q"]
    assert list(result["kind"]) == ["u", "v", "v"]


def test_further_columns_are_aggregated():
    samples = frame(folder=["x", "x", "y"], size=[1, 2, 5], category=[("a", "b")] * 3)
    agg = {"size": "sum", "largest": ("size", "max"), "spread": ("size", lambda sizes: sizes.max() - sizes.min())}
    result = pivot_data(samples, ["folder"], agg=agg)
    assert result[["folder", "size", "largest", "spread"]].to_numpy().tolist() == [["x", 3, 2, 1], ["y", 5, 5, 0]]
    exploded = pivot_data(samples, ["folder", "category"], agg={"size": "mean"})
    assert list(exploded["size"]) == [1.5, 1.5, 5, 5]


@pytest.mark.parametrize(
    ("fields", "agg", "expected"),
    [
        (["colour"], None, "received 'colour'"),
        (["folder"], {"weight": "sum"}, "received 'weight'"),
        (["folder"], {"a": ("weight", "sum")}, "received 'weight'"),
        (["count"], None, "other than id and count"),
        (["folder"], {"id": ("folder", "first")}, "other than id and count"),
        (["folder"], {"folder": "first"}, "each once"),
    ],
)
def test_columns_that_cannot_be_used_are_told(fields, agg, expected):
    with pytest.raises(InvalidInputError, match=expected):
        pivot_data(frame(folder=["x"], count=[1]), fields, agg=agg)


def test_the_tags_of_datasets_are_fields():
    samples = frame(dataset_id=["d1", "d2", "d3", "d4", "d5"])
    datasets = [
        Dataset(id="d1", name="1", bucket="", tags=(Tag(id="t2", name="Line 3"),)),
        {"id": "d2", "tagIds": ["3f-2 a"]},
        Dataset(id="d3", name="3", bucket="", tagIds=("t1", "t3", "t2")),
        Dataset(id="d4", name="4", bucket="", tagIds=("unknown",)),
    ]
    result = pivot_data(samples, ["dataset_id"], datasets, [SITE])
    values = result.groupby("dataset_id")["tag_3f_2a"].agg(list).to_dict()
    assert values == {"d1": ["Aarhus"], "d2": ["Site"], "d3": ["Aarhus", "Odense"], "d4": ["N/A"], "d5": ["N/A"]}
    assert result.drop_duplicates("id")["count"].sum() == 5


def test_tags_come_as_records_or_dicts_and_need_no_datasets():
    result = pivot_data(frame(folder=["x"]), ["folder"], None, [SITE.model_dump()])
    assert result.to_dict("records") == [{"folder": "x", "tag_3f_2a": "N/A", "id": 0, "count": 1}]


def test_the_files_are_what_the_page_reads(tmp_path):
    samples = frame(
        category=[("a", "b"), ("a",), ()],
        folder=["x", "x", "y"],
        dataset_id=["d1", "d1", "d2"],
        purpose=pd.Series(["train", None, "devel"], dtype="string"),
    )
    before = samples.copy(deep=True)
    datasets = [Dataset(id="d1", name="1", bucket="", tagIds=("t3",))]
    export_pivot_table(str(tmp_path / "pivot"), samples, datasets, tags=[SITE], agg={"folders": ("folder", "nunique")})
    fields = json.loads((tmp_path / "pivot" / "summary_fields.json").read_text())
    assert [field["key"] for field in fields["rowFields"]] == ["category"]
    assert [field["key"] for field in fields["colFields"]] == ["purpose"]
    assert fields["fields"] == [
        {"key": "folder", "label": "Folder"},
        {"key": "dataset_id", "label": "Dataset"},
        {"key": "tag_3f_2a", "label": "Site"},
    ]
    records = json.loads((tmp_path / "pivot" / "classification_summary.json").read_text())
    common = {"folder": "x", "dataset_id": "d1", "tag_3f_2a": "Odense", "folders": 1, "count": 1}
    assert records == [
        {**common, "category": "a", "purpose": "train", "id": 0},
        {**common, "category": "b", "purpose": "train", "id": 0},
        {**common, "category": "a", "purpose": "N/A", "id": 1},
        {
            **common,
            "category": "N/A",
            "purpose": "devel",
            "id": 2,
            "folder": "y",
            "dataset_id": "d2",
            "tag_3f_2a": "N/A",
        },
    ]
    pd.testing.assert_frame_equal(samples, before)


def test_rows_columns_and_fields_can_be_chosen(tmp_path):
    samples = frame(folder=["x"], size=[3])
    export_pivot_table(str(tmp_path), samples, fields={"folder": "F", "size": "S"}, rows=["size"], cols=[])
    fields = json.loads((tmp_path / "summary_fields.json").read_text())
    assert ([field["key"] for field in fields["rowFields"]], fields["colFields"]) == (["size"], [])


def test_a_table_without_samples_is_written_too(tmp_path):
    export_pivot_table(str(tmp_path), frame(category=[], folder=[]))
    assert json.loads((tmp_path / "classification_summary.json").read_text()) == []


LABELS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=3).map(tuple)


@given(rows=st.lists(st.tuples(LABELS, st.sampled_from(["x", "y", "", None]), st.integers(0, 5)), max_size=30))
@settings(max_examples=60, deadline=None)
def test_counts_reconcile_with_the_samples(rows):
    samples = pd.DataFrame(rows, columns=["category", "folder", "count"])
    result = pivot_data(samples, ["category", "folder"])
    assert result.drop_duplicates("id")["count"].sum() == samples["count"].sum()
    assert not result.duplicated(["category", "folder", "id"]).any()
    for label in ("a", "b", "c"):
        expected = sum(count for labels, _, count in rows if label in labels)
        assert result.loc[result["category"] == label, "count"].sum() == expected


@pytest.mark.parametrize(
    ("agg", "message"),
    [
        ({"size": "summ"}, "agg 'size': expected a function or the name of one of pandas, received 'summ'"),
        ({"size": ["sum", "mean"]}, "agg 'size': expected a function or the name of one of pandas, received"),
        ({"folder": "mean"}, "agg 'folder': cannot aggregate the column 'folder'"),
    ],
)
def test_aggregations_that_pandas_cannot_do_are_told(agg, message):
    samples = frame(purpose=["a", "b"], folder=["x", "y"], size=[1, 2])
    with pytest.raises(InvalidInputError, match=message):
        pivot_data(samples, ["purpose"], agg=agg)


@pytest.mark.parametrize("count", [np.inf, -np.inf])
def test_weights_without_end_are_refused(count):
    with pytest.raises(InvalidInputError, match="expected a number in each row of the column 'count', received"):
        pivot_data(frame(folder=["x"], count=[count]), ["folder"])


def test_fields_rows_and_columns_of_other_kinds_are_told():
    with pytest.raises(InvalidInputError, match="field 'a': expected a label or a dict of label and sort, received 3"):
        pivot_fields({"a": 3})
    with pytest.raises(InvalidInputError, match="expected rows and columns as lists of keys, received 'folder'"):
        pivot_fields({"folder": "Folder"}, rows="folder")
    with pytest.raises(InvalidInputError, match="expected fields as a dict or a list of keys, received 'folder'"):
        pivot_data(frame(folder=["x"]), "folder")
