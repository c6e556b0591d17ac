"""What a reader of the pages waits for, in Chromium, on a platform that holds much.

Figures to reach: a job's page with 100,000 samples behind its pivot usable within 1 s of asking for it; a curve of
1,000,000 points on the screen within 1 s; a list of 10,000 jobs answered within 200 ms.

    .venv/bin/python -m benchmarks.job_page [--samples 100000] [--points 1000000] [--jobs 10000]
"""

import argparse
import contextlib
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable

import httpx
import numpy as np
import pandas as pd
from playwright.sync_api import Page, sync_playwright

from benchmarks.report import Figure, show
from brevetti_keras.interfaces.pivot import export_pivot_table
from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.job_records import row_of
from brevetti_keras.server.service import Service
from brevetti_keras.server.workspace import open_service
from brevetti_keras.wire.events import Event, epoch_body, status_body
from brevetti_keras.wire.records import JobConfig, utc_now
from tests.support.processes import Server

ROUNDS = 5
PART = 20_000
PIVOT = "#pivot-table td.pvtGrandTotal"
CURVE = "#curves canvas"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]


def job_with_pivot(service: Service, count: int) -> str:
    """Makes a finished job whose pivot is of `count` samples: 12 classes, 40 folders, 3 purposes, 5 datasets."""
    job_id = service.jobs.create("with a pivot").id
    draw = np.random.default_rng(0)
    samples = pd.DataFrame(
        {
            "path": [f"/data/{number}.png" for number in range(count)],
            "category": [(f"class {number}",) for number in draw.integers(0, 12, count)],
            "folder": [f"folder {number}" for number in draw.integers(0, 40, count)],
            "purpose": draw.choice(["train", "devel", "test"], count),
            "dataset_id": [f"dataset {number}" for number in draw.integers(0, 5, count)],
        }
    )
    export_pivot_table(os.path.join(service.jobs_folder, job_id, "artifacts", "pivot"), samples)
    service.events.append(job_id, [Event(key="end", kind="status", body=status_body("completed"))])
    return job_id


def job_with_curve(service: Service, points: int) -> str:
    """Makes a finished job of so many epochs."""
    job_id = service.jobs.create("with a curve").id
    for start in range(0, points, PART):
        numbers = range(start, min(start + PART, points))
        events = [
            Event(
                key=f"k{number}",
                kind="epoch",
                time="2026-01-01T00:00:00Z",
                body=epoch_body(number, {"loss": 1 / (number + 1)}),
            )
            for number in numbers
        ]
        service.events.append(job_id, events)
    service.events.append(job_id, [Event(key="end", kind="status", body=status_body("completed"))])
    return job_id


def many_jobs(service: Service, count: int) -> None:
    """Stores the records of finished jobs; their folders, which no list opens, are left out."""
    rows = []
    for number in range(count):
        config = JobConfig(id=str(uuid.uuid4()), run_id="2026", name=f"job {number}", settings={"epochs": 10})
        more = {"state": "completed", "created": utc_now(), "number": number + 10, "kind": "model"}
        rows.append({**row_of(config, **more), "metrics": '{"accuracy":0.98,"loss":0.1}'})
    with service.jobs._store.write() as writer:
        writer.insert_many(tables.jobs, rows)


def shown(page: Page, address: str, awaited: str) -> float:
    """Returns the median seconds from asking for a page until a part of it is there."""
    seconds = []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        page.goto(address, wait_until="commit")
        page.wait_for_selector(awaited, state="attached", timeout=120_000)
        # Until the next frame is drawn, nothing of it is on the screen.
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds[1:])


def answered(ask: Callable[[], httpx.Response]) -> float:
    """Returns the median milliseconds of an answer."""
    seconds = []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        ask().raise_for_status()
        seconds.append(time.perf_counter() - begin)
    return 1000 * statistics.median(seconds[1:])


def measure(home: str, samples: int, points: int, jobs: int) -> list[Figure]:
    """Fills a workspace and returns the figures."""
    with open_service(home) as service:
        begin = time.perf_counter()
        pivot, curve = job_with_pivot(service, samples), job_with_curve(service, points)
        many_jobs(service, jobs)
        key = service.access.create("benchmark")[1]
        print(f"filled in {time.perf_counter() - begin:.0f} s")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server(home))
        headers = {"Authorization": f"Bearer {key}"}
        client = stack.enter_context(httpx.Client(base_url=server.url, headers=headers, timeout=60))
        chromium = stack.enter_context(sync_playwright()).chromium
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        stack.callback(browser.close)
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        page.goto(server.link)
        return [
            Figure(
                f"pivot of {samples:,} samples usable", shown(page, f"{server.url}/jobs/{pivot}", PIVOT), "s", at_most=1
            ),
            Figure(
                f"curve of {points:,} points drawn", shown(page, f"{server.url}/jobs/{curve}", CURVE), "s", at_most=1
            ),
            Figure(f"page of {jobs:,} jobs, the newest 50", answered(lambda: client.get("/jobs")), "ms", at_most=200),
            Figure(
                f"{jobs:,} jobs, the newest 100 as JSON", answered(lambda: client.get("/api/jobs")), "ms", at_most=200
            ),
            Figure(f"all {jobs:,} jobs as JSON", answered(lambda: client.get(f"/api/jobs?limit={jobs}")), "ms"),
            Figure("the curve's points as JSON", answered(lambda: client.get(f"/api/jobs/{curve}/curve")), "ms"),
        ]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show("The pages", measure(f"{folder}/workspace", given.samples, given.points, given.jobs))


if __name__ == "__main__":
    main()
