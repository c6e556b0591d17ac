import pandas as pd
import pytest

from brevetti_keras.data.dataset_check import DUPLICATE_COLUMNS, DatasetCheck
from brevetti_keras.interfaces.dataset_check_report import dataset_check_report
from tests.support.images import write_image


def check(duplicates=(), unreadable=(), odd=(), brightness=()) -> DatasetCheck:
    return DatasetCheck(
        count=10,
        classes=pd.DataFrame({"class": ["good"], "samples": [10], "share": [1.0]}),
        duplicates=pd.DataFrame(duplicates, columns=[*DUPLICATE_COLUMNS]),
        unreadable=pd.DataFrame(unreadable, columns=["path", "reason"]),
        odd=pd.DataFrame(odd, columns=["path", "reason"]),
        brightness=pd.DataFrame(brightness, columns=["path", "class", "brightness", "usual"]),
    )


def pair(first, second, across=""):
    return (first, second, "near-duplicate", across, "good", "bad", "turned 90°", 0.51, 3.14)


def test_nothing_found_is_said_in_each_section():
    page = dataset_check_report(check(), "lot").html()
    for text in ("Check of lot", "No file is unreadable", "No two pictures are equal", "Every file can be read",
                 "No picture is far", "All files are alike"):  # fmt: skip
        assert text in page
    assert "warning" not in page.split("</style>")[1]


def test_pairs_have_pictures_with_their_figures(tmp_path):
    paths = [str(write_image(tmp_path / "x" / name, seed)) for seed, name in enumerate(("a.png", "b.png"))]
    page = dataset_check_report(check([pair(*paths, "classes")]), "lot").html()
    assert page.count('<img src="data:image') == 2
    assert "near-duplicate, across classes, 0.51 of 3.14" in page
    assert "… turned 90°" in page
    assert f"below {tmp_path / 'x'}" in page
    assert "<td>a.png</td><td>b.png</td>" in page
    assert 'class="note warning"' in page


@pytest.mark.parametrize(
    ("paths", "below", "cells"),
    [
        (("gs://b/x/1.png", "gs://b/y/2.png"), "below gs://b<", ("x/1.png", "y/2.png")),
        (("gs://b/x/1.png", "/d/2.png"), None, ("gs://b/x/1.png", "/d/2.png")),
        (("/d/a/1.png", "/d/ab/2.png"), "below /d<", ("a/1.png", "ab/2.png")),
        (("/d/a/1.png", "/d/a/1.png"), "below /d/a<", ("1.png", "1.png")),
    ],
)
def test_the_table_names_files_below_what_they_share(monkeypatch, paths, below, cells):
    monkeypatch.setattr("brevetti_keras.interfaces.html_report.HtmlReport.images", lambda report, *_, **__: report)
    page = dataset_check_report(check([pair(*paths)]), "lot").html()
    assert f"<td>{cells[0]}</td><td>{cells[1]}</td>" in page
    assert (below in page) if below else ">below" not in page


@pytest.mark.parametrize(
    ("paths", "below", "shown"),
    [
        (["/lot/good/a.png", "/lot/bad/b.png"], "below /lot<", ["good/a.png", "bad/b.png"]),
        (["gs://lot/good/a.png", "gs://lot/bad/b.png"], "below gs://lot<", ["good/a.png", "bad/b.png"]),
        (["gs://lot/a.png", "gs://other/b.png"], None, ["gs://lot/a.png", "gs://other/b.png"]),
        (["gs://lot/a.png", "/lot/b.png"], None, ["gs://lot/a.png", "/lot/b.png"]),
        (["/lot/ab/a.png", "/lot/a/b.png"], "below /lot<", ["ab/a.png", "a/b.png"]),
    ],
)
def test_what_all_paths_have_in_common_is_said_once(paths, below, shown):
    page = dataset_check_report(check(unreadable=[(path, "torn") for path in paths]), "lot").html()
    assert "".join(f"<tr><td>{path}</td><td>torn</td></tr>" for path in shown) in page.replace("\n", "")
    assert below in page if below else ">below" not in page


def test_more_pairs_than_pictures_are_counted(tmp_path):
    path = str(write_image(tmp_path / "a.png"))
    page = dataset_check_report(check([pair(path, path)] * 65), "lot").html()
    assert page.count("<img") == 120
    assert "5 more pairs have no picture here; the table lists all." in page


@pytest.mark.parametrize("kind", ["odd", "unreadable"])
def test_names_stay_text(tmp_path, kind):
    hostile = str(tmp_path / "<script>alert(1)<")
    page = dataset_check_report(check(**{kind: [(hostile, "<b>reason</b>")]}), "<i>lot</i>").html()
    assert "<script" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;b&gt;reason" in page


def test_a_picture_that_is_gone_is_said_in_its_place(tmp_path):
    page = dataset_check_report(check(brightness=[(str(tmp_path / "gone.png"), "good", 3.0, 90.0)]), "lot").html()
    assert 'class="missing"' in page
