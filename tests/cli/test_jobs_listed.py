"""`jobs` and `show` on jobs of every state, as their reports left them."""

import pytest

from brevetti_keras.server.workspace import open_service
from brevetti_keras.wire.events import Event, epoch_body, status_body


@pytest.fixture
def service(known, workspace):
    with open_service(str(workspace)) as service:
        yield service


def add(service, name, *, state="running", epochs=0, message="", **more):
    """A job that has reported so many of four epochs, and then its state."""
    job = service.jobs.create(name, **more).id
    events = [Event(key="start", kind="status", body=status_body("running", epochs=4))]
    events += [Event(key=f"e{epoch}", kind="epoch", body=epoch_body(epoch, {"loss": 1.0})) for epoch in range(epochs)]
    if state != "running":
        events.append(Event(key="end", kind="status", body=status_body(state, message)))
    service.events.append(job, events)
    return job


def test_the_newest_is_listed_first_with_its_progress(command, service):
    add(service, "older", epochs=1, job_class="mine:Own")
    add(service, "newer", state="completed", epochs=4, job_class="mine:Own")
    service.jobs.create("waiting")
    heading, *lines = command("jobs").out.splitlines()
    assert heading.split() == ["id", "name", "state", "model", "type", "created", "epoch", "datasets"]
    assert [[word for word in line.split() if word in {"older", "newer", "waiting"}] for line in lines] == [
        ["waiting"],
        ["newer"],
        ["older"],
    ]
    assert [line.split()[-1] for line in lines] == ["-", "4/4", "1/4"]
    assert ["mine:Own" in line for line in lines] == [False, True, True]


def test_only_those_of_a_state_are_listed(command, service):
    failed = add(service, "bad", state="failed", message="no luck")
    add(service, "good", state="completed")
    assert [job["id"] for job in command("jobs", "--state", "failed", "--json").json()] == [failed]
    assert "good" not in command("jobs", "--state", "failed").out
    assert command("jobs", "--state", "stopped").out == "No job is stopped.\n"
    assert command("jobs", "--state", "stopped", "--json").json() == []


def test_what_a_limit_leaves_out_is_counted(command, service):
    for number in range(3):
        service.jobs.create(f"job {number}")
    result = command("jobs", "--limit", "1").out.splitlines()
    assert len(result) == 3
    assert "job 2" in result[1]
    assert result[-1] == "2 more: --limit 3"
    assert "more:" not in command("jobs", "--limit", "3").out


def test_what_a_limit_leaves_out_is_of_the_state_asked_for(command, service):
    for number in range(2):
        add(service, f"bad {number}", state="failed")
    service.jobs.create("waiting")
    assert command("jobs", "--state", "failed", "--limit", "1").out.splitlines()[-1] == "1 more: --limit 2"


def test_an_unknown_state_is_wrong_use(command):
    assert "'melted' is not one of" in command.fails("jobs", "--state", "melted", status=2)


def test_a_job_is_shown_with_what_it_left(command, service):
    job = add(service, "bad", state="failed", epochs=2, message="DataError: no image", settings={"epochs": 4})
    service.events.append(job, [Event(key="out", kind="output", body={"loss": 0.123456})])
    service.artifacts.write(job, "notes.txt", b"seven b")
    shown = command("show", "bad").out
    lines = dict(line.split("  ", 1) for line in shown.splitlines() if "  " in line)
    assert lines["job"].strip() == job
    assert lines["state"].strip() == "failed: DataError: no image"
    assert lines["epoch"].strip() == "2/4"
    assert lines["model"].strip() == "-"
    assert "\nMetrics\nloss  0.1235\n" in shown
    assert "\nSettings\nepochs  4\n" in shown
    heading, line = shown.partition("\nArtifacts\n")[2].splitlines()
    assert heading.split() == ["path", "bytes", "modified"]
    assert line.split()[:2] == ["notes.txt", "7"]


def test_a_job_that_did_nothing_has_no_empty_headings(command, service):
    service.jobs.create("bare")
    shown = command("show", "bare").out
    for heading in ("Metrics", "Settings", "Artifacts"):
        assert heading not in shown


def test_a_beginning_of_an_id_that_several_have_is_one_clear_line(command, service):
    ids = [service.jobs.create(f"job {number}").id for number in range(17)]
    # Of seventeen ids two begin with the same of sixteen digits.
    twice = next(one[0] for one in ids if sum(other[0] == one[0] for other in ids) > 1)
    line = command.fails("show", twice, status=1)
    assert twice in line


def test_json_shows_the_artifacts_as_records(command, service):
    job = service.jobs.create("one").id
    service.artifacts.write(job, "a/b.txt", b"text")
    shown = command("show", job[:12], "--json").json()
    assert [(entry["path"], entry["size"]) for entry in shown["artifacts"]] == [("a/b.txt", 4)]
    assert "api_key" not in shown


def test_a_stopped_job_is_said_to_be_so(command, service):
    job = service.jobs.create("one").id
    assert command("stop", job[:12]).out.startswith(f"job {job} is stopped")
    other = service.jobs.create("two").id
    assert command("stop", "two", "--json").json()["id"] == other
    assert {entry.state for entry in service.jobs.list()} == {"stopped"}


def test_predicting_with_a_job_that_has_no_model_is_one_clear_line(command, service, tmp_path, monkeypatch):
    monkeypatch.setattr("brevetti_keras.cli.predict.load_quietly", lambda: None)
    job = add(service, "bad", state="failed")
    line = command.fails("predict", "bad", str(tmp_path / "a.png"), status=1)
    assert line == f"error: job {job} is failed and has no packaged model: expected a completed one"
