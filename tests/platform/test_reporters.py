import logging

import httpx
import pytest
from pydantic import SecretStr

from brevetti_keras.io.event_log import EventLog
from brevetti_keras.platform.embedded_platform import EmbeddedPlatform
from brevetti_keras.platform.http_reporter import HttpReporter
from brevetti_keras.platform.job_folder import JobFolder
from brevetti_keras.platform.reporters import open_reporter
from brevetti_keras.platform.workspace_reporter import WorkspaceReporter
from brevetti_keras.utils.errors import AccessError, InvalidInputError, NotFoundError
from brevetti_keras.wire.records import JobConfig
from brevetti_keras.wire.routes import job_urls

KEY = "canary-job-key"


def config_of(host, job_id="j1"):
    return JobConfig(
        id=job_id, run_id="r", name="n", host_name=host, api_key=SecretStr(KEY), **job_urls(job_id, KEY)
    )  # fmt: skip


class Host:
    """Answers each request by its path's beginning and keeps them all."""

    def __init__(self, **answers):
        self.answers = answers
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        for part, answer in self.answers.items():
            if part in request.url.path:
                return answer if isinstance(answer, httpx.Response) else httpx.Response(answer)
        return httpx.Response(204)

    def reporter(self, tmp_path, uploads=True):
        transport = httpx.MockTransport(self)
        return HttpReporter(config_of("http://h"), str(tmp_path / "events.log"), uploads=uploads, transport=transport)

    def paths(self, method="POST"):
        return [request.url.path for request in self.requests if request.method == method]


def kinds(path):
    return [event.kind for event in EventLog(str(path)).read()]


class TestChoice:
    def test_by_the_host_s_name(self, tmp_path):
        folder = JobFolder(str(tmp_path / "job"))
        http = open_reporter(config_of("HTTPS://h"), folder, uploads=True)
        assert isinstance(http, HttpReporter)
        for host in (f"file://{tmp_path}/w", ""):
            assert isinstance(open_reporter(config_of(host), folder, uploads=True), WorkspaceReporter)
        assert not (tmp_path / "job").exists()
        with pytest.raises(InvalidInputError, match="expected host_name as http"):
            open_reporter(config_of("ftp://h"), folder, uploads=True)

    def test_a_workspace_s_job_writes_to_the_workspace_s_log(self, tmp_path):
        reporter = open_reporter(config_of(f"file://{tmp_path}/w"), JobFolder(str(tmp_path / "job")), uploads=False)
        reporter.report("output", {"a": 1})
        assert kinds(tmp_path / "w" / "jobs" / "j1" / "events.log") == ["output"]

    def test_a_job_of_no_host_keeps_its_log_beside_it(self, tmp_path):
        reporter = open_reporter(config_of(""), JobFolder(str(tmp_path / "job")), uploads=False)
        reporter.report("output", {"a": 1})
        reporter.complete(None)
        assert kinds(tmp_path / "job" / "events.log") == ["output", "complete"]
        assert reporter.root_tags() == []
        assert reporter.flush(0.1)


class TestWorkspace:
    def test_complete_ends_the_key_at_once(self, workspace):
        with EmbeddedPlatform(str(workspace)) as platform:
            config = platform.jobs.create("x")
            reporter = open_reporter(config, JobFolder(str(workspace / "jobs" / config.id)), uploads=False)
            reporter.complete("m.tar.gz")
            assert not platform.service.jobs.authenticate(config.id, config.api_key.get_secret_value())

    def test_a_workspace_that_does_not_know_the_job_costs_nothing(self, workspace, caplog):
        with EmbeddedPlatform(str(workspace)):
            pass
        reporter = open_reporter(config_of(f"file://{workspace}"), JobFolder(str(workspace / "j")), uploads=False)
        with caplog.at_level(logging.WARNING):
            reporter.complete(None)
            assert reporter.root_tags() == []
        assert "has not taken the job's log over yet" in caplog.text
        assert "no tags" in caplog.text

    def test_no_workspace_is_made_by_asking(self, tmp_path):
        reporter = WorkspaceReporter("j1", str(tmp_path / "events.log"), str(tmp_path / "gone"))
        assert reporter.root_tags() == []
        reporter.complete(None)
        assert not (tmp_path / "gone").exists()


