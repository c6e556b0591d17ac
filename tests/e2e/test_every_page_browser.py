"""Every page there is, in light and in dark: it loads, says nothing on the console, stays on the machine and writes
nothing beside the workspace. With $SCREENSHOTS set, a picture of each is kept there."""

from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from brevetti_keras.server.app import build_app
from tests.e2e.conftest import Seen, Site
from tests.e2e.test_pages_browser import LISTS, PAGES, check_clean, read_through
from tests.support.served import routes

pytestmark = pytest.mark.xdist_group("browser")

ROOT = Path(__file__).parents[2]
# The pages' routes, each under an address of the site's; one that is not here is not looked at.
MORE = (
    *("/jobs?state=failed", "/jobs?page=9", "/datasets/{data}?class=good", "/datasets/{data}/image?{image}"),
    *("/jobs/new?from={failed}", "/jobs/new?dataset={data}&model_type=image-classification"),
)
SHOWN = {
    "/": "/",
    "/datasets": "/datasets",
    "/datasets/{dataset_id}": "/datasets/{data}",
    "/datasets/{dataset_id}/image": "/datasets/{data}/image?{image}",
    "/tags": "/tags",
    "/model-types": "/model-types",
    "/jobs": "/jobs",
    "/jobs/new": "/jobs/new",
    "/jobs/{job_id}": "/jobs/{done}",
    "/jobs/{job_id}/artifacts": "/jobs/{done}/artifacts",
    "/jobs/{job_id}/quarantine": "/jobs/{done}/quarantine",
    "/jobs/{job_id}/facets": "/jobs/{done}/facets",
}
# What pages load, streams of events, the way in, and what programs ask.
NO_PAGES = (
    *("/api/", "/static/", "/frames/", "/login", "/download"),
    *("/jobs/{job_id}/live", "/jobs/{job_id}/reports/", "/datasets/{dataset_id}/thumbnail"),
)


def written() -> set[str]:
    """The files in the repository that a server or a browser could have left."""
    tops = [ROOT, ROOT / "brevetti_keras", *(ROOT / "brevetti_keras" / "server").rglob("*/")]
    return {str(path) for top in tops for path in top.iterdir() if path.name != "__pycache__"}


def test_no_page_is_left_out() -> None:
    addresses = {*PAGES, *LISTS, *MORE}
    assert set(SHOWN.values()) <= addresses


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_page_is_clean(chromium: Browser, site: Site, seen: Seen, pictures: Path | None, colours: str) -> None:
    before = written()
    bucket = site.service.datasets.get(site.jobs["data"]).bucket
    names = {**site.jobs, "image": urlencode({"path": f"{bucket}/good/a.png"})}
    context = chromium.new_context(
        color_scheme=colours, viewport={"width": 1360, "height": 900}, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    context.on("request", lambda request: seen.addresses.append(request.url))
    page.goto(site.server.link())
    for number, address in enumerate((*PAGES, *LISTS, *MORE)):
        answer = page.goto(site.server.address + address.format(**names))
        assert answer is not None
        assert answer.status == 200, address
        read_through(page)
        assert page.locator("h1").count() == 1, address
        check_clean(seen, site)
        if pictures is not None:
            name = address.partition("?")[0].strip("/").replace("/", "-").replace("{", "").replace("}", "") or "home"
            page.screenshot(path=pictures / f"{number:02}-{name}-{colours}.png", full_page=True)
    context.close()
    assert written() == before


def test_pages_of_every_route_are_looked_at(site: Site) -> None:
    found = {path for path, methods in routes(build_app(site.service)) if "GET" in methods}
    pages = {path for path in found if not path.startswith(NO_PAGES)}
    assert pages == set(SHOWN)
