"""The REST interface: what each group of the service does, asked for over HTTP, and the errors' statuses."""

import errno
import os

import pytest

from brevetti_keras.io.event_log import EventLog
from brevetti_keras.server.answers import status_of
from brevetti_keras.utils import errors
from brevetti_keras.wire.events import Event, epoch_body, status_body
from brevetti_keras.wire.records import Dataset, JobConfig, Tag
from tests.support.served import URL, raw_call, routes


@pytest.fixture
def user(served):
    return served.user()


@pytest.fixture
def job(service):
    return service.jobs.create("first")


def test_datasets(user, service, vials):
    added = user.post("/api/datasets", json={"bucket": vials, "tags": ["line=3"], "notes": "x"})
    assert added.status_code == 201
    dataset = Dataset.model_validate(added.json())
    assert service.datasets.list() == [dataset]
    assert user.get("/api/datasets").json() == [added.json()]
    assert user.get(f"/api/datasets/{dataset.id}").json() == added.json()
    assert user.get("/api/datasets/vials").json() == added.json()
    service.datasets.add(vials, "lot 3/4")
    assert user.get("/api/datasets/lot%203%2F4").json()["name"] == "lot 3/4"
    service.datasets.remove("lot 3/4")
    changed = user.patch(f"/api/datasets/{dataset.id}", json={"name": "new", "tag_ids": []})
    assert (changed.json()["name"], changed.json()["notes"], changed.json()["tagIds"]) == ("new", "x", [])
    assert user.post("/api/datasets/find-or-add", json={"path_or_name": vials}).json()["id"] == dataset.id
    assert user.delete(f"/api/datasets/{dataset.id}").status_code == 204
    assert user.get("/api/datasets").json() == []


def test_tags(user, service):
    line = user.post("/api/tags", json={"name": "line"}).json()
    leaf = user.post("/api/tags/ensure", json={"text": "line=3"}).json()
    assert leaf["parentId"] == line["id"]
    assert [Tag.model_validate(tag) for tag in user.get("/api/tags").json()] == service.tags.list()
    assert user.get(f"/api/tags/{line['id']}").json()["children"] == [leaf]
    assert user.patch(f"/api/tags/{leaf['id']}", json={"name": "4"}).json()["name"] == "4"
    assert user.delete(f"/api/tags/{line['id']}").status_code == 409
    assert user.delete(f"/api/tags/{leaf['id']}").status_code == 204


def test_model_types(user, service):
    listed = user.get("/api/model-types").json()
    assert [found["name"] for found in listed] == [found.name for found in service.model_types.list()]
    assert user.get("/api/model-types/image-classification").json()["settings_schema"]["type"] == "object"
    assert user.get("/api/model-types/nobody").status_code == 404
    assert user.post("/api/model-types", json={"reference": "no_such_package:X"}).status_code == 404
    assert user.post("/api/model-types", json={"reference": "nonsense"}).status_code == 422


def test_making_a_job(user, service, vials):
    service.datasets.add(vials)
    made = user.post("/api/jobs", json={"name": "first", "dataset_ids": ["vials"], "settings": {"epochs": 3}})
    assert made.status_code == 201
    config = JobConfig.model_validate(made.json())
    assert config.api_key.get_secret_value() == made.json()["api_key"] != ""
    assert config.host_name == URL
    assert config == service.jobs.config(config.id)
    assert user.get(f"/api/jobs/{config.id}/config").json() == made.json()
    assert made.headers["cache-control"] == "no-store"


def test_finding_and_listing_jobs(user, service):
    ids = [service.jobs.create(f"job {number}").id for number in range(3)]
    service.jobs.stop(ids[0])
    listed = user.get("/api/jobs", params={"limit": 2}).json()
    assert ([found["id"] for found in listed["items"]], listed["count"]) == (ids[:0:-1], 3)
    stopped = user.get("/api/jobs", params={"state": "stopped"}).json()
    assert ([found["id"] for found in stopped["items"]], stopped["count"]) == ([ids[0]], 1)
    assert user.get("/api/jobs", params={"state": "flying"}).status_code == 422
    assert user.get("/api/jobs", params={"limit": -1}).status_code == 422
    assert user.get("/api/jobs/job 2").json()["id"] == ids[2]
    assert user.get("/api/jobs/nobody").json() == {"error": "no job 'nobody': see the list of jobs"}
    assert "api_key" not in user.get(f"/api/jobs/{ids[1]}").json()


