"""What the hosted platform's existing clients send: forms, keys in the query, bare NaN."""

from urllib.parse import quote

import pytest

from brevetti_keras.wire.events import Event


@pytest.fixture
def config(service):
    return service.jobs.create("first")


def bodies(service, config):
    return [event.body for event in service.events.list(config.id)]


def test_the_remote_monitor_s_form(served, service, config):
    answer = served.client().post(config.remote_url, data={"data": '{"epoch": 4, "loss": 0.5, "accuracy": 1}'})
    assert (answer.status_code, answer.content) == (204, b"")
    assert bodies(service, config) == [{"epoch": 4, "loss": 0.5, "accuracy": 1}]
    assert service.jobs.get(config.id).state == "running"
    assert service.events.curve(config.id) == {"epoch": [4], "series": {"loss": [0.5], "accuracy": [1]}}


def test_the_remote_monitor_s_json(served, service, config):
    assert served.client().post(config.remote_url, json={"epoch": 0, "loss": 0.5}).status_code == 204
    assert bodies(service, config) == [{"epoch": 0, "loss": 0.5}]


@pytest.mark.parametrize("as_form", [True, False])
def test_bare_nan_is_taken_and_named(served, service, config, as_form):
    text = '{"epoch": 0, "loss": NaN, "best": -Infinity}'
    if as_form:
        answer = served.client().post(config.remote_url, data={"data": text})
    else:
        answer = served.client().post(config.remote_url, content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == 204
    nonfinite = {"loss": "NaN", "best": "-Infinity"}
    assert bodies(service, config) == [{"epoch": 0, "loss": None, "best": None, "nonfinite": nonfinite}]


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[]", "{}", '{"epoch": "4"}', '{"epoch": 1.5}', '{"epoch": true}', '{"epoch": 1, "epoch": 2}'],
)
def test_what_is_no_epoch_is_refused(served, service, config, text):
    assert served.client().post(config.remote_url, data={"data": text}).status_code in {400, 422}
    assert served.client().post(config.remote_url, data={"other": "x"}).status_code == 422
    assert bodies(service, config) == []


def test_an_idempotent_post_is_taken_once(served, service, config):
    client = served.client(**{"Idempotency-Key": "k1"})
    for _ in range(3):
        assert client.post(config.remote_url, data={"data": '{"epoch": 0, "loss": 1}'}).status_code == 204
    assert client.post(config.remote_url, data={"data": '{"epoch": 0, "loss": 2}'}).status_code == 409
    assert len(bodies(service, config)) == 1


def test_without_a_key_of_its_own_every_post_counts(served, service, config):
    for _ in range(2):
        served.client().post(config.remote_url, data={"data": '{"epoch": 0, "loss": 1}'})
    assert len(bodies(service, config)) == 2


@pytest.mark.parametrize("headers", [{"Origin": "http://127.0.0.1:8765"}, {"Sec-Fetch-Site": "same-origin"}])
def test_a_browser_s_form_is_refused(served, config, headers):
    answer = served.client().post(config.remote_url, data={"data": '{"epoch": 0}'}, headers=headers)
    assert answer.status_code == 415


def test_charts(served, service, config):
    answer = served.client().post(config.charts_url + "&name=my%20chart", json={"mark": "bar"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert service.charts.list(config.id) == ["my chart"]
    assert served.client().post(config.charts_url, json={"mark": "bar"}).status_code == 422
    assert served.client().post(config.charts_url + "&name=..%2Fx", json={"mark": "bar"}).status_code == 422


def test_complete(served, service, config):
    answer = served.client().post(config.complete_url + "saved_model.tar.gz")
    assert (answer.status_code, answer.content) == (204, b"")
    job = service.jobs.get(config.id)
    assert (job.state, job.model_path) == ("completed", "saved_model.tar.gz")
    assert served.client().post(config.complete_url).status_code == 401


@pytest.mark.parametrize("form", ["artifacts/{0}", "{1}/jobs/{2}/artifacts/{0}", "s3://bucket/{2}/artifacts/{0}"])
def test_the_model_is_found_among_the_artifacts_however_a_client_names_it(served, service, config, form):
    path = form.format("models/artifacts/saved model.tar.gz", service.home, config.id)
    assert served.client().post(config.complete_url + quote(path)).status_code == 204
    assert service.jobs.get(config.id).model_path == "models/artifacts/saved model.tar.gz"


def test_the_metrics_that_a_client_only_writes_are_the_job_s(served, service, config):
    service.artifacts.write(config.id, "output.json", b'{"output": {"auc": 0.5, "f1": NaN, "deep": {"n": 1}}}')
    assert served.client().post(config.complete_url).status_code == 204
    assert service.jobs.get(config.id).metrics == {"auc": 0.5, "f1": None, "deep": {"n": 1}}
    assert [event.kind for event in service.events.list(config.id)] == ["output", "complete"]


def test_metrics_that_were_reported_are_not_replaced_by_those_written(served, service, config):
    service.events.append(config.id, [Event(key="1", kind="output", body={"auc": 0.5})])
    service.artifacts.write(config.id, "output.json", b'{"output": {"auc": 0.25}}')
    assert served.client().post(config.complete_url).status_code == 204
    assert service.jobs.get(config.id).metrics == {"auc": 0.5}


@pytest.mark.parametrize("written", [b"nonsense", b"[1]", b'{"output": 3}', b'{"output": {}}'])
def test_a_job_completes_whatever_its_output_holds(served, service, config, written):
    service.artifacts.write(config.id, "output.json", written)
    assert served.client().post(config.complete_url).status_code == 204
    job = service.jobs.get(config.id)
    assert (job.state, job.metrics) == ("completed", {})


def test_complete_without_a_model(served, service, config):
    assert served.client().post(config.complete_url).status_code == 204
    assert service.jobs.get(config.id).model_path is None


def test_root_tags(served, service, config):
    service.tags.ensure("line=3")
    key = config.api_key.get_secret_value()
    answer = served.client().get("/api/resources/roottags", params={"key": key, "id": config.id}).json()
    assert set(answer[0]) == {"id", "name", "parentId", "created", "children"}
    assert (answer[0]["name"], answer[0]["children"][0]["name"]) == ("line", "3")
    missing = served.user().get("/api/resources/roottags", params={"id": "nobody"})
    assert missing.status_code == 404


def test_the_key_may_be_sent_in_the_header_too(served, service, config):
    path = config.remote_url.partition("?")[0]
    assert served.job(config).post(path, json={"epoch": 0}).status_code == 204
    assert served.client().post(path, json={"epoch": 0}).status_code == 401
