import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from markupsafe import escape

from brevetti_keras.server.page_responses import error_page, login_page
from brevetti_keras.server.pages import page_router
from brevetti_keras.server.service import Service
from tests.support.asgi import AsgiTransport
from tests.support.pages import HOSTILE, add_artifacts, add_dataset, add_job

SECTIONS = (
    "status",
    "curve",
    "metrics",
    "charts",
    "reports",
    "pivot",
    "facets",
    "quarantine",
    "settings",
    "repeat",
    "environment",
    "artifacts",
    "log",
)


@pytest.fixture
def browser(service: Service) -> Iterator[httpx.Client]:
    """The pages alone: who may see them is the middleware's part, tested where it stands."""
    app = FastAPI()
    app.include_router(page_router(service))
    with httpx.Client(transport=AsgiTransport(app), base_url="http://127.0.0.1") as client:
        yield client


def text_of(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", answer.text)


def section_of(html: str, name: str) -> str:
    return html.split(f'<section id="{name}"')[1].split("</section>")[0]


def test_an_empty_workspace_says_what_to_do_first(browser: httpx.Client, service: Service) -> None:
    answer = browser.get("/")
    assert answer.status_code == 200
    assert f"brevetti-keras demo --workspace {service.home}" in answer.text
    assert "brevetti-keras dataset add PATH" in browser.get("/datasets").text
    assert "No job yet" in browser.get("/jobs").text


def test_home_sorts_jobs_by_what_became_of_them(browser: httpx.Client, service: Service) -> None:
    add_job(service, "running one", "running", epochs=3)
    add_job(service, "good one", "completed")
    add_job(service, "bad one", "failed")
    html = text_of(browser.get("/"))
    running, rest = html.split('<h2 id="finished">')
    finished, failed = rest.split('<h2 id="failed">')
    assert "running one" in running
    assert "epoch 3 of 12" in running
    assert "good one" in finished
    assert "0.9806" in finished
    assert "bad one" in failed
    assert "class &#39;dent&#39; has no image" in failed


def test_jobs_page_filters_and_turns_pages(browser: httpx.Client, service: Service) -> None:
    for number in range(53):
        service.jobs.create(f"job {number:02d}")
    add_job(service, "bad one", "failed", epochs=0)
    first, second = browser.get("/jobs").text, browser.get("/jobs?page=2").text
    assert first.count('<th scope="row">') == 50
    assert second.count('<th scope="row">') == 4
    assert "page 2 of 2" in second
    failed = browser.get("/jobs?state=failed").text
    assert "bad one" in failed
    assert "job 01" not in failed
    assert "page 2 of 2" in browser.get("/jobs?page=999").text


def test_a_job_without_anything_says_so_in_each_section(browser: httpx.Client, service: Service) -> None:
    job = service.jobs.create("bare")
    html = browser.get(f"/jobs/{job.id}").text
    for name in SECTIONS:
        assert f'id="{name}"' in html
    for name in set(SECTIONS) - {"status", "curve", "repeat"}:
        assert 'class="nothing"' in section_of(html, name), name
    assert "only that code repeats it" in section_of(html, "repeat")


def test_a_finished_job_shows_all_that_it_left(browser: httpx.Client, service: Service, tmp_path: Path) -> None:
    dataset = add_dataset(service, tmp_path / "vials")
    job = add_job(service, "first try", "completed", dataset_ids=[dataset])
    add_artifacts(service, job)
    html = browser.get(f"/jobs/{job}").text
    for name in SECTIONS:
        if name != "curve":
            assert 'class="nothing"' not in section_of(html, name), name
    assert '<a href="#quarantine">2</a>' in section_of(html, "metrics")
    assert "the JPEG data ends early" in section_of(html, "quarantine")
    assert "0f3c9a" in section_of(html, "environment")
    assert "INFO epoch 59" in section_of(html, "log")
    assert f"/api/jobs/{job}/artifacts/sample_identification.csv" in section_of(html, "artifacts")
    assert 'sandbox="allow-scripts"' in section_of(html, "reports")
    repeat = section_of(html, "repeat")
    assert f"brevetti-keras train image-classification --dataset {tmp_path / 'vials'}" in repeat


def test_every_file_that_a_job_listed_is_counted_and_reasons_stand_beside_the_files(
    browser: httpx.Client, service: Service
) -> None:
    job = add_job(service, "first try", "completed")
    add_artifacts(service, job)
    for samples, told in (
        ({"listed": 141, "used": 139, "quarantined": 2}, "Files listed: 141. Of them 139 can be used and 2 cannot"),
        ({"listed": "141"}, "2 files were listed but not used"),
        ("many", "2 files were listed but not used"),
    ):
        service.artifacts.write(job, "output.json", json.dumps({"samples": samples}).encode())
        section = section_of(browser.get(f"/jobs/{job}").text, "quarantine")
        assert told in section
        heads = re.findall(r'<th scope="col">(\w+)</th>', section)
        assert heads == ["path", "reason", "dataset", "dataset_id", "category", "size"]
        assert '<th scope="row">/data/y.jpg</th><td class="why">the JPEG data ends early</td><td>vials</td>' in section


def test_a_job_that_used_all_files_says_how_many(browser: httpx.Client, service: Service) -> None:
    job = add_job(service, "whole", "completed")
    samples = {"listed": 141, "used": 141, "quarantined": 0}
    service.artifacts.write(job, "output.json", json.dumps({"samples": samples}).encode())
    assert "No file was quarantined of 141 listed." in section_of(browser.get(f"/jobs/{job}").text, "quarantine")


def test_a_failed_job_shows_its_cause(browser: httpx.Client, service: Service) -> None:
    job = add_job(service, "bad", "failed", epochs=2)
    service.artifacts.write(job, "traceback.txt", b"Traceback:\n  somewhere\nDataError: no image")
    status = section_of(browser.get(f"/jobs/{job}").text, "status")
    assert "What went wrong" in status
    assert "has no image" in status
    assert "DataError: no image" in status
    assert f"--resume {job}" in status


def test_damaged_artifacts_do_not_break_the_page(browser: httpx.Client, service: Service) -> None:
    job = add_job(service, "damaged", "completed")
    service.artifacts.write(job, "output.json", b'{"output": NaN')
    service.artifacts.write(job, "quarantine.csv", b"\xff\xfe\x00,\n")
    service.artifacts.write(job, "log.txt", b"\xff\xfe" * 10)
    answer = browser.get(f"/jobs/{job}")
    assert answer.status_code == 200
    assert "output.json cannot be read" in section_of(answer.text, "environment")


def test_the_fingerprint_of_the_samples_is_shown_and_only_text_is_one(browser: httpx.Client, service: Service) -> None:
    job = add_job(service, "traced", "completed")
    service.artifacts.write(job, "output.json", b'{"fingerprint": "5f3a77", "environment": {"python": "3.11"}}')
    shown = section_of(browser.get(f"/jobs/{job}").text, "environment")
    assert "fingerprint of the samples" in shown
    assert "5f3a77" in shown
    service.artifacts.write(job, "output.json", b'{"fingerprint": [1], "environment": {"python": "3.11"}}')
    assert "fingerprint" not in section_of(browser.get(f"/jobs/{job}").text, "environment")


def test_what_existing_clients_write_is_shown(browser: httpx.Client, service: Service) -> None:
    job = service.jobs.create("by a client").id
    output = b'{"output": {"auc": NaN, "f1": 0.25}, "environment": {"BUILD_ID": null, "modules": ["six==1.16", "old"]}}'
    service.artifacts.write(job, "output.json", output)
    html = browser.get(f"/jobs/{job}").text
    metrics, environment = section_of(html, "metrics"), section_of(html, "environment")
    assert "0.25" in metrics
    assert "auc" in metrics
    assert "2 installed packages" in environment
    assert "1.16" in environment
    service.artifacts.write(
        job, "output.json", b'{"environment": {"BUILD_ID": null, "modules": {"missing": ["six==1.16"]}}}'
    )
    assert "six==1.16" in section_of(browser.get(f"/jobs/{job}").text, "environment")


def test_names_are_shown_as_text(browser: httpx.Client, service: Service) -> None:
    job = add_job(service, HOSTILE[:100], "failed", hostile=True)
    add_artifacts(service, job, HOSTILE[:50].replace("/", "-"))
    for address in ("/", "/jobs", f"/jobs/{job}", f"/jobs/{job}/artifacts", f"/jobs/{job}/quarantine"):
        html = browser.get(address).text
        assert "<img" not in html
        assert "</script><script>" not in html
        assert str(escape("<img src=x")) in html


def test_pages_allow_no_inline_script_and_no_other_host(browser: httpx.Client, service: Service) -> None:
    job = add_job(service, "one", "completed")
    add_artifacts(service, job)
    for address in ("/", "/jobs", "/datasets", f"/jobs/{job}", f"/jobs/{job}/facets", "/jobs/none"):
        answer = browser.get(address)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        html = answer.text
        assert not re.search(r"<script(?![^>]*\ssrc=)", html)
        assert not re.search(r"\sstyle=|\son[a-z]+=", html)
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html)


