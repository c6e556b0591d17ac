"""A real server over a workspace with jobs of every state, and a real browser that may reach nothing else."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from brevetti_keras.server.service import Service
from brevetti_keras.server.workspace import open_service
from tests.support.pages import HOSTILE, Served, add_artifacts, add_dataset, add_job, served
from tests.support.together import made_by_one_worker

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 20_000


@dataclass
class Site:
    """The running platform, and the ids of its jobs and of its dataset under `data`."""

    service: Service
    server: Served
    jobs: dict[str, str]


@dataclass
class Seen:
    """What a browser reported while a test ran."""

    errors: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)


# Not for the session: while Playwright runs, its event loop is the thread's, and no other test could run one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Longer than by default: a machine may be busy.
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made_by_one_worker(tmp_path_factory, "site")
    root = tmp_path_factory.mktemp("site")
    with open_service(str(root / "workspace")) as service:
        data = add_dataset(service, root / "vials")
        jobs = {
            "done": add_job(service, "first try", "completed", dataset_ids=[data]),
            "failed": add_job(service, "without dents", "failed", epochs=3, dataset_ids=[data]),
            "running": add_job(service, "overnight", "running", epochs=4, dataset_ids=[data]),
            "bare": service.jobs.create("bare").id,
            "hostile": add_job(service, HOSTILE[:100], "failed", hostile=True),
            "data": data,
        }
        add_artifacts(service, jobs["done"])
        add_artifacts(service, jobs["hostile"], HOSTILE[:50].replace("/", "-"))
        with served(service) as server:
            yield Site(service, server, jobs)


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(
        viewport={"width": 1360, "height": 900}, timezone_id="Asia/Tokyo", locale="en-GB", reduced_motion="reduce"
    )
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, site: Site, seen: Seen) -> Page:
    """A page that is signed in; its errors and requests are written down."""
    page = context.new_page()
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    context.on("request", lambda request: seen.addresses.append(request.url))
    page.goto(site.server.link())
    return page


@pytest.fixture
def pictures() -> Path | None:
    """Where screenshots go that somebody wants to look at: $SCREENSHOTS, if set."""
    if "SCREENSHOTS" not in os.environ:
        return None
    folder = Path(os.environ["SCREENSHOTS"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder
