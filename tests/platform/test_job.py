import json
import logging
import os
import stat
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, Field, SecretStr

from brevetti_keras.interfaces.remote_monitor import RemoteMonitor
from brevetti_keras.platform import Dataset, Job, connect, get_image_samples
from brevetti_keras.registry import FoundModelType, ModelType
from brevetti_keras.schema.settings import Settings
from brevetti_keras.utils.errors import (
    AccessError,
    ConflictError,
    DataError,
    InvalidInputError,
    NotFoundError,
    SettingsError,
    StorageError,
)


class Pipeline(Settings):
    target_size: tuple[int, int] | None = None
    rescale: str | None = None


class TrainingJob(Job):
    class Settings(Job.Settings):
        image_pipeline: Pipeline = Pipeline(target_size=(224, 224))
        epochs: int = Field(10, ge=1)

    settings: Settings

    def run(self):
        samples = get_image_samples(self.datasets)
        self.add_output_metric("samples", len(samples))
        path = self.temp_path("model.tar.gz")
        self.io.write_file(path, b"model")
        return path


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def make(**arguments):
    return TrainingJob.init(**{"argv": [], **arguments})


class TestSettings:
    def test_every_source_in_its_order(self, tmp_path, monkeypatch):
        config = tmp_path / "c.yaml"
        config.write_text("epochs: 2\nimage_pipeline: {rescale: unit}\nmax_bad_share: 0.5\n")
        assert make(config=config).settings.epochs == 2
        monkeypatch.setenv("BREVETTI_SETTINGS__EPOCHS", "3")
        assert make(config=config).settings.epochs == 3
        assert make(config=config, argv=["--epochs", "4"]).settings.epochs == 4
        assert make(config=config, argv=["--epochs", "4"], settings={"epochs": 5}).settings.epochs == 5
        job = make(argv=["--config", str(config), "--epochs", "4"], settings={"epochs": 5}, epochs=6)
        assert job.settings.epochs == 6
        assert job.settings.image_pipeline == Pipeline(target_size=(224, 224), rescale="unit")
        assert job.settings.max_bad_share == 0.5

    def test_the_program_s_own_words_are_read(self, monkeypatch):
        monkeypatch.setattr("sys.argv", ["train.py", "--epochs", "7", "--image_pipeline.target_size", "[64, 64]"])
        job = TrainingJob.init()
        assert (job.settings.epochs, job.settings.image_pipeline.target_size) == (7, (64, 64))

    def test_keywords_nest(self):
        assert make(image_pipeline={"rescale": "unit"}).settings.image_pipeline.target_size == (224, 224)
        assert make(image_pipeline=Pipeline(rescale="unit")).settings.image_pipeline.target_size is None

    def test_an_instance_gives_what_was_given_to_it(self):
        job = make(settings=TrainingJob.Settings(max_bad_share=0.3), argv=["--epochs", "4", "--max_bad_share", "0.1"])
        assert (job.settings.epochs, job.settings.max_bad_share) == (4, 0.3)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"epohs": 3}, r"epohs: unknown setting, did you mean 'epochs'\? \(from a keyword of init\)"),
            ({"argv": ["--epohs", "3"]}, r"--epohs: unknown argument, did you mean --epochs\?"),
            ({"epochs": 0}, r"epochs: expected .*1, received 0"),
            ({"settings": {"epochs": "x"}}, r"epochs: expected a valid integer.*'x' \(from settings\)"),
            ({"config": "/none.yaml"}, "expected a settings file"),
        ],
    )
    def test_a_wrong_one_is_one_line_and_makes_no_job(self, workspace, arguments, message):
        with pytest.raises(SettingsError, match=message) as caught:
            make(**arguments)
        assert "\n" not in str(caught.value)
        assert not workspace.exists() or not list((workspace / "jobs").iterdir())

    def test_the_class_or_the_annotation_decides(self):
        class Own(Settings):
            depth: int = 3

        class Annotated(Job):
            settings: Own

        class Deeper(Annotated):
            pass

        class Both(Annotated):
            class Settings(Job.Settings):
                width: int = 4

        class Plain(BaseModel):
            size: int = 5

        class Foreign(Job):
            settings: Plain

        assert Job.settings_class() is Job.Settings
        assert Deeper.init(argv=["--depth", "9"]).settings == Own(depth=9)
        assert Both.init(argv=[]).settings.width == 4
        assert Foreign.init(argv=[], size=6).settings.size == 6

    def test_an_annotation_that_names_nothing_is_one_line(self):
        class Lost(Job):
            settings: "NoSuchClass"  # noqa: F821

        with pytest.raises(InvalidInputError, match=r"expected Lost's annotation of settings .*NoSuchClass"):
            Lost.init(argv=[])

        class Wrong(Job):
            settings: int

        with pytest.raises(InvalidInputError, match="expected Wrong's settings to be a Settings class"):
            Wrong.init(argv=[])

    def test_sagemaker_s_hyperparameters(self, tmp_path, monkeypatch, vials):
        path = tmp_path / "hyperparameters.json"
        given = {"epochs": "4", "max_bad_share": "0.5", "name": "cloud", "dataset": str(vials), "sagemaker_region": "x"}
        path.write_text(json.dumps(given))
        monkeypatch.setattr("brevetti_keras.platform.settings_sources.SAGEMAKER_FILE", str(path))
        job = make(argv=["--max_bad_share", "0.7"])
        assert (job.name, job.settings.epochs, job.settings.max_bad_share) == ("cloud", 4, 0.7)
        assert [dataset.name for dataset in job.datasets] == ["vials"]
        assert make(argv=["--name", "mine"], name="keyword").name == "keyword"
        assert make(argv=["--name", "mine", "--dataset", str(tmp_path)]).datasets[0].name == tmp_path.name

    def test_the_schema_is_the_form(self):
        schema = TrainingJob.Settings.get_schema()
        assert set(schema.schema["properties"]) == {
            *("on_error", "max_bad_share", "min_class_images", "max_megapixels"),
            *("image_pipeline", "epochs"),
        }
        assert any(field.get("model") == "image_pipeline.target_size" for field in schema.vue_form()["fields"])