def test_long_lists_turn_pages(browser: httpx.Client, service: Service) -> None:
    job = add_job(service, "many", "completed", epochs=1)
    lines = "".join(f"/data/{number}.png,too small\n" for number in range(450))
    service.artifacts.write(job, "quarantine.csv", f"path,reason\n{lines}".encode())
    for number in range(30):
        service.artifacts.write(job, f"notes/{number:02d}.txt", b"x")
    html = browser.get(f"/jobs/{job}").text
    assert "All 450 quarantined files" in html
    assert "All 31 files" in html
    third = browser.get(f"/jobs/{job}/quarantine?page=3").text
    assert "/data/449.png" in third
    assert "/data/399.png" not in third
    assert browser.get(f"/jobs/{job}/artifacts").text.count("download>") == 31


@pytest.mark.parametrize("address", ["/jobs/none", "/jobs/none/live", "/jobs/none/artifacts", "/jobs/none/facets"])
def test_a_missing_job_is_a_page_that_says_so(browser: httpx.Client, address: str) -> None:
    answer = browser.get(address)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert "none" not in answer.text.replace("'none'", "")


def test_a_wrong_query_is_a_page_too(browser: httpx.Client) -> None:
    answer = browser.get("/jobs?page=<script>")
    assert answer.status_code == 400
    assert "could not be used" in answer.text
    assert "<script" not in answer.text


