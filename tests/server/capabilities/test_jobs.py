import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from brevetti_keras.io.event_log import EventLog
from brevetti_keras.server import processes
from brevetti_keras.server.api.jobs import NewJob
from brevetti_keras.server.capabilities import jobs as jobs_module
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.errors import (
    AccessError,
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    StorageError,
)
from brevetti_keras.wire.events import Event, status_body
from brevetti_keras.wire.job_arguments import JobArguments


def info(service, job_id):
    with open(f"{service.home}/jobs/{job_id}/info.json", encoding="utf-8") as file:
        return json.load(file)


def log_of(service, job_id):
    return EventLog(f"{service.home}/jobs/{job_id}/events.log")


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def running(service, name="first", **identity):
    job_id = service.jobs.create(name).id
    body = status_body("running", **identity)
    service.events.append(job_id, [Event(key="start", kind="status", body=body)])
    return job_id


def identity(process):
    return {"pid": process.pid, "pid_started": processes.started(process.pid), "machine": processes.machine()}


def test_create_writes_all_that_the_job_needs(service, vials):
    dataset = service.datasets.add(vials, tags=["line=3"])
    tag = service.tags.ensure("kind=trial")
    config = service.jobs.create(
        "first try",
        model_type="image-classification",
        model_type_version="1.0",
        job_class="x.train:TrainingJob",
        dataset_ids=["vials"],
        settings={"epochs": 3, "image_pipeline": {"target_size": [64, 64]}},
        tag_ids=[tag.id],
    )
    written = info(service, config.id)
    key = config.api_key.get_secret_value()
    assert written == config.info()
    assert written["api_key"] == key
    assert written["datasets"] == [dataset.model_dump(mode="json")]
    assert written["datasets"][0]["tagIds"] == list(dataset.tagIds)
    assert written["settings"] == {"epochs": 3, "image_pipeline": {"target_size": [64, 64]}}
    assert written["host_name"] == f"file://{service.home}"
    assert written["remote_url"] == f"/api/models/{config.id}/remotemonitor?key={key}"
    assert written["charts_url"] == f"/api/models/{config.id}/charts?key={key}"
    assert written["complete_url"] == f"/api/models/{config.id}/complete?key={key}&modelPath="
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}", written["run_id"])
    assert [found["name"] for found in written["tags"]] == ["trial"]
    assert service.jobs.config(config.id) == config


def test_a_new_job_is_listed_as_created(service):
    config = service.jobs.create("first", kind="report", settings={"a": 1})
    job = service.jobs.get(config.id)
    assert (job.name, job.state, job.kind, job.settings, job.run_id) == (
        "first", "created", "report", {"a": 1}, config.run_id,
    )  # fmt: skip
    assert job.created
    assert (job.started, job.ended, job.epoch, job.pid, job.model_path, job.parent) == ("", "", None, None, None, None)


def test_the_key_is_nowhere_but_in_info_json(service, home):
    config = service.jobs.create("first")
    key = config.api_key.get_secret_value()
    assert key not in repr(config)
    assert key not in repr(service.jobs.get(config.id))
    service.close()
    holders = []
    for folder, _, names in os.walk(home):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                if key.encode() in file.read():
                    holders.append(name)
    assert holders == ["info.json"]


def test_keys_open_their_own_job_only(service):
    first, second = service.jobs.create("first"), service.jobs.create("second")
    key = first.api_key.get_secret_value()
    assert service.jobs.authenticate(first.id, key)
    assert not service.jobs.authenticate(second.id, key)
    assert not service.jobs.authenticate("nobody", key)
    for wrong in ("", "x", key + "x", key[:-1], key.swapcase()):
        assert not service.jobs.authenticate(first.id, wrong)
    assert service.jobs.of_key(key) == (first.id, False)
    assert service.jobs.of_key("x") is None


def test_complete_ends_the_key(service):
    config = service.jobs.create("first")
    key = config.api_key.get_secret_value()
    service.events.append(config.id, [Event(key="c", kind="complete", body={"model_path": "m.1.tar.gz"})])
    assert not service.jobs.authenticate(config.id, key)
    assert service.jobs.of_key(key) == (config.id, True)
    job = service.jobs.get(config.id)
    assert (job.state, job.model_path) == ("completed", "m.1.tar.gz")
    assert job.ended >= job.started


def test_jobs_are_found_by_id_beginning_and_name(service):
    first, second = service.jobs.create("first"), service.jobs.create("second")
    assert service.jobs.get(first.id).id == first.id
    assert service.jobs.get("second").id == second.id
    beginning = next(first.id[:n] for n in range(1, 37) if not second.id.startswith(first.id[:n]))
    assert service.jobs.get(beginning).id == first.id


def test_what_fits_several_jobs_is_refused(service):
    service.jobs.create("same")
    service.jobs.create("same")
    with pytest.raises(ConflictError, match="several"):
        service.jobs.get("same")


@pytest.mark.parametrize("text", ["nobody", "", "%", "_", "../x", "\0"])
def test_what_fits_none_is_not_found(service, text):
    service.jobs.create("first")
    with pytest.raises(NotFoundError):
        service.jobs.get(text)


