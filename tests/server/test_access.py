"""Every route times every verb, from everyone who must not: the routes are read from the application itself."""

import asyncio
import logging
import re

import httpx
import pytest

from brevetti_keras.server.request_checks import COMPATIBLE
from brevetti_keras.server.sessions import Sessions
from tests.support.asgi import AsgiTransport
from tests.support.served import URL, routes

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
NO_SUCH_JOB = {"error": "no such job, or none that this key opens"}


def addresses(served, job_id="7f3c"):
    """Every path of the application, its parameters filled in."""
    for path, methods in sorted(routes(served.app), key=str):
        filled = re.sub(r"\{(id|job_id)(:path)?\}", job_id, path)
        yield re.sub(r"\{[^}]+\}", "x", filled), methods


def ask(client, verb, path, **headers):
    return client.request(verb, path, headers=headers)


def test_the_enumeration_sees_all_kinds_of_routes(served):
    paths = {path for path, _ in routes(served.app)}
    assert len(paths) > 40
    assert {"/", "/login", "/download", "/static/{path:path}", "/api/jobs/{id}/artifacts/{path:path}"} <= paths
    assert {"/api/models/{id}/remotemonitor", "/api/openapi.json", "/jobs/{job_id}/live"} <= paths


def test_without_a_key_every_verb_on_every_route_is_401(served):
    client = served.client()
    for path, _ in [*addresses(served), ("/nothing/here", ())]:
        for verb in VERBS:
            if (verb, path) == ("GET", "/login"):
                continue
            answer = ask(client, verb, path)
            assert answer.status_code == 401, (verb, path)
            assert answer.headers["www-authenticate"] == "Bearer", (verb, path)


@pytest.mark.parametrize("value", ["Bearer wrong", "Bearer ", "Basic dXNlcjpwYXNz", "wrong", "Bearer \ud800"])
def test_a_wrong_key_is_401_everywhere(served, value):
    client = served.client()
    for path, _ in addresses(served):
        raw = value.encode("utf-8", "surrogatepass")
        if path != "/login":
            assert client.get(path, headers={"Authorization": raw}).status_code == 401, path


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil", "127.0.0.1.evil", "evil@127.0.0.1", "", "127.0.0.1:8765:1", "127.0.0.2"]
)
def test_another_host_is_421_on_every_route(served, host):
    for client in (served.client(), served.user()):
        for path, methods in addresses(served):
            for verb in methods:
                answer = ask(client, verb, path, Host=host)
                assert answer.status_code == 421, (verb, path)


