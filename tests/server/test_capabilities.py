"""Every capability of the service is in the REST interface and in `connect(url)`, and nothing is there beside them."""

import inspect
import re
from unittest.mock import MagicMock

import pytest

from brevetti_keras.platform.http_platform import HttpPlatform
from brevetti_keras.utils.errors import NotFoundError
from tests.support.served import Served

GROUPS = (
    "datasets",
    "uploads",
    "quarantine",
    "tags",
    "model_types",
    "jobs",
    "events",
    "artifacts",
    "charts",
    "access",
    "demo",
)
ROUTES = {
    "datasets.add": "POST /api/datasets",
    "datasets.get": "GET /api/datasets/{dataset_id}",
    "datasets.list": "GET /api/datasets",
    "datasets.update": "PATCH /api/datasets/{dataset_id}",
    "datasets.remove": "DELETE /api/datasets/{dataset_id}",
    "datasets.find_or_add": "POST /api/datasets/find-or-add",
    "uploads.begin": "POST /api/uploads",
    "uploads.receive": "PUT /api/uploads/{upload_id}/files",
    "uploads.finish": "POST /api/uploads/{upload_id}/finish",
    "uploads.cancel": "DELETE /api/uploads/{upload_id}",
    "quarantine.of_dataset": "GET /api/datasets/{dataset_id}/quarantine",
    "tags.add": "POST /api/tags",
    "tags.list": "GET /api/tags",
    "tags.get": "GET /api/tags/{tag_id}",
    "tags.update": "PATCH /api/tags/{tag_id}",
    "tags.remove": "DELETE /api/tags/{tag_id}",
    "tags.ensure": "POST /api/tags/ensure",
    "model_types.list": "GET /api/model-types",
    "model_types.get": "GET /api/model-types/{name}",
    "model_types.add": "POST /api/model-types",
    "model_types.validate_settings": "POST /api/model-types/{name}/validate",
    "model_types.preview": "POST /api/model-types/{name}/preview",
    "jobs.create": "POST /api/jobs",
    "jobs.get": "GET /api/jobs/{id}",
    "jobs.list": "GET /api/jobs",
    "jobs.count": "GET /api/jobs",
    "jobs.reports_on": "GET /api/reports",
    "jobs.config": "GET /api/jobs/{id}/config",
    "jobs.start": "POST /api/jobs/{id}/start",
    "jobs.stop": "POST /api/jobs/{id}/stop",
    "jobs.root_tags": "GET /api/jobs/{id}/root-tags",
    "events.append": "POST /api/jobs/{id}/events",
    "events.list": "GET /api/jobs/{id}/events",
    "events.sync": "POST /api/jobs/{id}/sync",
    "events.curve": "GET /api/jobs/{id}/curve",
    "artifacts.list": "GET /api/jobs/{id}/artifacts",
    "artifacts.read": "GET /api/jobs/{id}/artifacts/{path}",
    "artifacts.write": "PUT /api/jobs/{id}/artifacts/{path}",
    "charts.put": "PUT /api/jobs/{id}/charts/{name}",
    "charts.list": "GET /api/jobs/{id}/charts",
    "charts.get": "GET /api/jobs/{id}/charts/{name}",
    "access.create": "POST /api/keys",
    "access.list": "GET /api/keys",
    "access.revoke": "DELETE /api/keys/{key_id}",
    "demo.start": "POST /api/demo",
    "service.verify": "GET /api/verify",
}
# The route streams what these return at once, or to them.
STREAMED = {"artifacts.read": "local_path", "artifacts.write": "receive"}
# Parts of the capabilities above, which have no meaning for a caller outside.
INNER = {
    "jobs.authenticate": "the gate's",
    "jobs.of_key": "the gate's",
    "access.authenticate": "the gate's",
    "model_types.check": "of jobs.create",
    "events.put": "within a transaction of another's",
    "events.completed_with": "of events.append, when a job's end is told again",
    "datasets.upload": "the upload's four steps at once, for a folder of the same machine",
    "datasets.add_upload": "of uploads.finish",
    "datasets.check_free": "of uploads.begin and uploads.finish",
    "datasets.is_upload": "the pages'",
    "datasets.original_name": "the pages'",
    "artifacts.receive": "of artifacts.write",
    "artifacts.local_path": "of artifacts.read",
    "artifacts.stat": "of artifacts.list",
    "artifacts.sync": "the server's own and the command line's: a workspace brings its files to its bucket",
    "demo.offered": "the pages'",
    "service.process_output": "the launcher's",
    "service.close": "the process' own",
}
# These say in another form what a capability says, or are the steps of one.
OTHER_FORMS = {
    "GET /api/jobs/{id}/status": "jobs.get",
    "POST /api/jobs/{id}/status": "events.append",
    "POST /api/models/{id}/remotemonitor": "events.append",
    "POST /api/models/{id}/complete": "events.append",
    "POST /api/models/{id}/charts": "charts.put",
    "GET /api/resources/roottags": "jobs.root_tags",
    "GET /download": "artifacts.read",
}


