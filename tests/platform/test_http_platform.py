"""The platform behind HTTP: the contract over the real application, and a whole job over a real socket."""

import json
import logging
import os
import threading
import time

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from brevetti_keras.platform import Job, get_image_samples
from brevetti_keras.platform.http_platform import HttpPlatform
from brevetti_keras.server.app import build_app
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.errors import AccessError, PlatformError, StorageError
from tests.contracts.platform import PlatformContract
from tests.support.asgi import AsgiTransport
from tests.support.http_host import http_host
from tests.support.ports import free_port
from tests.support.queued_jobs import until
from tests.support.served import URL


class TestHttpPlatform(PlatformContract):
    @pytest.fixture
    def platform(self, workspace):
        with open_service(str(workspace)) as service:
            key = SecretStr(service.access.create("tests")[1])
            transport = AsgiTransport(build_app(service))
            with HttpPlatform(URL, key, transport=transport) as platform:
                yield platform


def test_a_wrong_key_is_refused_and_never_shown(workspace):
    with open_service(str(workspace)) as service:
        platform = HttpPlatform(URL, SecretStr("canary-wrong-key"), transport=AsgiTransport(build_app(service)))
        with pytest.raises(AccessError) as caught:
            platform.jobs.list()
        assert "canary" not in str(caught.value)
        platform.close()


@pytest.mark.parametrize("content", [b"<html>", b"{}", b'{"items": 3, "count": "x"}', b"[NaN]"])
def test_an_answer_of_another_form_is_one_line(content):
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=content))
    expected = pytest.raises(PlatformError, match="expected an answer of this platform's form to /api/jobs")
    with HttpPlatform("http://h", transport=transport) as platform, expected:
        platform.jobs.list()


class TrainingJob(Job):
    def run(self):
        samples = get_image_samples(self.datasets)
        monitor = self.get_remote_monitor()
        for epoch in range(3):
            monitor.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1)})
        self.upload_chart("loss", {"mark": "line"})
        self.upload_artifact("notes/a.txt", "text")
        self.add_output_metric("samples", len(samples))
        path = self.temp_path("model.tar.gz")
        self.io.write_file(path, b"model")
        return path


@pytest.fixture
def server(tmp_path):
    """A real server on loopback, on a workspace that is not the job's own."""
    with open_service(str(tmp_path / "server")) as service:
        config = uvicorn.Config(build_app(service), port=0, log_level="warning", lifespan="off")
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run)
        thread.start()
        try:
            until(lambda: running.started)
            port = running.servers[0].sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}", service
        finally:
            running.should_exit = True
            thread.join(60)


class TestJobOverHttp:
    def check(self, service, job_id):
        done = service.jobs.get(job_id)
        assert (done.state, done.metrics, done.model_path) == ("completed", {"samples": 7}, "model.1667167008.tar.gz")
        assert service.events.curve(job_id)["series"] == {"loss": [1.0, 0.5, pytest.approx(1 / 3)]}
        kinds = [event.kind for event in service.events.list(job_id)]
        assert kinds[0] == "status"
        assert kinds[-1] == "complete"
        assert service.charts.list(job_id) == ["loss"]

    def test_a_new_job_on_a_server_sends_everything(self, server, vials, workspace):
        address, service = server
        key = service.access.create("tests")[1]
        job = TrainingJob.init(platform=address, api_key=key, datasets=[vials], argv=[])
        assert job.host_name == address
        assert job.api_key.get_secret_value() != key
        job.start()
        self.check(service, job.id)
        paths = {entry.path for entry in service.artifacts.list(job.id)}
        assert {"output.json", "log.txt", "notes/a.txt", "model.1667167008.tar.gz", "charts/loss.json"} <= paths
        assert json.loads(service.artifacts.read(job.id, "output.json"))["samples"]["listed"] == 7
        assert not service.jobs.authenticate(job.id, job.api_key.get_secret_value())
        secrets = [key.encode(), job.api_key.get_secret_value().encode()]
        for folder, _, names in os.walk(workspace):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                assert not any(secret in content for secret in secrets), name

    def test_the_server_s_info_file_is_all_that_a_job_needs(self, server, vials, monkeypatch):
        address, service = server
        dataset = service.datasets.add(str(vials))
        config = service.jobs.create("x", dataset_ids=[dataset.id], host_name=address)
        info = os.path.join(service.home, "jobs", config.id, "info.json")
        TrainingJob.init(info_file=info, argv=[]).start()
        self.check(service, config.id)

    def test_a_failure_arrives(self, server):
        address, service = server

        class Broken(Job):
            def run(self):
                raise ValueError("no luck")

        job = Broken.init(platform=address, api_key=service.access.create("t")[1], argv=[])
        with pytest.raises(ValueError, match="no luck"):
            job.start()
        until(lambda: service.jobs.get(job.id).state == "failed")
        assert (service.jobs.get(job.id).state, service.jobs.get(job.id).message) == ("failed", "ValueError: no luck")
        assert b"no luck" in service.artifacts.read(job.id, "traceback.txt")

    def test_root_tags_come_over_http(self, server, vials):
        address, service = server
        service.datasets.add(str(vials), name="v", tags=["line=3"])
        job = TrainingJob.init(platform=address, api_key=service.access.create("t")[1], datasets=["v"], argv=[])
        assert [tag.name for tag in job.get_root_tags()] == ["line"]


