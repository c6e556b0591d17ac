"""Jobs as programs: signals, exit statuses, crashes, resuming."""

import json
import os
import runpy
import signal
import subprocess

import numpy as np
import pytest

from brevetti_keras.platform import Job, connect
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError
from tests.support.job_scripts import SCRIPT, TRAINING, read_until, run, start


def only_job(workspace):
    with connect(workspace) as platform:
        (job,) = platform.jobs.list()
    return job


def test_a_script_with_arguments_runs_to_its_end(tmp_path, workspace):
    status, out, err = run(tmp_path, SCRIPT, "--epochs", "3", "--name", "first try")
    assert (status, err) == (0, "")
    assert out.endswith("after\n")
    job = only_job(workspace)
    assert (job.state, job.name, job.settings["epochs"], job.job_class) == (
        "completed", "first try", 3, "__main__:TrainingJob",
    )  # fmt: skip


def test_a_wrong_argument_ends_with_one_and_its_line_last(tmp_path, monkeypatch):
    workspace = tmp_path / "untouched"
    monkeypatch.setenv("BREVETTI_HOME", str(workspace))
    status, out, err = run(tmp_path, SCRIPT, "--epohcs", "3")
    assert status == 1
    assert err.strip().splitlines()[-1].endswith("--epohcs: unknown argument, did you mean --epochs?")
    assert out == ""
    assert not workspace.exists()


def test_a_failing_script_ends_with_one(tmp_path, workspace):
    status, _, err = run(tmp_path, SCRIPT, "--fail")
    assert status == 1
    assert err.strip().splitlines()[-1] == "ValueError: this went wrong"
    assert (only_job(workspace).state, only_job(workspace).message) == ("failed", "ValueError: this went wrong")


