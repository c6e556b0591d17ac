"""Queued jobs as processes of their own: started once, in order, whatever happens to the server or to them."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading

import pytest

from brevetti_keras.io.event_log import EventLog
from brevetti_keras.server import launcher as launcher_module
from brevetti_keras.server.launcher import Launcher
from brevetti_keras.server.processes import is_alive, machine, started
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.errors import InvalidInputError, StorageError
from brevetti_keras.wire.events import Event, status_body
from tests.support.queued_jobs import MODULE, until, write_module

POLL = 0.02
SERVER = """
import sys
from brevetti_keras.server.launcher import Launcher
from brevetti_keras.server.workspace import open_service
with open_service(sys.argv[1]) as service, Launcher(service, poll_seconds=0.02):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    folder = tmp_path / "code"
    folder.mkdir()
    write_module(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("BREVETTI_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def launcher(service):
    with Launcher(service, poll_seconds=POLL) as running:
        yield running


@pytest.fixture
def make(service):
    """Makes jobs, and ends what is left of them."""
    made = []

    def create(name="Quick", **more):
        config = service.jobs.create(name, **{"job_class": f"{MODULE}:{name}", **more})
        made.append(config.id)
        return config.id

    yield create
    for job_id in made:
        pid = service.jobs.get(job_id).pid
        if pid and service.jobs.get(job_id).state == "running":
            os.kill(pid, signal.SIGKILL)
    for row in service.launches.active():
        if row["phase"] != "claimed" and is_alive(row):
            os.kill(row["pid"], signal.SIGKILL)


def ended(service, job_id):
    return until(lambda: (job := service.jobs.get(job_id)).state in {"completed", "failed", "stopped"} and job)


def in_state(service, job_id, state):
    return until(lambda: (job := service.jobs.get(job_id)).state == state and job)


def starts(service, job_id):
    path = f"{service.jobs_folder}/{job_id}/artifacts/starts.txt"
    if not os.path.exists(path):
        return []
    with open(path) as file:
        return file.read().split()


def let_go(service, job_id):
    with open(f"{service.jobs_folder}/{job_id}/temp/go", "w"):
        pass


def start_server(home):
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, home], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_job_is_run_by_a_process_of_its_own_that_sees_no_secret_and_no_server(service, launcher, make):
    job_id = make(settings={"epochs": 7}, host_name="http://127.0.0.1:9")
    key = service.jobs.config(job_id).api_key.get_secret_value()
    assert service.jobs.start(job_id).state in {"queued", "running"}
    done = ended(service, job_id)
    assert (done.state, done.message, done.queue_position) == ("completed", "", None)
    facts = json.loads(service.artifacts.read(job_id, "facts.json"))
    assert facts["session"] == facts["pid"] != os.getsid(0)
    assert (facts["epochs"], facts["host_name"], facts["stdin"]) == (7, service.host_name, "")
    assert (len(facts["argv"]), facts["heavy"]) == (1, [])
    assert key not in json.dumps([facts["command"], facts["environment"]])
    assert facts["environment"]["BREVETTI_HOME"] == service.home
    output = service.process_output(job_id)
    with open(output) as file:
        assert "quick words" in file.read()
    assert stat.S_IMODE(os.stat(output).st_mode) == 0o600
    assert until(lambda: not service.launches.active())
    assert service.verify() == []


def test_the_class_is_that_of_the_model_type_if_the_job_names_none(service, launcher, make):
    service.model_types.add(f"{MODULE}:QuickType")
    job_id = make(job_class="", model_type="quick", settings={"epochs": "5"})
    assert service.jobs.get(job_id).model_type_version == "2.5"
    service.jobs.start(job_id)
    assert ended(service, job_id).state == "completed"
    assert json.loads(service.artifacts.read(job_id, "facts.json"))["epochs"] == 5


def test_one_runs_at_a_time_in_the_order_of_starting(service, launcher, make):
    first, second, third = (make("Waiting") for _ in range(3))
    for job_id in (second, first, third):
        service.jobs.start(job_id)
    in_state(service, second, "running")
    assert until(lambda: starts(service, second))
    assert [service.jobs.get(job_id).queue_position for job_id in (first, second, third)] == [1, None, 2]
    assert {job.id: job.queue_position for job in service.jobs.list("queued")} == {first: 1, third: 2}
    service.jobs.stop(third)
    let_go(service, second)
    let_go(service, first)
    assert ended(service, first).state == "completed"
    assert service.jobs.get(first).started > service.jobs.get(second).ended
    assert starts(service, third) == []


def test_several_run_when_there_are_workers(service, make):
    jobs = [make("Waiting") for _ in range(3)]
    for job_id in jobs:
        service.jobs.start(job_id)
    with Launcher(service, 2, poll_seconds=POLL):
        for job_id in jobs[:2]:
            in_state(service, job_id, "running")
        assert service.jobs.get(jobs[2]).queue_position == 1


def test_without_workers_nothing_starts(service, make):
    job_id = make()
    service.jobs.start(job_id)
    with Launcher(service, 0, poll_seconds=POLL) as launcher:
        launcher._turn()
    assert service.jobs.get(job_id).queue_position == 1
    with pytest.raises(InvalidInputError, match="0 or more workers, received -1"):
        Launcher(service, -1)


def test_a_running_job_outlives_a_killed_server_and_the_next_one_adopts_it(service, make):
    first, second = make("Waiting"), make("Waiting")
    server = start_server(service.home)
    service.jobs.start(first)
    service.jobs.start(second)
    until(lambda: starts(service, first))
    server.kill()
    server.communicate()
    assert service.jobs.get(first).state == "running"
    with Launcher(service, poll_seconds=POLL):
        until(lambda: service.launches.active())
        assert service.jobs.get(second).queue_position == 1
        let_go(service, first)
        let_go(service, second)
        assert ended(service, second).state == "completed"
    assert service.jobs.get(first).state == "completed"
    assert [len(starts(service, job_id)) for job_id in (first, second)] == [1, 1]


def test_two_servers_start_each_job_once(service, home, make):
    jobs = [make("Waiting") for _ in range(4)]
    for job_id in jobs:
        let_go(service, job_id)
    with open_service(home) as other, Launcher(service, 4, poll_seconds=POLL), Launcher(other, 4, poll_seconds=POLL):
        for job_id in jobs:
            service.jobs.start(job_id)
        for job_id in jobs:
            assert ended(service, job_id).state == "completed"
    assert [len(starts(service, job_id)) for job_id in jobs] == [1] * 4
    statuses = [event.body["state"] for event in service.events.list(jobs[0], kinds=["status"])]
    assert statuses == ["queued", "running", "completed"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"job_class": "no_such_module_anywhere:Job"}, "no module 'no_such_module_anywhere' can be imported"),
        ({"job_class": f"{MODULE}:Missing"}, f"module '{MODULE}' has no 'Missing'"),
        ({"job_class": f"{MODULE}:not_a_job"}, f"expected {MODULE}:not_a_job to be a Job, received int"),
        ({"job_class": "queued_jobs_broken:Job"}, "RuntimeError: this module fails"),
        ({"settings": {"epochs": 0}}, "epochs: expected greater than or equal to 1, received 0"),
    ],
)
def test_a_job_that_cannot_be_set_up_fails_with_one_line(service, launcher, make, module, arguments, reason):
    (module / "queued_jobs_broken.py").write_text("raise RuntimeError('this module\\nfails')\n")
    job_id = make(**arguments)
    service.jobs.start(job_id)
    job = ended(service, job_id)
    assert job.state == "failed"
    assert job.message.startswith(f"it could not be set up: {reason}")
    assert "\n" not in job.message
    until(lambda: not service.launches.active())


