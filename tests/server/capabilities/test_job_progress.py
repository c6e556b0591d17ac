from hypothesis import given
from hypothesis import strategies as st

from brevetti_keras.server import tables
from brevetti_keras.server.capabilities.job_progress import progress
from brevetti_keras.wire.events import Event, status_body
from brevetti_keras.wire.records import FINAL_STATES

STATES = ["created", "queued", "running", "completed", "failed", "stopped"]


def new_row(**columns):
    empty = {column.name: "" if column.type.python_type is str else 0 for column in tables.jobs.c}
    return {**empty, "epoch": None, "epochs": None, "pid": None, "state": "created", "metrics": "{}", **columns}


def status(state, message="", **more):
    return Event(key="k", kind="status", body=status_body(state, message, **more), time="2026-01-02T00:00:00Z")


def run(row, *events):
    for event in events:
        row = {**row, **progress(row, [event])}
    return row


def test_running_sets_the_start_and_the_process():
    row = run(new_row(), status("running", pid=7, pid_started=8, machine="m", epochs=30))
    assert {key: row[key] for key in ("state", "started", "ended", "pid", "pid_started", "machine", "epochs")} == {
        "state": "running", "started": "2026-01-02T00:00:00Z", "ended": "",
        "pid": 7, "pid_started": 8, "machine": "m", "epochs": 30,
    }  # fmt: skip


def test_a_first_report_of_any_kind_makes_it_running():
    for kind, body in (("epoch", {"epoch": 0}), ("output", {}), ("system", {}), ("chart", {"name": "a"})):
        assert run(new_row(), Event(key="k", kind=kind, body=body))["state"] == "running"


def test_the_epoch_is_the_highest_and_output_is_merged():
    events = [Event(key=str(n), kind="epoch", body={"epoch": n}) for n in (0, 4, 2)]
    outputs = [Event(key="a", kind="output", body={"x": 1, "y": 1}), Event(key="b", kind="output", body={"y": 2})]
    row = run(new_row(), *events, *outputs)
    assert row["epoch"] == 4
    assert row["metrics"] == '{"x":1,"y":2}'


def test_complete_completes_and_ends_the_key():
    row = run(new_row(), status("running"), Event(key="c", kind="complete", body={"model_path": "m.tar.gz"}))
    assert (row["state"], row["model_path"], row["key_ended"]) == ("completed", "m.tar.gz", 1)


def test_complete_after_a_failure_ends_the_key_and_leaves_the_failure():
    row = run(new_row(), status("failed", "bad"), Event(key="c", kind="complete", body={}))
    assert (row["state"], row["message"], row["key_ended"]) == ("failed", "bad", 1)


def test_failed_goes_on_only_when_it_says_that_it_was_resumed():
    failed = run(new_row(), status("running"), status("failed", "bad"))
    assert run(failed, status("running"))["state"] == "failed"
    assert run(failed, status("completed"))["state"] == "failed"
    resumed = run(failed, status("running", resumed=True))
    assert (resumed["state"], resumed["message"], resumed["ended"]) == ("running", "", "")
    assert run(resumed, status("completed"))["state"] == "completed"


def test_what_ended_may_wait_again_when_it_is_resumed():
    stopped = run(new_row(), status("running"), status("stopped", "by hand"))
    assert run(stopped, status("queued")) == stopped
    waiting = run(stopped, status("queued", resumed=True))
    assert (waiting["state"], waiting["message"], waiting["ended"]) == ("queued", "", "")
    assert run(waiting, status("running"))["started"] == stopped["started"]


def test_completed_is_final():
    completed = run(new_row(), status("completed"))
    for state in STATES:
        assert run(completed, status(state, resumed=True)) == completed


def test_running_does_not_go_back_to_waiting():
    assert run(new_row(), status("running"), status("queued"))["state"] == "running"
    assert run(new_row(), status("queued"))["state"] == "queued"


def test_a_clock_that_was_set_back_makes_no_negative_time():
    early = Event(key="k", kind="status", body=status_body("completed"), time="2020-01-01T00:00:00Z")
    row = run(new_row(), status("running"), early)
    assert row["ended"] >= row["started"]


def test_odd_bodies_do_no_harm():
    for body in ({}, {"state": 3}, {"state": None}, {"state": "flying"}, {"state": ["running"]}):
        row = new_row()
        assert progress(row, [Event(key="k", kind="status", body=body)]) == {}
    for epoch in (None, "4", 1.5, -1, True, 2**80):
        row = run(new_row(), Event(key="k", kind="epoch", body={"epoch": epoch}))
        assert row["epoch"] is None
    assert run(new_row(), Event(key="k", kind="epoch", body={"epoch": 4.0}))["epoch"] == 4


EVENTS = st.lists(
    st.one_of(
        st.builds(status, st.sampled_from(STATES)),
        st.builds(lambda n: Event(key="k", kind="epoch", body={"epoch": n}), st.integers(0, 50)),
        st.just(Event(key="k", kind="complete", body={})),
    ),
    max_size=12,
)


@given(EVENTS)
def test_a_final_state_never_regresses(events):
    row, final = new_row(), None
    for event in events:
        row = {**row, **progress(row, [event])}
        if final is not None:
            assert row["state"] == final
        if row["state"] in FINAL_STATES:
            final = row["state"]


@given(EVENTS)
def test_events_in_one_batch_do_what_they_do_one_by_one(events):
    row = new_row()
    assert {**row, **progress(row, events)} == run(row, *events)
