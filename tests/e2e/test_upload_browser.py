"""Images from the browser's machine become a dataset, or leave nothing."""

import os
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Seen, Site
from tests.e2e.test_pages_browser import check_clean
from tests.support.queued_jobs import until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label in ("crack", "good"):
        (tmp_path / "lot 7" / label).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (40, 20), (90, 80 * number, 60)).save(tmp_path / "lot 7" / label / f"{number}.png")
    (tmp_path / "lot 7" / ".DS_Store").write_bytes(b"x")
    return tmp_path / "lot 7"


@pytest.fixture
def upload(page: Page, site: Site) -> Page:
    page.goto(f"{site.server.address}/datasets")
    expect(page.get_by_role("button", name="Upload")).to_be_disabled()
    return page


def choose_with_one_refused(upload: Page, folder: Path) -> None:
    """Seven files that are taken, and one whose name is another's but for its case."""
    for name in ("A.png", "a.png"):
        Image.new("L", (4, 4)).save(folder / "good" / name)
    upload.get_by_label("Choose a folder").set_input_files(folder)


def staged(site: Site) -> list[str]:
    folder = os.path.join(site.service.home, "datasets", ".uploads")
    return os.listdir(folder) if os.path.isdir(folder) else []


def test_a_folder_becomes_a_dataset_by_keyboard(upload: Page, site: Site, folder: Path, seen: Seen) -> None:
    choose = upload.get_by_label("Choose a folder")
    # Focused inside, so that the browser has been told to tell of its dialogs before the key comes.
    with upload.expect_file_chooser() as opened:
        choose.focus()
        upload.keyboard.press("Enter")
    opened.value.set_files(folder)
    expect(upload.locator("#upload").get_by_role("status")).to_have_text("6 files, 1 kB, 2 classes")
    upload.locator("#upload-name").focus()
    upload.keyboard.press("Enter")
    expect(upload.locator("h1")).to_have_text("lot 7")
    expect(upload.locator(".filters")).to_contain_text("all 6")
    expect(upload.locator(".filters")).to_contain_text("crack 3")
    [dataset] = [one for one in site.service.datasets.list() if one.name == "lot 7"]
    assert dataset.bucket == os.path.join(site.service.home, "datasets", dataset.id)
    assert (Path(dataset.bucket) / "good" / "0.png").read_bytes() == (folder / "good" / "0.png").read_bytes()
    assert staged(site) == []
    check_clean(seen, site)
    upload.get_by_role("button", name="Remove dataset").click()
    upload.get_by_role("button", name="Really remove it and its files?").click()
    expect(upload.locator("h1")).to_have_text("Datasets")
    assert not os.path.exists(dataset.bucket)


def test_a_file_that_is_not_taken_is_told_and_the_others_are_kept(upload: Page, site: Site, folder: Path) -> None:
    choose_with_one_refused(upload, folder)
    upload.locator("#upload-name").fill("kept")
    upload.get_by_role("button", name="Upload").click()
    expect(upload.locator("#refused")).to_contain_text("1 file was not taken:")
    expect(upload.locator("#refused li")).to_contain_text("differ in more than case")
    assert "kept" not in [one.name for one in site.service.datasets.list()]
    expect(upload.get_by_role("button", name="Add the dataset without them")).to_be_focused()
    upload.keyboard.press("Enter")
    expect(upload.locator("h1")).to_have_text("kept")
    expect(upload.locator(".filters")).to_contain_text("all 7")


def test_files_are_dropped_and_hostile_names_are_text(upload: Page, site: Site) -> None:
    name = "<img src=x onerror=window.hacked=1>.png"
    upload.locator(".drop").evaluate(
        """(place, name) => {
            const transfer = new DataTransfer();
            for (const one of ["1.png", name]) transfer.items.add(new File(["x"], one));
            for (const kind of ["dragenter", "dragover", "drop"]) {
                place.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
            }
        }""",
        name,
    )
    expect(upload.locator("#upload").get_by_role("status")).to_contain_text("2 files")
    upload.locator("#upload-name").fill("dropped")
    upload.get_by_role("button", name="Upload").click()
    expect(upload.locator("h1")).to_have_text("dropped")
    upload.locator(".pictures a").last.click()
    expect(upload.locator(".facts")).to_contain_text(name)
    assert upload.evaluate("window.hacked") is None