def test_a_process_that_ends_without_a_word_fails_with_its_last_words_and_no_secret(service, launcher, make):
    job_id = make("Silent")
    key = service.jobs.config(job_id).api_key.get_secret_value()
    service.jobs.start(job_id)
    job = ended(service, job_id)
    assert job.state == "failed"
    ending = re.escape("and left no report; its output ends: first words / the key is *** / last words")
    assert re.fullmatch(rf"its process \(\d+\) (is gone|ended with exit status 3) {ending}", job.message)
    assert key not in job.message


def test_a_process_that_is_killed_before_it_reports_fails_with_its_signal(service, launcher, make):
    job_id = make("Slow")
    service.jobs.start(job_id)
    row = until(lambda: next((row for row in service.launches.active() if row["phase"] == "running"), None))
    assert service.jobs.get(job_id).queue_position == 0
    os.kill(row["pid"], signal.SIGKILL)
    job = ended(service, job_id)
    assert job.state == "failed"
    assert (
        f"its process ({row['pid']}) was ended by SIGKILL, as when memory runs out, and left no report" in job.message
    )


def test_a_failed_job_goes_on_when_it_is_started_again(service, launcher, make):
    job_id = make("Failing")
    service.jobs.start(job_id)
    assert ended(service, job_id).message == "ValueError: no luck"
    again = service.jobs.start(job_id)
    assert (again.state, again.message, again.ended) == ("queued", "", "")
    done = ended(service, job_id)
    assert (done.state, done.metrics) == ("completed", {"tries": 2})
    running = [
        event.body for event in service.events.list(job_id, kinds=["status"]) if event.body["state"] == "running"
    ]
    assert [body.get("resumed") for body in running] == [None, True]


