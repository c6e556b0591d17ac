"""What every Platform must do: inherit `PlatformContract` and give the fixture `platform`."""

import json
import os
from pathlib import Path

import pytest

from brevetti_keras.platform.platform import Platform
from brevetti_keras.utils.errors import ConflictError, InvalidInputError, NotFoundError
from brevetti_keras.wire.events import Event, epoch_body, status_body
from brevetti_keras.wire.records import Dataset, FileEntry, Job, JobConfig, ModelType, Tag

GROUPS = ("datasets", "tags", "model_types", "jobs", "events", "artifacts", "charts", "quarantine", "access", "demo")


def epoch(number, key=None, **logs):
    return Event(key=key or f"k-{number}", kind="epoch", body=epoch_body(number, logs))


class PlatformContract:
    @pytest.fixture
    def platform(self) -> Platform:
        raise NotImplementedError

    @pytest.fixture
    def job(self, platform) -> JobConfig:
        return platform.jobs.create("a job")

    def test_has_every_group_and_call(self, platform):
        for group in GROUPS:
            wanted = {name for name in vars(Platform.__annotations__.get(group, object)) if not name.startswith("_")}
            assert wanted <= set(dir(getattr(platform, group)))
        assert platform.host_name.startswith(("file://", "http://"))

    # access and the check of the database

    def test_a_key_is_made_listed_and_ended(self, platform):
        before = platform.access.list()
        record, key = platform.access.create("night run")
        assert (record.name, record.revoked, len(key)) == ("night run", "", 43)
        assert platform.access.list() == [*before, record]
        ended = platform.access.revoke(record.id)
        assert ended.revoked
        assert platform.access.list() == [*before, ended]
        with pytest.raises(NotFoundError):
            platform.access.revoke("none")
        with pytest.raises(InvalidInputError):
            platform.access.create("  ")

    def test_the_files_that_jobs_set_aside_are_listed_by_dataset(self, platform, vials):
        dataset = platform.datasets.add(str(vials))
        assert platform.quarantine.of_dataset(dataset.id) == []
        job = platform.jobs.create("first", dataset_ids=[dataset.id])
        rows = f"path,dataset_id,reason\n{vials}/good/x.png,{dataset.id},empty\n"
        platform.artifacts.write(job.id, "quarantine.csv", rows.encode())
        found = platform.quarantine.of_dataset(dataset.id)
        assert [(file.path, file.reason) for file in found] == [(f"{vials}/good/x.png", "empty")]
        with pytest.raises(NotFoundError):
            platform.quarantine.of_dataset("none")

    def test_what_is_stored_is_whole(self, platform, job):
        assert platform.verify() == []

    # datasets

    def test_a_dataset_is_added_found_changed_and_forgotten(self, platform, vials):
        added = platform.datasets.add(str(vials), name="bottles", tags=["line=3", "site=Aarhus"], notes="n")
        assert isinstance(added, Dataset)
        assert (added.name, added.bucket, added.notes) == ("bottles", str(vials), "n")
        assert [tag.name for tag in added.tags] == ["3", "Aarhus"]
        assert platform.datasets.get(added.id) == platform.datasets.get("bottles") == added
        assert platform.datasets.list() == [added]
        assert platform.datasets.find_or_add(str(vials)) == added
        assert platform.datasets.find_or_add("bottles") == added
        changed = platform.datasets.update(added.id, name="æ/b c", reference="r", tag_ids=[])
        assert (changed.name, changed.reference, changed.notes, changed.tags) == ("æ/b c", "r", "n", ())
        assert platform.datasets.get("æ/b c") == changed
        platform.datasets.remove(added.id)
        assert platform.datasets.list() == []
        assert vials.is_dir()

    def test_a_path_that_is_new_is_added(self, platform, vials, monkeypatch):
        monkeypatch.chdir(vials.parent)
        added = platform.datasets.find_or_add("./vials")
        assert (added.name, added.bucket) == ("vials", str(vials))
        assert platform.datasets.find_or_add("vials") == added

    def test_a_folder_is_uploaded_and_goes_with_its_dataset(self, platform, vials):
        (vials / ".hidden.png").write_bytes(b"x")
        added = platform.datasets.upload(str(vials), tags=["line=3"], notes="n")
        assert (added.name, added.notes, [tag.name for tag in added.tags]) == ("vials", "n", ["3"])
        assert platform.datasets.list() == [added]
        images = {path.relative_to(vials): path.read_bytes() for path in vials.glob("*/*.png")}
        copied = {path.relative_to(added.bucket): path.read_bytes() for path in Path(added.bucket).rglob("*.png")}
        assert images
        assert copied == images
        assert platform.datasets.upload(str(vials)).name == "vials-2"
        with pytest.raises(ConflictError):
            platform.datasets.upload(str(vials), name="vials")
        with pytest.raises(NotFoundError):
            platform.datasets.upload(str(vials / "gone"))
        (vials / "CRACKED").mkdir()
        (vials / "CRACKED" / "0.png").write_bytes(b"x")
        with pytest.raises(ConflictError, match="case"):
            platform.datasets.upload(str(vials))
        platform.datasets.remove(added.id)
        assert not Path(added.bucket).exists()
        assert len(platform.datasets.list()) == len(os.listdir(Path(added.bucket).parent)) - 1 == 1

    def test_datasets_that_cannot_be(self, platform, vials):
        with pytest.raises(NotFoundError):
            platform.datasets.add(str(vials / "no"))
        with pytest.raises(NotFoundError, match="nowhere"):
            platform.datasets.find_or_add("nowhere")
        with pytest.raises(NotFoundError):
            platform.datasets.get("nowhere")
        with pytest.raises(NotFoundError):
            platform.datasets.remove("nowhere")
        platform.datasets.add(str(vials), name="x")
        with pytest.raises(ConflictError):
            platform.datasets.add(str(vials), name="x")
        with pytest.raises(InvalidInputError):
            platform.datasets.add(str(vials), name="")

    # tags

    def test_tags_form_trees(self, platform):
        root = platform.tags.add("line")
        leaf = platform.tags.add("3", parent_id=root.id)
        assert isinstance(root, Tag)
        assert platform.tags.ensure("line=3").id == leaf.id
        other = platform.tags.ensure("line=4")
        assert other.parentId == root.id
        assert [(tag.name, [child.name for child in tag.children]) for tag in platform.tags.list()] == [
            ("line", ["3", "4"])
        ]
        assert platform.tags.update(leaf.id, name="three").name == "three"
        assert {child.name for child in platform.tags.get(root.id).children} == {"three", "4"}
        platform.tags.remove(other.id)
        assert len(platform.tags.get(root.id).children) == 1
        with pytest.raises(NotFoundError):
            platform.tags.get("nope")
        with pytest.raises(InvalidInputError):
            platform.tags.ensure("no equals sign or value=")

    # model types

    def test_model_types_that_are_not_there(self, platform):
        assert all(isinstance(found, ModelType) for found in platform.model_types.list())
        with pytest.raises(NotFoundError):
            platform.model_types.get("no-such-type")
        with pytest.raises(InvalidInputError):
            platform.model_types.add("not a reference")

    # jobs

    def test_a_job_is_made_with_all_that_it_needs(self, platform, vials):
        dataset = platform.datasets.add(str(vials), tags=["line=3"])
        config = platform.jobs.create(
            "first", model_type="m", model_type_version="1", job_class="a:B", kind="report", dataset_ids=[dataset.id],
            models=[{"id": "x", "bucket": "y"}], settings={"epochs": 3, "nested": {"a": [1, None]}},
            tag_ids=[dataset.tagIds[0]],
        )  # fmt: skip
        assert isinstance(config, JobConfig)
        assert len(config.api_key.get_secret_value()) >= 20
        assert config.api_key.get_secret_value() in config.remote_url
        assert config.datasets == (dataset,)
        assert platform.jobs.config(config.id) == config
        job = platform.jobs.get(config.id)
        assert isinstance(job, Job)
        assert (job.name, job.state, job.kind, job.model_type) == ("first", "created", "report", "m")
        assert job.settings == {"epochs": 3, "nested": {"a": [1, None]}}
        assert platform.jobs.get(config.id[:8]) == platform.jobs.get("first") == job
        child = platform.jobs.create("second", parent=config.id)
        assert platform.jobs.get(child.id).parent == config.id
        assert child.parent == platform.jobs.config(child.id).parent == config.id

    def test_jobs_are_listed_newest_first_and_counted(self, platform):
        made = [platform.jobs.create(f"job {number}").id for number in range(3)]
        assert [job.id for job in platform.jobs.list()] == made[::-1]
        assert [job.id for job in platform.jobs.list(limit=1, offset=1)] == [made[1]]
        platform.events.append(made[0], [Event(key="1", kind="status", body=status_body("running"))])
        assert [job.id for job in platform.jobs.list(state="running")] == [made[0]]
        assert (platform.jobs.count(), platform.jobs.count(state="created")) == (3, 2)

    def test_a_job_without_a_process_is_stopped(self, platform, job):
        assert platform.jobs.stop(job.id).state == "stopped"
        assert platform.jobs.get(job.id).state == "stopped"

    def test_a_job_is_started_once_and_taken_out_again(self, platform):
        first, second = (platform.jobs.create("x", job_class="vials.train:TrainingJob").id for _ in range(2))
        assert platform.jobs.start(first).queue_position == 1
        waiting = platform.jobs.start(second)
        assert (waiting.state, waiting.queue_position) == ("queued", 2)
        assert platform.jobs.start(first).queue_position == 1
        assert [job.queue_position for job in platform.jobs.list(state="queued")] == [2, 1]
        assert (platform.jobs.stop(first).state, platform.jobs.get(second).queue_position) == ("stopped", 1)
        assert platform.jobs.start(first).queue_position == 2
        assert platform.jobs.config(first).host_name.startswith("file://")

    def test_jobs_that_cannot_be_started(self, platform, job):
        with pytest.raises(InvalidInputError, match="names none"):
            platform.jobs.start(job.id)
        script = platform.jobs.create("x", job_class="__main__:TrainingJob")
        with pytest.raises(InvalidInputError, match="a class in a script"):
            platform.jobs.start(script.id)
        done = platform.jobs.create("x", job_class="vials.train:TrainingJob")
        for state in ("running", "completed"):
            platform.events.append(done.id, [Event(key=state, kind="status", body=status_body(state))])
            with pytest.raises(ConflictError, match=f"which is {state}"):
                platform.jobs.start(done.id)

    def test_settings_are_checked_as_a_job_will(self, platform):
        check = platform.model_types.validate_settings
        name = "image-classification"
        assert check(name, {"epochs": 3, "image_pipeline": {"rescale": "unit"}}) == {}
        wrong = check(name, {"epochs": 0, "image_pipeline": {"rescale": "huge"}, "epohcs": 3})
        assert set(wrong) == {"epochs", "epohcs", "image_pipeline.rescale"}
        assert "did you mean 'epochs'" in wrong["epohcs"]
        with pytest.raises(NotFoundError):
            check("no-such-type", {})

    def test_samples_are_shown_as_the_network_gets_them(self, platform, vials):
        dataset = platform.datasets.add(str(vials))
        show = platform.model_types.preview
        name = "image-classification"
        found = show(name, {"image_pipeline": {"target_size": [5, 7]}}, [dataset.name, dataset.id], count=3)
        assert [len(sample.views) for sample in found.samples] == [2, 2, 2]
        assert {sample.label for sample in found.samples} == {"cracked", "good"}
        assert {(view.pipeline, view.shape) for view in found.samples[0].views} == {("image_pipeline", (5, 7, 3))}
        assert found.samples[0].views[0].image.startswith("data:image/png;base64,")
        assert set(show(name, {"epochs": 0}, [dataset.id]).errors) == {"epochs"}
        with pytest.raises(NotFoundError):
            show(name, {}, ["no-such-dataset"])
        with pytest.raises(NotFoundError):
            show("no-such-type", {}, [dataset.id])
        with pytest.raises(InvalidInputError):
            show(name, {}, [dataset.id], count=0)

    def test_a_demo_that_is_not_there(self, platform):
        with pytest.raises(NotFoundError, match="'no-such-type'"):
            platform.demo.start("no-such-type")

    def test_root_tags(self, platform, vials):
        dataset = platform.datasets.add(str(vials), tags=["line=3"])
        config = platform.jobs.create("x", dataset_ids=[dataset.id])
        assert [tag.name for tag in platform.jobs.root_tags(config.id)] == ["line"]

    @pytest.mark.parametrize("name", ["nope", "../../etc", "a b/c?d#e%"])
    def test_jobs_that_are_not_there(self, platform, name):
        for call in (
            platform.jobs.get, platform.jobs.config, platform.jobs.stop, platform.jobs.start,
            platform.jobs.root_tags, platform.events.list,
            platform.events.curve, platform.artifacts.list, platform.charts.list,
        ):  # fmt: skip
            with pytest.raises(NotFoundError):
                call(name)
        with pytest.raises(NotFoundError):
            platform.events.append(name, [epoch(0)])
        with pytest.raises(NotFoundError):
            platform.jobs.create("x", dataset_ids=[name])

    def test_a_job_s_name_must_be_text(self, platform):
        with pytest.raises(InvalidInputError):
            platform.jobs.create("")

    # events

    def test_events_are_stored_once_in_order(self, platform, job):
        first = [Event(key="s", kind="status", body=status_body("running", epochs=3)), epoch(0, loss=0.5)]
        assert platform.events.append(job.id, first) == 2
        assert platform.events.append(job.id, [first[1], epoch(1, loss=float("nan"), acc=1)]) == 3
        listed = platform.events.list(job.id)
        assert [(event.key, event.sequence) for event in listed] == [("s", 1), ("k-0", 2), ("k-1", 3)]
        assert listed[2].body == {"epoch": 1, "loss": None, "acc": 1, "nonfinite": {"loss": "NaN"}}
        assert [event.key for event in platform.events.list(job.id, after=1, kinds=["epoch"], limit=1)] == ["k-0"]
        assert platform.events.curve(job.id) == {"epoch": [0, 1], "series": {"loss": [0.5, None], "acc": [None, 1.0]}}
        found = platform.jobs.get(job.id)
        assert (found.state, found.epoch, found.epochs) == ("running", 1, 3)

    def test_another_body_under_a_key_is_refused_and_nothing_stored(self, platform, job):
        platform.events.append(job.id, [epoch(0, loss=1)])
        with pytest.raises(ConflictError):
            platform.events.append(job.id, [epoch(1), epoch(0, loss=2)])
        assert len(platform.events.list(job.id)) == 1

    def test_complete_ends_the_job_for_good(self, platform, job):
        platform.events.append(
            job.id,
            [
                Event(key="o", kind="output", body={"accuracy": 0.5}),
                Event(key="c", kind="complete", body={"model_path": "model.1.tar.gz"}),
                Event(key="late", kind="status", body=status_body("failed")),
            ],
        )
        done = platform.jobs.get(job.id)
        assert (done.state, done.metrics, done.model_path) == ("completed", {"accuracy": 0.5}, "model.1.tar.gz")

    def test_sync_of_a_job_without_a_log_changes_nothing(self, platform, job):
        assert platform.events.sync(job.id) == 0

    # artifacts and charts

    def test_artifacts_are_written_listed_and_read(self, platform, job):
        for path, data in {"a.txt": b"x", "b/c d.bin": bytes(range(256)), "b/æ?#%.txt": b""}.items():
            platform.artifacts.write(job.id, path, data)
            assert platform.artifacts.read(job.id, path) == data
        listed = platform.artifacts.list(job.id)
        assert all(isinstance(entry, FileEntry) for entry in listed)
        assert [(entry.path, entry.size) for entry in listed] == [("a.txt", 1), ("b/c d.bin", 256), ("b/æ?#%.txt", 0)]
        assert [entry.path for entry in platform.artifacts.list(job.id, "b")] == ["b/c d.bin", "b/æ?#%.txt"]
        platform.artifacts.write(job.id, "a.txt", b"new")
        assert platform.artifacts.read(job.id, "a.txt") == b"new"

    @pytest.mark.parametrize("path", ["no.txt", "../info.json", "/etc/passwd", "b/../../info.json"])
    def test_no_path_leads_out(self, platform, job, path):
        with pytest.raises((NotFoundError, InvalidInputError)):
            platform.artifacts.read(job.id, path)

    def test_charts_are_stored_by_name(self, platform, job):
        platform.charts.put(job.id, "loss curve æ", {"mark": "line"})
        platform.charts.put(job.id, "b", '{"mark": "bar"}')
        assert platform.charts.list(job.id) == ["b", "loss curve æ"]
        assert json.loads(platform.charts.get(job.id, "loss curve æ")) == {"mark": "line"}
        with pytest.raises(NotFoundError):
            platform.charts.get(job.id, "none")
        with pytest.raises(InvalidInputError):
            platform.charts.put(job.id, "x", "[1]")

    def test_the_workspace_s_secrets_are_its_owner_s(self, platform, job, workspace):
        info = os.path.join(workspace, "jobs", job.id, "info.json")
        assert os.stat(info).st_mode & 0o077 == 0
