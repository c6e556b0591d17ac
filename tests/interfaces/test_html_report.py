"""HTML reports: one file, nothing from outside, text stays text."""

import base64
import hashlib
import html
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from brevetti_keras.interfaces.html_report import HtmlReport
from brevetti_keras.utils.errors import StorageError

EVIL = "</script><img src=x onerror=\"alert(1)\"> & 'quoted' <script>"
CHART = {
    "title": "bars",
    "data": {"values": [{"a": EVIL, "b": 3}]},
    "mark": "bar",
    "encoding": {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}},
}


class Page(HTMLParser):
    """Every element with its attributes, and all text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.open = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "source"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data if self.open and self.open[-1] != "style" else ""

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def cells(report):
    return [html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", report.html())]


def test_text_of_any_origin_stays_text():
    picture = np.zeros((4, 4, 3), np.uint8)
    frame = pd.DataFrame({EVIL: [EVIL]}, index=pd.Index([EVIL], name=EVIL))
    report = HtmlReport(EVIL, EVIL).section(EVIL).text(EVIL).note(EVIL).facts({EVIL: EVIL}).table(frame, EVIL)
    page = Page(report.section(EVIL).images([(picture, EVIL), EVIL]).chart(CHART, EVIL).html())
    assert page.open == []
    assert page.all("script") == []
    assert len(page.all("img")) == 2
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.text.count(EVIL) == 19


def test_a_page_refers_to_nothing_outside_itself_and_forbids_it():
    page = Page(HtmlReport("A").section("B").chart(CHART).section("C").images([np.zeros((4, 4))]).html())
    addresses = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"src", "href", "srcset"}
    ]
    assert len(addresses) == 5  # two links of the contents, a chart in light and dark, an image
    assert all(address.startswith(("data:image/", "#section-")) for address in addresses)
    policy = page.all("meta")[1]["content"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_the_policy_allows_the_pages_own_style():
    text = HtmlReport("A").html()
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in text


def test_parts_stand_in_the_order_in_which_they_were_added():
    report = HtmlReport("T").text("one\n\ntwo").section("three").facts({"four": 5}).section("six").text("seven")
    text = Page(report.html()).text
    assert [text.rindex(word) for word in ("one", "two", "three", "four", "six", "seven")] == sorted(
        text.rindex(word) for word in ("one", "two", "three", "four", "six", "seven")
    )


def test_numbers_are_rounded_aligned_and_missing_ones_a_dash():
    frame = pd.DataFrame(
        {
            "name": ["a", "b", "c"],
            "share": [0.123456, np.nan, 1e7 / 3],
            "count": [1234567, 2, 3],
            "good": [True, False, True],
            "labels": [("x", "y"), (), ("z",)],
        }
    )
    expected = ["a", "0.1235", "1,234,567", "yes", "x, y", "b", "–", "2", "no", "", "c", "3,333,333", "3", "yes", "z"]
    report = HtmlReport("T").table(frame)
    assert cells(report) == expected
    assert report.html().count('<td class="number">') == 6


@pytest.mark.parametrize("missing", [None, pd.NA, pd.NaT, float("nan"), float("inf"), np.float32("nan")])
def test_what_is_missing_or_not_finite_is_a_dash(missing):
    assert "<dd>–</dd>" in HtmlReport("T").facts({"a": missing}).html()


def test_an_index_that_says_something_is_shown():
    frame = pd.DataFrame({"n": [1, 2]}, index=["good", "bad"])
    assert cells(HtmlReport("T").table(frame)) == ["good", "1", "bad", "2"]
    assert cells(HtmlReport("T").table(frame, index=False)) == ["1", "2"]
    assert cells(HtmlReport("T").table(frame.reset_index(drop=True))) == ["1", "2"]
    levels = frame.set_index(pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["n", None]))
    assert cells(HtmlReport("T").table(levels)) == ["a", "1", "1", "b", "2", "2"]


def test_a_table_leaves_its_frame_alone_and_counts_what_it_does_not_show():
    frame = pd.DataFrame({"n": range(10)})
    before = frame.copy()
    report = HtmlReport("T").table(frame, max_rows=3)
    assert cells(report) == ["0", "1", "2"]
    assert "7 more rows" in report.html()
    pd.testing.assert_frame_equal(frame, before)
    assert "more rows" not in HtmlReport("T").table(frame).html()
    assert cells(HtmlReport("T").table(frame.head(0))) == []


def test_a_chart_is_drawn_for_light_and_dark():
    page = Page(HtmlReport("T").chart(CHART, "how many").html())
    light = base64.b64decode(page.all("img")[0]["src"].partition(",")[2]).decode()
    dark = base64.b64decode(page.all("source")[0]["srcset"].partition(",")[2]).decode()
    assert page.all("source")[0]["media"] == "(prefers-color-scheme: dark)"
    assert light.startswith("<svg")
    assert light != dark
    assert page.all("img")[0]["alt"] == "bars"


def test_what_cannot_be_drawn_is_told_in_its_place(caplog):
    page = Page(HtmlReport("T").chart("{}").chart(CHART).images(["/no/such.png", np.zeros((2, 2))]).html())
    assert "Invalid specification" in page.text
    assert "/no/such.png" in page.text
    assert len(page.all("img")) == 2
    assert "a chart is missing" in caplog.text


def test_writing_makes_folders_and_returns_the_path(tmp_path):
    path = tmp_path / "new" / "report.html"
    assert HtmlReport("Größe ±").write(path) == str(path)
    assert "Größe ±" in path.read_text(encoding="utf-8")


def test_text_that_is_not_utf8_does_not_stop_a_report(tmp_path):
    HtmlReport("T").text("a\udce9b").write(tmp_path / "a.html")
    assert "<p>a?b</p>" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        HtmlReport("T").write(tmp_path / "file" / "a.html")


def test_the_contents_list_stands_where_there_is_something_to_choose():
    assert "<nav" not in HtmlReport("T").section("only").html()
    page = Page(HtmlReport("T").section("a").section("b").html())
    assert [link["href"] for link in page.all("a")] == ["#section-1", "#section-2"]
    assert [heading["id"] for heading in page.all("h2")] == ["section-1", "section-2"]
