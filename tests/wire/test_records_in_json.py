"""Every record keeps its form in JSON, which the pages, the programs and older versions read."""

import datetime
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from brevetti_keras.wire import artifacts, records
from brevetti_keras.wire.artifacts import Output, PivotField, PivotFields, chart_path
from brevetti_keras.wire.events import Event, epoch_body
from brevetti_keras.wire.previews import Preview, PreviewSample, PreviewView

TAG = records.Tag(id="t", name="line", children=(records.Tag(id="u", name="3", parentId="t"),))
DATASET = records.Dataset(id="d", name="vials", bucket="/data/vials", tagIds=("t",), tags=(TAG,))
EXAMPLES = [
    TAG,
    DATASET,
    records.Upload(id="u"),
    records.UploadedFile(path="good/a.png", size=7),
    records.QuarantinedFile(path="a.png", reason="empty", jobs=(records.JobName(id="j", name="first"),)),
    records.ModelType(name="m", version="1.0", job="a:B", settings_schema={"properties": {"epochs": {"default": 3}}}),
    records.Job(id="j", run_id="r", name="n", state="queued", queue_position=1, datasets=(DATASET,), tags=(TAG,)),
    records.AccessKey(id="k", name="script", created="2026-01-01T00:00:00Z"),
    records.FileEntry(path="log.txt", size=3, modified="2026-01-01T00:00:00Z"),
    PivotFields(rowFields=(PivotField(key="a", label="A", sort=("x", 2, None)),)),
    Output(output={"loss": 0.5}, samples={"listed": 3}),
    Event(key="k", kind="epoch", body={"epoch": 0, "loss": None}, sequence=4),
    Preview(samples=(PreviewSample(path="a", label="good", dataset_id="d", views=(PreviewView(pipeline="p"),)),)),
]


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_a_record_reads_back_what_it_wrote(record):
    assert type(record).model_validate(json.loads(record.model_dump_json())) == record


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_a_record_takes_unknown_keys_of_newer_versions_and_stays_as_it_is(record):
    newer = {**record.model_dump(mode="json"), "of a newer version": [1]}
    read = type(record).model_validate(newer)
    # output.json is the job's own to extend.
    assert ("of a newer version" in read.model_dump()) == isinstance(record, Output)
    with pytest.raises(ValidationError, match="frozen"):
        read.model_config_is_frozen = True
    name = next(iter(type(record).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(read, name, None)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (records.Job, {"id": "j", "run_id": "r", "name": "n", "state": "melted"}),
        (records.Job, {"id": "j", "run_id": "r"}),
        (records.Job, {"id": "j", "run_id": "r", "name": "n", "epoch": "many"}),
        (records.ModelType, {"name": "m", "version": "1", "job": "a:B", "kind": "toy"}),
        (records.ModelType, {"name": "m", "version": "1", "job": "a:B", "source": "elsewhere"}),
        (records.Dataset, {"id": "d", "name": "n"}),
        (records.UploadedFile, {"path": "a", "size": "large"}),
        (Event, {"key": "k", "kind": "weather"}),
        (Event, {"kind": "epoch"}),
        (PivotField, {"key": "a"}),
        (PreviewSample, {"path": "a"}),
    ],
)
def test_what_is_no_record_is_refused(kind, values):
    with pytest.raises(ValidationError):
        kind.model_validate(values)


def test_the_final_states_are_states():
    states = set(records.JobState.__args__)
    assert states > records.FINAL_STATES
    assert states - records.FINAL_STATES == {"created", "queued", "running"}


def test_now_is_utc_in_text_that_sorts_as_time_does():
    first, second = records.utc_now(), records.utc_now()
    assert first <= second
    read = datetime.datetime.fromisoformat(first)
    assert read.utcoffset() == datetime.timedelta(0)
    assert abs(datetime.datetime.now(datetime.UTC) - read) < datetime.timedelta(minutes=5)
    assert len(first) == len("2026-01-01T00:00:00.000000Z")


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.dictionaries(st.sampled_from(["loss", "accuracy", "val_loss"]), st.floats(width=64), max_size=3),
)
def test_an_epochs_body_is_strict_json_and_loses_no_number(epoch, logs):
    body = epoch_body(epoch, logs)
    read = json.loads(json.dumps(body, allow_nan=False))
    assert read.pop("epoch") == epoch
    words = read.pop("nonfinite", {})
    again = {name: float(words[name]) if name in words else value for name, value in read.items()}
    assert list(map(repr, again.values())) == list(map(repr, logs.values()))
    assert list(again) == list(logs)


def test_a_chart_lies_where_charts_are_looked_for():
    assert chart_path("loss") == "charts/loss.json"
    assert chart_path("loss").startswith(artifacts.CHARTS_FOLDER + "/")


def test_no_two_artifacts_of_ours_share_a_place():
    names = [name for name in dir(artifacts) if name.isupper() and isinstance(getattr(artifacts, name), str)]
    places = [getattr(artifacts, name) for name in names if name != "MISSING"]
    assert len(places) == len(set(places)) > 15
    assert not any(place.startswith("/") or ".." in place for place in places)
