"""The event log: order, sharing between threads and processes, crashes and damage."""

import errno
import hashlib
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brevetti_keras.io.event_log import EventLog
from brevetti_keras.utils.errors import IntegrityError, InvalidInputError, StorageError
from brevetti_keras.wire.events import epoch_body

WRITER = """
import sys
from brevetti_keras.io.event_log import EventLog
log = EventLog(sys.argv[1])
for number in range(100):
    log.append("system", {"writer": sys.argv[2], "number": number})
"""


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "job" / "events.log")


def fill(path, count=3):
    log = EventLog(path)
    return [log.append("epoch", epoch_body(number, {"loss": 1 / (number + 1)})) for number in range(count)]


def test_events_come_back_as_they_were_written_and_in_order(path):
    written = fill(path)
    assert [event.sequence for event in written] == [1, 2, 3]
    assert len({event.key for event in written}) == 3
    assert list(EventLog(path).read()) == written


def test_reading_after_a_sequence_leaves_out_what_is_known(path):
    written = fill(path, 5)
    assert list(EventLog(path).read(after=3)) == written[3:]


def test_a_missing_file_holds_no_events_and_is_not_made_by_reading(path):
    log = EventLog(path)
    assert list(log.read()) == []
    assert log.read_from(0) == ([], 0)
    assert not os.path.exists(path)


def test_a_reader_goes_on_from_its_offset(path):
    log = EventLog(path)
    reader = EventLog(path)
    first = log.append("epoch", {"epoch": 0})
    events, offset = reader.read_from(0)
    assert events == [first]
    assert offset == os.path.getsize(path)
    assert reader.read_from(offset) == ([], offset)
    second = log.append("epoch", {"epoch": 1})
    assert reader.read_from(offset) == ([second], os.path.getsize(path))


def test_a_new_object_goes_on_with_the_sequence(path):
    fill(path)
    assert EventLog(path).append("status", {"state": "completed", "message": ""}).sequence == 4


def test_a_given_key_is_kept(path):
    EventLog(path).append("output", {"accuracy": 1.0}, key="mine")
    assert next(EventLog(path).read()).key == "mine"


def test_numpy_values_and_what_is_not_finite_become_plain_json(path):
    event = EventLog(path).append("epoch", {"a": np.float32(0.5), "b": np.arange(2), "c": float("nan")})
    assert event.body == {"a": 0.5, "b": [0, 1], "c": None}
    assert next(EventLog(path).read()).body == event.body


@given(body=st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.floats(allow_nan=False) | st.text()))
@settings(max_examples=40, deadline=None)
def test_any_text_and_number_survives(tmp_path_factory, body):
    path = str(tmp_path_factory.mktemp("log") / "events.log")
    finite = {key: None if value in (float("inf"), float("-inf")) else value for key, value in body.items()}
    EventLog(path).append("system", body)
    events, offset = EventLog(path).read_from(0)
    assert [event.body for event in events] == [finite]
    assert offset == os.path.getsize(path)


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("party", {}, "event's kind, received 'party'"),
        ("epoch", [1], "expected a mapping"),
        ("epoch", {"a": object()}, "JSON can hold"),
        ("epoch", {"a": "\ud800"}, "lone surrogate"),
    ],
)
def test_what_no_reader_could_take_is_refused_and_leaves_no_trace(path, kind, body, expected):
    log = EventLog(path)
    with pytest.raises(InvalidInputError, match=expected):
        log.append(kind, body)
    assert list(log.read()) == []
    assert log.append("epoch", {}).sequence == 1


def test_threads_share_one_log(path):
    log = EventLog(path)

    def write(name):
        for number in range(50):
            log.append("system", {"writer": name, "number": number})

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = list(log.read())
    assert [event.sequence for event in events] == list(range(1, 401))
    for name in range(8):
        assert [event.body["number"] for event in events if event.body["writer"] == name] == list(range(50))


def test_processes_share_one_log(path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, str(name)]) for name in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    events = list(EventLog(path).read())
    assert [event.sequence for event in events] == list(range(1, 301))
    assert len({event.key for event in events}) == 300


