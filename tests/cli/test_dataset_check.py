import os
import re

import pytest

from tests.support.images import write_image
from tests.support.parts import draw_part, jpeg, write_picture


@pytest.fixture
def lot(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(6):
        write_picture(tmp_path / "lot" / "good" / f"{number}.png", draw_part("vial", number, 64))
    write_picture(tmp_path / "lot" / "bad" / "same.png", draw_part("vial", 0, 64))
    write_picture(tmp_path / "lot" / "good" / "encoded.jpg", jpeg(draw_part("vial", 1, 64), 90))
    return tmp_path / "lot"


def test_findings_are_a_table_and_a_page(command, lot, tmp_path):
    command("dataset", "add", str(lot))
    told = command("dataset", "check", "lot")
    assert told.status == 0, told.err
    assert re.search(r"copies across classes +1 ", told.out)
    assert re.search(r"near-duplicates +1 ", told.out)
    assert "wrote dataset-check.html" in told.out
    page = (tmp_path / "dataset-check.html").read_text()
    assert page.count("data:image/") >= 4
    assert "across classes" in page
    assert "<script" not in page


def test_json_holds_all_and_strict_fails(command, lot, tmp_path):
    found = command("dataset", "check", str(lot), "--json", "--strict", "--report", str(tmp_path / "p.html"))
    assert found.status == 1
    assert found.json()["report"] == str(tmp_path / "p.html")
    assert found.json()["severe"] == 1
    assert {row["reason"] for row in found.json()["duplicates"]} == {"equal pixels", "near-duplicate"}
    assert (tmp_path / "p.html").is_file()


def test_without_a_page_none_is_written(command, lot, tmp_path):
    assert command("dataset", "check", str(lot), "--report", "").status == 0
    assert not list(tmp_path.glob("*.html"))


def test_hostile_names_are_shown_not_obeyed(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "<img src=x onerror=alert(1)>\x1b[2J"
    write_image(tmp_path / "odd" / name / "a.png")
    write_image(tmp_path / "odd" / "</script>" / "b.png")
    told = command("dataset", "check", str(tmp_path / "odd"))
    assert told.status == 0, told.err
    assert "\x1b" not in told.out
    page = (tmp_path / "dataset-check.html").read_text()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_files_whose_names_are_no_text_are_counted_and_named_everywhere(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "lot" / "good" / "a.png")
    os.rename(tmp_path / "lot" / "good" / "a.png", os.fsencode(tmp_path) + b"/lot/good/b\xff.png")
    command("dataset", "add", str(tmp_path / "lot"))
    shown = f"{tmp_path}/lot/good/b\\xff.png"
    for samples in (1, 2):
        told = command("dataset", "check", "lot")
        assert told.status == 0, told.err
        assert re.search(r"unreadable files +1 ", told.out)
        assert re.search(rf"good +{samples} ", told.out)
        assert re.search(rf"{re.escape(shown)} +its name is not text in UTF-8: rename it", told.out)
        assert "left out" not in told.err
        page = (tmp_path / "dataset-check.html").read_text()
        assert "b\\xff.png" in page
        assert f"{samples} sample{'s' if samples > 1 else ''} in 1 class" in page
        found = command("dataset", "check", str(tmp_path / "lot"), "--json", "--strict")
        assert (found.status, found.json()["samples"], found.json()["severe"]) == (1, samples, 1)
        reason = "its name is not text in UTF-8: rename it"
        assert found.json()["unreadable"] == [{"path": shown, "reason": reason}]
        write_image(tmp_path / "lot" / "good" / "c.png")


def test_what_cannot_be_checked_is_one_clear_line(command, tmp_path):
    assert "no dataset 'nothing'" in command.fails("dataset", "check", "nothing", status=1)
    (tmp_path / "empty").mkdir()
    assert "expected images in" in command.fails("dataset", "check", str(tmp_path / "empty"), status=1)