def test_reports_are_sandboxed_and_only_reports_are(browser: httpx.Client, service: Service) -> None:
    job = add_job(service, "one", "completed", epochs=1)
    add_artifacts(service, job)
    service.artifacts.write(job, "deep/inner.html", b"<p>")
    answer = browser.get(f"/jobs/{job}/reports/report.html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy
    for name in ("output.json", "missing.html", "deep%2Finner.html", "..%2Finfo.html", "%2e%2e"):
        assert browser.get(f"/jobs/{job}/reports/{name}").status_code == 404


def test_only_our_own_assets_are_served(browser: httpx.Client) -> None:
    answer = browser.get("/static/pages.css")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    again = browser.get("/static/pages.css", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    for path in ("../pages.py", "%2e%2e/pages.py", "..%2fpages.py", "/etc/passwd", "vendor", "", "missing.js"):
        assert browser.get(f"/static/{path}").status_code == 404


def test_the_facets_frame_can_load_nothing(browser: httpx.Client) -> None:
    answer = browser.get("/frames/facets")
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox allow-scripts" in policy
    assert "'self'" not in policy.replace("frame-ancestors 'self'", "")
    assert "<facets-dive" in answer.text
    assert "<wit-dashboard></wit-dashboard>" not in answer.text
    assert not re.search(r"<script[^>]*\ssrc=", answer.text)
    assert "@font-face" not in answer.text


def test_messages_stand_alone() -> None:
    for answer, words in (
        (login_page("This link was used before."), "This link was used before."),
        (error_page(404), "There is nothing here"),
        (error_page(418), "could not be used"),
        (error_page(599, "detail of ours"), "detail of ours"),
    ):
        html = bytes(answer.body).decode()
        assert words in html
        assert not re.search(r"\ssrc=|rel=\"stylesheet\"", html)
        assert html.count("</style>") == 1
    assert login_page().status_code == 401
    assert "one-time" not in json.dumps(dict(login_page().headers))


def test_messages_escape_what_they_are_given() -> None:
    assert "<img" not in bytes(error_page(500, HOSTILE).body).decode()


def test_settings_are_those_that_the_job_ran_with(browser: httpx.Client, service: Service) -> None:
    job = add_job(service, "one", "completed", epochs=1)
    made = browser.get(f"/jobs/{job}").text.split('<h2 id="settings-title">')[1].split("</section>")[0]
    assert "Those that it was made with" in made
    assert "<td>12</td>" in made
    output = {"output": {}, "environment": {}, "job": {"settings": {"epochs": 7, "part": {"depth": 4}}}}
    service.artifacts.write(job, "output.json", json.dumps(output).encode())
    ran = browser.get(f"/jobs/{job}").text.split('<h2 id="settings-title">')[1].split("</section>")[0]
    assert "Those that it ran with, the defaults included" in ran
    assert '<th scope="row">epochs</th><td>7</td>' in ran
    assert '<th scope="row">part.depth</th><td>4</td>' in ran
    service.artifacts.write(job, "output.json", b'{"job": {"settings": 3}}')
    assert "Those that it was made with" in browser.get(f"/jobs/{job}").text
