"""The whole way through the pages of an empty workspace, by keyboard alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from brevetti_keras.server.launcher import Launcher
from brevetti_keras.server.workspace import open_service
from tests.e2e.conftest import PATIENCE, Seen, Site
from tests.e2e.test_pages_browser import check_clean
from tests.support.images import write_image_folder
from tests.support.pages import served

# Settings are checked, samples shown and jobs run by processes of their own.
_SLOW = 240_000
_MOST_TABS = 150


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Site]:
    """A server over a workspace that holds nothing."""
    with open_service(str(tmp_path / "workspace")) as service, served(service) as server:
        yield Site(service, server, {})


@pytest.fixture
def home(context: BrowserContext, empty: Site, seen: Seen) -> Iterator[Page]:
    """The home page, signed in; errors and requests are written down."""
    page = context.new_page()
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    context.on("request", lambda request: seen.addresses.append(request.url))
    page.goto(empty.server.link())
    # Pages wait for child processes that read a model type for the first time.
    expect.set_options(timeout=60_000)
    yield page
    expect.set_options(timeout=PATIENCE)


def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Presses Tab until `wanted` has the focus, as somebody without a mouse does."""
    expect(wanted).to_be_attached()
    for _ in range(_MOST_TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{_MOST_TABS} presses of {key} do not reach {wanted}")


def test_the_commands_stay_open_while_the_page_renews_itself(home: Page) -> None:
    command = home.locator("#commands code").first
    expect(command).to_be_hidden()
    home.get_by_text("Both by a command").click()
    for _ in range(2):
        with home.expect_response(home.url):
            expect(command).to_be_visible()
    expect(home.locator(".htmx-swapping, .htmx-settling")).to_have_count(0)
    expect(command).to_be_visible()


def test_an_empty_workspace_offers_the_demo(home: Page, empty: Site, seen: Seen) -> None:
    expect(home.get_by_role("heading", name="Nothing has run here yet")).to_be_visible()
    tab_to(home, home.get_by_role("button", name="Run the demo"))
    home.keyboard.press("Enter")
    home.keyboard.press("Enter")
    # The page renews itself meanwhile, and the form is left as it is.
    expect(home.locator("#title")).to_have_text("digits", timeout=_SLOW)
    expect(home.locator("#status .state")).to_have_text("queued")
    [job] = empty.service.jobs.list()
    assert job.model_type == "image-classification"
    check_clean(seen, empty)


def press_on(page: Page, wanted: Locator, key: str = "Enter") -> None:
    tab_to(page, wanted)
    page.keyboard.press(key)


def typed(page: Page, wanted: Locator, text: str) -> None:
    """Types over what a field holds."""
    tab_to(page, wanted)
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def test_the_whole_way_by_keyboard(home: Page, empty: Site, seen: Seen, tmp_path: Path) -> None:
    images = write_image_folder(tmp_path / "vials", {"cracked": 12, "good": 12}, size=(20, 16))
    (images / "good" / "torn.png").write_bytes((images / "good" / "good_0000.png").read_bytes()[:60])
    with Launcher(empty.service):
        add_data(home, images)
        fill_form(home)
        watch(home)
    look(home)
    assert empty.service.jobs.get("image-classification on vials").metrics["train_samples"] > 0
    check_clean(seen, empty)


def add_data(page: Page, images: Path) -> None:
    press_on(page, page.get_by_role("link", name="Add a dataset"))
    expect(page.locator("h1")).to_have_text("Datasets")
    typed(page, page.get_by_label("Where it lies"), str(images))
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("vials")
    press_on(page, page.get_by_role("link", name="New job on it"))
    expect(page.locator("h1")).to_have_text("New job")


def fill_form(page: Page) -> None:
    press_on(page, page.get_by_role("radio", name="image-classification"), "Space")
    expect(page.get_by_label("Epochs", exact=True)).to_be_attached()
    press_on(page, page.locator("summary", has_text="Image pipeline"))
    typed(page, page.get_by_label("Target size 1"), "16")
    typed(page, page.get_by_label("Target size 2"), "16")
    typed(page, page.get_by_label("Epochs", exact=True), "0")
    press_on(page, page.get_by_role("button", name="Show eight samples"))
    # Where a setting is wrong, the focus is.
    expect(page.get_by_label("Epochs", exact=True)).to_be_focused(timeout=_SLOW)
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    press_on(page, page.get_by_role("button", name="Show eight samples"))
    expect(page.locator("#preview figure")).to_have_count(8, timeout=_SLOW)
    press_on(page, page.locator("summary", has_text="Advanced").last)
    typed(page, page.get_by_label("Max bad share", exact=True), "0.1")
    press_on(page, page.get_by_role("button", name="Start"))
    expect(page.locator("#title")).to_have_text("image-classification on vials", timeout=_SLOW)


def watch(page: Page) -> None:
    expect(page.locator("#status .state")).to_have_text("completed", timeout=_SLOW)
    expect(page.locator("#curves canvas").first).to_be_visible()
    # At its top, the page renews itself when the job has ended.
    expect(page.locator("#settings")).to_contain_text("Those that it ran with")


def look(page: Page) -> None:
    expect(page.locator("#metrics")).to_contain_text("devel_accuracy")
    with page.context.expect_page() as opened:
        press_on(page, page.get_by_role("link", name="Open in a tab of its own"))
    report = opened.value
    expect(report.locator("body")).to_contain_text("devel")
    report.close()
    table = page.locator("#pivot-table")
    expect(table.locator(".pvtGrandTotal")).to_have_text("24")
    press_on(page, table.get_by_role("button", name="Field Purpose, in columns"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#pivot-said")).to_have_text("Purpose moved to unused fields")
    expect(table.get_by_role("button", name="Field Purpose, not used")).to_be_focused()
    press_on(page, table.locator("td.pvtTotal").first)
    behind = page.locator("#pivot-behind")
    expect(behind).to_contain_text("12 samples behind this figure")
    press_on(page, behind.get_by_role("link").first)
    expect(page.locator("h1")).to_contain_text("cracked/")
    # A browser without a window has no keys of its own for this.
    page.go_back()
    expect(page.locator("#title")).to_be_visible()
    expect(page.locator("#charts [aria-busy]")).to_have_count(0, timeout=_SLOW)
    expect(page.locator(".chart canvas").first).to_be_visible()
    press_on(page, page.get_by_role("link", name="Whole window"))
    dive = page.frame_locator("iframe.facets").locator("facets-dive")
    expect(dive).to_have_attribute("data-records", "24")
    tab_to(page, page.locator("iframe.facets"))
