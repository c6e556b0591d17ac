"""Choosing and starting in a real browser: data, tags, model types, the form of every kind of setting, jobs."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from brevetti_keras.server.launcher import Launcher
from brevetti_keras.wire.events import Event, epoch_body
from tests.e2e.conftest import Seen, Site
from tests.e2e.test_pages_browser import check_clean
from tests.support.pages import add_job
from tests.support.queued_jobs import MODULE as QUEUED
from tests.support.queued_jobs import until, write_module
from tests.support.settings_kinds import DEFAULTS, MODULE, OTHERS, WRONG, write_kinds

# Settings are checked, and jobs run, by processes of their own.
_SLOW = 60_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label in ("crack", "good"):
        (tmp_path / "lot" / label).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (40, 20), (90, 80 * number, 60)).save(tmp_path / "lot" / label / f"{number}.png")
    return tmp_path / "lot"


@pytest.fixture
def kinds(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a registered model type with settings of every kind."""
    write_kinds(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield site.service.model_types.add(f"{MODULE}:Kinds").name
    sys.modules.pop(MODULE, None)


def opened(page: Page, site: Site, address: str) -> None:
    page.goto(site.server.address + address)


def drawn(page: Page, schema: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """What the form gives back of a value that nobody touched."""
    found = page.evaluate(
        """([schema, text]) => {
            const form = document.querySelector("settings-form");
            form.draw(schema, JSON.parse(text));
            return JSON.stringify(form.value);
        }""",
        [schema, json.dumps(value)],
    )
    result: dict[str, Any] = json.loads(found)
    return result


def test_a_form_gives_back_what_it_got(page: Page, site: Site, kinds: str, seen: Seen) -> None:
    schema = site.service.model_types.get(kinds).settings_schema
    opened(page, site, "/jobs/new")
    assert drawn(page, schema, {}) == DEFAULTS
    for value in (DEFAULTS, OTHERS, WRONG):
        assert drawn(page, schema, value) == value
    assert drawn(page, schema, {"part": {"words": []}})["part"] == {"depth": 4, "words": [], "deep": 7}
    assert page.evaluate("window.hacked") is None
    check_clean(seen, site)


def test_the_bundled_form_gives_back_what_it_got(page: Page, site: Site) -> None:
    schema = site.service.model_types.get("image-classification").settings_schema
    opened(page, site, "/jobs/new")
    value = drawn(page, schema, {})
    assert value["image_pipeline"]["target_size"] == [128, 128]
    assert drawn(page, schema, value) == value
    assert site.service.model_types.validate_settings("image-classification", value) == {}


def test_every_kind_of_value_is_edited(page: Page, site: Site, kinds: str) -> None:
    opened(page, site, f"/jobs/new?model_type={kinds}")
    form = page.locator("settings-form")
    form.get_by_label("Rounds epochs").fill("20")
    form.get_by_label("Sure").uncheck()
    form.get_by_label("Mode").select_option("3")
    form.get_by_label("Limit").fill("5")
    form.get_by_label("Scale").select_option("unit")
    form.get_by_label("Size 2").fill("16")
    form.get_by_role("combobox", name="Columns", exact=True).select_option("text")
    form.get_by_role("textbox", name="Columns").fill("^a")
    form.get_by_role("button", name="Add to Weights").click()
    form.get_by_label("Weights, name 2").fill("bad")
    form.get_by_label("Weights, value 2").fill("2.5")
    form.get_by_role("button", name="Remove from Weights").first.click()
    form.get_by_label("Step", exact=True).select_option("blur")
    form.get_by_label("Sigma pixels").first.fill("3")
    form.get_by_text("Part", exact=True).first.click()
    form.get_by_label("Words 1").first.fill("two")
    form.get_by_role("button", name="Add to Words").first.click()
    form.get_by_label("Words 2").first.fill("three")
    form.get_by_role("button", name="Move up in Words").nth(1).click()
    value = page.evaluate("document.querySelector('settings-form').value")
    assert value == {
        **DEFAULTS,
        "epochs": 20,
        "sure": False,
        "mode": 3,
        "limit": 5,
        "scale": "unit",
        "size": [8, 16],
        "columns": "^a",
        "weights": {"bad": 2.5},
        "step": {"kind": "blur", "sigma": 3},
        "part": {"depth": 4, "words": ["three", "two"], "deep": 7},
    }
    assert site.service.model_types.validate_settings(kinds, value) == {}


def test_wrong_values_are_marked_at_their_fields(page: Page, site: Site, kinds: str) -> None:
    opened(page, site, f"/jobs/new?model_type={kinds}")
    page.get_by_label("vials").first.check()
    form = page.locator("settings-form")
    form.get_by_label("Rounds epochs").fill("many")
    form.get_by_label("Size 1").fill("1.5")
    form.get_by_label("Sigma pixels").fill("-1")
    form.locator("summary", has_text="Advanced").last.click()
    form.get_by_label("Expert").fill("7")
    form.locator("summary", has_text="Advanced").last.click()
    jobs = site.service.jobs.count()
    page.get_by_role("button", name="Start").click()
    expect(form.locator("[aria-invalid]")).to_have_count(4, timeout=_SLOW)
    expect(form.get_by_label("Rounds epochs")).to_be_focused()
    for label, words in (("Rounds epochs", "integer"), ("Size 1", "integer"), ("Sigma pixels", "greater than 0")):
        control = form.get_by_label(label)
        described = (control.get_attribute("aria-describedby") or "").split()[-1]
        expect(page.locator(f"#{described}")).to_contain_text(words)
    expect(form.get_by_label("Expert")).to_be_visible()
    expect(page.locator("#start .field-error")).to_contain_text("4 settings are wrong")
    assert site.service.jobs.count() == jobs
    for label, text in (("Rounds epochs", "2"), ("Size 1", "4"), ("Sigma pixels", "1"), ("Expert", "0")):
        form.get_by_label(label).fill(text)
    page.get_by_role("button", name="Simulate").click()
    expect(page.locator("#simulated")).to_be_focused(timeout=_SLOW)
    expect(form.locator("[aria-invalid]")).to_have_count(0)


def test_what_is_missing_is_said_at_its_place(page: Page, site: Site, kinds: str) -> None:
    opened(page, site, "/jobs/new")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#data .field-error")).to_contain_text("choose at least one dataset")
    page.get_by_label("vials").first.check()
    expect(page.locator("#chosen")).to_have_text("1 chosen")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#type .field-error")).to_contain_text("choose a model type")


def test_datasets_are_found_by_name_and_tag(page: Page, site: Site, folder: Path) -> None:
    tagged = site.service.datasets.add(str(folder), "tagged lot", tags=["shift=night"])
    opened(page, site, "/jobs/new")
    find = page.get_by_label("Find datasets by name or tag")
    rows = page.locator("#datasets li:visible")
    find.fill("night")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("tagged lot")
    rows.get_by_role("checkbox").check()
    find.fill("nothing like this")
    expect(rows).to_have_count(1)
    rows.get_by_role("checkbox").uncheck()
    find.fill("nothing like that")
    expect(page.locator("#none-found")).to_be_visible()
    site.service.datasets.remove(tagged.id)


def test_from_a_folder_to_a_job_that_ran(page: Page, site: Site, kinds: str, folder: Path, seen: Seen) -> None:
    opened(page, site, "/datasets")
    page.get_by_label("Where it lies").fill(str(folder))
    page.locator("#add-name").fill("flow lot")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("flow lot")
    expect(page.locator(".pictures img")).to_have_count(6)
    page.get_by_role("link", name="New job on it").click()
    page.get_by_role("radio", name=kinds).check()
    form = page.locator("settings-form")
    form.get_by_label("Rounds epochs").fill("4")
    with Launcher(site.service, poll_seconds=0.02):
        page.get_by_role("button", name="Start").click()
        expect(page.locator("h1")).to_have_text(f"{kinds} on flow lot", timeout=_SLOW)
        expect(page.locator("#status .state")).to_have_text("completed", timeout=_SLOW)
    job = site.service.jobs.get(page.locator(".job").get_attribute("data-job") or "")
    assert job.metrics["rounds"] == 4
    shown = {**DEFAULTS, "epochs": 4}
    assert {name: job.settings[name] for name in shown} == shown
    expect(page.locator("#curves")).to_have_attribute("data-epochs", "4")
    page.get_by_role("link", name="New job like this").click()
    expect(page.get_by_label("Rounds epochs")).to_have_value("4", timeout=_SLOW)
    expect(page.locator("[name=dataset_id]:checked")).to_have_attribute("data-name", "flow lot")
    check_clean(seen, site)


def test_a_simulated_job_shows_its_key_once_and_is_started_and_stopped(
    page: Page, site: Site, kinds: str, seen: Seen
) -> None:
    opened(page, site, f"/jobs/new?model_type={kinds}")
    page.get_by_label("vials").first.focus()
    page.keyboard.press("Space")
    page.get_by_label("Name", exact=True).last.fill("by hand")
    page.get_by_role("button", name="Simulate").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#simulated")).to_be_focused(timeout=_SLOW)
    job_id = page.locator("#simulated-id").inner_text()
    assert site.service.jobs.authenticate(job_id, page.locator("#simulated-key").inner_text())
    command = page.locator("#simulated-command").inner_text()
    assert command == f"python my_training.py --job_id {job_id} --platform '{site.service.home}'"
    page.get_by_role("link", name="Watch it").click()
    expect(page.locator("#status .state")).to_have_text("created")
    # The page is read anew then; a question asked before that would be gone.
    with page.expect_navigation():
        page.get_by_role("button", name="Start").click()
    expect(page.locator("#status .state")).to_have_text("queued", timeout=_SLOW)
    expect(page.locator("#status")).to_contain_text("next in the queue")
    page.get_by_role("button", name="Stop").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Really stop it?").click()
    expect(page.locator("#status .state")).to_have_text("stopped", timeout=_SLOW)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#status .state")).to_have_text("queued", timeout=_SLOW)
    site.service.jobs.stop(job_id)
    assert site.service.jobs.config(job_id).api_key.get_secret_value() not in page.content()
    check_clean(seen, site)


def test_a_form_that_is_sent_before_the_pages_scripts_are_there_waits_for_them(
    page: Page, site: Site, seen: Seen
) -> None:
    job_id = site.service.jobs.create("early", model_type="image-classification").id
    held: list[Route] = []
    page.route("**/static/edit.js", lambda route: held.append(route), times=1)
    page.goto(f"{site.server.address}/jobs/{job_id}", wait_until="commit")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#status .state")).to_have_text("created")
    assert site.service.jobs.get(job_id).state == "created"
    assert not page.url.endswith("?"), "the browser sent the form by itself"
    until(lambda: held)
    held[0].continue_()
    expect(page.locator("#status .state")).to_have_text("queued", timeout=_SLOW)
    site.service.jobs.stop(job_id)
    check_clean(seen, site)


def test_a_new_job_that_is_sent_before_the_form_is_drawn_waits_for_it(page: Page, site: Site, kinds: str) -> None:
    held: list[Route] = []
    page.route("**/static/new-job.js", lambda route: held.append(route), times=1)
    page.goto(f"{site.server.address}/jobs/new?model_type={kinds}", wait_until="commit")
    page.get_by_label("vials").first.check()
    page.get_by_role("button", name="Simulate").click()
    expect(page.locator("#simulated")).to_be_hidden()
    until(lambda: held)
    held[0].continue_()
    expect(page.locator("#simulated")).to_be_focused(timeout=_SLOW)
    assert site.service.jobs.get(page.locator("#simulated-id").inner_text()).model_type == kinds


def test_a_new_job_is_made_once_however_often_start_is_pressed(page: Page, site: Site, kinds: str) -> None:
    jobs = site.service.jobs.count()
    opened(page, site, f"/jobs/new?model_type={kinds}")
    page.get_by_label("vials").first.check()
    page.get_by_label("Name", exact=True).last.fill("pressed often")
    started: list[Route] = []

    def refuse_once(route: Route) -> None:
        started.append(route)
        if len(started) == 1:
            route.fulfill(status=503, json={"error": "the queue is busy"})
        else:
            route.continue_()

    page.route("**/api/jobs/*/start", refuse_once)
    page.get_by_role("button", name="Start").dblclick()
    expect(page.locator("#start .field-error")).to_have_text("the queue is busy", timeout=_SLOW)
    assert (len(started), site.service.jobs.count()) == (1, jobs + 1)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("h1")).to_have_text("pressed often", timeout=_SLOW)
    assert (len(started), site.service.jobs.count()) == (2, jobs + 1)
    site.service.jobs.stop(page.locator(".job").get_attribute("data-job") or "")


def test_a_running_job_can_be_stopped_by_hand_while_its_epochs_come(page: Page, site: Site, seen: Seen) -> None:
    job_id = add_job(site.service, "quick epochs", "running", epochs=2)
    opened(page, site, f"/jobs/{job_id}")
    expect(page.locator("#curves")).to_have_attribute("data-epochs", "2")
    epochs = iter(range(2, 100))

    def another_epoch() -> None:
        epoch = next(epochs)
        with page.expect_response(lambda response: response.url.endswith(f"/jobs/{job_id}")):
            event = Event(key=f"e-{epoch}", kind="epoch", body=epoch_body(epoch, {"loss": 1 / (1 + epoch)}))
            site.service.events.append(job_id, [event])
        expect(page.locator("#curves")).to_have_attribute("data-epochs", str(epoch + 1))

    stop = page.get_by_role("button", name="Stop")
    stop.focus()
    another_epoch()
    expect(stop).to_be_focused()
    stop.hover()
    page.mouse.down()
    another_epoch()
    page.mouse.up()
    asked = page.get_by_role("button", name="Really stop it?")
    another_epoch()
    expect(asked).to_be_visible()
    page.get_by_role("heading", level=1).click()
    expect(stop).to_be_visible()
    stop.click()
    another_epoch()
    asked.click()
    expect(page.locator("#status .state")).to_have_text("stopped", timeout=_SLOW)
    check_clean(seen, site)


def test_a_model_type_is_registered_and_a_wrong_one_is_refused(page: Page, site: Site, kinds: str) -> None:
    opened(page, site, "/model-types")
    page.get_by_label("Its class").fill("no_such_module:Thing")
    page.keyboard.press("Enter")
    expect(page.locator(".field-error")).to_contain_text("no_such_module", timeout=_SLOW)
    expect(page.get_by_label("Its class")).to_be_focused()
    page.get_by_label("Its class").fill(f"{MODULE}:Kinds")
    page.keyboard.press("Enter")
    section = page.locator("section", has=page.get_by_role("heading", name=kinds))
    expect(page.get_by_label("Its class")).to_have_value("", timeout=_SLOW)
    section.locator("summary").click()
    expect(section.locator("tr", has_text="part.depth")).to_contain_text("whole number ≥ 1, ≤ 9")
    section.get_by_role("link", name="New job").click()
    expect(page.get_by_role("radio", name=kinds)).to_be_checked()
    expect(page.get_by_label("Rounds epochs")).to_have_value("3", timeout=_SLOW)


def test_a_dataset_is_edited_in_place_and_removed(page: Page, site: Site, folder: Path, seen: Seen) -> None:
    dataset = site.service.datasets.add(str(folder), "to edit").id
    opened(page, site, f"/datasets/{dataset}")
    name, notes = (page.get_by_role("textbox", name=label, exact=True) for label in ("Name", "Notes"))
    name.fill("edited")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("edited")
    notes.fill("two\nlines </textarea>")
    page.locator("form", has=notes).get_by_role("button").click()
    expect(page.locator("form", has=notes).get_by_role("status")).to_have_text("Saved")
    page.get_by_role("combobox", name="Tags").fill("shift=day")
    page.keyboard.press("Enter")
    expect(page.locator("li.tag")).to_contain_text(["shift=day"])
    expect(page.get_by_role("combobox", name="Tags")).to_be_focused()
    stored = site.service.datasets.get(dataset)
    assert (stored.name, stored.notes, [tag.name for tag in stored.tags]) == (
        "edited",
        "two\nlines </textarea>",
        ["day"],
    )
    page.get_by_role("button", name="Remove the tag shift=day").click()
    expect(page.locator("li.tag")).to_have_count(0)
    check_clean(seen, site)
    name.fill("vials")
    page.keyboard.press("Enter")
    expect(page.locator("form", has=name).locator(".field-error")).to_contain_text("'vials'")
    expect(name).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Remove dataset").click()
    page.get_by_role("button", name="Really remove it?").click()
    expect(page.locator("h1")).to_have_text("Datasets")
    assert dataset not in {one.id for one in site.service.datasets.list()}


def test_what_is_typed_and_not_saved_outlives_a_change_of_tags(page: Page, site: Site, folder: Path) -> None:
    dataset = site.service.datasets.add(str(folder), "half written", notes="before").id
    opened(page, site, f"/datasets/{dataset}")
    notes = page.get_by_role("textbox", name="Notes", exact=True)
    notes.fill("a line that is not saved")
    tags = page.get_by_role("combobox", name="Tags")
    tags.fill("shift=noon")
    page.keyboard.press("Enter")
    expect(page.locator("li.tag")).to_have_count(1)
    expect(notes).to_have_value("a line that is not saved")
    expect(tags).to_have_value("")
    assert site.service.datasets.get(dataset).notes == "before"
    site.service.datasets.remove(dataset)


def test_a_change_of_tags_does_not_undo_the_one_before(page: Page, site: Site, folder: Path) -> None:
    dataset = site.service.datasets.add(str(folder), "of two shifts", tags=["shift=late", "line=4"]).id
    opened(page, site, f"/datasets/{dataset}")
    held: list[Route] = []
    page.route(f"**/api/datasets/{dataset}", lambda route: held.append(route))
    page.get_by_role("button", name="Remove the tag shift=late").click()
    page.get_by_role("button", name="Remove the tag line=4").click()
    until(lambda: held)
    page.unroute(f"**/api/datasets/{dataset}")
    expect(page.locator("li.tag")).to_have_count(1)
    page.get_by_role("button", name="Remove the tag line=4").click()
    expect(page.locator("li.tag")).to_have_count(0)
    assert len(held) == 1
    assert site.service.datasets.get(dataset).tags == ()
    site.service.datasets.remove(dataset)


def test_samples_are_shown_as_the_network_gets_them(page: Page, site: Site, folder: Path, seen: Seen) -> None:
    (folder / "good" / "broken.png").write_bytes(b"no image")
    dataset = site.service.datasets.add(str(folder), name="previewed").id
    opened(page, site, f"/jobs/new?model_type=image-classification&dataset={dataset}")
    section = page.locator("#preview")
    page.locator("summary", has_text="Image pipeline").click()
    page.get_by_label("Target size 1").fill("30")
    section.get_by_role("button", name="Show eight samples").click()
    expect(section.locator("figure")).to_have_count(7, timeout=_SLOW)
    pictures = section.locator("figure", has_text="0.png").first.locator("img")
    expect(pictures).to_have_count(2)
    assert pictures.first.evaluate("image => image.decode().then(() => image.naturalHeight)") == 30
    assert "as the network gets it" in pictures.first.get_attribute("alt")
    assert "varied by Augmentation" in pictures.last.get_attribute("alt")
    expect(section.locator("figure", has_text="broken.png")).to_contain_text("Not shown: expected an image")
    page.get_by_label("Target size 1").fill("0")
    page.keyboard.press("Tab")
    expect(section.get_by_role("status")).to_have_text("The settings or data have changed since.")
    section.get_by_role("button", name="Show again").click()
    expect(section.locator(".field-error")).to_have_text("One setting is wrong; it is marked.", timeout=_SLOW)
    expect(page.locator("settings-form .field-error")).to_have_count(1)
    expect(section.locator("figure")).to_have_count(7)
    expect(page.locator("#pictures")).to_be_hidden()
    check_clean(seen, site)
    page.get_by_label("previewed").uncheck()
    section.get_by_role("button").click()
    expect(page.locator("#data .field-error")).to_contain_text("choose at least one dataset")


def test_a_report_tests_chosen_models(
    page: Page, site: Site, folder: Path, tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_module(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    checker = site.service.model_types.add(f"{QUEUED}:ReportType").name
    dataset = site.service.datasets.add(str(folder), name="for tests").id
    model = site.service.jobs.create("a model", job_class="mine:Own", dataset_ids=[dataset]).id
    site.service.artifacts.write(model, "m.tar.gz", b"model")
    site.service.events.append(model, [Event(key="c", kind="complete", body={"model_path": "m.tar.gz"})])
    opened(page, site, f"/jobs/new?dataset={dataset}")
    expect(page.locator("#models")).to_be_hidden()
    page.get_by_label(checker).check()
    expect(page.locator("#models")).to_be_visible()
    expect(page.locator("settings-form .part").first).to_be_attached()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#models .field-error")).to_have_text("choose at least one model to test")
    page.get_by_label("a model").check()
    with Launcher(site.service):
        page.get_by_role("button", name="Start").click()
        expect(page.locator("#title")).to_have_text("checker of a model on for tests", timeout=_SLOW)
        expect(page.locator("#status .state")).to_have_text("completed", timeout=_SLOW)
    report = page.url.rpartition("/")[2]
    [tested] = json.loads(site.service.artifacts.read(report, "tested.json"))
    assert tested["id"] == model
    # The page loads itself anew when its job ends, and would cut off what loads it here.
    expect(page.locator("#metrics")).to_contain_text("bytes of a model", timeout=_SLOW)
    page.locator("#status").get_by_role("link", name="a model", exact=True).click()
    page.get_by_role("link", name="checker of a model on for tests").click()
    expect(page.locator("#title")).to_have_text("checker of a model on for tests")
    check_clean(seen, site)


def test_a_dataset_that_a_job_used_says_why_it_stays(page: Page, site: Site) -> None:
    opened(page, site, f"/datasets/{site.service.datasets.get('vials').id}")
    page.get_by_role("button", name="Remove dataset").click()
    page.get_by_role("button", name="Really remove it?").click()
    expect(page.locator("form.remove .field-error")).to_contain_text("used")


def test_an_image_is_opened_from_the_grid(page: Page, site: Site, seen: Seen) -> None:
    opened(page, site, f"/datasets/{site.service.datasets.get('vials').id}")
    page.get_by_role("link", name="good").click()
    picture = page.locator(".pictures a")
    expect(picture).to_have_count(1)
    assert picture.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 8
    picture.click()
    expect(page.locator("h1")).to_have_text("good/a.png")
    expect(page.locator(".facts")).to_contain_text("8 × 8 pixels")
    check_clean(seen, site)


def test_the_tree_of_tags_is_edited_by_keyboard(page: Page, site: Site, seen: Seen) -> None:
    opened(page, site, "/tags")
    page.get_by_label("New root tag").fill("plant")
    page.keyboard.press("Enter")
    expect(page.get_by_label("New root tag")).to_be_focused()
    page.locator("summary", has_text="plant").focus()
    page.keyboard.press("Enter")
    page.get_by_label("New tag below plant").fill("north")
    page.keyboard.press("Enter")
    expect(page.locator("summary", has_text="north")).to_be_visible()
    page.get_by_label("Name of plant").fill("works")
    page.keyboard.press("Enter")
    expect(page.locator("summary", has_text="works")).to_be_visible()
    [root] = [tag for tag in site.service.tags.list() if tag.name == "works"]
    assert [tag.name for tag in root.children] == ["north"]
    check_clean(seen, site)
    page.get_by_role("button", name="Remove works").click()
    page.get_by_role("button", name="Really remove works?").click()
    expect(page.locator(".remove .field-error").first).to_contain_text("remove those first")