def test_jobs_are_listed_newest_first_and_in_pages(service):
    ids = [service.jobs.create(f"job {number}").id for number in range(5)]
    assert [job.id for job in service.jobs.list()] == ids[::-1]
    assert [job.id for job in service.jobs.list(limit=2, offset=1)] == [ids[3], ids[2]]
    assert service.jobs.list(limit=0) == []
    service.events.append(ids[1], [Event(key="c", kind="complete", body={})])
    assert [job.id for job in service.jobs.list("completed")] == [ids[1]]
    assert (service.jobs.count(), service.jobs.count("completed"), service.jobs.count("failed")) == (5, 1, 0)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"name": ""}, InvalidInputError),
        ({"name": "a\nb"}, InvalidInputError),
        ({"name": "a", "dataset_ids": ["nobody"]}, NotFoundError),
        ({"name": "a", "tag_ids": ["nobody"]}, InvalidInputError),
        ({"name": "a", "parent": "nobody"}, NotFoundError),
    ],
)
def test_a_job_that_cannot_be_leaves_nothing(service, arguments, error):
    with pytest.raises(error):
        service.jobs.create(**arguments)
    assert service.jobs.list() == []
    assert os.listdir(f"{service.home}/jobs") == []


def test_a_job_keeps_its_datasets_as_they_were_when_it_was_made(service, vials):
    dataset = service.datasets.add(vials)
    job_id = service.jobs.create("first", dataset_ids=[dataset.id]).id
    with pytest.raises(ConflictError, match="job 'first' used"):
        service.datasets.remove(dataset.id)
    service.datasets.update(dataset.id, name="renamed", notes="later")
    assert service.jobs.get(job_id).datasets == (dataset,)


def test_a_parent_is_kept(service):
    first = service.jobs.create("first").id
    assert service.jobs.get(service.jobs.create("second", parent=first).id).parent == first


def test_a_missing_or_broken_description_is_said(service):
    config = service.jobs.create("first")
    with open(f"{service.home}/jobs/{config.id}/info.json", "w") as file:
        file.write("{}")
    with pytest.raises(IntegrityError, match=r"info\.json"):
        service.jobs.config(config.id)
    os.remove(f"{service.home}/jobs/{config.id}/info.json")
    with pytest.raises(NotFoundError):
        service.jobs.config(config.id)
    with pytest.raises(NotFoundError):
        service.jobs.config("nobody")


def test_a_live_job_s_own_log_is_read_when_it_is_looked_at(service, child):
    job_id = service.jobs.create("first").id
    log = log_of(service, job_id)
    log.append("status", status_body("running", pid=child.pid, epochs=5))
    assert service.jobs.get(job_id).state == "running"
    log.append("epoch", {"epoch": 0, "loss": 0.5})
    assert service.jobs.list()[0].epoch == 0
    log.append("output", {"accuracy": 1.0})
    assert service.jobs.list("running")[0].metrics == {"accuracy": 1.0}
    log.append("status", status_body("completed"))
    assert service.jobs.count("completed") == 1


def test_a_running_job_whose_process_is_gone_is_failed(service, child):
    job_id = running(service, **identity(child))
    assert service.jobs.get(job_id).state == "running"
    child.kill()
    child.wait()
    job = service.jobs.get(job_id)
    assert job.state == "failed"
    assert str(child.pid) in job.message
    assert "gone" in job.message
    assert job.ended
    assert len(service.events.list(job_id, kinds=["status"])) == 2
    assert service.jobs.list("failed") == [job]


def test_what_a_process_wrote_before_it_ended_counts(service, child):
    job_id = service.jobs.create("first").id
    log = log_of(service, job_id)
    log.append("status", status_body("running", pid=child.pid))
    service.jobs.get(job_id)
    log.append("status", status_body("completed"))
    child.kill()
    child.wait()
    assert service.jobs.get(job_id).state == "completed"


def test_a_process_that_had_ended_before_anyone_looked_is_seen(service, child):
    job_id = service.jobs.create("first").id
    child.kill()
    child.wait()
    log_of(service, job_id).append("status", status_body("running", pid=child.pid))
    assert [job.state for job in service.jobs.list()] == ["failed"], "the first look tells the truth"
    assert service.jobs.get(job_id).state == "failed"


def test_a_process_that_ended_before_anyone_looked_may_have_completed(service, child):
    job_id = service.jobs.create("first").id
    child.kill()
    child.wait()
    log = log_of(service, job_id)
    log.append("status", status_body("running", pid=child.pid))
    log.append("complete", {"model_path": None})
    assert service.jobs.get(job_id).state == "completed"


def test_two_services_agree_on_a_process_that_is_gone(service, home, child):
    job_id = running(service, **identity(child))
    child.kill()
    child.wait()
    with open_service(home) as other:
        assert other.jobs.get(job_id) == service.jobs.get(job_id)
    assert len(service.events.list(job_id)) == 2


def test_a_job_of_another_machine_is_left_alone(service):
    job_id = running(service, pid=2**22 + 1, pid_started=1, machine="elsewhere|boot|pid:[1]")
    assert service.jobs.get(job_id).state == "running"
    with pytest.raises(ConflictError, match="elsewhere"):
        service.jobs.stop(job_id)