@pytest.mark.parametrize(
    ("number", "status", "cause"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_signals_stop_the_job(tmp_path, workspace, number, status, cause):
    process = start(tmp_path, SCRIPT, "--pause", "600")
    read_until(process, "running")
    assert only_job(workspace).state == "running"
    process.send_signal(number)
    out, err = process.communicate(timeout=240)
    assert process.returncode == status
    job = only_job(workspace)
    assert (job.state, job.message) == ("stopped", f"stopped by {cause}")
    assert "after" not in out
    assert len(err.strip().splitlines()) == 1
    assert err.strip().endswith(f"go on with --resume {job.id}")


def test_the_platform_can_stop_it(tmp_path, workspace):
    process = start(tmp_path, SCRIPT, "--pause", "600")
    read_until(process, "running")
    with connect(workspace) as platform:
        platform.jobs.stop(only_job(workspace).id)
    assert process.wait(120) == 143
    assert only_job(workspace).state == "stopped"
    process.communicate()


def test_a_killed_job_is_shown_failed(tmp_path, workspace):
    process = start(tmp_path, SCRIPT, "--pause", "600")
    read_until(process, "running")
    assert only_job(workspace).state == "running"
    process.kill()
    process.communicate(timeout=240)
    assert only_job(workspace).state == "failed"


def test_a_second_sigterm_does_not_disturb_the_end(tmp_path, workspace):
    process = start(tmp_path, SCRIPT, "--pause", "600")
    read_until(process, "running")
    for _ in range(3):
        process.terminate()
    process.communicate(timeout=240)
    assert process.returncode in (143, -signal.SIGTERM)
    assert only_job(workspace).state == "stopped"


class TestResume:
    def test_sigterm_keeps_a_checkpoint_and_resume_ends_with_the_same_weights(self, tmp_path, workspace, monkeypatch):
        process = start(tmp_path, TRAINING, "--pause", "600")
        read_until(process, "epoch 2")
        process.terminate()
        process.communicate(timeout=240)
        assert process.returncode == 143
        stopped = only_job(workspace)
        assert stopped.state == "stopped"
        status, out, err = run(tmp_path, TRAINING, "--resume", stopped.id[:8], "--pause", "0")
        assert (status, "from 2" in out) == (0, True), err
        job = only_job(workspace)
        assert (job.id, job.state, job.epoch, job.settings["pause"]) == (stopped.id, "completed", 3, 600)
        with connect(workspace) as platform:
            assert platform.events.curve(job.id)["epoch"] == [0, 1, 2, 3]
            loss = json.loads(platform.artifacts.read(job.id, "loss.json"))
            resumed = platform.artifacts.local_path(job.id, "weights.npz")
        whole = tmp_path / "whole"
        with monkeypatch.context() as patched:
            patched.setenv("BREVETTI_HOME", str(whole))
            runpy.run_path(str(tmp_path / "train.py"), run_name="__main__")
        with connect(whole) as platform:
            (uninterrupted,) = platform.jobs.list()
            expected = json.loads(platform.artifacts.read(uninterrupted.id, "loss.json"))
            weights = platform.artifacts.local_path(uninterrupted.id, "weights.npz")
        assert loss == expected[2:]
        with np.load(resumed) as one, np.load(weights) as other:
            assert one.files == other.files
            for name in one.files:
                np.testing.assert_array_equal(one[name], other[name])

    def test_a_resumed_job_takes_its_last_settings_and_datasets(self, vials, workspace):
        class Stopping(Job):
            class Settings(Job.Settings):
                epochs: int = 10

            settings: Settings

            def run(self):
                if self.settings.epochs == 5:
                    raise KeyboardInterrupt

        with connect() as platform:
            config = platform.jobs.create("x", dataset_ids=[platform.datasets.add(str(vials)).id])
        with pytest.raises(SystemExit):
            Stopping.init(job_id=config.id, argv=["--epochs", "5"]).start()
        again = Stopping.init(resume=config.id, argv=[])
        assert (again.id, again.settings.epochs) == (config.id, 5)
        assert [dataset.bucket for dataset in again.datasets] == [str(vials)]
        changed = Stopping.init(argv=["--resume", config.id, "--epochs", "6"])
        changed.start()
        with connect() as platform:
            assert platform.jobs.get(config.id).state == "completed"

    def test_what_cannot_be_resumed_is_refused(self, tmp_path, workspace, vials):
        class Quick(Job):
            def run(self):
                return None

        job = Quick.init(argv=[])
        job.start()
        with pytest.raises(ConflictError, match=r"expected a job that was stopped or failed, received .*completed"):
            Quick.init(resume=job.id, argv=[])
        with pytest.raises(NotFoundError, match="no job 'nope'"):
            Quick.init(resume="nope", argv=[])
        with pytest.raises(InvalidInputError, match="expected no dataset for a job that is there already"):
            Quick.init(resume=job.id, datasets=[vials], argv=[])
        process = start(tmp_path, SCRIPT, "--pause", "600")
        running = read_until(process, "running").split()[1]
        with pytest.raises(ConflictError, match="which is running"):
            Quick.init(resume=running, argv=[])
        process.kill()
        process.communicate()


FULL = """
from brevetti_keras.platform import Job

class Filling(Job):
    def run(self):
        for index in range(100):
            self.upload_artifact(f"{index}.bin", bytes(100_000))

Filling.init(info_file=__import__("sys").argv[1], argv=[]).start()
"""


def test_a_full_disk_is_one_line(tmp_path):
    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)], capture_output=True)
    if mounted.returncode:
        # Where nothing may be mounted a limit on the size of files is the nearest that the system offers.
        limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)); "
    else:
        limit = ""
    try:
        info = mount / "info.json"
        info.write_text('{"id": "j", "run_id": "r", "name": "n"}')
        script = limit + FULL
        status, _, err = run(tmp_path, script, str(info))
    finally:
        if not limit:
            subprocess.run(["umount", str(mount)], check=True)
    assert status == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith("brevetti_keras.utils.errors.StorageError: ")
    assert "No space left" in last or "File too large" in last
    assert "Logging error" not in err


def test_a_read_only_job_folder_is_one_line(tmp_path):
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "info.json").write_text('{"id": "j", "run_id": "r", "name": "n"}')
    (folder / "artifacts").write_text("a file where the folder should be")
    status, _, err = run(tmp_path, FULL, str(folder / "info.json"))
    assert status == 1
    assert err.strip().splitlines()[-1].startswith("brevetti_keras.utils.errors.")
    assert str(os.path.join(folder, "artifacts")) in err.strip().splitlines()[-1]
