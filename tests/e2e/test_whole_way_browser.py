"""From a folder of images to the job's page: what a training wrote is what the page shows, figure by figure."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from brevetti_keras.server.service import Service
from brevetti_keras.server.workspace import open_service
from tests.support.pages import Served, served
from tests.support.trainings import CLASSES, Training


@dataclass
class Way:
    """A server over the workspace of a training, and its job."""

    service: Service
    server: Served
    trained: str

    def artifact(self, name: str) -> str:
        return self.service.artifacts.read(self.trained, name).decode()


@pytest.fixture(scope="module")
def way(trained_by_command: Training) -> Iterator[Way]:
    with opened(trained_by_command) as way:
        yield way


@contextmanager
def opened(training: Training) -> Iterator[Way]:
    with open_service(str(training.home)) as service, served(service) as server:
        (job,) = service.jobs.list()
        yield Way(service, server, job.id)


@pytest.fixture(scope="module")
def shown(chromium: Browser, way: Way) -> Iterator[Page]:
    """A browser's page on the job that the command line trained."""
    context = chromium.new_context(viewport={"width": 1360, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(way.server.link())
    page.goto(f"{way.server.address}/jobs/{way.trained}")
    yield page
    context.close()


def test_the_state_and_the_epochs_are_shown(shown: Page) -> None:
    expect(shown.locator("h1")).to_contain_text("by command")
    expect(shown.locator("body")).to_contain_text("completed")
    expect(shown.locator("body")).to_contain_text("epoch 2 of 2")


def test_the_metrics_are_those_of_the_output(shown: Page, way: Way) -> None:
    output = json.loads(way.artifact("output.json"))["output"]
    text = shown.locator("#metrics").inner_text()
    assert "devel_accuracy" in text
    assert f"{output['devel_accuracy']:.4g}" in text
    assert str(output["devel_samples"]) in text


def test_the_accuracy_follows_from_the_predictions(way: Way) -> None:
    rows = [row for row in csv.DictReader(way.artifact("predictions.csv").splitlines()) if row["purpose"] == "devel"]
    right = sum(row["label"] == row["prediction"] for row in rows)
    output = json.loads(way.artifact("output.json"))["output"]
    assert len(rows) == output["devel_samples"]
    assert right / len(rows) == pytest.approx(output["devel_accuracy"])


def test_the_pivot_table_counts_every_used_image(shown: Page) -> None:
    table = shown.locator("#pivot-table")
    expect(table.locator(".pvtGrandTotal")).to_have_text(str(sum(CLASSES.values())))
    expect(table.locator("th.pvtRowLabel")).to_have_text(list(CLASSES))


def test_every_chart_is_drawn(shown: Page, way: Way) -> None:
    shown.locator("#charts").scroll_into_view_if_needed()
    expect(shown.locator("#charts [aria-busy]")).to_have_count(0)
    names = list(way.service.charts.list(way.trained))
    assert {"confusion_matrix", "dataset_summary", "training_history"} <= set(names)
    for name in names:
        expect(shown.locator(f'.chart[data-name="{name}"] canvas')).to_have_count(1)


def test_facets_hold_every_image(shown: Page) -> None:
    shown.locator("#facets").scroll_into_view_if_needed()
    dive = shown.frame_locator("iframe.facets").locator("facets-dive")
    expect(dive).to_have_attribute("data-records", str(sum(CLASSES.values())))


def test_the_report_stands_in_its_sandbox_with_the_same_accuracy(shown: Page, way: Way) -> None:
    shown.locator("#reports").scroll_into_view_if_needed()
    frame = shown.locator("#reports iframe")
    assert frame.get_attribute("sandbox") == "allow-scripts"
    accuracy = json.loads(way.artifact("output.json"))["output"]["devel_accuracy"]
    expect(shown.frame_locator("#reports iframe").locator("body")).to_contain_text(f"{100 * accuracy:.1f}")


def test_the_torn_file_is_listed_with_its_reason_and_the_sums_reconcile(shown: Page, way: Way) -> None:
    expect(shown.locator("body")).to_contain_text("torn.png")
    samples = json.loads(way.artifact("output.json"))["samples"]
    assert samples == {"listed": 37, "used": 36, "quarantined": 1}


def test_the_model_can_be_downloaded(shown: Page, way: Way) -> None:
    name = way.service.jobs.get(way.trained).model_path
    answer = shown.request.get(f"{way.server.address}/api/jobs/{way.trained}/artifacts/{name}")
    assert answer.status == 200
    assert answer.body() == way.service.artifacts.read(way.trained, str(name))


def test_the_dataset_behind_it_shows_its_images(chromium: Browser, way: Way) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(way.server.link())
    page.goto(f"{way.server.address}/datasets/{way.service.jobs.get(way.trained).datasets[0].id}")
    expect(page.locator("body")).to_contain_text("cracked 12")
    expect(page.locator("body")).to_contain_text("good 17")
    context.close()


def test_what_the_documentations_script_reports_is_on_its_page(chromium: Browser, trained_by_script: Training) -> None:
    context = chromium.new_context(viewport={"width": 1360, "height": 900})
    context.set_default_timeout(60_000)
    page = context.new_page()
    with opened(trained_by_script) as way:
        page.goto(way.server.link())
        page.goto(f"{way.server.address}/jobs/{way.trained}")
        expect(page.locator("h1")).to_contain_text("by script")
        expect(page.locator("#metrics")).to_contain_text("devel_accuracy")
        expect(page.locator("#pivot-table .pvtGrandTotal")).to_have_text("36")
        page.locator("#charts").scroll_into_view_if_needed()
        expect(page.locator('.chart[data-name="dataset_summary"] canvas')).to_have_count(1)
        page.locator("#facets").scroll_into_view_if_needed()
        expect(page.frame_locator("iframe.facets").locator("facets-dive")).to_have_attribute("data-records", "36")
        curve = way.service.events.curve(way.trained)
    assert curve["epoch"] == [0, 1]
    assert "loss" in curve["series"]
    context.close()