class TestOrigin:
    def test_a_new_job_stands_on_the_workspace(self, workspace, vials):
        job = make(datasets=[str(vials)], name="first", epochs=3)
        with connect() as platform:
            listed = platform.jobs.get(job.id)
        assert (listed.name, listed.state, listed.job_class) == ("first", "created", f"{__name__}:TrainingJob")
        assert listed.settings["epochs"] == 3
        assert [dataset.name for dataset in listed.datasets] == ["vials"]
        assert job.host_name == f"file://{workspace}"
        assert job.api_endpoints["remote"].startswith(f"/api/models/{job.id}/remotemonitor?key=")
        assert set(job.api_endpoints) == {"remote", "charts", "complete"}

    def test_datasets_by_path_name_record_and_word(self, vials, tmp_path):
        with connect() as platform:
            record = platform.datasets.add(str(vials), name="bottles")
        for given in ("bottles", str(vials), vials, record, Dataset.from_record(record), [record.id]):
            assert [dataset.id for dataset in make(datasets=given).datasets] == [record.id]
        assert make(datasets=Dataset(vials)).datasets[0].id == record.id
        job = make(argv=["--dataset", "bottles", "--dataset", str(tmp_path)])
        assert [dataset.name for dataset in job.datasets] == ["bottles", tmp_path.name]
        assert [dataset.name for dataset in make(datasets=["bottles"], argv=["--dataset", "x"]).datasets] == ["bottles"]

    def test_a_name_that_is_also_a_folder_here_is_told(self, vials, tmp_path, monkeypatch, caplog):
        with connect() as platform:
            platform.datasets.add(str(vials), name="bottles")
        (tmp_path / "here" / "bottles").mkdir(parents=True)
        for place, told in ((vials.parent, False), (tmp_path / "here", True)):
            monkeypatch.chdir(place)
            caplog.clear()
            assert [dataset.bucket for dataset in make(datasets=["bottles"]).datasets] == [str(vials)]
            assert (f"the one in {vials}, not the folder of that name here: give ./bottles" in caplog.text) == told
        caplog.clear()
        assert make(datasets=["./bottles"]).datasets[0].bucket == str(tmp_path / "here" / "bottles")
        assert not caplog.text

    def test_a_missing_dataset_is_one_line(self):
        with pytest.raises(NotFoundError, match="expected a dataset's name or a folder, received 'nowhere'"):
            make(datasets=["nowhere"])
        with pytest.raises(InvalidInputError, match="expected datasets as paths, names or Dataset, received int"):
            make(datasets=[3])

    def test_a_job_by_its_id_takes_what_its_form_says(self, vials):
        with connect() as platform:
            dataset = platform.datasets.add(str(vials))
            config = platform.jobs.create("x", dataset_ids=[dataset.id], settings={"epochs": 4, "max_bad_share": "0.5"})
            job = make(job_id=config.id, argv=["--max_bad_share", "0.7"], platform=platform)
        assert (job.id, job.settings.epochs, job.settings.max_bad_share) == (config.id, 4, 0.7)
        assert job.datasets[0].bucket == str(vials)
        assert make(argv=["--job_id", config.id]).id == config.id

    def test_a_wrong_id_or_key_is_refused(self):
        job = make()
        with pytest.raises(NotFoundError, match="no job 'nope'"):
            make(job_id="nope")
        with pytest.raises(AccessError, match="expected the key of job"):
            make(job_id=job.id, api_key="another")
        assert make(job_id=job.id, api_key=job.api_key).id == job.id

    def test_an_info_file_is_enough(self, tmp_path, vials, monkeypatch):
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        info = {
            "id": "j1", "run_id": "r", "name": "n", "settings": {"epochs": 2}, "api_key": "canary-key",
            "host_name": "http://127.0.0.1:1", "remote_url": "/r?key=canary-key", "charts_url": "/c?key=canary-key",
            "complete_url": "/d?key=canary-key&modelPath=", "tags": [{"id": "t", "name": "T"}], "models": [{"id": "m"}],
            "datasets": [{"id": "d1", "name": "vials", "bucket": str(vials), "tagIds": ["t"]}], "unknown": 1,
        }  # fmt: skip
        (folder / "info.json").write_text(json.dumps(info))
        before = sorted(os.listdir(tmp_path))
        job = make(info_file=folder / "info.json")
        assert (job.id, job.run_id, job.name, job.settings.epochs) == ("j1", "r", "n", 2)
        assert job.host_name == "http://127.0.0.1:1"
        assert job.api_endpoints["complete"] == "/d?key=canary-key&modelPath="
        assert job.api_key.get_secret_value() == "canary-key"
        assert (job.tags[0].name, job.models[0]["id"], job.datasets[0].id) == ("T", "m", "d1")
        assert job.artifact_path("a.txt") == str(folder / "artifacts" / "a.txt")
        assert sorted(os.listdir(tmp_path)) == before, "no workspace is made for it"
        assert make(argv=["--info_file", str(folder / "info.json")]).id == "j1"

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "No such file"),
            ("{", "expected JSON"),
            ("[]", "info.json"),
            ('{"id": "x"}', "run_id"),
            ('{"id": "x", "run_id": "r", "name": "n", "host_name": "ftp://x"}', "expected host_name as http"),
        ],
    )
    def test_a_wrong_info_file_is_one_line(self, tmp_path, content, message):
        path = tmp_path / "info.json"
        if content is not None:
            path.write_text(content)
        with pytest.raises((NotFoundError, InvalidInputError), match=message) as caught:
            make(info_file=path)
        assert "\n" not in str(caught.value)

    def test_another_id_than_the_info_file_s_is_refused(self, workspace):
        job = make()
        with pytest.raises(InvalidInputError, match="received job other"):
            make(info_file=workspace / "jobs" / job.id / "info.json", job_id="other")

    def test_a_workspace_that_cannot_be_made_is_one_line(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises((StorageError, InvalidInputError), match="expected a folder for the workspace") as caught:
            make(platform=str(tmp_path / "file" / "workspace"))
        assert "\n" not in str(caught.value)


class TestPaths:
    def test_paths_are_made_and_lie_in_the_job(self, workspace):
        job = make()
        root = workspace / "jobs" / job.id
        assert job.artifact_path("a", "b.json") == str(root / "artifacts" / "a" / "b.json")
        assert os.path.isdir(root / "artifacts" / "a")
        assert not os.path.exists(root / "artifacts" / "a" / "b.json")
        assert job.artifact_path("c/d", dir=True) == str(root / "artifacts" / "c" / "d")
        assert os.path.isdir(root / "artifacts" / "c" / "d")
        assert job.temp_path("x") == str(root / "temp" / "x")
        assert job.artifact_path(dir=True) == str(root / "artifacts")

    @pytest.mark.parametrize("parts", [("..", "x"), ("a/../../x",), ("/etc/passwd",), ("a\0b",), (), ("",)])
    def test_a_path_out_of_the_job_is_refused(self, parts):
        job = make()
        for path in (job.artifact_path, job.temp_path):
            with pytest.raises(InvalidInputError):
                path(*parts)

    def test_a_link_out_of_the_job_is_refused(self, tmp_path):
        job = make()
        os.symlink(tmp_path, job.artifact_path("out"))
        with pytest.raises(InvalidInputError, match="a link leads out of it"):
            job.artifact_path("out", "x")

    def test_a_file_in_a_folder_s_place_is_one_line(self):
        job = make()
        job.upload_artifact("a", "text")
        with pytest.raises((StorageError, NotFoundError, ConflictError), match="a"):
            job.artifact_path("a", "b")

    def test_files_are_read_and_written(self):
        job = make()
        path = job.artifact_path("x", "y.txt")
        job.io.write_file(path, "æ")
        assert job.io.read_file(path) == "æ".encode()
        assert job.io.isfile(path)


class TestRun:
    def test_files_that_changed_under_it_are_counted(self, vials):
        job = make(datasets=[vials])
        samples = job.datasets[0].get_image_samples()
        os.unlink(samples.path[0])
        job.complete_job()
        assert read_json(job.artifact_path("output.json"))["samples"] == {
            "listed": 7, "used": 7, "quarantined": 0, "changed": 1,
        }  # fmt: skip

    def test_a_whole_job(self, vials, workspace):
        job = make(datasets=[vials], epochs=3)
        kept = job.start()
        assert os.path.dirname(kept) == job.artifact_path(dir=True)
        assert os.path.basename(kept) == "model.1667167008.tar.gz"  # the first 4 bytes of md5(b"model")
        output = read_json(job.artifact_path("output.json"))
        assert output["output"] == {"samples": 7}
        assert output["samples"] == {"listed": 7, "used": 7, "quarantined": 0}
        assert output["job"]["settings"]["epochs"] == 3
        assert output["environment"]["packages"]["numpy"] == np.__version__
        assert output["environment"]["code"] == os.path.abspath(__file__)
        assert set(output["environment"]["git"] or {"commit": 0, "branch": 0, "changed": 0}) == {
            "commit", "branch", "changed",
        }  # fmt: skip
        with connect() as platform:
            done = platform.jobs.get(job.id)
            kinds = [event.kind for event in platform.events.list(job.id)]
            assert not platform.service.jobs.authenticate(job.id, job.api_key.get_secret_value())
        assert (done.state, done.metrics, done.model_path) == ("completed", {"samples": 7}, "model.1667167008.tar.gz")
        assert (done.pid, done.epochs) == (os.getpid(), 3)
        assert kinds == ["status", "output", "status", "complete"]

    def test_a_job_without_a_model_completes_too(self):
        class Report(Job):
            def run(self):
                return None

        job = Report.init(argv=[])
        assert job.start() is None
        with connect() as platform:
            assert platform.jobs.get(job.id).state == "completed"

    def test_completing_can_wait(self):
        job = make(datasets=None)

        class Later(Job):
            def run(self):
                return "anything"

        job = Later.init(argv=[])
        assert job.start(complete_job=False) == "anything"
        with connect() as platform:
            assert platform.jobs.get(job.id).state == "running"
        model = job.temp_path("m.tar.gz")
        job.io.write_file(model, b"x")
        assert os.path.isfile(job.complete_job(model))
        with connect() as platform:
            assert platform.jobs.get(job.id).state == "completed"
        with pytest.raises(ConflictError, match="which is"):
            job.complete_job()
        with pytest.raises(ConflictError, match="make a new one"):
            job.start()

    def test_a_run_that_completes_itself_is_not_completed_twice(self):
        class Eager(Job):
            def run(self):
                self.complete_job()

        job = Eager.init(argv=[])
        job.start()
        with connect() as platform:
            assert [event.kind for event in platform.events.list(job.id)].count("complete") == 1

    def test_usable_before_and_without_start(self):
        job = make()
        job.add_output_metrics({"a": np.float32(0.5), "b": float("nan"), "c": np.int64(2)})
        assert read_json(job.upload_job_output())["output"] == {"a": 0.5, "b": None, "c": 2}
        job.upload_chart("x", {"mark": "bar"})
        with connect() as platform:
            assert platform.jobs.get(job.id).metrics == {"a": 0.5, "b": None, "c": 2}
            assert platform.charts.list(job.id) == ["x"]

    @pytest.mark.parametrize(("key", "value"), [("", 1), (3, 1), ("a", object())])
    def test_a_metric_that_json_cannot_hold_is_refused_at_once(self, key, value):
        with pytest.raises(InvalidInputError):
            make().add_output_metric(key, value)

    def test_a_failure_is_reported_kept_and_raised_again(self, workspace):
        class Broken(Job):
            def run(self):
                raise RuntimeError("out of\nluck")

        job = Broken.init(argv=[])
        with pytest.raises(RuntimeError, match="luck"):
            job.start()
        with connect() as platform:
            failed = platform.jobs.get(job.id)
        assert (failed.state, failed.message) == ("failed", "RuntimeError: out of")
        text = job.io.read_file(job.artifact_path("traceback.txt")).decode()
        assert "in run" in text
        assert 'raise RuntimeError("out of\\nluck")' in text
        assert "RuntimeError" in job.io.read_file(job.artifact_path("log.txt")).decode()
        assert read_json(job.artifact_path("output.json"))["job"]["id"] == job.id

    def test_our_own_errors_show_their_line_alone(self):
        class Broken(Job):
            def run(self):
                raise DataError("expected this, received that")

        job = Broken.init(argv=[])
        with pytest.raises(DataError):
            job.start()
        with connect() as platform:
            assert platform.jobs.get(job.id).message == "expected this, received that"

    def test_a_model_that_is_not_there_fails_with_a_clear_line(self):
        class Lost(Job):
            def run(self):
                return "/nowhere/model.tar.gz"

        with pytest.raises(NotFoundError, match=r"expected run\(\) to return the path of the packaged model"):
            Lost.init(argv=[]).start()

    def test_a_run_that_was_not_written_says_so(self):
        with pytest.raises(NotImplementedError, match=r"write Job.run\(self\)"):
            Job.init(argv=[]).start()

    def test_ctrl_c_stops(self):
        class Interrupted(Job):
            def run(self):
                raise KeyboardInterrupt

        job = Interrupted.init(argv=[])
        with pytest.raises(SystemExit) as ended:
            job.start()
        assert ended.value.code == 130
        with connect() as platform:
            assert (platform.jobs.get(job.id).state, platform.jobs.get(job.id).message) == (
                "stopped",
                "stopped by Ctrl-C",
            )

    def test_in_a_shell_ctrl_c_ends_the_job_and_not_the_shell(self, monkeypatch):
        class Interrupted(Job):
            def run(self):
                raise KeyboardInterrupt

        monkeypatch.setattr("sys.ps1", ">>> ", raising=False)
        with pytest.raises(KeyboardInterrupt):
            Interrupted.init().start()

    def test_two_jobs_at_once(self, vials):
        first, second = make(datasets=[vials]), make(datasets=[vials])
        first.upload_artifact("a", "1")
        second.start()
        first.start()
        assert first.id != second.id
        with connect() as platform:
            assert {platform.jobs.get(job.id).state for job in (first, second)} == {"completed"}
            assert [entry.path for entry in platform.artifacts.list(second.id) if entry.path == "a"] == []

    def test_its_repr_tells_id_and_name_only(self):
        job = make(name="n")
        assert repr(job) == f"TrainingJob(id={job.id!r}, name='n')"
        assert job.api_key.get_secret_value() not in repr(job.api_endpoints) + repr(vars(job)) + str(job.api_key)


class TestLog:
    def test_logging_and_warnings_go_to_the_job_s_log_while_it_runs(self):
        class Talking(Job):
            def run(self):
                logging.getLogger("some.library").warning("from a library")
                logging.getLogger("brevetti_keras.x").info("from ours")
                warnings.warn("be careful", UserWarning, stacklevel=1)

        job = Talking.init(argv=[])
        with pytest.warns(UserWarning, match="be careful"):
            job.start()
        logging.getLogger("some.library").warning("afterwards")
        text = job.io.read_file(job.artifact_path("log.txt")).decode()
        assert "WARNING some.library: from a library" in text
        assert "INFO brevetti_keras.x: from ours" in text
        assert "UserWarning: be careful" in text
        assert "afterwards" not in text

    def test_logging_is_as_it_was_afterwards(self):
        root, own = logging.getLogger(), logging.getLogger("brevetti_keras")
        before = (list(root.handlers), own.level, warnings.showwarning)
        make(datasets=None).temp_path("x")
        with pytest.raises(InvalidInputError):
            make().start()
        assert (list(root.handlers), own.level, warnings.showwarning) == before


class TestSecrets:
    CANARY = "canary-5ecret-value"

    def test_no_secret_is_in_any_file_log_or_message(self, vials, monkeypatch, capfd, caplog, workspace):
        canary = self.CANARY

        class Leaking(Job):
            class Settings(Job.Settings):
                password: SecretStr = SecretStr("")

            settings: Settings

            def run(self):
                key = self.api_key.get_secret_value()
                logging.getLogger("x").warning("POST %s%s", self.host_name, self.api_endpoints["remote"])
                self.upload_artifact("a.txt", f"key {key} {canary}")
                self.upload_artifact("a.json", {"key": key, "url": f"https://me:{canary}@host/"})
                self.upload_chart("c", {"title": canary, "mark": key})
                self.add_output_metric("m", key)
                raise RuntimeError(
                    f"cannot POST /x?key={key} with {canary} {self.settings.password.get_secret_value()}"
                )

        monkeypatch.setenv("MY_API_TOKEN", canary)
        job = Leaking.init(argv=[], datasets=[vials], password="pass-word-canary")
        key = job.api_key.get_secret_value()
        with pytest.raises(RuntimeError) as caught:
            job.start()
        shown = "".join(capfd.readouterr()) + caplog.text + repr(caught.value) + str(caught.value)
        secrets = [key, canary, "pass-word-canary"]
        assert [secret for secret in secrets if secret in shown] == []
        for folder, _, names in os.walk(workspace):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    content = file.read()
                found = [secret for secret in secrets if secret.encode() in content]
                assert found == ([key] if name == "info.json" else []), path
        info = workspace / "jobs" / job.id / "info.json"
        assert stat.S_IMODE(info.stat().st_mode) == 0o600


class TestArtifacts:
    def test_payloads_of_every_kind(self, tmp_path):
        job = make()
        source = tmp_path / "s.bin"
        source.write_bytes(b"\x00\xff")
        cases = {"a/t.txt": "æ", "b.bin": b"\x01", "c.json": {"x": np.arange(2)}, "d.json": [1], "e.bin": source}
        paths = {name: job.upload_artifact(name, payload) for name, payload in cases.items()}
        read = {name: job.io.read_file(path) for name, path in paths.items()}
        assert read["a/t.txt"] == "æ".encode()
        assert read["b.bin"] == b"\x01"
        assert json.loads(read["c.json"]) == {"x": [0, 1]}
        assert read["e.bin"] == b"\x00\xff"
        with pytest.raises(InvalidInputError):
            job.upload_artifact("../x", "y")
        with pytest.raises(InvalidInputError):
            job.upload_artifact("x", object())

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            (({"name": "n", "title": "t"},), "n"),
            (({"title": "t"},), "t"),
            (({"title": {"text": "loss / epoch"}},), "loss epoch"),
            (('{"title": "../up"}',), "up"),
            (({"mark": "bar"},), "chart-1"),
            (("given", {"name": "n"}), "given"),
            (("given", '{"mark": "bar"}'), "given"),
        ],
    )
    def test_charts_are_named(self, arguments, name):
        job = make()
        job.upload_chart(*arguments)
        with connect() as platform:
            assert platform.charts.list(job.id) == [name]
            events = platform.events.list(job.id)
        assert [event.body["name"] for event in events] == []
        with connect() as platform:
            platform.events.sync(job.id)
            assert [event.body for event in platform.events.list(job.id)] == [
                {"name": name, "path": f"charts/{name}.json"}
            ]

    def test_nameless_charts_are_counted(self):
        job = make()
        for _ in range(2):
            job.upload_chart({"mark": "bar"})
        with connect() as platform:
            assert platform.charts.list(job.id) == ["chart-1", "chart-2"]

    @pytest.mark.parametrize(
        "arguments", [("a/b", {}), ("", {}), (".hidden", {}), ("x" * 121, {}), ("a", "[1]"), ("{",), ("a", "{")]
    )
    def test_a_chart_that_cannot_be_is_refused(self, arguments):
        with pytest.raises(InvalidInputError):
            make().upload_chart(*arguments)

    def test_equal_models_have_equal_names(self):
        names = []
        for content in (b"a", b"a", b"b"):
            job = make()
            path = job.temp_path("net.tar.gz")
            job.io.write_file(path, content)
            names.append(os.path.basename(job.complete_job(path)))
        assert names[0] == names[1] != names[2]
        assert all(name.startswith("net.") and name.endswith(".tar.gz") for name in names)

    def test_root_tags_come_from_the_platform(self, vials):
        with connect() as platform:
            platform.datasets.add(str(vials), tags=["line=3"])
        tags = make(datasets=["vials"]).get_root_tags()
        assert [(tag.name, tag.children[0].name) for tag in tags] == [("line", "3")]