def test_stopping_a_job(user, job):
    assert user.post(f"/api/jobs/{job.id}/stop").json()["state"] == "stopped"
    assert user.post("/api/jobs/nobody/stop").status_code == 404


def test_starting_a_job(user, service):
    config = service.jobs.create("first", job_class="vials.train:TrainingJob")
    started = user.post(f"/api/jobs/{config.id}/start").json()
    assert (started["state"], started["queue_position"]) == ("queued", 1)
    assert user.get(f"/api/jobs/{config.id}").json()["queue_position"] == 1
    assert user.post("/api/jobs/nobody/start").status_code == 404
    service.events.append(config.id, [Event(key="c", kind="complete", body={})])
    refused = user.post(f"/api/jobs/{config.id}/start")
    assert (refused.status_code, "which is completed" in refused.json()["error"]) == (409, True)


def test_checking_settings(user):
    path = "/api/model-types/image-classification/validate"
    wrong = user.post(path, json={"settings": {"epochs": 0, "image_pipeline": {"rescale": "huge"}}}).json()
    assert set(wrong["errors"]) == {"epochs", "image_pipeline.rescale"}
    assert "greater than" in wrong["errors"]["epochs"]
    assert user.post("/api/model-types/nobody/validate", json={"settings": {}}).status_code == 404
    assert user.post(path, json={"settings": 3}).status_code == 422


def test_a_job_with_wrong_settings_is_not_made(user, service):
    body = {"name": "a", "model_type": "image-classification", "settings": {"epochs": 0}}
    answer = user.post("/api/jobs", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("epochs: expected greater than or equal to 1, received 0")
    assert service.jobs.list() == []


def test_root_tags(user, service, job):
    service.tags.ensure("line=3")
    assert user.get(f"/api/jobs/{job.id}/root-tags").json()[0]["children"][0]["name"] == "3"


def test_events(served, service, job):
    client = served.job(job)
    path = f"/api/jobs/{job.id}/events"
    batch = [
        Event(key="a", kind="epoch", body=epoch_body(0, {"loss": float("nan")})).model_dump(mode="json"),
        Event(key="b", kind="output", body={"accuracy": 0.97}).model_dump(mode="json"),
    ]
    assert client.post(path, json={"events": batch}).json() == {"sequence": 2}
    assert client.post(path, json={"events": batch}).json() == {"sequence": 2}
    assert [event["key"] for event in client.get(path).json()] == ["a", "b"]
    assert [event["key"] for event in client.get(path, params={"after": 1}).json()] == ["b"]
    assert [event["key"] for event in client.get(path, params={"kind": ["epoch", "chart"]}).json()] == ["a"]
    batch[0]["body"] = {"epoch": 0, "loss": 1.0}
    assert client.post(path, json={"events": batch}).status_code == 409
    assert client.get(f"/api/jobs/{job.id}/curve").json() == {"epoch": [0], "series": {"loss": [None]}}
    assert client.get(f"/api/jobs/{job.id}/curve", params={"max_points": 1}).status_code == 422
    assert service.jobs.get(job.id).metrics == {"accuracy": 0.97}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"events": 3},
        {"events": [{"key": "a"}]},
        {"events": [{"key": "a", "kind": "flying", "body": {}}]},
        {"events": [{"key": "", "kind": "epoch", "body": {}}]},
        {"events": [{"key": "a", "kind": "epoch", "body": []}]},
        [],
    ],
)
def test_a_batch_that_is_none_is_422_and_names_the_field(served, job, body):
    answer = served.job(job).post(f"/api/jobs/{job.id}/events", json=body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"error"}


