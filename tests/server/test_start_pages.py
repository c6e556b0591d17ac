import re
from pathlib import Path

import httpx
import pytest

from brevetti_keras.server.service import Service
from brevetti_keras.wire.events import Event, status_body
from tests.support.pages import HOSTILE, add_dataset, add_job
from tests.support.queued_jobs import MODULE, write_module
from tests.support.served import Served


@pytest.fixture
def browser(served: Served) -> httpx.Client:
    return served.browser()


@pytest.fixture
def quick(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "code"
    folder.mkdir()
    write_module(folder)
    monkeypatch.syspath_prepend(str(folder))
    return service.model_types.add(f"{MODULE}:QuickType").name


def test_the_zoo_describes_what_is_registered(browser: httpx.Client, quick: str) -> None:
    html = browser.get("/model-types").text
    assert "image-classification" in html
    mine = html.split(f">{quick} <")[1].split("</section>")[0]
    assert "2.5" in mine
    assert "Ends at once." in mine
    assert f'href="/jobs/new?model_type={quick}"' in mine
    row = re.split(r"<code>part.size</code>", mine)[1].split("</tr>")[0]
    assert "2 × whole number" in row
    assert "[8,8]" in row
    assert 'aria-current="page">Model zoo' in html


def test_a_new_job_offers_data_and_model_types(
    browser: httpx.Client, service: Service, quick: str, tmp_path: Path
) -> None:
    html = browser.get("/jobs/new").text
    assert "add a folder of images" in html
    first = add_dataset(service, tmp_path / "one", "one")
    second = add_dataset(service, tmp_path / "two", "two")
    service.datasets.update(second, tag_ids=[service.tags.ensure("line=3").id])
    html = browser.get("/jobs/new", params={"dataset": second, "model_type": quick}).text
    assert re.findall(r'name="dataset_id" value="(.*?)".*? (checked)?>', html) == [(first, ""), (second, "checked")]
    assert 'data-words="two line=3 "' in html
    types = re.findall(r'name="model_type" value="(.*?)" data-version="(.*?)" data-kind="model" (checked)?>', html)
    assert (quick, "2.5", "checked") in types
    assert ("image-classification", "1.0", "") in types


def finished(service: Service, name: str, data: str) -> str:
    job = service.jobs.create(name, job_class="mine:Own", dataset_ids=[data]).id
    service.artifacts.write(job, "m.tar.gz", b"model")
    service.events.append(job, [Event(key="c", kind="complete", body={"model_path": "m.tar.gz"})])
    return job


def test_a_report_chooses_models_and_each_page_links_the_other(
    browser: httpx.Client, service: Service, quick: str, tmp_path: Path
) -> None:
    data = add_dataset(service, tmp_path / "one", "one")
    model = finished(service, "<b>first", data)
    bare = add_job(service, "without a model", "completed", epochs=1)
    assert "Test this model" not in browser.get(f"/jobs/{model}").text
    checker = service.model_types.add(f"{MODULE}:ReportType").name
    assert "New test report" in browser.get("/model-types").text.split(f">{checker} <")[1].split("</section>")[0]
    page = browser.get(f"/jobs/{model}").text
    address = f"/jobs/new?model={model}&amp;dataset={data}"
    assert f'href="{address}">Test this model</a>' in page
    assert "Test this model" not in browser.get(f"/jobs/{bare}").text
    form = browser.get(address.replace("&amp;", "&")).text
    assert f'value="{checker}" data-version="1.0" data-kind="report" checked' in form
    offered = re.findall(r'name="model_id" value="(.*?)" data-name="(.*?)" (checked)?>', form)
    assert offered == [(model, "&lt;b&gt;first", "checked")]
    made = service.jobs.create("a test", model_type=checker, models=[{"id": model}], dataset_ids=[data]).id
    report = browser.get(f"/jobs/{made}").text
    assert f'<dt>Tests</dt><dd><a href="/jobs/{model}">&lt;b&gt;first</a>' in report
    assert "A test report is repeated from here" in report
    assert f'<dt>Tested by</dt><dd><a href="/jobs/{made}">a test</a>' in browser.get(f"/jobs/{model}").text
    copy = browser.get(f"/jobs/new?from={made}").text
    assert re.findall(r'name="model_id" value="(.*?)" data-name=".*?" checked>', copy) == [model]
    answer = browser.get("/api/reports", params={"model": model}).json()
    assert [job["id"] for job in answer] == [made]
    assert answer[0]["models"][0]["id"] == model


def test_a_model_type_that_cannot_be_used_says_why_and_is_not_offered(
    browser: httpx.Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = service.model_types.list()[0]
    broken = known.model_copy(update={"name": "bad", "settings_schema": {}, "description": "cannot be used: <no>"})
    monkeypatch.setattr(service.model_types, "list", lambda: [broken])
    zoo = browser.get("/model-types").text
    assert "cannot be used: &lt;no&gt;" in zoo
    assert "/jobs/new?model_type=" not in zoo
    assert "No model type is registered" in browser.get("/jobs/new").text


def test_a_copy_begins_with_the_other_s_data_and_type(
    browser: httpx.Client, service: Service, quick: str, tmp_path: Path
) -> None:
    data = add_dataset(service, tmp_path / "one", "one")
    job = service.jobs.create("first", model_type=quick, dataset_ids=[data], settings={"epochs": 5}).id
    html = browser.get(f"/jobs/new?from={job}").text
    assert f'data-from="{job}" data-from-type="{quick}"' in html
    assert f'value="{data}" data-name="one" checked' in html
    assert f'value="{quick}" data-version="2.5" data-kind="model" checked' in html
    own = service.jobs.create("own", job_class="mine:Own").id
    assert "started from own code" in browser.get(f"/jobs/new?from={own}").text
    assert browser.get("/jobs/new?from=none").status_code == 404


def test_names_are_text_and_the_policy_is_strict(browser: httpx.Client, service: Service, tmp_path: Path) -> None:
    add_dataset(service, tmp_path / "one", HOSTILE[:100])
    job = add_job(service, HOSTILE[:100], "failed", epochs=1)
    for address in (f"/jobs/new?from={job}", "/model-types", "/jobs/new?model_type=%3Cimg%20src=x%3E&dataset=%22%3E"):
        answer = browser.get(address)
        assert "<img" not in answer.text
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\ssrc=)", answer.text)
        assert not re.search(r"\sstyle=", answer.text)


@pytest.mark.parametrize(
    ("state", "offered"),
    [("created", {"Start", "Stop"}), ("running", {"Stop"}), ("stopped", {"Resume"}), ("failed", {"Resume"})],
)
def test_a_job_offers_what_can_be_done_with_it(
    browser: httpx.Client, service: Service, state: str, offered: set[str]
) -> None:
    job = service.jobs.create("one", job_class="mine:Own").id
    if state != "created":
        service.events.append(job, [Event(key="s", kind="status", body=status_body(state))])
    actions = browser.get(f"/jobs/{job}").text.split('class="row actions"')[1].split("</section>")[0]
    assert set(re.findall(r"<button[^>]*>(.*?)</button>", actions.split("<dl")[0])) == offered


def test_a_completed_job_and_one_of_a_script_are_not_started(browser: httpx.Client, service: Service) -> None:
    done = add_job(service, "done", "completed", epochs=1)
    script = service.jobs.create("script", job_class="__main__:Own").id
    for job in (done, script):
        assert f"/api/jobs/{job}/start" not in browser.get(f"/jobs/{job}").text


def test_a_queued_job_shows_its_place(browser: httpx.Client, service: Service) -> None:
    jobs = [service.jobs.create(name, job_class="mine:Own").id for name in ("one", "two")]
    for job in jobs:
        assert browser.post(f"/api/jobs/{job}/start", headers={"Origin": "http://127.0.0.1:8765"}).status_code == 200
    assert "next in the queue" in browser.get(f"/jobs/{jobs[0]}").text
    assert "place 2 in the queue" in browser.get(f"/jobs/{jobs[1]}").text