def public(owner):
    functions = inspect.getmembers(owner, callable)
    return {name for name, _ in functions if not name.startswith("_")}


def operations(served):
    document = served.app.openapi()
    return {
        f"{verb.upper()} {path}": found for path, verbs in document["paths"].items() for verb, found in verbs.items()
    }


def test_every_capability_has_its_route_or_is_a_part_of_one(service):
    groups = {name for name, value in vars(service).items() if ".capabilities." in type(value).__module__}
    assert groups - {"_folders"} == set(GROUPS)
    found = {f"{group}.{name}" for group in GROUPS for name in public(getattr(service, group))}
    found |= {f"service.{name}" for name in public(service)} - {f"service.{group}" for group in vars(service)}
    assert found == set(ROUTES) | set(INNER)


def test_every_route_is_a_capability_s(served):
    assert set(operations(served)) == set(ROUTES.values()) | set(OTHER_FORMS)
    assert set(OTHER_FORMS.values()) <= set(ROUTES)


BODIES = {
    "datasets.add": {"bucket": "/x"},
    "datasets.find_or_add": {"path_or_name": "x"},
    "datasets.update": {},
    "tags.add": {"name": "x"},
    "tags.update": {"name": "x"},
    "tags.ensure": {"text": "a=b"},
    "uploads.begin": {},
    "uploads.finish": {},
    "model_types.add": {"reference": "a:B"},
    "model_types.validate_settings": {"settings": {}},
    "model_types.preview": {"settings": {}, "dataset_ids": []},
    "jobs.create": {"name": "x"},
    "events.append": {"events": []},
    "charts.put": {},
    "access.create": {"name": "x"},
    "demo.start": {"model_type": "x"},
}


QUERIES = {"uploads.receive": {"path": "x.png"}, "jobs.reports_on": {"model": "x"}}


@pytest.fixture
def user(served):
    return served.user()


@pytest.mark.parametrize("capability", ROUTES)
def test_the_route_asks_the_capability_and_answers_what_it_says(served, user, service, monkeypatch, capability):
    group, _, name = capability.partition(".")
    owner = service if group == "service" else getattr(service, group)
    asked = MagicMock(side_effect=NotFoundError("as the capability says"))
    monkeypatch.setattr(owner, STREAMED.get(capability, name), asked)
    if capability == "jobs.count":
        monkeypatch.setattr(service.jobs, "list", lambda *_: [])
    verb, _, path = ROUTES[capability].partition(" ")
    sent = {"json": BODIES[capability]} if capability in BODIES else {}
    sent = {"content": b"x"} if verb == "PUT" and capability not in BODIES else sent
    sent |= {"params": QUERIES[capability]} if capability in QUERIES else {}
    answer = user.request(verb, re.sub(r"\{[^}]+\}", "x", path), **sent)
    assert asked.called, answer.text
    assert answer.status_code == 404
    assert "as the capability says" in answer.text or capability in STREAMED


def test_connect_gives_the_same(service):
    with HttpPlatform("http://127.0.0.1:1") as platform:
        # An upload is one call there.
        for group in set(GROUPS) - {"uploads"}:
            inner = {name.partition(".")[2] for name in INNER if name.startswith(f"{group}.")} - {"upload"}
            there = public(getattr(platform, group))
            assert there == public(getattr(service, group)) - inner, group
        assert callable(platform.verify)


def test_the_description_of_every_route_is_whole(served: Served):
    document = served.app.openapi()
    schemas = document["components"]["schemas"]
    assert schemas["Error"]["required"] == ["error"]
    assert not [name for name in schemas if "ValidationError" in name]
    assert document["security"] == [{"key": []}]
    seen = set()
    for route, found in operations(served).items():
        assert found["summary"], route
        assert found["description"], route
        assert found["tags"], route
        assert found["operationId"] not in seen
        seen.add(found["operationId"])
        good = {status: answer for status, answer in found["responses"].items() if status.startswith("2")}
        assert len(good) == 1, route
        for status, answer in found["responses"].items():
            content = answer.get("content", {})
            assert bool(content) != (status == "204"), (route, status)
            assert all(form["schema"] for form in content.values()), (route, status)
        wanted = {"400", "401", "403", "404", "421", "422", "500", "503"}
        wanted |= set() if route.startswith("GET ") else {"408", "409", "413", "415", "507"}
        assert set(found["responses"]) - set(good) == wanted, route
        if route.startswith(("POST", "PUT", "PATCH")):
            bodiless = ("/start", "/stop", "/sync", "/complete")
            assert ("requestBody" in found) != route.endswith(bodiless), route


def test_what_is_described_is_what_is_answered(served, user):
    """A refusal has the form that the description gives it."""
    for answer in (user.get("/api/jobs/none"), user.get("/api/jobs?limit=-1"), served.client().get("/api/jobs")):
        assert list(answer.json()) == ["error"]
        assert str(answer.status_code) in served.app.openapi()["paths"]["/api/jobs"]["get"]["responses"]
