"""Charts of samples: counts, labels and colours."""

import pandas as pd
import pytest

from brevetti_keras.interfaces.vegalite_charts import dataset_summary, split_overview
from tests.support.charts import rows, spec_of

SAMPLES = pd.DataFrame(
    {
        "dataset": ["A", "A", "A", "B", None],
        "category": [("good",), ("good",), ("good", "odd"), (), "good"],
        "purpose": pd.Series(["train", "devel", "train", pd.NA, ""], dtype="string"),
    }
)


@pytest.mark.parametrize("records", [False, True])
def test_a_summary_counts_samples_by_dataset_and_category(records):
    given = SAMPLES.to_dict("records") if records else SAMPLES
    assert rows(dataset_summary(given)) == [
        {"dataset": "A", "category": "good", "samples": 2},
        {"dataset": "A", "category": "good/odd", "samples": 1},
        {"dataset": "B", "category": "N/A", "samples": 1},
        {"dataset": "N/A", "category": "good", "samples": 1},
    ]


def test_a_summary_is_one_view_of_bars_over_three_fields():
    spec = spec_of(dataset_summary(SAMPLES))
    mark = spec["mark"]["type"] if isinstance(spec["mark"], dict) else spec["mark"]
    fields = [spec["encoding"][channel]["field"] for channel in ("x", "y", "color")]
    assert (mark, fields) == ("bar", ["samples", "dataset", "category"])
    assert spec["name"] == "dataset_summary"


def test_an_overview_counts_by_category_and_purpose_in_the_order_of_use():
    text = split_overview(SAMPLES)
    counts = {(row["category"], row["purpose"]): row["samples"] for row in rows(text)}
    assert counts == {
        ("N/A", "unassigned"): 1,
        ("good", "unassigned"): 1,
        ("good", "devel"): 1,
        ("good", "train"): 1,
        ("good/odd", "train"): 1,
    }
    assert {row["purpose"]: row["order"] for row in rows(text)} == {"train": 0, "devel": 1, "unassigned": 2}
    assert spec_of(text)["encoding"]["color"]["scale"]["domain"] == ["train", "devel", "unassigned"]


@pytest.mark.parametrize("chart", [dataset_summary, split_overview])
def test_samples_are_left_alone_and_may_be_none_or_lack_columns(chart):
    before = SAMPLES.copy(deep=True)
    chart(SAMPLES)
    pd.testing.assert_frame_equal(SAMPLES, before)
    assert rows(chart(SAMPLES.head(0))) == []
    assert rows(chart([])) == []
    assert [row["samples"] for row in rows(chart(pd.DataFrame({"path": ["a", "b"]})))] == [2]


@pytest.mark.parametrize("chart", [dataset_summary, split_overview])
def test_names_cannot_leave_a_script_that_embeds_them(chart):
    evil = "</script><script>alert(1)</script>"
    text = chart(pd.DataFrame({"dataset": [evil], "category": [(evil,)], "purpose": [evil]}))
    assert "<" not in text
    assert evil in [rows(text)[0]["category"]]


def test_many_samples_are_no_more_rows():
    many = pd.concat([SAMPLES] * 2000)
    assert sum(row["samples"] for row in rows(dataset_summary(many))) == 10_000
    assert len(rows(dataset_summary(many))) == 4