class TestHttp:
    def test_events_go_in_order_and_the_completion_last(self, tmp_path):
        host = Host()
        reporter = host.reporter(tmp_path)
        for value in range(3):
            reporter.report("output", {"a": value})
        reporter.complete("m.tar.gz")
        sent = [
            event
            for request in host.requests
            for event in httpx.Response(200, content=request.content).json()["events"]
        ]
        assert [event["body"] for event in sent] == [{"a": 0}, {"a": 1}, {"a": 2}, {"model_path": "m.tar.gz"}]
        assert {request.headers["authorization"] for request in host.requests} == {f"Bearer {KEY}"}
        assert set(host.paths()) == {"/api/jobs/j1/events"}

    def test_a_host_of_the_older_kind_is_told_by_its_own_route(self, tmp_path):
        host = Host(**{"/api/jobs/": 404})
        reporter = host.reporter(tmp_path)
        reporter.report("status", {"state": "running"})
        reporter.complete("m n.tar.gz")
        last = host.requests[-1].url
        assert last.path == "/api/models/j1/complete"
        assert dict(last.params) == {"key": KEY, "modelPath": "artifacts/m n.tar.gz"}

    def test_a_completion_that_fails_is_kept_for_later(self, tmp_path, caplog, monkeypatch):
        monkeypatch.setattr("brevetti_keras.platform.http_reporter._PATIENCE", 0.3)
        host = Host(**{"/": 503})
        with caplog.at_level(logging.WARNING):
            host.reporter(tmp_path).complete(None)
        assert "the host does not know yet" in caplog.text
        assert KEY not in caplog.text
        assert kinds(tmp_path / "events.log") == ["complete"]

    def test_a_chart_waits_for_its_answer(self, tmp_path):
        host = Host()
        host.reporter(tmp_path).chart("a b/æ", '{"mark": "bar"}')
        (request,) = [one for one in host.requests if "charts" in one.url.path]
        assert dict(request.url.params) == {"key": KEY, "name": "a b/æ"}
        assert request.headers["content-type"] == "application/json"
        assert request.content == b'{"mark": "bar"}'

    @pytest.mark.parametrize(("status", "kind"), [(401, AccessError), (404, NotFoundError)])
    def test_a_refused_chart_is_raised_without_the_key(self, tmp_path, status, kind):
        with pytest.raises(kind) as caught:
            Host(charts=status).reporter(tmp_path).chart("a", "{}")
        assert KEY not in str(caught.value)

    def test_artifacts_are_put_with_the_job_s_key(self, tmp_path):
        host = Host()
        (tmp_path / "a.txt").write_bytes(b"x")
        host.reporter(tmp_path).artifact("sub/a b.txt", str(tmp_path / "a.txt"))
        (request,) = host.requests
        assert (request.method, request.url.path) == ("PUT", "/api/jobs/j1/artifacts/sub/a b.txt")
        assert (request.content, request.headers["authorization"]) == (b"x", f"Bearer {KEY}")

    def test_where_the_folder_is_the_host_s_nothing_is_put(self, tmp_path):
        host = Host()
        host.reporter(tmp_path, uploads=False).artifact("a.txt", str(tmp_path / "none"))
        assert host.requests == []

    def test_a_host_without_that_route_is_asked_once(self, tmp_path, caplog):
        host = Host(artifacts=404)
        reporter = host.reporter(tmp_path)
        (tmp_path / "a.txt").write_bytes(b"x")
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                reporter.artifact("a.txt", str(tmp_path / "a.txt"))
        assert len(host.requests) == 1
        assert "takes no artifacts" in caplog.text

    def test_an_artifact_that_cannot_be_sent_is_a_warning(self, tmp_path, caplog):
        with caplog.at_level(logging.WARNING):
            Host().reporter(tmp_path).artifact("a.txt", str(tmp_path / "none"))
            Host(artifacts=403).reporter(tmp_path).artifact("log", __file__)
        assert caplog.text.count("stays in the job's folder") == 2

    @pytest.mark.parametrize(
        ("answer", "names"),
        [
            (httpx.Response(200, json=[{"id": "t", "name": "line", "children": []}]), ["line"]),
            (httpx.Response(200, json={"no": "list"}), []),
            (httpx.Response(200, content=b"<html>"), []),
            (httpx.Response(401), []),
        ],
    )
    def test_tags_or_none(self, tmp_path, caplog, answer, names):
        host = Host(roottags=answer)
        assert [tag.name for tag in host.reporter(tmp_path).root_tags()] == names
        assert dict(host.requests[0].url.params) == {"key": KEY, "id": "j1"}
        assert KEY not in caplog.text