@pytest.mark.parametrize("kept", [1, 10, 17, 40, -2])
def test_a_torn_last_line_is_passed_over_and_cut_off_by_the_next_append(path, kept):
    written = fill(path)
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        last = file.read().splitlines(keepends=True)[-1]
    with open(path, "ab") as file:
        file.write(last[:kept])
    reader = EventLog(path)
    assert reader.read_from(0) == (written, size)
    following = EventLog(path).append("epoch", {"epoch": 3})
    assert following.sequence == 4
    assert reader.read_from(size)[0] == [following]
    assert list(reader.read()) == [*written, following]
    assert reader.damaged == ()


def test_a_last_line_that_lacks_only_its_end_is_kept(path):
    written = fill(path)
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 1)
    assert list(EventLog(path).read()) == written[:2]
    following = EventLog(path).append("epoch", {"epoch": 3})
    assert list(EventLog(path).read()) == [*written, following]


def test_the_writer_of_a_log_repairs_what_another_left_torn(path):
    log = EventLog(path)
    first = log.append("epoch", {"epoch": 0})
    with open(path, "ab") as file:
        file.write(b"half a li")
    second = log.append("epoch", {"epoch": 1})
    assert list(log.read()) == [first, second]


@pytest.mark.parametrize("position", [0, 16, 17, 60])
def test_a_damaged_line_is_named_and_reading_can_go_on_past_it(path, position):
    written = fill(path)
    with open(path, "r+b") as file:
        line = len(file.readline())
        file.seek(line + position)
        byte = file.read(1)
        file.seek(line + position)
        file.write(bytes([byte[0] ^ 1]))
    log = EventLog(path)
    with pytest.raises(IntegrityError, match=r"events.log, line 2: expected an event with its checksum"):
        list(log.read())
    assert list(log.read(on_damage="skip")) == [written[0], written[2]]
    events, offset = EventLog(path).read_from(line)
    assert (events, offset) == ([written[2]], os.path.getsize(path))
    assert len(log.damaged) == 1
    assert log.append("epoch", {}).sequence == 4


def test_a_line_with_a_right_checksum_that_is_no_event_is_damaged_too(path):
    fill(path, 1)
    with open(path, "ab") as file:
        file.write(hashlib.blake2b(b"[]", digest_size=8).hexdigest().encode() + b" []\n")
    log = EventLog(path)
    events, _ = log.read_from(0)
    assert (len(events), len(log.damaged)) == (1, 1)


def test_two_lines_joined_by_damage_do_not_give_a_sequence_twice(path):
    written = fill(path)
    with open(path, "rb") as file:
        lines = file.read().splitlines()
    with open(path, "wb") as file:
        file.write(lines[0] + b" " + lines[1] + b"\n" + lines[2] + b"\n")
    log = EventLog(path)
    assert log.append("epoch", {}).sequence == 4
    assert next(log.read(on_damage="skip")) == written[2]


def test_a_log_that_was_cut_off_is_told(path):
    fill(path)
    log = EventLog(path)
    size = os.path.getsize(path)
    os.truncate(path, 10)
    assert log.read_from(size) == ([], size)
    assert "it was cut off" in log.damaged[0]


def test_a_full_disk_leaves_the_log_as_it_was(path, monkeypatch):
    written = fill(path)
    log = EventLog(path)
    write, size = os.write, os.path.getsize(path)

    def fails(descriptor, data):
        write(descriptor, data[:20])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fails)
        with pytest.raises(StorageError, match="No space left"):
            log.append("epoch", {"epoch": 3})
        assert os.path.getsize(path) == size
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:20]))
        with pytest.raises(StorageError, match="No space left"):
            log.append("epoch", {"epoch": 3})
    assert os.path.getsize(path) == size
    assert list(log.read()) == written
    assert log.append("epoch", {"epoch": 3}).sequence == 4


@pytest.mark.parametrize("below", ["events.log", "folder/events.log"])
def test_a_file_in_a_folders_place_is_told(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="a file stands where a folder is needed"):
        EventLog(tmp_path / "file" / below).append("epoch", {})


@pytest.mark.parametrize(("kind", "expected"), [("status", 1), ("complete", 1), ("epoch", 0)])
def test_what_changes_a_job_is_on_the_disk_when_append_returns(path, monkeypatch, kind, expected):
    log = EventLog(path)
    log.append("epoch", {})
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    log.append(kind, {})
    assert len(synced) == expected
