"""The pages in a real browser: they load clean, reach nothing else, and do what they say."""

import json

from playwright.sync_api import Browser, BrowserContext, Page, expect

from brevetti_keras.wire.events import Event, epoch_body, status_body
from tests.e2e.conftest import Seen, Site
from tests.support.pages import CHART, HOSTILE, add_artifacts, add_job
from tests.support.queued_jobs import until

# The report of the tests tries what it may not; the browser says so on its console.
_REFUSALS = ("/api/jobs", "Refused to connect")


def opened(page: Page, site: Site, address: str) -> None:
    page.goto(site.server.address + address.format(**site.jobs))


def read_through(page: Page) -> None:
    """Scrolls to the end, so that what loads when it is needed is loaded."""
    height = page.evaluate("document.documentElement.scrollHeight")
    for top in range(0, height, 500):
        page.evaluate(f"window.scrollTo(0, {top})")
        page.wait_for_timeout(40)
    expect(page.locator("[aria-busy]")).to_have_count(0)
    page.evaluate("window.scrollTo(0, 0)")


def check_clean(seen: Seen, site: Site) -> None:
    errors = [error for error in seen.errors if not any(part in error for part in _REFUSALS)]
    assert errors == []
    elsewhere = [url for url in seen.addresses if not url.startswith((site.server.address, "data:", "blob:"))]
    assert elsewhere == []


def test_a_browser_without_a_session_is_told_of_the_link(context: BrowserContext, site: Site) -> None:
    page = context.new_page()
    answer = page.goto(f"{site.server.address}/jobs/{site.jobs['done']}")
    assert answer is not None
    assert answer.status == 401
    expect(page.get_by_role("heading")).to_have_text("Open the link that the server printed")
    expect(page.locator("body")).not_to_contain_text("first try")