class TestAgain:
    def test_a_job_that_failed_may_be_started_again(self):
        class Second(Job):
            tries = 0

            def run(self):
                self.tries += 1
                if self.tries == 1:
                    raise ValueError("first")

        job = Second.init(argv=[])
        with pytest.raises(ValueError, match="first"):
            job.start()
        job.start()
        with connect() as platform:
            assert platform.jobs.get(job.id).state == "completed"

    def test_a_job_runs_in_a_thread_of_its_own(self, vials):
        job = make(datasets=[vials])
        with ThreadPoolExecutor(1) as pool:
            kept = pool.submit(job.start).result()
        assert os.path.isfile(kept)

    def test_datasets_of_a_job_that_is_there_are_its_own(self, vials):
        job = make()
        with pytest.raises(InvalidInputError, match="expected no dataset for a job that is there already"):
            make(job_id=job.id, datasets=[vials])
        with pytest.raises(InvalidInputError, match="expected no dataset for a job that is there already"):
            make(argv=["--job_id", job.id, "--dataset", str(vials)])


class TestCallbacks:
    def test_all_of_the_platform_s_callbacks(self):
        class Generator:
            samples = pd.DataFrame({"path": ["a"]})

        found = [type(callback).__name__ for callback in make().callbacks(Generator())]
        assert found == [
            "CheckpointCallback", "RemoteMonitor", "FacetsReport", "ChartUpload", "PivotReport", "TensorBoard",
        ]  # fmt: skip

    def test_a_monitor_reports_to_the_job_s_page(self):
        job = make()
        monitor = job.get_remote_monitor()
        for epoch in range(2):
            monitor.on_epoch_end(epoch, {"loss": np.float32(0.5), "bad": float("inf")})
        own = RemoteMonitor(root=job.host_name, path=job.api_endpoints["remote"])
        own.on_epoch_end(2, {"loss": 0.25})
        with connect() as platform:
            platform.events.sync(job.id)
            assert platform.events.curve(job.id) == {
                "epoch": [0, 1, 2], "series": {"loss": [0.5, 0.5, 0.25], "bad": [None, None, None]},
            }  # fmt: skip
            assert platform.jobs.get(job.id).epoch == 2

    def test_a_new_job_restores_nothing(self):
        job = make()
        job.checkpoint_callback(Untouchable()).on_epoch_end(2)
        assert job.restore(Untouchable()) == 0

    @pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
    def test_what_ends_a_job_leaves_the_last_epoch_s_checkpoint(self, error):
        class Broken(TrainingJob):
            def run(self):
                callback = self.checkpoint_callback(Untouchable())
                callback.on_epoch_end(0)
                callback.on_train_end()
                for epoch in (1, 2):  # these wait until five seconds are over
                    callback.on_epoch_end(epoch)
                raise error

        job = Broken.init(argv=[])
        with pytest.raises((error, SystemExit)):
            job.start()
        folder = Path(job.artifact_path("x")).parents[1] / "checkpoints"
        assert (folder / "epoch-000003.json").exists()


