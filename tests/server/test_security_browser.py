"""Cases S20 to S28 as far as answers alone show them; tests/e2e/test_pages_browser.py shows the rest in a browser."""

import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from brevetti_keras.server.page_responses import PAGE_POLICY, REPORT_POLICY
from tests.support.pages import HOSTILE, add_job
from tests.support.served import routes

ROOT = Path(__file__).parents[2]
ATTACHED = [
    "a.svg",
    "a.xhtml",
    "a.xht",
    "a.xml",
    "a.mhtml",
    "a.js",
    "a.swf",
    "a.pdf",
    "a.wasm",
    "a",
    "a.htc",
]


@pytest.fixture
def job(service):
    return service.jobs.create("first")


@pytest.mark.parametrize("address", ["/api/jobs/{job}/artifacts/r.html", "/jobs/{job}/reports/r.html"])
def test_s20_a_report_has_an_origin_of_its_own(served, service, job, address):
    """S20: the header alone shuts it off, in a frame or in a tab of its own."""
    service.artifacts.write(job.id, "r.html", b"<script>fetch('/api/jobs')</script>")
    answer = served.browser().get(address.format(job=job.id))
    policy = {part.split()[0]: part.split()[1:] for part in answer.headers["content-security-policy"].split("; ")}
    assert policy["sandbox"] == ["allow-scripts"]
    assert policy["default-src"] == ["'none'"]
    assert not {"connect-src", "form-action", "frame-src", "worker-src"} & set(policy)
    assert "'self'" not in policy["script-src"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_s20_what_a_report_could_send_is_refused_by_the_server_too(served, job):
    """S20: its requests come with the origin `null`, and open nothing with any cookie or key."""
    browser = served.browser()
    for headers in ({"Origin": "null"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}):
        for verb, path in (("GET", "/api/jobs"), ("POST", f"/api/jobs/{job.id}/stop"), ("DELETE", "/api/tags/x")):
            assert browser.request(verb, path, headers=headers).status_code == 403


@pytest.mark.parametrize("name", ATTACHED)
def test_s21_other_types_are_saved_and_never_run(served, service, job, name):
    """S21: by each door that files leave through."""
    service.artifacts.write(job.id, name, b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    for address in (
        f"/api/jobs/{job.id}/artifacts/{name}",
        f"/download?path={service.home}/jobs/{job.id}/artifacts/{name}",
    ):
        answer = served.browser().get(address)
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_s22_hostile_names_are_text_on_every_page_and_in_every_stream(served, service, tmp_path):
    """S22: of a job, a dataset, a tag, a model type, a metric and a message."""
    folder = tmp_path / "vials" / HOSTILE.replace("/", "-")[:80]
    folder.mkdir(parents=True)
    (folder / "1.png").write_bytes(b"\x89PNG")
    dataset = service.datasets.add(str(tmp_path / "vials"), HOSTILE[:150], ["line=<img src=x>"], notes=HOSTILE)
    found = add_job(service, HOSTILE[:100], "failed", hostile=True, dataset_ids=[dataset.id])
    browser = served.browser()
    pages = ["/", "/jobs", "/datasets", "/tags", "/model-types", "/jobs/new", f"/datasets/{dataset.id}"]
    pages += [f"/jobs/{found}", f"/jobs/{found}/artifacts", f"/jobs/{found}/facets"]
    seen = 0
    for address in pages:
        answer = browser.get(address)
        assert answer.status_code == 200, address
        assert "<img src=x" not in answer.text, address
        assert "</script><script" not in answer.text, address
        seen += "&lt;img src=x" in answer.text
        for embedded in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', answer.text, re.DOTALL):
            assert "<" not in embedded, address
            json.loads(embedded)
    assert seen >= 5


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_s23_errors_repeat_nothing_of_the_request(served, accept):
    """S23: neither path, nor parameter, nor content type, nor header, nor method."""
    marker = "<script>canary</script>"
    for client in (served.client(), served.user(), served.browser()):
        for verb, address, headers in (
            ("GET", f"/api/{marker}", {}),
            ("GET", f"/{marker}", {}),
            ("GET", f"/jobs/{marker}", {}),
            ("GET", f"/api/jobs?state={marker}&limit={marker}", {}),
            ("GET", f"/jobs?page={marker}", {}),
            ("GET", "/api/jobs", {"Host": marker}),
            ("GET", "/api/jobs", {"Origin": marker}),
            ("GET", "/login?token=" + marker, {}),
            ("POST", "/api/tags", {"Content-Type": marker}),
            ("POST", "/api/tags", {"Content-Type": f"application/json; charset={marker}"}),
            ("CANARY", "/api/tags", {}),
        ):
            answer = client.request(verb, address, headers={"Accept": accept, **headers}, content=b"{}")
            signed_in = {303} if address.startswith("/login") else set()
            assert answer.status_code in {400, 401, 403, 404, 405, 415, 421, 422} | signed_in, (verb, address)
            assert "canary" not in answer.text.lower(), (verb, address)
            assert "traceback" not in answer.text.lower()


@pytest.mark.parametrize("who", ["client", "user", "browser"])
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_s23_no_route_answers_with_markup_of_the_request(served, who, accept):
    """S23: over all routes and verbs: a page repeats nothing, and what JSON names no browser reads as markup."""
    client, asked = getattr(served, who)(), 0
    for path, methods in sorted(routes(served.app), key=str):
        for verb in sorted(methods - {"HEAD"}):
            address = re.sub(r"\{[^}]+\}", quote("<b>canary</b>"), path)
            query = {
                "state": "<b>canary</b>",
                "limit": "<b>canary</b>",
                "name": "<b>canary</b>",
                "path": "<b>canary</b>",
            }
            headers = {"Accept": accept, "X-Canary": "<b>canary</b>", "Referer": "http://x/<b>canary</b>"}
            answer = client.request(
                verb, address, params=query, headers=headers, json={"<b>canary</b>": "<b>canary</b>"}
            )
            if answer.is_success or answer.is_redirect:
                continue
            asked += 1
            assert b"<b>" not in answer.content, (verb, path)
            assert answer.headers["x-content-type-options"] == "nosniff"
            if answer.headers["content-type"] != "application/json":
                assert answer.headers["content-type"] == "text/html; charset=utf-8", (verb, path)
                assert "canary" not in answer.text, (verb, path)
    assert asked > 40


def test_s23_what_an_error_does_name_is_json_that_no_browser_reads_as_markup(served):
    """S23: an id that is not there is named to programs, escaped."""
    answer = served.user().get("/api/jobs/<script>alert(1)<%2Fscript>", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert b"<" not in answer.content
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_s24_charts_are_drawn_without_eval_by_versions_that_are_known_to_be_safe():
    """S24: the interpreter draws, not compiled code; the versions are those in which the holes are closed."""
    versions = json.loads((ROOT / "package.json").read_text())["dependencies"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    least = {"vega": (6, 2, 0), "vega-expression": (6, 1, 0), "vega-interpreter": (2, 2, 1)}
    for name, floor in least.items():
        found = locked[f"node_modules/{name}"]["version"]
        assert tuple(map(int, found.split("."))) >= floor, name
    assert versions["vega-interpreter"] == locked["node_modules/vega-interpreter"]["version"]
    for policy in (PAGE_POLICY, REPORT_POLICY):
        assert "unsafe-eval" not in policy
    assert "unsafe" not in PAGE_POLICY


@pytest.mark.parametrize(
    "spec",
    [
        {"mark": "bar", "usermeta": {"embedOptions": {"loader": {"baseURL": "http://127.0.0.1:9/"}, "ast": False}}},
        {"mark": "bar", "data": {"url": "http://127.0.0.1:9/x.json"}},
        {"signals": [{"name": "x", "update": "view.constructor('alert(1)')()"}]},
    ],
)
def test_s24_a_chart_leaves_the_server_as_data_alone(served, service, job, spec):
    """S24: the server draws no chart and follows no address of one; it gives back JSON that nothing runs."""
    assert served.job(job).put(f"/api/jobs/{job.id}/charts/c", json=spec).status_code == 204
    answer = served.browser().get(f"/api/jobs/{job.id}/charts/c")
    assert answer.json() == spec
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example", "/\t/evil", "\\\\evil"],
)
def test_s27_the_way_in_leads_to_no_other_place(served, target):
    """S27: also when the browser is signed in already."""
    token, client = served.sessions.new_link(), served.client()
    for _ in range(2):
        answer = client.get("/login", params={"token": token, "next": target})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_s28_another_site_cannot_read_answers_as_scripts(served, job):
    """S28: such a request is refused whatever cookie comes with it, and what is answered may not be loaded there."""
    browser = served.browser()
    for path in ("/api/jobs", "/api/openapi.json", f"/api/jobs/{job.id}/curve", "/static/pages.js"):
        script = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
        assert browser.get(path, headers=script).status_code == 403
        # An old browser sends no such header, nor the cookie, as it is SameSite=Strict.
        assert served.client().get(path).status_code == 401
        answer = browser.get(path)
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not [name for name in answer.headers if name.startswith("access-control-")]