def test_status(served, service, job):
    client = served.job(job)
    path = f"/api/jobs/{job.id}/status"
    assert client.get(path).json() == {"state": "created", "message": ""}
    sent = client.post(path, json=status_body("running", epochs=5), headers={"Idempotency-Key": "s1"})
    assert sent.json() == {"sequence": 1}
    again = client.post(path, json=status_body("running", epochs=5), headers={"Idempotency-Key": "s1"})
    assert again.json() == {"sequence": 1}
    other = client.post(path, json=status_body("failed"), headers={"Idempotency-Key": "s1"})
    assert other.status_code == 409
    assert (client.get(path).json()["state"], service.jobs.get(job.id).epochs) == ("running", 5)
    assert client.post(path, json={"state": "flying"}).status_code == 422


def test_sync(user, service, job):
    EventLog(f"{service.home}/jobs/{job.id}/events.log").append("epoch", {"epoch": 0})
    assert user.post(f"/api/jobs/{job.id}/sync").json() == {"sequence": 1}


def test_artifacts(served, job):
    client = served.job(job)
    base = f"/api/jobs/{job.id}/artifacts"
    stored = client.put(f"{base}/pivot/a b.json", content=b"{}")
    assert (stored.status_code, stored.json()["path"], stored.json()["size"]) == (201, "pivot/a b.json", 2)
    assert client.get(f"{base}/pivot/a%20b.json").content == b"{}"
    assert [found["path"] for found in client.get(base).json()] == ["pivot/a b.json"]
    assert client.get(base, params={"prefix": "none"}).json() == []
    assert client.get(base, params={"prefix": "../.."}).status_code == 422
    assert client.get(f"{base}/none").json() == {"error": "no such artifact"}
    assert client.put(f"{base}/PIVOT/x", content=b"").status_code == 409


def test_charts(served, job):
    client = served.job(job)
    base = f"/api/jobs/{job.id}/charts"
    assert client.put(f"{base}/my chart", json={"mark": "bar"}).status_code == 204
    assert client.get(base).json() == ["my chart"]
    assert client.get(f"{base}/my%20chart").json() == {"mark": "bar"}
    assert client.get(f"{base}/none").status_code == 404
    assert client.put(f"{base}/a", json=[1]).status_code == 422


def test_keys(user, served):
    made = user.post("/api/keys", json={"name": "night run"}).json()
    other = served.client(made["key"])
    assert [found["name"] for found in other.get("/api/keys").json()] == ["tests", "night run"]
    assert made["key"] not in other.get("/api/keys").text
    assert user.delete(f"/api/keys/{made['record']['id']}").json()["revoked"]
    assert other.get("/api/keys").status_code == 401
    assert user.delete("/api/keys/nobody").status_code == 404


def test_verify(user):
    assert user.get("/api/verify").json() == []


LEAVING = ["../info.json", "%2e%2e/info.json", "..%2finfo.json", "..%2Finfo.json", "%252e%252e%252finfo.json"]
LEAVING += ["..\\info.json", "..%5cinfo.json", ";/../info.json", "a/../../info.json", "%00", "a%00b", "%2fetc%2fpasswd"]
LEAVING += [
    "/etc/passwd",
    "//etc/passwd",
    "C:%5cx",
    "%c0%ae%c0%ae/info.json",
    "%ff",
    "..",
    ".",
    "%2e",
    "x/",
    "#",
    "%23",
]


def files_of(folder, besides):
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            if not path.startswith((besides, f"{folder}/platform.sqlite3")):
                with open(path, "rb") as file:
                    found[path] = file.read()
    return found


@pytest.mark.parametrize("path", LEAVING)
def test_no_path_leads_out_of_the_artifacts(served, job, path):
    """The same answer whether or not there is a file where the path would lead, and nothing changes out there."""
    home = served.service.home
    headers = [(b"authorization", f"Bearer {job.api_key.get_secret_value()}".encode())]
    body = [{"type": "http.request", "body": b"x", "more_body": False}]
    whole = f"/api/jobs/{job.id}/artifacts/{path}"
    before = files_of(home, f"{home}/jobs/{job.id}/artifacts/")
    status, answer = raw_call(served.app, headers, (), whole, "GET")
    assert status == 404
    assert answer["error"] in {"no such artifact", "there is nothing at this address"}
    for verb in ("PUT", "DELETE"):
        raw_call(served.app, [*headers, (b"content-length", b"1")], body, whole, verb)
    assert files_of(home, f"{home}/jobs/{job.id}/artifacts/") == before