class TestOtherHosts:
    """Hosts that know only the routes of existing clients, or none at all."""

    def info(self, folder, address, vials):
        job = {
            "id": "j1", "run_id": "r", "name": "n", "settings": {}, "api_key": "canary-key", "host_name": address,
            "remote_url": "/api/models/j1/remotemonitor?key=canary-key",
            "charts_url": "/api/models/j1/charts?key=canary-key",
            "complete_url": "/api/models/j1/complete?key=canary-key&modelPath=",
            "datasets": [{"id": "d", "name": "v", "bucket": str(vials)}],
        }  # fmt: skip
        folder.mkdir()
        (folder / "info.json").write_text(json.dumps(job))
        return folder / "info.json"

    def test_the_existing_routes_are_enough(self, tmp_path, vials):
        def answer(request):
            return 404 if request.path.startswith("/api/jobs/") else 204

        with http_host(answer=answer) as host:
            TrainingJob.init(info_file=self.info(tmp_path / "job", host.address, vials), argv=[]).start()
        routes = [request.path for request in host.requests if not request.path.startswith("/api/jobs/")]
        epochs = [request.form["data"] for request in host.requests if "remotemonitor" in request.path]
        assert [json.loads(epoch) for epoch in epochs] == [
            {"epoch": 0, "loss": 1.0}, {"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 1 / 3},
        ]  # fmt: skip
        assert "/api/models/j1/charts?key=canary-key&name=loss" in routes
        expected = "/api/models/j1/complete?key=canary-key&modelPath=artifacts%2Fmodel.1667167008.tar.gz"
        assert routes[-1] == expected

    def test_init_sends_nothing(self, tmp_path, vials):
        with http_host() as host:
            TrainingJob.init(info_file=self.info(tmp_path / "job", host.address, vials), argv=[])
            time.sleep(0.2)
            assert host.requests == []

    def test_a_dead_host_costs_no_result(self, tmp_path, vials, caplog, monkeypatch):
        class Quiet(Job):
            def run(self):
                path = self.temp_path("model.tar.gz")
                self.io.write_file(path, b"model")
                return path

        monkeypatch.setattr("brevetti_keras.platform.http_reporter._PATIENCE", 0.5)
        info = self.info(tmp_path / "job", f"http://127.0.0.1:{free_port()}", vials)
        with caplog.at_level(logging.WARNING):
            kept = Quiet.init(info_file=info, argv=[]).start()
        assert os.path.isfile(kept)
        assert "the host does not know yet that the job is complete" in caplog.text
        assert "canary-key" not in caplog.text
        log = (tmp_path / "job" / "events.log").read_text()
        assert '"kind":"complete"' in log
        assert "canary-key" not in log


def test_an_upload_tells_what_ended_it_though_nothing_can_be_taken_back(tmp_path):
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.png").write_bytes(b"a")

    def server(request):
        if request.method == "POST":
            return httpx.Response(201, json={"id": "7f"})
        if request.method == "PUT":
            return httpx.Response(507, json={"error": "the disk is full"})
        raise httpx.ConnectError("nobody is there")

    platform = HttpPlatform("http://127.0.0.1:9", transport=httpx.MockTransport(server))
    with pytest.raises(StorageError, match="the disk is full"):
        platform.datasets.upload(str(tmp_path))