def test_a_failed_job_that_goes_on_is_running_again(service, child):
    job_id = running(service, pid=2**22 + 1, pid_started=1, machine=processes.machine())
    assert service.jobs.get(job_id).state == "failed"
    log_of(service, job_id).append("status", status_body("running", pid=child.pid, resumed=True))
    assert service.jobs.list()[0].state == "running"


def test_stop_asks_the_process(service, child):
    job_id = running(service, **identity(child))
    assert service.jobs.stop(job_id).id == job_id
    assert child.wait(60) == -signal.SIGTERM


def test_stop_marks_a_job_without_a_process(service):
    job_id = service.jobs.create("first").id
    assert service.jobs.stop(job_id).state == "stopped"
    assert service.jobs.stop(job_id).state == "stopped"
    assert len(service.events.list(job_id)) == 1


def test_stop_leaves_an_ended_job_as_it_is(service, child):
    job_id = running(service, **identity(child))
    service.events.append(job_id, [Event(key="end", kind="status", body=status_body("completed"))])
    assert service.jobs.stop(job_id).state == "completed"
    time.sleep(0.1)
    assert child.poll() is None


def test_stop_of_another_user_s_process_is_refused(service, child, monkeypatch):
    def refuse(_):
        raise PermissionError

    monkeypatch.setattr(jobs_module, "terminate", refuse)
    job_id = running(service, **identity(child))
    with pytest.raises(AccessError, match="another's"):
        service.jobs.stop(job_id)


def test_a_full_disk_does_not_keep_anyone_from_looking(service, monkeypatch, caplog):
    job_id = service.jobs.create("first").id
    log_of(service, job_id).append("epoch", {"epoch": 0})

    def full(_):
        raise StorageError("the disk is full")

    monkeypatch.setattr(service.events, "sync", full)
    assert service.jobs.get(job_id).state == "created"
    assert "may be out of date" in caplog.text


def test_root_tags_are_all_trees(service):
    service.tags.ensure("line=3")
    config = service.jobs.create("first")
    assert service.jobs.root_tags(config.id) == service.tags.list()
    with pytest.raises(NotFoundError):
        service.jobs.root_tags("nobody")


def test_the_order_is_that_of_making_whatever_the_clock_says(service, monkeypatch):
    monkeypatch.setattr(jobs_module, "utc_now", lambda: "2030-01-01T00:00:00Z")
    first = service.jobs.create("first").id
    monkeypatch.setattr(jobs_module, "utc_now", lambda: "2020-01-01T00:00:00Z")
    second = service.jobs.create("second").id
    assert [job.id for job in service.jobs.list()] == [second, first]


def finished(service, name, path="m.1.tar.gz"):
    """The id of a job that left a model."""
    job_id = service.jobs.create(name, model_type="m", job_class="a:B").id
    service.artifacts.write(job_id, path, b"model")
    service.events.append(job_id, [Event(key="c", kind="complete", body={"model_path": path})])
    return job_id


def test_a_report_is_given_the_models_of_finished_jobs(service):
    first, second = finished(service, "one"), finished(service, "two")
    elsewhere = {"id": "x", "bucket": "gs://there", "more": 1}
    config = service.jobs.create("test", kind="report", job_class="a:B", models=[{"id": first}, elsewhere])
    given = config.models[0]
    assert (given["id"], given["name"], given["model_type"]) == (first, "one", "m")
    assert given["path"] == os.path.join(service.jobs_folder, first, "artifacts", "m.1.tar.gz")
    assert given["bucket"] == os.path.dirname(given["path"])
    assert config.models[1] == elsewhere
    assert service.jobs.get(config.id).models == config.models == service.jobs.config(config.id).models
    assert [job.id for job in service.jobs.reports_on(first)] == [config.id]
    later = service.jobs.create("again", kind="report", job_class="a:B", models=[{"id": first}, {"id": second}]).id
    assert [job.id for job in service.jobs.reports_on(first)] == [later, config.id]
    assert [job.id for job in service.jobs.reports_on(second)] == [later]
    assert service.jobs.reports_on(later) == []
    with pytest.raises(NotFoundError):
        service.jobs.reports_on("nope")


def test_what_left_no_model_is_not_tested(service):
    unfinished = service.jobs.create("unfinished").id
    bare = service.jobs.create("bare").id
    service.events.append(bare, [Event(key="c", kind="complete", body={})])
    for given, error in (
        ({"id": unfinished}, InvalidInputError),
        ({"id": bare}, InvalidInputError),
        ({"id": "nope"}, NotFoundError),
        ({}, NotFoundError),
    ):
        with pytest.raises(error):
            service.jobs.create("test", kind="report", job_class="a:B", models=[given])
    assert service.jobs.count() == 2


def test_the_arguments_of_a_job_are_the_same_at_every_door(service):
    assert set(NewJob.model_fields) == {"name", *JobArguments.__annotations__}
    with pytest.raises(TypeError, match="received colour, size"):
        service.jobs.create("first", colour="red", size=2)
    assert service.jobs.list() == []