@pytest.mark.parametrize(
    ("name", "shown", "policy"),
    [
        ("report.html", "inline", "sandbox allow-scripts"),
        ("report.HTM", "inline", "sandbox allow-scripts"),
        ("a.png", "inline", "sandbox;"),
        ("a.json", "inline", "sandbox;"),
        ("a.svg", "attachment", "sandbox;"),
        ("a.xhtml", "attachment", "sandbox;"),
        ("a.xml", "attachment", "sandbox;"),
        ("a.js", "attachment", "sandbox;"),
        ("a.pdf", "attachment", "sandbox;"),
        ("unknown", "attachment", "sandbox;"),
    ],
)
def test_what_a_job_wrote_never_runs_as_ours(served, job, name, shown, policy):
    served.service.artifacts.write(job.id, name, b"<script>fetch('/api/keys')</script>")
    answer = served.job(job).get(f"/api/jobs/{job.id}/artifacts/{name}")
    assert answer.headers["content-disposition"].startswith(shown)
    assert answer.headers["content-security-policy"].startswith(policy)
    assert "allow-same-origin" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (answer.headers["content-type"] == "application/octet-stream") == (shown == "attachment")


def test_hostile_file_names_stay_inside_their_header(served, job):
    name = 'a"; filename=x.exe; é<img src=x>.txt'
    served.service.artifacts.write(job.id, name, b"x")
    answer = served.job(job).get(f"/api/jobs/{job.id}/artifacts/{name}")
    disposition = answer.headers["content-disposition"]
    assert disposition.isascii()
    assert disposition.count(";") == 1
    assert '"' not in disposition


def test_wrong_fields_are_named_and_their_values_are_not_repeated(user):
    answer = user.post("/api/tags", json={"name": 3, "colour": "<script>"})
    assert answer.status_code == 422
    assert "name: " in answer.json()["error"]
    assert "colour: " in answer.json()["error"]
    assert "<script>" not in answer.text
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.SettingsError("x"), 422),
        (errors.InvalidInputError("x"), 422),
        (errors.DataError("x"), 422),
        (errors.DecodeError("a", "x"), 422),
        (errors.NotFoundError("x"), 404),
        (errors.ConflictError("x"), 409),
        (errors.AccessError("x"), 403),
        (errors.PlatformError("x"), 503),
        (errors.IntegrityError("x"), 500),
        (errors.StorageError("x"), 500),
        (errors.MissingDependencyError("x"), 501),
        (errors.BrevettiError("x"), 500),
    ],
)
def test_each_kind_of_error_has_its_status(user, served, monkeypatch, error, status):
    def fail(*_):
        raise error

    monkeypatch.setattr(served.service.tags, "list", fail)
    answer = user.get("/api/tags")
    assert (answer.status_code, answer.json()) == (status, {"error": str(error)})


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_507_while_reading_works(user, served, monkeypatch, number):
    failure = errors.StorageError("the disk is full")
    failure.errno = number
    assert status_of(failure) == 507

    def full(*_):
        raise failure

    served.service.tags.add("a")
    monkeypatch.setattr(served.service.tags, "add", full)
    assert user.post("/api/tags", json={"name": "b"}).status_code == 507
    assert [tag["name"] for tag in user.get("/api/tags").json()] == ["a"]


def test_the_interface_describes_itself_whole(user, served):
    described = user.get("/api/openapi.json").json()
    listed = {(path, verb.upper()) for path, verbs in described["paths"].items() for verb in verbs}
    here = {
        (path.replace(":path}", "}"), verb)
        for path, verbs in routes(served.app)
        for verb in verbs
        if (path.startswith("/api/") or path == "/download") and path != "/api/openapi.json"
    }
    assert listed == here
    for verbs in described["paths"].values():
        for operation in verbs.values():
            assert operation["description"]
            assert operation["operationId"]
