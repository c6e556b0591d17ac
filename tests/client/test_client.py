"""The existing client library, unmodified, runs a whole job against the server; here is what each side has of it."""

import csv
import io
import json
from collections import Counter
from urllib.parse import unquote

import httpx
import pytest
from PIL import Image

from brevetti_keras.data.sample_integrity import SampleSplit
from brevetti_keras.platform import connect, get_image_samples
from brevetti_keras.server.workspace import open_service
from brevetti_keras.utils.encode import from_json
from brevetti_keras.wire.artifacts import (
    FACETS_ATLAS,
    FACETS_DATA,
    OUTPUT,
    PIVOT_DATA,
    PIVOT_FIELDS,
    SAMPLE_IDENTIFICATION,
    SPRITE_SIZE,
    Output,
    PivotFields,
)
from tests.client.conftest import Run, changed_files

SAMPLES = 27
EPOCHS = 3


@pytest.fixture
def page(run: Run) -> str:
    answer = run.browser.get(f"/jobs/{run.config.id}")
    assert answer.status_code == 200
    return answer.text


def test_the_client_is_as_it_was_published(client_files):
    assert changed_files(client_files) == []


def test_the_job_is_completed_with_its_model(run):
    job = run.platform.jobs.get(run.config.id)
    assert (job.state, job.epoch, job.message) == ("completed", EPOCHS + 1, "")
    assert job.started <= job.ended
    assert run.printed["package"] == str(run.folder / "artifacts" / job.model_path)
    assert job.model_path.startswith("vials_by_the_client.")
    answer = run.browser.get(f"/api/jobs/{job.id}/artifacts/{job.model_path}")
    assert (answer.status_code, answer.content[:2]) == (200, b"\x1f\x8b")


def test_the_curve_has_every_epoch_that_it_reported(run):
    curve = run.platform.events.curve(run.config.id)
    assert curve["epoch"] == list(range(EPOCHS + 2))
    assert set(curve["series"]) == {"loss", "accuracy"}
    # After those of fit: a NaN in a form, then an object sent as JSON.
    assert curve["series"]["loss"][EPOCHS:] == [None, 0.25]
    assert curve["series"]["accuracy"][EPOCHS:] == [0.5, 1]
    assert all(isinstance(value, float) for value in curve["series"]["loss"][:EPOCHS])
    epochs = run.platform.events.list(run.config.id, kinds=["epoch"])
    # Two monitors listened to fit, and each was heard.
    assert Counter(event.body["epoch"] for event in epochs) == {0: 2, 1: 2, 2: 2, 3: 1, 4: 1}
    assert epochs[-2].body["nonfinite"] == {"loss": "NaN"}


def test_its_metrics_are_the_job_s(run):
    metrics = run.platform.jobs.get(run.config.id).metrics
    assert metrics == {"accuracy": metrics["accuracy"], "f1": None, "samples": {"all": SAMPLES}}
    output = Output.model_validate(from_json(run.artifact(OUTPUT), allow_nan=True))
    assert output.output["accuracy"] == metrics["accuracy"]
    assert output.job["settings"]["epochs"] == EPOCHS
    assert output.job["settings"]["extra"] == {"note": "free text"}
    assert "brevettiai==0.4.2" in output.environment["modules"]


def test_it_read_its_settings_datasets_parent_and_models(run):
    assert run.seen["settings"] == {"epochs": EPOCHS, "extra": {"note": "free text"}}
    assert run.seen["parent"] == {"id": run.earlier.id}
    assert run.seen["models"] == list(run.config.models)
    listed = Counter((sample["dataset_id"], sample["reference"]) for sample in run.seen["samples"])
    three, four = run.datasets
    assert listed == {(three.id, "R-3"): 18, (four.id, "N/A"): 9}
    assert run.seen["one_by_one"] == SAMPLES


def test_it_was_given_the_root_tags(run):
    given = {
        (root["name"], leaf["name"]): (root["id"], leaf["parent_id"])
        for root in run.seen["root_tags"]
        for leaf in root["children"]
    }
    assert set(given) == {("line", "three"), ("line", "four"), ("customer", "acme")}
    assert all(root == parent for root, parent in given.values())
    assert {root for root, _ in given.values()} == {root.id for root in run.platform.tags.list()}


def test_its_samples_and_split_are_ours(run, tmp_path):
    theirs = {sample["path"]: sample for sample in run.seen["samples"]}
    ours = get_image_samples(run.datasets)
    assert dict(zip(ours.path, ours.etag, strict=True)) == {path: s["etag"] for path, s in theirs.items()}
    assert all(theirs[path]["folder"] == folder for path, folder in zip(ours.path, ours.folder, strict=True))
    assert run.seen["stable"], "the client kept the purposes that it had written"
    written = run.artifact(SAMPLE_IDENTIFICATION)
    rows = list(csv.DictReader(io.StringIO(written.decode())))
    assert {row["etag"]: row["purpose"] for row in rows} == {s["etag"]: s["purpose"] for s in theirs.values()}
    assert Counter(row["purpose"] for row in rows).keys() == {"train", "devel"}
    copy = tmp_path / "sample_identification.csv"
    copy.write_bytes(written)
    kept = SampleSplit(seed=7).update_unassigned(ours, str(copy))
    assert all(theirs[path]["purpose"] == purpose for path, purpose in zip(kept.path, kept.purpose, strict=True))


