"""The picture page of a dataset's check: every finding with the pictures that it is about.

dataset_check_report(check, "vials").write("dataset-check.html")
"""

import itertools
import os
from collections.abc import Iterable
from typing import Any

import pandas as pd

from brevetti_keras.data.dataset_check import DatasetCheck
from brevetti_keras.interfaces.html_report import HtmlReport
from brevetti_keras.utils.counting import counted

_PAIRS = 60
_PICTURES = 48


def dataset_check_report(check: DatasetCheck, name: str) -> HtmlReport:
    """Returns the page, ready to be written.

    Args:
        check: what was found.
        name: the dataset's.
    """
    report = HtmlReport(
        f"Check of {name}", f"{counted(check.count, 'sample')} in {counted(len(check.classes), 'class', 'classes')}"
    )
    report.section("Findings")
    if not check.severe:
        report.note("No file is unreadable, and no picture lies in two classes or two purposes.")
    else:
        report.note("Some findings spoil what is measured on this dataset: see the first rows.", warning=True)
    report.table(check.summary).section("Classes").table(check.classes)
    _pairs(report, check.duplicates)
    _files(report, "Brightness outliers", check.brightness, "No picture is far from the median of its class.")
    _files(report, "Odd files", check.odd, "All files are alike in size, depth and channels, or there are many kinds.")
    report.section("Unreadable files")
    if check.unreadable.empty:
        return report.text("Every file can be read.")
    return _table(report, check.unreadable, "path")


def _pairs(report: HtmlReport, pairs: pd.DataFrame) -> None:
    report.section("Copies")
    if pairs.empty:
        report.text("No two pictures are equal, and none is a near-duplicate of another.")
        return
    report.text(
        "The worst come first: those across classes or purposes, then equal pictures, then near-duplicates by their"
        " distance in grey levels, aligned pixel by pixel; beside it how far they are from the others most like them."
    )
    report.images(_pictures_of(pairs.head(_PAIRS)), side=160)
    if len(pairs) > _PAIRS:
        report.text(
            f"{counted(len(pairs) - _PAIRS, 'more pair has', 'more pairs have')} no picture here; the table lists all."
        )
    # Classes and orientations stand below the pictures; a table of fewer columns can be read.
    shown = pairs[["first", "second", "reason", "across", "distance", "apart"]]
    _table(report, shown, "first", "second")


def _table(report: HtmlReport, frame: pd.DataFrame, *columns: str) -> HtmlReport:
    """Adds a table whose paths leave out the folder that all of them lie in, which stands above it instead."""
    paths = [str(path) for column in columns for path in frame[column]]
    start = _folder_of_all(paths)
    short = {path: path.removeprefix(f"{start}/") if start else path for path in paths}
    return report.table(
        frame.assign(**{column: frame[column].map(short) for column in columns}), f"below {start}" if start else ""
    )


def _folder_of_all(paths: list[str]) -> str:
    """Returns the folder or `gs://` prefix that all paths lie below, `""` if there is none."""
    folders = [path.split("/")[:-1] for path in paths]
    # What the first and the last of them in order share, all share.
    ends = zip(min(folders), max(folders), strict=False)
    parts = [part for part, other in itertools.takewhile(lambda pair: pair[0] == pair[1], ends)]
    return "/".join(parts) if any(parts) and parts[-1:] != [""] else ""


def _pictures_of(pairs: pd.DataFrame) -> Iterable[tuple[str, str]]:
    names = [str(name) for name in pairs.columns]
    for values in pairs.itertuples(index=False, name=None):
        row: dict[str, Any] = dict(zip(names, values, strict=True))
        figures = f", {row['distance']:.2f} of {row['apart']:.2f}" if row["apart"] == row["apart"] else ""
        across = f", across {row['across']}" if row["across"] else ""
        first, second = str(row["first"]), str(row["second"])
        yield first, f"{row['reason']}{across}{figures}\n{row['first_class']}: {os.path.basename(first)}"
        yield second, f"… {row['orientation']}\n{row['second_class']}: {os.path.basename(second)}"


def _files(report: HtmlReport, title: str, frame: pd.DataFrame, nothing: str) -> None:
    report.section(title)
    if frame.empty:
        report.text(nothing)
        return
    shown = frame.head(_PICTURES)
    report.images([(str(path), os.path.basename(str(path))) for path in shown["path"]], side=120)
    _table(report, frame, "path")