class Untouchable:
    """A model without variables; touching anything else of it fails."""

    variables = ()
    optimizer = None


class TestModelType:
    def test_an_installed_model_type_is_recorded_with_its_version(self, monkeypatch):
        class Vials(ModelType):
            name = "vials"
            version = "1.2"
            job = f"{__name__}:TrainingJob"

        package = __name__.partition(".")[0]
        found = {
            "vials": FoundModelType("vials", f"{package}.x:Vials", "p"),
            "other": FoundModelType("o", "broken:X", "p"),
        }
        monkeypatch.setattr("brevetti_keras.platform.job_setup.find_model_types", lambda: found)
        monkeypatch.setattr("brevetti_keras.platform.job_setup.load_model_type", {"vials": Vials}.__getitem__)
        job = make()
        with connect() as platform:
            listed = platform.jobs.get(job.id)
        assert (listed.model_type, listed.model_type_version) == ("vials", "1.2")


def test_a_job_reports_to_a_workspace_in_a_folder_of_any_name(tmp_path):
    home = str(tmp_path / "odd %41 ü dir")

    class Odd(Job):
        def run(self):
            self.get_remote_monitor().on_epoch_end(0, {"loss": 0.5})

    job = Odd.init(platform=home, argv=[])
    job.start()
    platform = connect(home)
    assert platform.jobs.get(job.id).state == "completed"
    assert platform.events.curve(job.id)["series"] == {"loss": [0.5]}
    assert job.artifact_path("x.txt").startswith(home)