def test_stop_reaches_a_running_job_which_goes_on_later(service, launcher, make):
    job_id = make("Waiting")
    service.jobs.start(job_id)
    until(lambda: starts(service, job_id))
    service.jobs.stop(job_id)
    assert in_state(service, job_id, "stopped").message == "stopped by SIGTERM"
    let_go(service, job_id)
    service.jobs.start(job_id)
    assert ended(service, job_id).state == "completed"
    assert len(starts(service, job_id)) == 2


def test_stop_while_starting_ends_the_process_and_the_queue_goes_on(service, launcher, make):
    slow, after = make("Slow"), make()
    service.jobs.start(slow)
    service.jobs.start(after)
    row = until(lambda: next((row for row in service.launches.active() if row["phase"] == "running"), None))
    assert service.jobs.stop(slow).message == "stopped while it was starting"
    assert until(lambda: not is_alive(row))
    assert ended(service, after).state == "completed"
    assert service.jobs.get(slow).state == "stopped"


def test_a_child_that_comes_after_the_stop_runs_nothing(service, make, monkeypatch):
    """The stop falls between the claim and the child's first breath."""
    start = launcher_module._start_process
    processes = []

    def stopped_meanwhile(service, launch, database_url):
        service.jobs.stop(launch.job_id)
        processes.append(start(service, launch, database_url))
        return processes[0]

    monkeypatch.setattr(launcher_module, "_start_process", stopped_meanwhile)
    job_id = make("Waiting")
    service.jobs.start(job_id)
    with Launcher(service, poll_seconds=POLL):
        until(lambda: processes and processes[0].poll() is not None)
    assert service.jobs.get(job_id).state == "stopped"
    assert starts(service, job_id) == []
    assert service.launches.active() == []


def test_a_process_that_cannot_be_started_is_said(service, launcher, make, monkeypatch):
    def refuse(*_):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(launcher_module, "_start_process", refuse)
    job_id = make()
    service.jobs.start(job_id)
    assert ended(service, job_id).message == "its process could not be started: Cannot allocate memory"


@pytest.mark.parametrize("failure", [StorageError("the disk is full"), RuntimeError("a surprise")])
def test_the_queue_goes_on_after_a_failure_of_its_own(service, make, monkeypatch, caplog, failure):
    monkeypatch.setattr(launcher_module, "_PATIENCE_SECONDS", POLL)
    claim, failures = service.launches.claim, [failure]

    def failing(workers):
        if failures:
            raise failures.pop()
        return claim(workers)

    monkeypatch.setattr(service.launches, "claim", failing)
    job_id = make()
    service.jobs.start(job_id)
    with Launcher(service, poll_seconds=POLL):
        in_state(service, job_id, "completed")
    assert "the queue waits" in caplog.text
    assert str(failure) in caplog.text


def test_a_job_that_others_run_meanwhile_leaves_the_queue(service, make):
    job_id = make()
    service.jobs.start(job_id)
    identity = {"pid": os.getpid(), "pid_started": started(os.getpid()), "machine": machine()}
    EventLog(f"{service.jobs_folder}/{job_id}/events.log").append("status", {"state": "running", **identity})
    with Launcher(service, poll_seconds=POLL):
        until(lambda: not service.launches.waiting())
    assert not os.path.exists(service.process_output(job_id))
    service.events.append(job_id, [Event(key="end", kind="status", body=status_body("completed"))])


def test_closing_ends_the_thread_at_once_and_leaves_none(service):
    before = set(threading.enumerate())
    with Launcher(service, poll_seconds=60):
        (own,) = set(threading.enumerate()) - before
    assert not own.is_alive()