def test_one_that_is_stopped_or_left_keeps_nothing(upload: Page, site: Site, folder: Path) -> None:
    held: list[Route] = []
    upload.route("**/files?path=good*", lambda route: held.append(route))
    upload.get_by_label("Choose a folder").set_input_files(folder)
    upload.get_by_role("button", name="Upload").click()
    expect(upload.locator("#upload").get_by_role("status")).to_contain_text("3 of 6 files")
    expect(upload.get_by_role("button", name="Stop")).to_be_focused()
    assert len(staged(site)) == 1
    upload.keyboard.press("Enter")
    expect(upload.locator("#upload").get_by_role("status")).to_have_text("Stopped; nothing was kept.")
    assert staged(site) == []
    upload.get_by_role("button", name="Upload").click()
    expect(upload.locator("#upload").get_by_role("status")).to_contain_text("3 of 6 files")
    assert len(staged(site)) == 1
    upload.goto(f"{site.server.address}/tags")
    until(lambda: not staged(site))


def test_a_taken_name_is_told_before_anything_is_sent(upload: Page, site: Site, folder: Path, seen: Seen) -> None:
    upload.get_by_label("Choose a folder").set_input_files(folder)
    upload.locator("#upload-name").fill("vials")
    upload.get_by_role("button", name="Upload").click()
    expect(upload.locator("#upload .field-error")).to_contain_text("'vials'")
    expect(upload.locator("#upload-name")).to_be_focused()
    assert not [address for address in seen.addresses if "/files?" in address]
    assert staged(site) == []


def test_a_press_of_stop_while_it_begins_stops_it_and_the_next_one_runs_undisturbed(
    upload: Page, site: Site, folder: Path
) -> None:
    held: list[Route] = []
    upload.route("**/api/uploads", lambda route: held.append(route), times=1)
    upload.get_by_label("Choose a folder").set_input_files(folder)
    upload.locator("#upload-name").fill("second try")
    upload.get_by_role("button", name="Upload").click()
    upload.get_by_role("button", name="Stop").dblclick()
    status = upload.locator("#upload").get_by_role("status")
    expect(status).to_have_text("Stopped; nothing was kept.")
    until(lambda: held)
    files: list[Route] = []
    upload.route("**/files?path=good*", lambda route: files.append(route))
    upload.get_by_role("button", name="Upload").click()
    expect(status).to_contain_text("3 of 6 files")
    [present] = staged(site)
    with upload.expect_response(lambda response: response.request.method == "DELETE") as removed:
        held[0].continue_()
    assert removed.value.ok
    assert staged(site) == [present]
    until(lambda: len(files) == 3)
    for route in files:
        route.continue_()
    expect(upload.locator("h1")).to_have_text("second try")
    expect(upload.locator(".filters")).to_contain_text("all 6")


def test_a_dataset_whose_adding_fails_is_added_once_it_can_be(upload: Page, site: Site, folder: Path) -> None:
    choose_with_one_refused(upload, folder)
    upload.locator("#upload-name").fill("taken meanwhile")
    upload.get_by_role("button", name="Upload").click()
    without = upload.get_by_role("button", name="Add the dataset without them")
    expect(without).to_be_focused()
    other = site.service.datasets.add(str(folder), name="taken meanwhile").id
    asked: list[str] = []
    upload.on("request", lambda request: asked.append(request.url) if request.url.endswith("/finish") else None)
    without.dblclick()
    expect(upload.locator("#upload .field-error")).to_contain_text("'taken meanwhile'")
    assert len(asked) == 1
    expect(upload.get_by_role("button", name="Stop")).to_be_visible()
    upload.locator("#upload-name").fill("another name")
    without.click()
    expect(upload.locator("h1")).to_have_text("another name")
    expect(upload.locator(".filters")).to_contain_text("all 7")
    site.service.datasets.remove(other)


def test_files_chosen_before_the_pages_scripts_are_there_are_taken(page: Page, site: Site, folder: Path) -> None:
    held: list[Route] = []
    page.route("**/static/upload.js", lambda route: held.append(route), times=1)
    page.goto(f"{site.server.address}/datasets", wait_until="commit")
    page.get_by_label("Choose a folder").set_input_files(folder)
    until(lambda: held)
    held[0].continue_()
    expect(page.locator("#upload").get_by_role("status")).to_have_text("6 files, 1 kB, 2 classes")
    expect(page.get_by_role("button", name="Upload")).to_be_enabled()