def test_no_host_or_two_hosts_are_421(served):
    client = served.user()
    for hosts in (
        [],
        [("host", "127.0.0.1"), ("host", "evil.example")],
        [("host", "localhost"), ("host", "localhost")],
    ):
        request = client.build_request("GET", "/api/jobs")
        rest = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
        request.headers = httpx.Headers([*rest, *hosts])
        assert client.send(request).status_code == 421, hosts


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8765", "[::1]:8765"])
def test_the_names_of_this_machine_are_served(served, host):
    assert ask(served.user(), "GET", "/api/jobs", Host=host).status_code == 200


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:9999"},
    {"Origin": "https://127.0.0.1:8765"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
    {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_what_another_site_sends_is_403_on_every_route(served, headers):
    browser, user = served.browser(), served.user()
    browser.headers.pop("Sec-Fetch-Site")
    for client in (browser, user):
        for path, methods in addresses(served):
            for verb in methods:
                assert ask(client, verb, path, **headers).status_code == 403, (verb, path)


def test_no_answer_lets_another_site_in(served):
    for client in (served.client(), served.user()):
        for path, _ in addresses(served):
            for headers in ({}, {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}):
                answer = ask(client, "OPTIONS", path, **headers)
                assert not [name for name in answer.headers if name.startswith("access-control-")], path


def test_a_job_s_key_opens_its_own_job_and_nothing_else(served):
    own, other = served.service.jobs.create("own"), served.service.jobs.create("other")
    client = served.job(own)
    for job_id, verbs in ((other.id, VERBS), ("missing", ()), (own.id[:8], ()), (own.id.upper(), ())):
        for path, methods in addresses(served, job_id):
            if path in {"/login", "/download", "/api/resources/roottags"}:
                continue
            for verb in {*verbs, *methods}:
                answer = ask(client, verb, path)
                assert answer.status_code == 404, (verb, path)
                assert verb == "HEAD" or answer.json() == NO_SUCH_JOB, (verb, path)
    for path in ("", "/status", "/events", "/curve", "/artifacts", "/charts", "/config", "/root-tags"):
        assert client.get(f"/api/jobs/{own.id}{path}").status_code == 200, path


def test_a_job_s_key_on_the_routes_of_existing_clients_opens_its_own_job_only(served):
    own, other = served.service.jobs.create("own"), served.service.jobs.create("other")
    key = own.api_key.get_secret_value()
    client = served.client()
    for path, methods in addresses(served, other.id):
        if COMPATIBLE.fullmatch(path):
            for verb in methods:
                answer = client.request(verb, path, params={"key": key, "id": other.id})
                assert (answer.status_code, answer.json()) == (404, NO_SUCH_JOB), path
                missing = client.request(verb, path.replace(other.id, "missing"), params={"key": key, "id": "missing"})
                assert missing.content == answer.content
    assert client.get("/api/resources/roottags", params={"key": key, "id": own.id}).json() == []


def test_a_job_cannot_have_a_process_stopped(served):
    own = served.service.jobs.create("own")
    answer = served.job(own).post(f"/api/jobs/{own.id}/stop")
    assert (answer.status_code, answer.json()) == (404, NO_SUCH_JOB)
    assert served.service.jobs.get(own.id).state == "created"


def test_a_job_cannot_have_a_process_started(served):
    own = served.service.jobs.create("own", job_class="vials.train:TrainingJob")
    answer = served.job(own).post(f"/api/jobs/{own.id}/start")
    assert (answer.status_code, answer.json()) == (404, NO_SUCH_JOB)
    # Nor by calling itself queued: only what a user started is in the queue.
    assert served.job(own).post(f"/api/jobs/{own.id}/status", json={"state": "queued"}).status_code == 200
    assert served.service.launches.waiting() == []


def test_a_job_s_key_ends_with_its_job(served):
    own = served.service.jobs.create("own")
    client = served.job(own)
    assert client.post(own.complete_url, headers={"Authorization": ""}).status_code == 204
    assert client.get(f"/api/jobs/{own.id}").status_code == 401
    # What ended it may be said again, as its answer may be lost: tests/server/test_lost_answers.py.
    assert served.client().post(own.complete_url).status_code == 204
    assert served.client().post(own.complete_url + "other").status_code == 401
    assert served.client().post(own.remote_url, json={"epoch": 0}).status_code == 401


def test_a_revoked_user_key_is_401(served):
    record, key = served.service.access.create("a")
    client = served.client(key)
    assert client.get("/api/jobs").status_code == 200
    assert client.delete(f"/api/keys/{record.id}").status_code == 200
    assert client.get("/api/jobs").status_code == 401


@pytest.mark.parametrize("name", ["key", "api_key", "apiKey", "token", "access_token", "PASSWORD", "secret"])
def test_keys_in_the_url_are_400_but_where_existing_clients_put_them(served, name):
    key = served.service.access.create("a")[1]
    client = served.client(key)
    for path, methods in addresses(served):
        if COMPATIBLE.fullmatch(path) and name == "key":
            continue
        if path == "/login" and name == "token":
            continue
        for verb in methods:
            answer = client.request(verb, path, params={name: key})
            assert answer.status_code == 400, (verb, path)
            assert verb == "HEAD" or "Authorization: Bearer" in answer.text or "<html" in answer.text


def test_a_user_s_key_in_the_url_opens_nothing(served):
    _, key = served.service.access.create("a")
    config = served.service.jobs.create("own")
    assert (
        served.client().post(f"/api/models/{config.id}/remotemonitor?key={key}", json={"epoch": 0}).status_code == 401
    )
    twice = f"/api/models/{config.id}/remotemonitor?key={key}&key={config.api_key.get_secret_value()}"
    assert served.client().post(twice, json={"epoch": 0}).status_code == 400


def test_no_key_reaches_a_log(served, caplog):
    caplog.set_level(logging.DEBUG)
    config = served.service.jobs.create("own")
    key = config.api_key.get_secret_value()
    user_key = served.service.access.create("a")[1]
    token = served.sessions.new_link()
    client = served.client()
    client.post(config.remote_url, data={"data": '{"epoch": 0}'})
    client.post(config.remote_url, data={"data": "nonsense"})
    client.post(config.charts_url + "&name=a", json={"mark": "bar"})
    client.get("/api/jobs", params={"key": user_key})
    client.get("/api/jobs", headers={"Authorization": f"Bearer {user_key}"})
    client.get("/login", params={"token": token})
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("brevetti_keras"))
    assert "/api/models/" in logged
    for secret in (key, user_key, token):
        assert secret not in logged


def test_a_browser_may_change_things_only_from_our_own_pages(served):
    browser = served.browser()
    assert browser.post("/api/tags", json={"name": "a"}).status_code == 201
    browser.headers.pop("Sec-Fetch-Site")
    assert browser.get("/api/tags").status_code == 200
    refused = browser.post("/api/tags", json={"name": "b"})
    assert refused.status_code == 403
    assert browser.delete("/api/tags/x").status_code == 403
    assert browser.post("/api/tags", json={"name": "b"}, headers={"Origin": URL}).status_code == 201


def test_a_cookie_of_another_server_is_401(served):
    client = served.client()
    for value in ("wrong", ""):
        assert client.get("/api/jobs", headers={"Cookie": f"brevetti_session={value}"}).status_code == 401
    other = Sessions(cookie="brevetti_session")
    session = other.redeem(other.new_link())
    assert client.get("/api/jobs", headers={"Cookie": f"brevetti_session={session}"}).status_code == 401


SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


def test_every_answer_has_the_security_headers(served):
    job_id = served.service.jobs.create("own").id
    served.service.events.append(job_id, [])
    served.service.jobs.stop(job_id)
    for client in (served.client(), served.user(), served.browser()):
        for path, methods in addresses(served, job_id):
            for verb in methods:
                answer = client.request(verb, path)
                headers = {name: answer.headers.get(name) for name in SECURITY}
                assert headers == SECURITY, (verb, path)
                policy = answer.headers["content-security-policy"]
                assert "default-src 'none'" in policy, (verb, path)
                assert "unsafe-eval" not in policy, (verb, path)


def test_a_failing_route_answers_one_line_and_leaves_the_rest_to_the_log(served, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(served.service.tags, "list", fail)
    answer = served.user().get("/api/tags")
    assert answer.status_code == 500
    assert answer.json() == {"error": "the server failed on this request; its log says why"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "a secret of the inside" in caplog.text


def test_unknown_addresses_and_verbs_are_one_line(served):
    user = served.user()
    missing, wrong = user.get("/api/nothing"), user.delete("/api/jobs")
    assert (missing.status_code, missing.json()) == (404, {"error": "there is nothing at this address"})
    assert (wrong.status_code, wrong.json()) == (405, {"error": "this address does not take that method"})
    assert user.get("/api/jobs/").status_code == 404


def test_a_browser_without_a_session_gets_a_page_that_says_what_to_do(served):
    answer = served.client(Accept="text/html,*/*").get("/jobs")
    assert answer.status_code == 401
    assert "brevetti-keras serve" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert served.client(Accept="text/html").get("/api/jobs").json()["error"]


def test_a_websocket_is_closed(served):
    sent = []

    async def call():
        scope = {"type": "websocket", "path": "/", "headers": []}

        async def send(message):
            sent.append(message)

        await served.app(scope, None, send)

    asyncio.run(call())
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_the_transport_of_these_tests_is_a_real_one():
    async def app(scope, receive, send):
        message = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-path", scope["path"].encode())]})
        await send({"type": "http.response.body", "body": message["body"]})

    with httpx.Client(transport=AsgiTransport(app), base_url=URL) as client:
        answer = client.post("/a%20b", content=b"x")
        assert (answer.headers["x-path"], answer.content) == ("/a b", b"x")