def test_a_link_of_its_samples_opens_the_sample(run):
    sample = run.seen["samples"][0]
    assert sample["url"].startswith(f"{run.url}/download?path=")
    # It takes the first folder for a bucket's name.
    assert sample["path"].endswith("/" + unquote(sample["url"].partition("path=")[2]))
    answer = run.browser.get(sample["url"])
    assert answer.status_code == 200
    with open(sample["path"], "rb") as file:
        assert answer.content == file.read()
    assert httpx.get(sample["url"]).status_code == 401


def test_its_pivot_table_is_read(run):
    fields = PivotFields.model_validate(from_json(run.artifact(PIVOT_FIELDS)))
    assert [field.key for field in fields.rowFields] == ["folder"]
    assert [field.key for field in fields.colFields] == ["purpose"]
    labels = {field.key: field.label for field in fields.fields}
    tags = {f"tag_{root.id.replace('-', '_')}": root.name for root in run.platform.tags.list()}
    assert labels == {"category": "Category", "dataset_id": "Dataset Id", **tags}
    category = next(field for field in fields.fields if field.key == "category")
    assert set(category.sort) == {"cracked", "defect", "good", "sound"}
    records = from_json(run.artifact(PIVOT_DATA))
    assert set(records[0]) == {*labels, "folder", "purpose", "id", "count", "correct"}
    assert {record["category"] for record in records} == set(category.sort)
    unique = {record["id"]: record for record in records}.values()
    assert sum(record["count"] for record in unique) == SAMPLES
    by_line = Counter()
    key = next(key for key, label in tags.items() if label == "line")
    for record in unique:
        by_line[record[key]] += record["count"]
    assert by_line == {"three": 18, "four": 9}
    customer = next(key for key, label in tags.items() if label == "customer")
    assert {record[customer] for record in unique} == {"acme", "N/A"}


def test_its_facets_are_read(run):
    records = from_json(run.artifact(FACETS_DATA), allow_nan=True)
    assert [record["etag"] for record in records] == [sample["etag"] for sample in run.seen["samples"]]
    assert "path" not in records[0]
    assert "bucket" not in records[0]
    with Image.open(io.BytesIO(run.artifact(FACETS_ATLAS))) as atlas:
        assert atlas.size == (6 * SPRITE_SIZE, 6 * SPRITE_SIZE), "the root of 27 samples, rounded up"
        assert max(atlas.crop((3 * SPRITE_SIZE, 4 * SPRITE_SIZE, *atlas.size)).convert("L").getextrema()) < 20
        assert atlas.crop((0, 0, SPRITE_SIZE, SPRITE_SIZE)).convert("L").getextrema()[1] > 60


def test_a_chart_is_taken_as_older_clients_send_it(run):
    assert run.seen["chart"] == [204, ""]
    assert run.platform.charts.list(run.config.id) == ["dataset summary"]
    chart = json.loads(run.platform.charts.get(run.config.id, "dataset summary"))
    assert chart["mark"] == "bar"
    assert chart["encoding"]["color"]["field"] == "category"


def test_its_artifacts_are_listed(run):
    listed = {entry.path: entry.size for entry in run.platform.artifacts.list(run.config.id)}
    model = run.platform.jobs.get(run.config.id).model_path
    expected = {
        *(OUTPUT, SAMPLE_IDENTIFICATION, PIVOT_FIELDS, PIVOT_DATA, FACETS_DATA, FACETS_ATLAS, model),
        *("charts/dataset summary.json", "vials.html", "client.json"),
    }
    assert set(listed) == expected
    assert all(size > 0 for size in listed.values())


def test_its_key_has_ended_and_stands_in_no_artifact(run):
    key = run.config.api_key.get_secret_value()
    late = httpx.post(run.url + run.config.remote_url, data={"data": '{"epoch": 99, "loss": 0}'})
    tags = httpx.get(f"{run.url}/api/resources/roottags", params={"key": key, "id": run.config.id})
    assert (late.status_code, tags.status_code) == (401, 401)
    assert run.platform.jobs.get(run.config.id).epoch == EPOCHS + 1
    for entry in run.platform.artifacts.list(run.config.id):
        assert key.encode() not in run.artifact(entry.path), entry.path
    assert key not in run.printed["log"]


def test_its_page_shows_what_it_left(run, page):
    assert "Vials, by the client" in page
    for part in (
        "pivot-table",
        'src="/frames/facets"',
        "vials.html",
        "dataset summary",
        "samples.all",
        '<th scope="row">brevettiai</th><td>0.4.2</td>',
    ):
        assert part in page, part
    assert "cannot be read" not in page
    for address in ("facets", "artifacts", "reports/vials.html"):
        assert run.browser.get(f"/jobs/{run.config.id}/{address}").status_code == 200, address
    for path in (PIVOT_FIELDS, PIVOT_DATA, FACETS_DATA, FACETS_ATLAS):
        assert run.browser.get(f"/api/jobs/{run.config.id}/artifacts/{path}").status_code == 200, path


def test_the_workspace_is_whole_and_shows_the_same_without_the_server(run):
    with connect(run.home) as platform:
        assert platform.jobs.get(run.config.id) == run.platform.jobs.get(run.config.id)
        assert platform.jobs.get("earlier").state == "created"
    with open_service(run.home) as service:
        assert service.verify() == []
