"""The whole way through the pages of an empty workspace, by keyboard alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from brevetti_keras.server.workspace import open_service
from tests.e2e.conftest import Seen, Site
from tests.e2e.test_pages_browser import check_clean
from tests.support.pages import served

pytestmark = pytest.mark.xdist_group("browser")

# Settings are checked, samples shown and jobs run by processes of their own.
_SLOW = 240_000
_MOST_TABS = 150


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Site]:
    """A server over a workspace that holds nothing."""
    with open_service(str(tmp_path / "workspace")) as service, served(service) as server:
        yield Site(service, server, {})


@pytest.fixture
def home(context: BrowserContext, empty: Site, seen: Seen) -> Page:
    """The home page, signed in; errors and requests are written down."""
    page = context.new_page()
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    context.on("request", lambda request: seen.addresses.append(request.url))
    page.goto(empty.server.link())
    return page


def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Presses Tab until `wanted` has the focus, as somebody without a mouse does."""
    expect(wanted).to_be_attached()
    for _ in range(_MOST_TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{_MOST_TABS} presses of {key} do not reach {wanted}")


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
