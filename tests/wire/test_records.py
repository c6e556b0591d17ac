import json

from brevetti_keras.wire.events import Event, epoch_body, status_body
from brevetti_keras.wire.records import Dataset, JobConfig, Tag, utc_now
from brevetti_keras.wire.routes import download_url, job_urls

SECRET = "canary-5ecret"


def test_a_jobs_key_is_in_clear_only_in_its_info():
    config = JobConfig(id="j", run_id="r", name="n", api_key=SECRET)
    assert config.info()["api_key"] == SECRET
    assert SECRET not in repr(config) + str(config) + config.model_dump_json() + json.dumps(
        config.model_dump(mode="json")
    )


def test_info_is_read_back():
    config = JobConfig(
        id="j",
        run_id="r",
        name="n",
        api_key=SECRET,
        datasets=(Dataset(id="d", name="vials", bucket="/data", tags=(Tag(id="t", name="red"),), tagIds=("t",)),),
    )
    assert JobConfig.model_validate(json.loads(json.dumps(config.info()))) == config


def test_the_parent_is_an_object_in_the_file_and_an_id_in_the_record():
    config = JobConfig(id="j", run_id="r", name="n", api_key=SECRET, parent="p")
    assert config.info()["parent"] == {"id": "p"}
    assert JobConfig.model_validate(config.info()) == config
    assert JobConfig.model_validate({**config.info(), "parent": {"id": "p", "name": "first"}}).parent == "p"
    assert JobConfig(id="j", run_id="r", name="n").info()["parent"] is None


def test_keys_of_other_versions_are_ignored():
    assert Dataset.model_validate({"id": "d", "name": "n", "bucket": "b", "sftpUser": 1}).id == "d"


def test_urls_are_left_open_for_what_clients_append():
    urls = job_urls("a/b", "k&y")
    assert urls["remote_url"] == "/api/models/a%2Fb/remotemonitor?key=k%26y"
    assert urls["charts_url"] + "&name=x" == "/api/models/a%2Fb/charts?key=k%26y&name=x"
    assert urls["complete_url"].endswith("key=k%26y&modelPath=")


def test_a_download_link_quotes_everything():
    assert download_url("/a b/ü?.png") == "/download?path=%2Fa%20b%2F%C3%BC%3F.png"


def test_an_epoch_is_the_epoch_and_its_logs_and_nothing_else():
    assert epoch_body(4, {"loss": 0.5}) == {"epoch": 4, "loss": 0.5}
    assert epoch_body(4, {"loss": float("nan")}) == {"epoch": 4, "loss": None, "nonfinite": {"loss": "NaN"}}


def test_an_event_carries_its_time_in_utc():
    event = Event(key="k", kind="status", body=status_body("running", pid=3))
    assert event.body == {"state": "running", "message": "", "pid": 3}
    assert event.time.endswith("Z")
    assert event.time <= utc_now()
