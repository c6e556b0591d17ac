import time

import pytest

from brevetti_keras.server.bodies import BodyLimits
from tests.support.served import Served, raw_call

AMBIGUOUS = {
    "NaN": b'{"name": NaN}',
    "infinity": b'{"name": "a", "x": 1e999}',
    "duplicate keys": b'{"name": "a", "name": "b"}',
    "deep nesting": b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep nesting, not closed": b"[" * 500_000,
    "a very long integer": b'{"name": ' + b"9" * 5000 + b"}",
    "a lone surrogate": b'{"name": "\\ud800"}',
    "not UTF-8": b'{"name": "\xff"}',
    "not JSON": b"{name: 1}",
    "nothing": b"",
    "two values": b"{} {}",
}


@pytest.fixture
def small(service):
    """An application with narrow limits of size."""
    serving = Served(service, BodyLimits(small=100, large=1000, upload=2000))
    yield serving
    serving.close()


@pytest.fixture
def hasty(service):
    """An application that does not wait long."""
    serving = Served(service, BodyLimits(seconds=0.3))
    yield serving
    serving.close()


@pytest.mark.parametrize("name", AMBIGUOUS)
@pytest.mark.parametrize("path", ["/api/tags", "/api/jobs", "/api/jobs/x/events", "/api/keys"])
def test_json_that_readers_disagree_on_is_400_at_once(served, name, path):
    user = served.user()
    begin = time.process_time()
    answer = user.post(path, content=AMBIGUOUS[name], headers={"Content-Type": "application/json"})
    assert time.process_time() - begin < 5
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert len(answer.text) < 500
    assert served.service.tags.list() == []


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/xml",
        "",
        "application/json/x",
    ],
)
def test_another_content_type_is_415(served, media_type):
    user = served.user()
    answer = user.post("/api/tags", content=b'{"name": "a"}', headers={"Content-Type": media_type})
    assert answer.status_code == 415
    assert served.service.tags.list() == []


def test_a_body_without_a_type_is_415(served):
    user = served.user()
    request = user.build_request("POST", "/api/tags", content=b'{"name": "a"}')
    assert "content-type" not in request.headers
    assert user.send(request).status_code == 415


def test_json_with_its_charset_is_taken(served):
    answer = served.user().post(
        "/api/tags", content='{"name": "é"}'.encode(), headers={"Content-Type": 'Application/JSON; charset="UTF-8"'}
    )
    assert (answer.status_code, answer.json()["name"]) == (201, "é")


def test_a_body_that_is_declared_too_large_is_413(small):
    user = small.user()
    assert user.post("/api/tags", json={"name": "a" * 200}).status_code == 413
    assert user.post("/api/tags", json={"name": "a" * 50}).status_code == 201
    config = small.service.jobs.create("first")
    assert user.post(f"/api/jobs/{config.id}/events", json={"events": [], "x": "a" * 800}).status_code == 200
    assert user.post(f"/api/jobs/{config.id}/events", json={"events": [], "x": "a" * 1200}).status_code == 413


def chunks(*parts):
    last = len(parts) - 1
    return [{"type": "http.request", "body": part, "more_body": index < last} for index, part in enumerate(parts)]


def headers_of(served, *more):
    key = served.service.access.create("raw")[1]
    return [(b"authorization", f"Bearer {key}".encode()), (b"content-type", b"application/json"), *more]


def test_a_chunked_body_is_counted(small):
    chunked = (b"transfer-encoding", b"chunked")
    status, answer = raw_call(small.app, headers_of(small, chunked), chunks(b'{"name": "', b"a" * 60, b"a" * 60, b'"}'))
    assert (status, answer["error"]) == (413, "expected a body of at most 100 bytes")
    assert raw_call(small.app, headers_of(small, chunked), chunks(b'{"name":', b' "a"}'))[0] == 201


def test_a_body_that_does_not_come_is_408(hasty):
    status, answer = raw_call(
        hasty.app,
        headers_of(hasty, (b"content-length", b"50")),
        [{"type": "http.request", "body": b'{"name"', "more_body": True}],
    )
    assert (status, "within" in answer["error"]) == (408, True)


def test_an_upload_that_stands_still_is_408_and_leaves_nothing(hasty):
    config = hasty.service.jobs.create("first")
    headers = headers_of(hasty, (b"transfer-encoding", b"chunked"))
    slow = [{"type": "http.request", "body": b"x" * 10, "more_body": True}]
    assert raw_call(hasty.app, headers, slow, f"/api/jobs/{config.id}/artifacts/a.bin", "PUT")[0] == 408
    assert hasty.service.artifacts.list(config.id) == []


def test_a_body_that_ends_early_is_400(small):
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    assert raw_call(small.app, headers_of(small, (b"content-length", b"50")), messages)[0] == 400


@pytest.mark.parametrize("length", [b"-1", b"nonsense", b"1e3", b"99999999999999999999"])
def test_an_odd_length_is_413(small, length):
    assert raw_call(small.app, headers_of(small, (b"content-length", length)), chunks(b"{}"))[0] == 413


def test_an_upload_is_bounded_and_leaves_nothing_when_it_breaks_off(small):
    config = small.service.jobs.create("first")
    path = f"/api/jobs/{config.id}/artifacts/a.bin"
    headers = headers_of(small, (b"transfer-encoding", b"chunked"))
    assert raw_call(small.app, headers, chunks(b"x" * 1500, b"x" * 1500), path, "PUT")[0] == 413
    assert small.service.artifacts.list(config.id) == []
    assert raw_call(small.app, headers, chunks(b"x" * 900, b"y" * 900), path, "PUT")[0] == 201
    assert small.service.artifacts.read(config.id, "a.bin") == b"x" * 900 + b"y" * 900


def test_a_form_has_few_fields_and_no_files(served):
    config = served.service.jobs.create("first")
    client = served.client()
    many = {f"field{number}": "x" for number in range(10_000)}
    assert client.post(config.remote_url, data=many).status_code in {400, 413, 422}
    files = {"data": ("../../etc/cron.d/x", b'{"epoch": 0}')}
    assert client.post(config.remote_url, files=files).status_code in {400, 422}
    junk = client.post(
        config.remote_url, content=b"--junk\r\n\r\n" * 1000, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert junk.status_code in {400, 422}
    assert served.service.events.list(config.id) == []


def test_thousands_of_ranges_cost_nothing(served):
    config = served.service.jobs.create("first")
    served.service.artifacts.write(config.id, "a.txt", b"x" * 10_000)
    ranges = "bytes=" + ",".join(f"{number}-{number}" for number in range(0, 10_000, 2))
    client = served.job(config)
    begin = time.process_time()
    answer = client.get(f"/api/jobs/{config.id}/artifacts/a.txt", headers={"Range": ranges})
    assert time.process_time() - begin < 5
    assert answer.status_code in {200, 206, 400, 416}
    assert client.get(f"/api/jobs/{config.id}/artifacts/a.txt", headers={"Range": "bytes=0-3"}).content == b"xxxx"
