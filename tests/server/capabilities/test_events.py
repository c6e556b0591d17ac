import itertools
import json
import threading
import time

import pytest

from brevetti_keras.io.event_log import EventLog
from brevetti_keras.server.capabilities import events as events_module
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError
from brevetti_keras.wire.events import Event, epoch_body, status_body


def epoch(number, key=None, **logs):
    return Event(key=key or f"k{number}", kind="epoch", body=epoch_body(number, logs))


@pytest.fixture
def job(service):
    return service.jobs.create("first").id


@pytest.fixture
def log(service, job):
    return EventLog(f"{service.home}/jobs/{job}/events.log")


def test_events_are_stored_in_their_order(service, job):
    assert service.events.append(job, [epoch(0, loss=0.5), epoch(1, loss=0.4)]) == 2
    assert service.events.append(job, [epoch(2, loss=0.3)]) == 3
    stored = service.events.list(job)
    assert [(event.sequence, event.body) for event in stored] == [
        (1, {"epoch": 0, "loss": 0.5}),
        (2, {"epoch": 1, "loss": 0.4}),
        (3, {"epoch": 2, "loss": 0.3}),
    ]


def test_an_empty_batch_changes_nothing(service, job):
    assert service.events.append(job, []) == 0
    assert service.jobs.get(job).state == "created"


def test_sending_twice_is_harmless(service, job):
    batch = [epoch(0, loss=0.5), epoch(1, loss=0.4)]
    assert service.events.append(job, batch) == 2
    assert service.events.append(job, batch) == 2
    assert service.events.append(job, [batch[1], epoch(2), batch[0], epoch(2)]) == 3
    assert len(service.events.list(job)) == 3


def test_the_same_key_with_another_body_is_refused_with_its_whole_batch(service, job):
    service.events.append(job, [epoch(0, loss=0.5)])
    with pytest.raises(ConflictError, match="'k0'"):
        service.events.append(job, [epoch(1), epoch(0, loss=0.6)])
    with pytest.raises(ConflictError):
        service.events.append(job, [Event(key="k0", kind="system", body={"epoch": 0, "loss": 0.5})])
    with pytest.raises(ConflictError):
        service.events.append(job, [epoch(5, key="x"), epoch(6, key="x")])
    assert len(service.events.list(job)) == 1


def test_keys_are_a_job_s_own(service, job):
    other = service.jobs.create("second").id
    service.events.append(job, [epoch(0, loss=1)])
    assert service.events.append(other, [epoch(0, loss=2)]) == 1


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_has_a_length(service, job, key):
    with pytest.raises(InvalidInputError, match="key of 1 to 200"):
        service.events.append(job, [Event(key=key, kind="epoch", body={"epoch": 0})])


def test_an_unknown_job_is_not_found(service):
    for call in (service.events.sync, service.events.list, service.events.curve):
        with pytest.raises(NotFoundError):
            call("nobody")
    with pytest.raises(NotFoundError):
        service.events.append("nobody", [epoch(0)])


@pytest.mark.parametrize("job_id", ["../x", "a/b", "", ".", "x" * 100, "a\0b"])
def test_an_id_never_becomes_part_of_a_path(service, job_id):
    with pytest.raises(NotFoundError):
        service.events.sync(job_id)


def test_list_filters(service, job):
    service.events.append(job, [epoch(0), Event(key="s", kind="system", body={"cpu": 1.0}), epoch(1), epoch(2)])
    assert [event.sequence for event in service.events.list(job, after=2)] == [3, 4]
    assert [event.sequence for event in service.events.list(job, kinds=["system"])] == [2]
    assert [event.sequence for event in service.events.list(job, limit=2)] == [1, 2]
    assert service.events.list(job, kinds=[]) == []


