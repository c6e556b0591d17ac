"""Every page there is, at a desk by light and on a phone by dark: it loads, says nothing on the console, stays on the
machine, fits its window in both colours, gives everything that can be used a name, and writes nothing beside the
workspace. With $SCREENSHOTS set, a picture of each is kept there."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from brevetti_keras.server.app import build_app
from tests.e2e.conftest import Seen, Site
from tests.e2e.test_pages_browser import check_clean, read_through
from tests.support.served import routes

ROOT = Path(__file__).parents[2]
# The pages' routes, each under addresses of the site's; one that is not here is not looked at.
SHOWN = {
    "/": ["/"],
    "/datasets": ["/datasets"],
    "/datasets/{dataset_id}": ["/datasets/{data}", "/datasets/{data}?class=good"],
    "/datasets/{dataset_id}/image": ["/datasets/{data}/image?{image}"],
    "/tags": ["/tags"],
    "/model-types": ["/model-types"],
    "/jobs": ["/jobs", "/jobs?state=failed", "/jobs?page=9"],
    "/jobs/new": ["/jobs/new", "/jobs/new?from={failed}", "/jobs/new?dataset={data}&model_type=image-classification"],
    "/jobs/{job_id}": ["/jobs/{done}", "/jobs/{failed}", "/jobs/{running}", "/jobs/{bare}", "/jobs/{hostile}"],
    "/jobs/{job_id}/artifacts": ["/jobs/{done}/artifacts"],
    "/jobs/{job_id}/quarantine": ["/jobs/{done}/quarantine", "/jobs/{hostile}/quarantine"],
    "/jobs/{job_id}/facets": ["/jobs/{done}/facets"],
}
ADDRESSES = [address for addresses in SHOWN.values() for address in addresses]
# What pages load, streams of events, the way in, and what programs ask.
NO_PAGES = (
    *("/api/", "/static/", "/frames/", "/login", "/download"),
    *("/jobs/{job_id}/live", "/jobs/{job_id}/reports/", "/datasets/{dataset_id}/thumbnail"),
)
LOOKS = {"desktop": ("light", 1360), "phone": ("dark", 390)}
NAMELESS = """() => [...document.querySelectorAll(
    "a[href], button, input, select, iframe, [role=img], [role=button], [role=region], nav, progress"
)].filter((element) => element.checkVisibility() && !(
    element.getAttribute("aria-label") || element.title || element.textContent.trim()
    || element.labels?.length || element.getAttribute("aria-labelledby") || element.placeholder
    || element.querySelector("img[alt]:not([alt=''])")
)).map((element) => element.outerHTML.slice(0, 120))"""

# Buttons beside a field whose words stand in two lines.
BROKEN = """() => [...document.querySelectorAll(".field > .row > button")].filter((button) => {
    const range = document.createRange();
    range.selectNodeContents(button);
    return new Set([...range.getClientRects()].map((line) => Math.round(line.top))).size > 1;
}).map((button) => button.textContent)"""


def written() -> set[str]:
    """The files in the repository that a server or a browser could have left."""
    tops = [ROOT, ROOT / "brevetti_keras", *(ROOT / "brevetti_keras" / "server").rglob("*/")]
    return {str(path) for top in tops for path in top.iterdir() if path.name != "__pycache__"}


def check_look(page: Page, colours: str, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    lightness = page.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
    assert (lightness > 200) == (colours == "light"), page.url


@pytest.fixture(scope="module", params=LOOKS)
def look(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def shown(chromium: Browser, site: Site, look: str) -> Iterator[tuple[Page, Seen]]:
    """A page of a window of this look, signed in, and what is written down of it."""
    colours, width = LOOKS[look]
    context = chromium.new_context(
        color_scheme=colours, viewport={"width": width, "height": 844}, reduced_motion="reduce"
    )
    context.set_default_timeout(60_000)
    page, seen = context.new_page(), Seen()
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    context.on("request", lambda request: seen.addresses.append(request.url))
    before = written()
    page.goto(site.server.link())
    yield page, seen
    context.close()
    assert written() == before


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_is_clean(
    shown: tuple[Page, Seen], site: Site, look: str, pictures: Path | None, address: str
) -> None:
    page, seen = shown
    seen.errors.clear()
    seen.addresses.clear()
    colours, width = LOOKS[look]
    bucket = site.service.datasets.get(site.jobs["data"]).bucket
    names = {**site.jobs, "image": urlencode({"path": f"{bucket}/good/a.png"})}
    answer = page.goto(site.server.address + address.format(**names))
    assert answer is not None
    assert answer.status == 200
    read_through(page)
    assert page.locator("h1").count() == 1
    assert page.evaluate("window.hacked") is None
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(BROKEN) == []
    check_look(page, colours, width)
    for scheme in ({"light": "dark", "dark": "light"}[colours], colours):
        page.emulate_media(color_scheme=scheme)
        check_look(page, scheme, width)
        if pictures is not None:
            name = address.partition("?")[0].strip("/").replace("/", "-").replace("{", "").replace("}", "") or "home"
            number = ADDRESSES.index(address)
            page.screenshot(path=pictures / f"{number:02}-{name}-{look}-{scheme}.png", full_page=True)
    check_clean(seen, site)


def test_pages_of_every_route_are_looked_at(site: Site) -> None:
    found = {path for path, methods in routes(build_app(site.service)) if "GET" in methods}
    pages = {path for path in found if not path.startswith(NO_PAGES)}
    assert pages == set(SHOWN)
