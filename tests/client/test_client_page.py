"""The page of the existing client's job in a real browser: its table, pictures and chart are drawn as ours are."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.client.conftest import Run


@pytest.fixture(scope="module")
def page(run: Run) -> Iterator[Page]:
    """The job's page, scrolled through so that all of it has loaded; nothing may have gone wrong."""
    errors: list[str] = []
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport={"width": 1360, "height": 900})
        context.set_default_timeout(20_000)
        context.add_cookies(
            [{"name": name, "value": value, "url": run.url} for name, value in run.browser.cookies.items()]
        )
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{run.url}/jobs/{run.config.id}")
        for top in range(0, page.evaluate("document.documentElement.scrollHeight"), 500):
            page.evaluate(f"window.scrollTo(0, {top})")
            page.wait_for_timeout(40)
        expect(page.locator("[aria-busy]")).to_have_count(0)
        yield page
        if "SCREENSHOTS" in os.environ:
            page.screenshot(path=Path(os.environ["SCREENSHOTS"]) / "client-job.png", full_page=True)
        browser.close()
    assert errors == []


def test_nothing_is_missing_on_the_page(page: Page) -> None:
    expect(page.locator(".problem")).to_have_count(0)
    expect(page.locator("#status")).to_contain_text("completed")


def test_the_pivot_table_counts_the_samples(page: Page) -> None:
    table = page.locator("#pivot-table .pvtTable")
    expect(table).to_contain_text("cracked")
    expect(table).to_contain_text("devel")
    # Each sample has two labels, and counts once.
    expect(table.locator("tr").last).to_have_text("Totals131427")


def test_the_chart_is_drawn(page: Page) -> None:
    figure = page.locator("figure.chart[data-name='dataset summary']")
    expect(figure.locator("svg, canvas")).to_have_count(1)


def test_the_facets_show_every_sample_though_some_scores_are_nan(page: Page) -> None:
    page.locator("#facets iframe").scroll_into_view_if_needed()
    expect(page.frame_locator("#facets iframe").locator("facets-dive")).to_be_visible()