def test_duplicates_in_any_order_end_as_one_each_and_never_regress(service, job):
    """A thousand posts, shuffled and doubled, with the end in the middle of them."""
    events = [epoch(number, loss=number / 10) for number in range(400)]
    events.insert(150, Event(key="end", kind="status", body=status_body("completed")))
    events.insert(170, Event(key="late", kind="status", body=status_body("running")))
    shuffled = [events[(index * 7) % len(events)] for index in range(2 * len(events))]
    for start in range(0, len(shuffled), 50):
        service.events.append(job, shuffled[start : start + 50])
    assert service.events.append(job, [epoch(400)]) == len(events) + 1
    assert service.events.curve(job)["epoch"] == list(range(401))
    assert service.jobs.get(job).state == "completed"


def test_two_services_on_one_workspace_store_each_event_once(home, service, job):
    with open_service(home) as other:

        def send(which):
            for number in range(0, 60, 3):
                which.events.append(job, [epoch(number + step, loss=1.0) for step in range(3)])

        threads = [threading.Thread(target=send, args=(which,)) for which in (service, other, service, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [event.sequence for event in other.events.list(job)] == list(range(1, 61))
        assert service.events.curve(job)["epoch"] == list(range(60))
        assert service.verify() == []


def test_sync_takes_what_is_new_in_the_log(service, job, log):
    assert service.events.sync(job) == 0
    log.append("epoch", {"epoch": 0, "loss": float("nan")})
    assert service.events.sync(job) == 1
    log.append("output", {"accuracy": 0.97})
    log.append("status", status_body("completed"))
    assert service.events.sync(job) == service.events.sync(job) == 3
    found = service.jobs.get(job)
    assert (found.state, found.metrics, found.epoch) == ("completed", {"accuracy": 0.97}, 0)


def test_a_line_that_is_being_written_is_taken_when_it_is_whole(service, job, log):
    log.append("epoch", {"epoch": 0})
    log.append("epoch", {"epoch": 1})
    with open(log.path, "rb") as file:
        whole = file.read()
    with open(log.path, "wb") as file:
        file.write(whole[:-10])
    assert service.events.sync(job) == 1
    assert service.events.sync(job) == 1
    with open(log.path, "wb") as file:
        file.write(whole)
    assert service.events.sync(job) == 2


def test_a_damaged_line_is_passed_over_counted_and_shown(service, job, log):
    for number in range(3):
        log.append("epoch", {"epoch": number, "loss": 0.5})
    with open(log.path, "rb") as file:
        lines = file.read().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"0.5", b"0.6")
    with open(log.path, "wb") as file:
        file.writelines(lines)
    assert service.events.sync(job) == 2
    assert service.events.curve(job)["epoch"] == [0, 2]
    assert "1 damaged line" in service.jobs.get(job).message
    log.append("epoch", {"epoch": 3})
    assert service.events.sync(job) == 3
    assert "1 damaged line" in service.jobs.get(job).message


def test_a_log_and_a_post_of_the_same_events_are_one(service, job, log):
    sent = [log.append("epoch", {"epoch": number}) for number in range(3)]
    service.events.append(job, sent)
    assert service.events.sync(job) == 3


def test_a_key_in_the_log_that_is_stored_with_another_body_does_not_stop_the_rest(service, job, log):
    service.events.append(job, [epoch(0, key="same", loss=1.0)])
    log.append("epoch", {"epoch": 0, "loss": 2.0}, key="same")
    log.append("epoch", {"epoch": 1})
    assert service.events.sync(job) == 2
    assert "1 damaged line" in service.jobs.get(job).message


def test_the_curve_has_one_value_for_each_epoch_and_metric(service, job):
    service.events.append(job, [epoch(0, loss=1.0), epoch(1, loss=0.5, accuracy=0.9), epoch(2, loss=float("inf"))])
    assert service.events.curve(job) == {
        "epoch": [0, 1, 2],
        "series": {"loss": [1.0, 0.5, None], "accuracy": [None, 0.9, None]},
    }


def test_an_epoch_that_is_reported_again_shows_its_last_report(service, job):
    service.events.append(job, [epoch(1, loss=1.0), epoch(0, loss=2.0), epoch(1, key="again", loss=0.7)])
    assert service.events.curve(job) == {"epoch": [0, 1], "series": {"loss": [2.0, 0.7]}}


def test_values_that_are_no_numbers_are_left_blank(service, job):
    service.events.append(job, [Event(key="a", kind="epoch", body={"epoch": 0, "note": "x", "flag": True, "n": 1})])
    assert service.events.curve(job)["series"] == {"note": [None], "flag": [None], "n": [1]}


def test_a_curve_without_events_is_empty(service, job):
    assert service.events.curve(job) == {"epoch": [], "series": {}}


@pytest.mark.parametrize("most", [2, 3, 10, 99, 100, 1000])
def test_a_long_curve_is_thinned_out_evenly(service, job, most):
    service.events.append(job, [epoch(number, loss=number) for number in range(100)])
    curve = service.events.curve(job, max_points=most)
    shown = curve["epoch"]
    assert len(shown) == min(most, 100)
    assert (shown[0], shown[-1]) == (0, 99)
    assert shown == sorted(set(shown)) == curve["series"]["loss"]
    gaps = [after - before for before, after in itertools.pairwise(shown)]
    assert max(gaps) - min(gaps) <= 1


def test_a_curve_needs_two_points(service, job):
    with pytest.raises(InvalidInputError, match="2 or more"):
        service.events.curve(job, max_points=1)


def test_a_very_long_curve_is_quick(service, job):
    names = [f"metric{number}" for number in range(20)]
    for start in range(0, 6000, 2000):
        body = dict.fromkeys(names, 0.5)
        events = [epoch(number, **body) for number in range(start, start + 2000)]
        service.events.append(job, events)
    service.events.curve(job)
    begin = time.process_time()
    curve = service.events.curve(job)
    assert time.process_time() - begin < 3
    assert len(curve["epoch"]) == 1000
    assert len(json.dumps(curve)) < 200_000


@pytest.mark.parametrize("count", [2, 3, 7, 999, 1000])
def test_a_curve_is_the_same_whether_all_numbers_are_read_or_the_index_is_asked(service, job, monkeypatch, count):
    """Of epochs without gaps, reported again here and there; of others it is even in their numbers."""
    events = [epoch(number % 1000, key=f"k{number}", loss=number / 10) for number in range(1300)]
    service.events.append(job, [*events, Event(key="s", kind="status", body=status_body("running"))])
    exact = service.events.curve(job, count)
    monkeypatch.setattr(events_module, "_FEW", 100)
    quick = service.events.curve(job, count)
    assert len(quick["epoch"]) == len(exact["epoch"]) == count
    assert (quick["epoch"][0], quick["epoch"][-1]) == (0, 999)
    assert max(abs(ours - theirs) for ours, theirs in zip(quick["epoch"], exact["epoch"], strict=True)) <= 1
    last = {number % 1000: number / 10 for number in range(1300)}
    assert quick["series"]["loss"] == [last[number] for number in quick["epoch"]]


def test_a_long_curve_with_gaps_keeps_its_ends_and_invents_nothing(service, job, monkeypatch):
    monkeypatch.setattr(events_module, "_FEW", 0)
    assert service.events.curve(job) == {"epoch": [], "series": {}}
    numbers = [5, 6, 7, 1000, 5000, 100_000]
    service.events.append(job, [epoch(number, loss=float(number)) for number in numbers])
    for count in (2, 3, 10, 1000):
        curve = service.events.curve(job, count)
        assert curve["series"]["loss"] == [float(number) for number in curve["epoch"]]
        assert set(curve["epoch"]) <= set(numbers)
        assert (curve["epoch"][0], curve["epoch"][-1]) == (5, 100_000)
        assert len(curve["epoch"]) <= count
    service.events.append(service.jobs.create("one").id, [epoch(3)])
    assert service.events.curve(service.jobs.list(limit=1)[0].id, 2)["epoch"] == [3]