def test_the_policy_blocks_inline_script(page: Page, site: Site) -> None:
    opened(page, site, "/jobs/{done}")
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.ran = 1";
        document.body.append(script);
        const image = document.createElement("img");
        image.setAttribute("onerror", "window.ran = 2");
        image.src = "/static/none.png";
        document.body.append(image);
    }""")
    page.wait_for_timeout(300)
    assert page.evaluate("window.ran") is None


def test_the_policy_blocks_eval_and_other_hosts(page: Page, site: Site) -> None:
    opened(page, site, "/jobs/{bare}")
    page.add_script_tag(url=f"{site.server.address}/static/pages.js")
    assert page.evaluate("""async () => {
        const found = [];
        document.addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
        const style = document.createElement("style");
        style.textContent = "body { display: none }";
        document.body.append(style);
        await fetch("http://127.0.0.1:9/").catch(() => null);
        const frame = document.createElement("iframe");
        frame.src = "http://127.0.0.1:9/";
        document.body.append(frame);
        const wait = (time) => new Promise((resolve) => setTimeout(resolve, time));
        for (let tries = 0; tries < 200 && found.length < 3; tries++) await wait(50);
        await wait(100);
        return found.sort();
    }""") == ["connect-src", "frame-src", "style-src-elem"]


def test_a_report_reaches_neither_cookies_nor_the_server(page: Page, site: Site) -> None:
    opened(page, site, "/jobs/{done}")
    page.locator("#reports").scroll_into_view_if_needed()
    report = page.frame_locator("#reports iframe")
    expect(report.locator("h1")).to_have_text("Test report")
    expect(report.locator("#told")).to_have_text("cookie refused; storage refused; parent refused; api refused")


def test_a_report_in_a_tab_of_its_own_is_shut_off_too(page: Page, site: Site) -> None:
    opened(page, site, "/jobs/{done}/reports/report.html")
    expect(page.locator("#told")).to_contain_text("cookie refused; storage refused")
    expect(page.locator("#told")).to_contain_text("api refused")
    assert page.evaluate("window.origin") == "null"


def test_hostile_names_are_text_everywhere(page: Page, site: Site, seen: Seen) -> None:
    opened(page, site, "/jobs/{hostile}")
    read_through(page)
    expect(page.locator("h1")).to_contain_text("<img src=x onerror=")
    expect(page.locator("#pivot-table")).to_contain_text("<img src=x")
    expect(page.locator("#settings")).to_contain_text(HOSTILE)
    expect(page.frame_locator("iframe.facets").locator("facets-dive")).to_have_attribute("data-records", "138")
    page.locator("#pivot-table td.pvtVal").nth(2).click()
    expect(page.locator("#pivot-behind h3")).to_contain_text("<img src=x")
    assert page.locator("main img").count() == 0
    assert [frame.evaluate("window.hacked") for frame in page.frames] == [None] * len(page.frames)
    check_clean(seen, site)


def test_the_curve_grows_while_the_job_runs(page: Page, site: Site, seen: Seen) -> None:
    job = add_job(site.service, "growing", "running", epochs=2)
    page.goto(f"{site.server.address}/jobs/{job}")
    curves = page.locator("#curves")
    expect(curves).to_have_attribute("data-epochs", "2")
    expect(curves.locator("canvas")).to_have_count(3)
    expect(page.locator("#status")).to_contain_text("epoch 2 of 12")
    for epoch in (2, 3, 4):
        body = epoch_body(epoch, {"loss": 0.5 / epoch, "val_loss": 0.6 / epoch, "new_metric": epoch})
        site.service.events.append(job, [Event(key=f"n{epoch}", kind="epoch", body=body)])
        expect(curves).to_have_attribute("data-epochs", str(epoch + 1))
    expect(curves.locator("canvas")).to_have_count(4)
    expect(page.locator("#status")).to_contain_text("epoch 5 of 12")
    label = curves.locator("[role=img]").first.get_attribute("aria-label") or ""
    assert label.startswith("loss over 5 epochs. loss: last 0.125")
    site.service.charts.put(job, "late chart", CHART)
    site.service.events.append(job, [Event(key="c", kind="chart", body={"name": "late chart", "path": "x"})])
    expect(page.locator("#charts canvas")).to_have_count(1)
    add_artifacts(site.service, job)
    site.service.events.append(job, [Event(key="end", kind="status", body=status_body("completed"))])
    expect(page.locator("#status .state")).to_have_text("completed")
    expect(page.locator("#pivot-table table.pvtTable")).to_have_count(1)
    check_clean(seen, site)


def test_nothing_moves_under_a_reader_when_the_job_ends(page: Page, site: Site) -> None:
    job = add_job(site.service, "ending", "running", epochs=2)
    page.goto(f"{site.server.address}/jobs/{job}")
    expect(page.locator("#curves")).to_have_attribute("data-epochs", "2")
    page.locator("#log").scroll_into_view_if_needed()
    page.evaluate("window.kept = 1")
    site.service.events.append(job, [Event(key="end", kind="status", body=status_body("completed"))])
    expect(page.locator("#ended")).to_be_visible()
    assert page.evaluate("window.kept") == 1
    page.locator("#ended a").click()
    expect(page.locator("#status .state")).to_have_text("completed")


def test_curves_can_be_smoothed_and_put_on_a_log_scale(page: Page, site: Site, seen: Seen) -> None:
    opened(page, site, "/jobs/{done}")
    expect(page.locator("#curves canvas")).to_have_count(3)
    page.get_by_label("log scale").check()
    page.get_by_label("smoothing").fill("0.6")
    page.wait_for_timeout(200)
    expect(page.locator("#curves canvas")).to_have_count(3)
    check_clean(seen, site)


def test_charts_are_drawn_and_ask_for_nothing(page: Page, site: Site, seen: Seen) -> None:
    job = add_job(site.service, "charts", "completed", epochs=1)
    elsewhere = "http://127.0.0.1:9/data.json"
    site.service.charts.put(job, "good", CHART)
    site.service.charts.put(job, "url", {**CHART, "data": {"url": elsewhere}})
    options = {"embedOptions": {"actions": True, "loader": {"baseURL": elsewhere}, "mode": "vega", "ast": False}}
    site.service.charts.put(job, "options", {**CHART, "usermeta": options})
    site.service.charts.put(job, "picture", {**CHART, "mark": {"type": "image", "url": elsewhere}})
    hostile = {**CHART, "title": HOSTILE, "data": {"values": [{"class": HOSTILE, "samples": 2}]}}
    site.service.charts.put(job, "hostile", hostile)
    page.goto(f"{site.server.address}/jobs/{job}")
    expect(page.locator("#charts [aria-busy]")).to_have_count(0)
    for name in ("good", "options", "hostile"):
        expect(page.locator(f'.chart[data-name="{name}"] canvas')).to_have_count(1)
    expect(page.locator("#charts details, #charts .vega-actions")).to_have_count(0)
    assert elsewhere not in seen.addresses
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("typeof window.view") == "undefined"
    check_clean(Seen([], seen.addresses), site)


def test_charts_fit_their_place(page: Page, site: Site) -> None:
    job = add_job(site.service, "widths", "completed", epochs=1)
    for name, width in (("wide", 3000), ("narrow", 90)):
        site.service.charts.put(job, name, {**CHART, "width": width})
    site.service.charts.put(job, "free", CHART)
    site.service.charts.put(job, "composed", {"$schema": CHART["$schema"], "hconcat": [{**CHART, "width": 500}] * 2})
    page.goto(f"{site.server.address}/jobs/{job}")
    expect(page.locator("#charts [aria-busy]")).to_have_count(0)
    beside = "place => Math.abs(place.querySelector('canvas').clientWidth - place.clientWidth)"
    for width in (1360, 800):
        page.set_viewport_size({"width": width, "height": 900})
        for name in ("wide", "narrow", "free"):
            place = page.locator(f'.chart[data-name="{name}"] .canvas')
            expect(place).to_be_visible()
            until(lambda place=place: place.evaluate(beside) < 12)
    expect(page.locator('.chart[data-name="composed"]')).to_contain_class("wide")


def test_an_expression_of_a_chart_reaches_no_global(page: Page, site: Site) -> None:
    job = add_job(site.service, "expression", "completed", epochs=1)
    for index, expression in enumerate(("window.alert(1)", "datum.constructor.constructor('window.hacked=1')()")):
        site.service.charts.put(job, f"c{index}", {**CHART, "transform": [{"calculate": expression, "as": "shown"}]})
    page.goto(f"{site.server.address}/jobs/{job}")
    expect(page.locator("#charts [aria-busy]")).to_have_count(0)
    assert page.evaluate("window.hacked") is None


def test_fields_are_dragged_and_figures_open_their_samples(page: Page, site: Site, seen: Seen) -> None:
    opened(page, site, "/jobs/{done}")
    table = page.locator("#pivot-table")
    expect(table.locator(".pvtGrandTotal")).to_have_text("138")
    expect(table.locator("th.pvtRowLabel")).to_have_text(["crack", "good", "scratch", "Totals"][:3])
    chip = table.locator(".pvtUnused li", has_text="Prediction").locator(".pvtAttr")
    chip.drag_to(table.locator(".pvtRows"), target_position={"x": 30, "y": 60})
    expect(table.locator("th.pvtAxisLabel")).to_contain_text(["Purpose", "Category", "Prediction"])
    expect(table.locator(".pvtGrandTotal")).to_have_text("138")
    cell = table.locator("td.pvtVal").first
    count = cell.inner_text()
    cell.click()
    expect(page.locator("#pivot-behind h3")).to_contain_text(f"{count} samples behind this figure")
    expect(page.locator("#pivot-behind .sprite")).to_have_count(int(count))
    check_clean(seen, site)


def test_the_pivot_table_works_by_keyboard(page: Page, site: Site) -> None:
    opened(page, site, "/jobs/{done}")
    table = page.locator("#pivot-table")
    expect(table.locator(".pvtGrandTotal")).to_have_text("138")
    chip = table.locator(".pvtUnused .pvtAttr", has_text="Folder")
    chip.focus()
    page.keyboard.press("c")
    expect(table.locator(".pvtCols .pvtAttr")).to_have_text(["Purpose ▾", "Folder ▾"])
    expect(page.locator("#pivot-said")).to_have_text("Folder moved to columns")
    expect(table.locator(".pvtCols .pvtAttr", has_text="Folder")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(table.locator(".pvtCols .pvtAttr")).to_have_text(["Folder ▾", "Purpose ▾"])
    page.keyboard.press("u")
    expect(table.locator(".pvtCols .pvtAttr")).to_have_text(["Purpose ▾"])
    table.locator(".pvtRows .pvtAttr").focus()
    page.keyboard.press("f")
    expect(table.locator(".pvtFilterBox:visible :focus")).to_have_count(1)
    table.get_by_role("button", name="Cancel").click()
    table.locator("td.pvtVal").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#pivot-behind")).to_be_focused()


def test_other_colours_leave_the_pivot_table_as_it_was_arranged(page: Page, site: Site) -> None:
    opened(page, site, "/jobs/{done}")
    table = page.locator("#pivot-table")
    expect(table.locator(".pvtGrandTotal")).to_have_text("138")
    table.locator(".pvtUnused .pvtAttr", has_text="Folder").focus()
    page.keyboard.press("c")
    expect(table.locator(".pvtCols .pvtAttr")).to_have_text(["Purpose ▾", "Folder ▾"])
    table.get_by_label("Figure").select_option("Share of all")
    expect(table.locator(".pvtGrandTotal")).to_have_text("100.0 %")
    cell = table.locator("td.pvtVal").first
    light = cell.evaluate("cell => getComputedStyle(cell).backgroundColor")
    page.emulate_media(color_scheme="dark")
    expect(cell).not_to_have_css("background-color", light)
    expect(table.locator(".pvtCols .pvtAttr")).to_have_text(["Purpose ▾", "Folder ▾"])
    expect(table.locator(".pvtGrandTotal")).to_have_text("100.0 %")
    expect(table.get_by_label("Figure")).to_have_value("Share of all")


def test_fields_are_moved_by_taps(chromium: Browser, site: Site) -> None:
    context = chromium.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(site.server.link())
    opened(page, site, "/jobs/{done}")
    table = page.locator("#pivot-table")
    for area in (".pvtRows", ".pvtCols", ".pvtUnused"):
        table.locator(".pvtAttr", has_text="Folder").tap(position={"x": 12, "y": 10})
        expect(table.locator(f"{area} .pvtAttr", has_text="Folder")).to_have_count(1)
    context.close()


def test_shares_and_means_are_of_samples(page: Page, site: Site) -> None:
    job = add_job(site.service, "shares", "completed", epochs=1)
    fields = {"rowFields": [{"key": "a", "label": "A"}], "colFields": [{"key": "b", "label": "B"}], "fields": []}
    records = [
        {"a": "x", "b": "p", "id": 0, "count": 3, "score": 1.0},
        {"a": "x", "b": "q", "id": 1, "count": 1, "score": 0.0},
        {"a": "y", "b": "p", "id": 2, "count": 4, "score": 0.5},
    ]
    site.service.artifacts.write(job, "pivot/summary_fields.json", json.dumps(fields).encode())
    site.service.artifacts.write(job, "pivot/classification_summary.json", json.dumps(records).encode())
    page.goto(f"{site.server.address}/jobs/{job}")
    table = page.locator("#pivot-table")
    for figure, cells, total in (
        ("Share of all", ["37.5 %", "12.5 %", "50.0 %", ""], "100.0 %"),
        ("Share of the row", ["75.0 %", "25.0 %", "100.0 %", ""], "100.0 %"),
        ("Share of the column", ["42.9 %", "100.0 %", "57.1 %", ""], "100.0 %"),
        ("Mean of score", ["1.0000", "0.0000", "0.5000", ""], "0.6250"),
    ):
        table.get_by_label("Figure").select_option(figure)
        expect(table.locator(".pvtGrandTotal")).to_have_text(total)
        expect(table.locator("td.pvtVal")).to_have_text(cells)


def test_samples_of_several_labels_count_once(page: Page, site: Site) -> None:
    job = add_job(site.service, "labels", "completed", epochs=1)
    fields = {"rowFields": [{"key": "category", "label": "Category"}], "colFields": [], "fields": []}
    records = [
        {"category": "crack", "id": 0, "count": 5},
        {"category": "dent", "id": 0, "count": 5},
        {"category": "crack", "id": 1, "count": 2},
    ]
    site.service.artifacts.write(job, "pivot/summary_fields.json", json.dumps(fields).encode())
    site.service.artifacts.write(job, "pivot/classification_summary.json", json.dumps(records).encode())
    page.goto(f"{site.server.address}/jobs/{job}")
    table = page.locator("#pivot-table")
    expect(table.locator(".rowTotal")).to_have_text(["7", "5"])
    expect(table.locator(".pvtGrandTotal")).to_have_text("7")


def test_facets_show_every_sample(page: Page, site: Site, seen: Seen) -> None:
    opened(page, site, "/jobs/{done}/facets")
    dive = page.frame_locator("iframe.facets").locator("facets-dive")
    expect(dive).to_have_attribute("data-records", "138")
    frame = next(frame for frame in page.frames if frame.url.endswith("/frames/facets"))
    assert frame.evaluate("document.getElementById('dive').data.length") == 138
    assert frame.evaluate("document.getElementById('dive').verticalFacet") == "category"
    assert frame.evaluate("window.origin") == "null"
    check_clean(seen, site)


def test_damaged_files_say_so_in_their_place(page: Page, site: Site) -> None:
    job = add_job(site.service, "damaged", "completed", epochs=1)
    add_artifacts(site.service, job)
    site.service.artifacts.write(job, "pivot/classification_summary.json", b"[{")
    site.service.artifacts.write(job, "facets/facets.json", b"[{")
    site.service.artifacts.write(job, "charts/broken.json", b"{")
    page.goto(f"{site.server.address}/jobs/{job}")
    for place, words in (("#pivot", "The pivot table cannot be shown"), ("#charts", "The chart cannot be shown")):
        expect(page.locator(f"{place} .problem")).to_contain_text(words)
    page.locator("#facets").scroll_into_view_if_needed()
    expect(page.locator("#facets .problem")).to_contain_text("Facets cannot be shown")


def test_times_are_in_the_readers_zone(page: Page, site: Site) -> None:
    opened(page, site, "/jobs/{done}")
    shown = page.locator("#status time").first
    stored = shown.get_attribute("datetime")
    expected = page.evaluate(
        "(time) => new Intl.DateTimeFormat('en-GB', {dateStyle: 'medium', timeStyle: 'short', timeZone: 'Asia/Tokyo'})"
        ".format(new Date(time))",
        stored,
    )
    expect(shown).to_have_text(expected)


def test_the_pages_are_walked_by_keyboard(page: Page, site: Site) -> None:
    # The list of all jobs: home shows only the newest, of which other tests make more.
    opened(page, site, "/jobs")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.get_by_role("link", name="first try").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("first try")


def test_colours_are_chosen_and_kept(page: Page, site: Site) -> None:
    button = page.get_by_role("button", name="Colours")
    button.click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    expect(page.get_by_role("button", name="Colours: dark")).to_have_count(1)


def test_home_follows_what_happens(page: Page, site: Site) -> None:
    job = add_job(site.service, "just started", "running", epochs=1)
    expect(page.get_by_role("link", name="just started")).to_have_count(1)
    site.service.events.append(job, [Event(key="end", kind="status", body=status_body("failed", "disk full"))])
    expect(page.locator("tr", has_text="just started")).to_contain_text("disk full")


def test_bare_nan_in_the_files_of_existing_clients_is_read_as_null(page: Page, site: Site) -> None:
    opened(page, site, "/jobs/{done}")
    written = '[{"score": NaN, "low": -Infinity, "text": "NaN, \\"Infinity", "count": 3}]'
    page.route("**/older.json", lambda route: route.fulfill(body=written, content_type="application/json"))
    read = page.evaluate("brevetti.fetchJson('/older.json')")
    assert read == [{"score": None, "low": None, "text": 'NaN, "Infinity', "count": 3}]
    page.route("**/torn.json", lambda route: route.fulfill(body='[{"score": NaN', content_type="application/json"))
    assert page.evaluate("brevetti.fetchJson('/torn.json').catch((error) => error.name)") == "SyntaxError"
