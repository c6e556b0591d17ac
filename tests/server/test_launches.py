"""The steps of a launch, and what holds when a server or a child is gone between any two of them."""

import subprocess
import sys
import threading

import pytest

from brevetti_keras.server import launches as launches_module
from brevetti_keras.server.processes import machine, process_identity, started
from brevetti_keras.server.workspace import open_service
from brevetti_keras.wire.events import Event, status_body

GONE = {"pid": 2**22 + 1, "pid_started": 1, "machine": machine()}


@pytest.fixture
def launches(service):
    return service.launches


@pytest.fixture
def queued(service):
    def create(name="a job"):
        job_id = service.jobs.create(name, job_class="vials.train:TrainingJob").id
        service.jobs.start(job_id)
        return job_id

    return create


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def identity(process):
    return {"pid": process.pid, "pid_started": started(process.pid), "machine": machine()}


def phases(launches):
    return [row["phase"] for row in launches.active()]


def end(service, job_id, state):
    service.events.append(job_id, [Event(key=f"end-{state}", kind="status", body=status_body(state))])


def test_the_oldest_is_claimed_and_no_more_than_there_are_workers(service, launches, queued):
    first, second, third = queued(), queued(), queued()
    assert launches.waiting() == [first, second, third]
    assert launches.claim(2).job_id == first
    assert launches.claim(2).job_id == second
    assert launches.claim(2) is None
    assert launches.claim(3).job_id == third
    assert launches.claim(9) is None
    assert [service.jobs.get(job_id).queue_position for job_id in (first, second, third)] == [0, 0, 0]


def test_a_launch_goes_from_the_claim_to_its_end(service, launches, queued, child):
    job_id = queued()
    launch = launches.claim(1)
    assert phases(launches) == ["claimed"]
    assert launches.record(launch, identity(child))
    assert phases(launches) == ["started"]
    assert launches.check_in(job_id, launch.token) == launch
    assert phases(launches) == ["running"]
    assert launches.active()[0]["pid"] == process_identity()["pid"]
    end(service, job_id, "completed")
    launches.settle(launches.active()[0])
    assert phases(launches) == []
    assert service.jobs.get(job_id).state == "completed"
    assert [event.body["state"] for event in service.events.list(job_id)] == ["queued", "completed"]


def test_a_child_may_check_in_before_it_is_recorded(launches, queued, child):
    job_id = queued()
    launch = launches.claim(1)
    assert launches.check_in(job_id, launch.token)
    assert launches.record(launch, identity(child))
    assert launches.active()[0]["pid"] == process_identity()["pid"]


def test_only_one_child_checks_in_and_only_with_the_present_token(launches, queued):
    job_id = queued()
    assert launches.check_in(job_id, "") is None
    launch = launches.claim(1)
    assert launches.check_in(job_id, "another") is None
    assert launches.check_in("nobody", launch.token) is None
    assert launches.check_in(job_id, launch.token) is not None
    assert launches.check_in(job_id, launch.token) is None


def test_a_claim_whose_server_died_is_given_back_and_its_late_child_is_turned_away(launches, queued, monkeypatch):
    job_id = queued()
    monkeypatch.setattr(launches_module, "process_identity", lambda: GONE)
    lost = launches.claim(1)
    monkeypatch.undo()
    launches.settle(launches.active()[0])
    assert launches.waiting() == [job_id]
    again = launches.claim(1)
    assert launches.check_in(job_id, lost.token) is None
    assert not launches.record(lost, GONE)
    assert launches.check_in(job_id, again.token)


def test_a_late_child_that_is_first_keeps_the_job(launches, queued, monkeypatch):
    job_id = queued()
    monkeypatch.setattr(launches_module, "process_identity", lambda: GONE)
    lost = launches.claim(1)
    monkeypatch.undo()
    seen = launches.active()[0]
    assert launches.check_in(job_id, lost.token)
    launches.settle(seen)
    assert (phases(launches), launches.waiting()) == (["running"], [])


def test_a_process_that_is_gone_makes_the_job_fail_with_what_it_said(service, launches, queued):
    job_id = queued()
    launches.record(launches.claim(1), GONE)
    with open(service.process_output(job_id), "w") as file:
        file.write("one\n\ntwo  words\nthree\nfour\n")
    launches.settle(launches.active()[0], -11)
    job = service.jobs.get(job_id)
    assert (job.state, job.message) == (
        "failed", f"its process ({GONE['pid']}) was ended by SIGSEGV and left no report; its output ends: "
        "two words / three / four",
    )  # fmt: skip
    assert phases(launches) == []


def test_a_launch_that_is_past_ends_no_later_one(service, launches, queued):
    job_id = queued()
    launches.record(launches.claim(1), GONE)
    past = launches.active()[0]
    service.jobs.stop(job_id)
    service.jobs.start(job_id)
    launch = launches.claim(1)
    launches.settle(past)
    launches.fail(job_id, past["token"], "late")
    assert service.jobs.get(job_id).state == "queued"
    assert launches.check_in(job_id, launch.token)


def test_stop_takes_a_claimed_job_away(service, launches, queued):
    job_id = queued()
    launch = launches.claim(1)
    assert service.jobs.stop(job_id).message == "stopped while it was starting"
    assert launches.check_in(job_id, launch.token) is None
    assert not launches.record(launch, GONE)


def test_stop_ends_a_process_that_was_started(service, launches, queued, child):
    job_id = queued()
    launches.record(launches.claim(1), identity(child))
    service.jobs.stop(job_id)
    assert child.wait(60) == -15


def test_a_stopped_job_waits_until_its_last_process_is_gone(service, launches, queued, child):
    job_id = queued()
    body = status_body("running", **identity(child))
    service.events.append(job_id, [Event(key="r", kind="status", body=body)])
    end(service, job_id, "stopped")
    assert service.jobs.start(job_id).pid is None
    assert launches.claim(1) is None
    assert service.jobs.stop(job_id).message == "stopped while it waited"
    assert child.poll() is None
    end(service, job_id, "stopped")
    service.jobs.start(job_id)
    child.kill()
    child.wait()
    assert launches.claim(1).resumes


def test_one_that_was_run_by_hand_or_ended_is_dropped(service, launches, queued):
    job_id, other = queued(), queued()
    end(service, job_id, "failed")
    assert launches.claim(1).job_id == other
    assert launches.waiting() == []


def test_many_claim_at_once_and_each_job_is_claimed_once(service, home, queued):
    jobs = [queued() for _ in range(6)]
    claimed = []

    def take():
        with open_service(home) as other:
            while (launch := other.launches.claim(100)) is not None:
                claimed.append(launch.job_id)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(jobs)
    assert service.verify() == []


def test_what_runs_on_other_machines_takes_no_worker_here(launches, queued):
    queued()
    second = queued()
    launches.record(launches.claim(1), {"pid": 1, "pid_started": 1, "machine": "elsewhere|boot|pid:[1]"})
    assert launches.claim(1).job_id == second
