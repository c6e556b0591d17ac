"""One small training by the command line, looked at from every side; and what happens to bad input."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from brevetti_keras.server.workspace import open_service
from tests.support.images import write_image, write_image_folder
from tests.support.queued_jobs import until

pytestmark = pytest.mark.usefixtures("known")

SMALL = (
    "--set",
    "image_pipeline.target_size=[16, 16]",
    "--set",
    "epochs=2",
    "--set",
    "batch_size=8",
)


@pytest.fixture
def job(trained_by_command):
    """The job that the command printed when it was finished."""
    return json.loads(trained_by_command.printed)


@pytest.fixture
def on_trained(trained_by_command, command, monkeypatch):
    monkeypatch.setenv("BREVETTI_HOME", str(trained_by_command.home))
    return command


def test_training_prints_one_object_with_the_finished_job(job):
    assert (job["state"], job["name"], job["model_type"]) == ("completed", "by command", "image-classification")
    assert job["model_type_version"] == "1.0"
    assert 0 <= job["metrics"]["devel_accuracy"] <= 1
    assert (Path(job["artifacts"]) / "report.html").is_file()


def test_every_listed_file_is_used_or_quarantined(trained_by_command, job):
    output = json.loads((Path(job["artifacts"]) / "output.json").read_text())
    text = json.dumps(output)
    assert '"listed": 37' in text
    assert '"used": 36' in text
    assert '"quarantined": 1' in text
    quarantine = (Path(job["artifacts"]) / "quarantine.csv").read_text()
    assert str(trained_by_command.images / "good" / "torn.png") in quarantine


def test_the_job_is_listed_and_shown(job, on_trained):
    listed = on_trained("jobs")
    assert "completed" in listed.out
    assert "2/2" in listed.out
    shown = on_trained("show", "by command")
    assert job["id"] in shown.out
    assert "devel_accuracy" in shown.out
    assert "report.html" in shown.out
    assert on_trained("show", job["id"][:8], "--json").json()["id"] == job["id"]
    assert on_trained("jobs", "--state", "failed").out == "No job is failed.\n"


def test_the_model_predicts_images_by_job_and_by_file(trained_by_command, job, on_trained):
    images = trained_by_command.images
    paths = [str(images / "good" / "good_0000.png"), str(images / "cracked" / "cracked_0000.png")]
    by_job = on_trained("predict", "by command", *paths, "--json").json()
    assert [row["path"] for row in by_job] == paths
    assert all(row["prediction"] in {"cracked", "good", "odd"} and 0 <= row["probability"] <= 1 for row in by_job)
    package = os.path.join(job["artifacts"], job["model_path"].removeprefix("artifacts/"))
    assert on_trained("predict", package, *paths, "--json").json() == by_job
    assert "good_0000.png" in on_trained("predict", "by command", *paths).out


def test_predicting_what_is_no_image_is_one_clear_line(trained_by_command, on_trained, tmp_path):
    torn = str(trained_by_command.images / "good" / "torn.png")
    assert torn in on_trained.fails("predict", "by command", torn, status=1)
    assert "nowhere.png" in on_trained.fails("predict", "by command", str(tmp_path / "nowhere.png"), status=1)


def test_images_are_predicted_though_others_cannot_be_read(trained_by_command, on_trained, tmp_path):
    good = str(trained_by_command.images / "good" / "good_0000.png")
    torn, nowhere = str(trained_by_command.images / "good" / "torn.png"), str(tmp_path / "nowhere.png")
    named = os.fsdecode(os.fsencode(tmp_path) + b"/\xe9.png")
    shutil.copy(good, named)
    result = on_trained("predict", "by command", torn, good, nowhere, named, good, "--json")
    assert result.status == 1
    assert [row["path"] for row in result.json()] == [good, good]
    assert result.json()[:1] == on_trained("predict", "by command", good, "--json").json()
    lines = result.err.splitlines()
    assert [line.split(": ")[0] for line in lines] == ["error"] * 3
    assert "udce9.png: its name is not text in UTF-8: rename it" in lines[0]
    assert torn in lines[1]
    assert f"{nowhere}: no file" in lines[2]
    assert "udce9.png: its name is not text" in on_trained.fails("predict", "by command", named, status=1)


def test_no_secret_is_printed_or_kept_but_in_info(trained_by_command, job):
    folder = trained_by_command.home.parent
    root = Path(job["artifacts"]).parent
    key = json.loads((root / "info.json").read_text())["api_key"]
    assert len(key) >= 20
    assert (root / "info.json").stat().st_mode & 0o777 == 0o600
    holders = [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and key.encode() in path.read_bytes() and path != root / "info.json"
    ]
    assert holders == []
    assert key not in json.dumps(job)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--set", "epochs=0"], "epochs: expected greater than or equal to 1, received 0"),
        (["--set", "epochs=many"], "epochs: expected"),
        (["--set", "epoks=3"], "--epoks: unknown argument, did you mean --epochs?"),
        (["--set", "image_pipeline.target_sise=[8, 8]"], "target_size"),
        (["--set", "epochs"], "expected --set NAME=VALUE, received 'epochs'"),
        (["--config", "/nowhere/config.yaml"], "/nowhere/config.yaml"),
    ],
)
def test_a_wrong_setting_is_wrong_use(command, vials, words, expected):
    line = command.fails("train", "image-classification", "--dataset", str(vials), *words, status=2)
    assert expected in line
    assert command("jobs", "--json").json() == [], "no job is made by wrong use"


def test_an_unknown_model_type_is_told_with_the_nearest(command, vials):
    line = command.fails("train", "image-clasification", "--dataset", str(vials), status=1)
    assert "did you mean 'image-classification'" in line


def test_no_dataset_is_wrong_use(command):
    assert "expected at least one --dataset" in command.fails("train", "image-classification", status=2)


def test_a_missing_dataset_is_one_clear_line(command, tmp_path):
    line = command.fails("train", "image-classification", "--dataset", str(tmp_path / "nowhere"), status=1)
    assert str(tmp_path / "nowhere") in line


def empty(folder):
    folder.mkdir()


def single_class(folder):
    write_image_folder(folder, {"only": 5})


def one_image(folder):
    write_image_folder(folder, {"many": 8, "lone": 1})


def all_unreadable(folder):
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for index in range(3):
            (folder / name / f"{index}.png").write_bytes(b"")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (empty, "expected images"),
        (single_class, "only"),
        (one_image, "lone"),
        (all_unreadable, "6"),
    ],
)
def test_samples_that_cannot_be_trained_on_stop_the_job_before_training(command, tmp_path, make, expected):
    make(tmp_path / "data")
    result = command("train", "image-classification", "--dataset", str(tmp_path / "data"), *SMALL)
    assert result.status == 1, result
    assert "Traceback" not in result.err
    line = result.err.strip().splitlines()[-1]
    assert line.startswith("error: ")
    assert expected in line
    job = command("jobs", "--json").json()[0]
    assert job["state"] == "failed"
    assert expected in job["message"]


def test_ctrl_c_stops_the_job_and_resume_goes_on(tmp_path):
    images = write_image_folder(tmp_path / "vials", {"cracked": 12, "good": 12}, size=(20, 16))
    home = tmp_path / "workspace"
    environment = {**os.environ, "BREVETTI_HOME": str(home), "BREVETTI_CACHE": str(tmp_path / "cache")}
    base = [sys.executable, "-m", "brevetti_keras", "train", "image-classification"]
    training = subprocess.Popen(
        [*base, "--dataset", str(images), *SMALL, "--set", "epochs=400", "--set", "early_stopping.patience=1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # A shell that starts things in the background has them ignore Ctrl-C.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    # Commands of their own would take longer to start than the epochs that they wait for.
    with open_service(str(home)) as service:
        try:
            job = until(lambda: reported(service, training), 240)
            training.send_signal(signal.SIGINT)
            _, err = training.communicate(timeout=240)
        finally:
            training.kill()
        stopped = service.jobs.get(job.id)
    assert training.returncode == 130, err
    assert "Traceback" not in err
    assert stopped.state == "stopped"
    resumed = subprocess.run(
        [*base, "--resume", job.id, "--set", f"epochs={stopped.epoch + 3}", "--json"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=500,
    )
    assert resumed.returncode == 0, resumed.stderr
    after = json.loads(resumed.stdout)
    assert after["state"] == "completed"
    assert after["epoch"] == stopped.epoch + 2


def reported(service, training):
    """The job that runs, once it has reported its second epoch."""
    assert training.poll() is None, training.communicate()
    return next((job for job in service.jobs.list() if (job.epoch or 0) >= 1), None)


def test_an_odd_image_among_good_ones_is_no_reason_to_stop_listing(command, tmp_path):
    write_image(tmp_path / "odd" / "a" / "x.png")
    (tmp_path / "odd" / "a" / "y.png").write_bytes(b"")
    assert "2 images" in command("dataset", "add", str(tmp_path / "odd")).out
