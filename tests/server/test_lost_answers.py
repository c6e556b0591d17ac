"""The answer to a job's end is lost: the same request again is answered as the first was, and its key opens no more.

On real sockets: a proxy lets the server have the request, and cuts the connection in the answer's place.
"""

import datetime
import logging
import re

import httpx
import pytest

from brevetti_keras.io.http import HttpClient
from brevetti_keras.platform.http_reporter import HttpReporter
from brevetti_keras.server.capabilities import events as events_module
from brevetti_keras.wire.events import Event, epoch_body
from tests.support.cutting_proxy import CuttingProxy
from tests.support.processes import Server
from tests.support.served import routes

MODEL = "artifacts%2Fm.tar.gz"


@pytest.fixture
def proxy(service):
    with Server(service.home) as server, CuttingProxy(server.port) as found:
        yield found


@pytest.fixture
def job(service):
    return service.jobs.create("first")


def batch(*events):
    return {"events": [event.model_dump(mode="json") for event in events]}


def end(path="m.tar.gz", key="end"):
    return Event(key=key, kind="complete", body={"model_path": path})


def stored(service, job):
    return [(event.key, event.kind) for event in service.events.list(job.id)]


def test_the_existing_clients_route_is_told_again(proxy, service, job):
    """An answer that is cut off, twice; the third of the same requests is the first that is answered."""
    service.artifacts.write(job.id, "output.json", b'{"output": {"loss": 0.25}}')
    proxy.cut = 2
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            httpx.post(proxy.url + job.complete_url + MODEL)
        assert service.jobs.get(job.id).state == "completed"
    before = stored(service, job)
    assert httpx.post(proxy.url + job.complete_url + MODEL).status_code == 204
    with HttpClient(proxy.url, sleep=lambda _: None) as client:
        proxy.cut = 2
        assert client.request("POST", job.complete_url + MODEL, retry=True).status_code == 204
    assert stored(service, job) == before == [("output.json", "output"), ("complete", "complete")]
    found = service.jobs.get(job.id)
    assert (found.model_path, found.metrics) == ("m.tar.gz", {"loss": 0.25})


def test_our_own_client_says_it_again(proxy, service, job, tmp_path, caplog):
    """The whole log's last batch is lost on its way back; the job does not notice, and nothing is stored twice."""
    reporter = HttpReporter(
        job.model_copy(update={"host_name": proxy.url}), str(tmp_path / "events.log"), uploads=False
    )
    for number in range(3):
        reporter.report("epoch", epoch_body(number, {"loss": 0.5}))
    assert reporter.flush(120)
    proxy.cut = 1
    with caplog.at_level(logging.WARNING):
        reporter.complete("m.tar.gz")
    assert reporter.flush(120)
    assert len(proxy.lost) == 1
    assert "does not know yet" not in caplog.text
    assert "nothing more is sent" not in caplog.text
    assert [kind for _, kind in stored(service, job)] == ["epoch", "epoch", "epoch", "complete"]
    assert service.jobs.get(job.id).model_path == "m.tar.gz"


@pytest.fixture
def ended(served, service, job):
    """A client with the key of a job that has ended, by both kinds of its last requests."""
    client = served.job(job)
    ends = batch(Event(key="e0", kind="epoch", time="2026-01-01T00:00:00Z", body={"epoch": 0}), end())
    assert client.post(f"/api/jobs/{job.id}/events", json=ends).json() == {"sequence": 2}
    return client, ends


def test_a_batch_is_told_again_as_it_was(served, service, job, ended):
    client, ends = ended
    before = stored(service, job)
    again = client.post(f"/api/jobs/{job.id}/events", json=ends)
    assert (again.status_code, again.json()) == (200, {"sequence": 2})
    assert stored(service, job) == before


@pytest.mark.parametrize(
    "other",
    [
        *([], [end("other.tar.gz")], [end(key="other")], [end(), Event(key="new", kind="epoch", body={"epoch": 1})]),
        *(
            [Event(key="e0", kind="epoch", body={"epoch": 0})],
            [Event(key="e0", kind="epoch", body={"epoch": 9}), end()],
        ),
    ],
    ids=["nothing", "another model", "another key", "something new", "without the end", "another body"],
)
def test_anything_else_is_401(service, job, ended, other):
    client, _ = ended
    before = stored(service, job)
    assert client.post(f"/api/jobs/{job.id}/events", json=batch(*other)).status_code == 401
    assert stored(service, job) == before
    assert service.jobs.get(job.id).model_path == "m.tar.gz"


@pytest.mark.parametrize("path", ["", "artifacts%2Fother.tar.gz"])
def test_another_model_is_401_on_the_existing_clients_route(served, service, job, path):
    client = served.client()
    assert client.post(job.complete_url + MODEL).status_code == 204
    assert client.post(job.complete_url + path).status_code == 401
    assert client.post(job.complete_url + MODEL).status_code == 204
    assert service.jobs.get(job.id).model_path == "m.tar.gz"


def test_the_key_opens_no_other_route_and_no_other_job(served, service, job, ended):
    client, ends = ended
    other = service.jobs.create("other")
    assert served.job(other).post(f"/api/jobs/{other.id}/events", json=ends).status_code == 200
    assert client.post(f"/api/jobs/{other.id}/events", json=ends).status_code == 401
    for path, methods in sorted(routes(served.app), key=str):
        address = re.sub(r"\{[^}]+\}", "x", re.sub(r"\{(id|job_id)\}", job.id, path))
        for verb in methods:
            if (verb, path) not in {("POST", "/api/jobs/{id}/events"), ("GET", "/login"), ("HEAD", "/login")}:
                assert client.request(verb, address, json={}).status_code == 401, (verb, path)


def test_it_is_told_for_a_day(service, job, ended, monkeypatch):
    client, ends = ended

    class Later(datetime.datetime):
        hours = 23

        @classmethod
        def now(cls, zone=None):
            return super().now(zone) + datetime.timedelta(hours=cls.hours)

    monkeypatch.setattr(events_module.datetime, "datetime", Later)
    assert client.post(f"/api/jobs/{job.id}/events", json=ends).status_code == 200
    Later.hours = 25
    assert client.post(f"/api/jobs/{job.id}/events", json=ends).status_code == 401


def test_a_user_may_say_so_too(served, service, job, ended):
    _, ends = ended
    user = served.user()
    assert user.post(f"/api/jobs/{job.id}/events", json=ends).status_code == 200
    assert user.post(f"/api/jobs/{job.id}/events", json=batch(end("other.tar.gz"))).status_code == 409