def test_a_job_without_a_name_is_named_by_what_it_is_and_what_it_is_made_of(tmp_path):
    class Plain(Job):
        pass

    for name in ("vials", "caps"):
        (tmp_path / name).mkdir()
    home = str(tmp_path / "workspace")
    assert Plain.init(platform=home, argv=[]).name == "Plain"
    named = Plain.init(platform=home, argv=[], datasets=[str(tmp_path / "vials"), str(tmp_path / "caps")])
    assert named.name == "Plain on vials, caps"
    assert Plain.init(platform=home, argv=[], name="mine").name == "mine"


@pytest.mark.parametrize("settings", ["epochs", [1], 5])
def test_settings_that_are_no_mapping_are_one_line(settings):
    with pytest.raises(
        InvalidInputError, match=f"expected settings as a mapping .*, received {type(settings).__name__}"
    ):
        make(settings=settings)


def test_a_name_that_is_no_text_is_one_line():
    with pytest.raises(InvalidInputError, match="expected the name of a job as text, received int"):
        make(name=5)


def test_a_platform_that_is_none_is_one_line():
    with pytest.raises(InvalidInputError, match="or a Platform, received int"):
        make(platform=5)


def test_a_run_that_returns_no_path_is_one_line():
    class Counting(Job):
        def run(self):
            return 5

    job = Counting.init(argv=[])
    with pytest.raises(InvalidInputError, match=r"expected run\(\) to return the path .*, received int"):
        job.start()
    with connect() as platform:
        assert platform.jobs.get(job.id).state == "failed"


def test_a_job_of_another_class_is_not_resumed():
    class Failing(Job):
        def run(self):
            raise ValueError("no")

    job = Failing.init(argv=[])
    with pytest.raises(ValueError, match="no"):
        job.start()
    assert Failing.init(resume=job.id, argv=[]).id == job.id
    with pytest.raises(InvalidInputError, match=r"expected a job of TrainingJob, received .*, one of .*Failing"):
        make(resume=job.id)


def test_a_dataset_given_twice_is_one(vials):
    job = make(datasets=[vials, str(vials)])
    assert [dataset.bucket for dataset in job.datasets] == [str(vials)]
    assert job.name == "TrainingJob on vials"
