"""Samples are shown as the settings hand them to the network, and what cannot be shown says why."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.io.google_client import Patience
from brevetti_keras.platform import Job, sample_preview, settings_check
from brevetti_keras.platform.sample_preview import main, preview
from brevetti_keras.schema.settings import Settings
from brevetti_keras.utils.errors import NotFoundError
from tests.support.gcs import upload_folder
from tests.support.gcs_fake import Fault
from tests.support.images import write_image_folder

FLIPPED = {
    "random_transformer": {"chance": 1, "flip_left_right": True, "flip_up_down": False, "rotate_chance": 0, "scale": 0,
                           "translate_horizontal": 0, "translate_vertical": 0, "shear": 0},
    "image_noise": {"chance": 0},
}  # fmt: skip


class Input(Settings):
    pictures: ImagePipeline = ImagePipeline(target_size=(6, 4), rescale="imagenet")


class Two(Job.Settings):
    first: Input = Input()
    others: tuple[ImagePipeline, ...] = ()
    vary: ImageAugmenter = ImageAugmenter(**FLIPPED)


class Plain(Job.Settings):
    epochs: int = 3


class TwoJob(Job):
    settings: Two


class NoneJob(Job):
    settings: Plain


@pytest.fixture(autouse=True)
def reference(monkeypatch):
    """This module is not importable by its name; what it holds is found all the same."""

    def find(reference):
        return globals()[reference.partition(":")[2]]

    monkeypatch.setattr(settings_check, "load_reference", find)
    monkeypatch.setattr(sample_preview, "load_reference", find)


def asked(folder, job="TwoJob", count=8, seed=0, **settings):
    datasets = [{"id": "1", "bucket": str(folder)}]
    return preview(f"x:{job}", {"settings": settings, "datasets": datasets, "count": count, "seed": seed})


def pixels(view):
    data = base64.b64decode(view.image.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_picture_is_what_the_network_gets(tmp_path):
    gradient = np.zeros((6, 4, 3), np.uint8)
    gradient[:, :2] = (250, 10, 60)
    (tmp_path / "good").mkdir()
    Image.fromarray(gradient).save(tmp_path / "good" / "a.png")
    [sample] = asked(tmp_path).samples
    assert (sample.label, sample.path, sample.dataset_id) == ("good", str(tmp_path / "good" / "a.png"), "1")
    plain, varied = sample.views
    assert (plain.pipeline, plain.augmentation, plain.shape) == ("first.pictures", "", (6, 4, 3))
    np.testing.assert_array_equal(pixels(plain), gradient)
    assert (varied.augmentation, varied.shape) == ("vary", (6, 4, 3))
    shown = [pixels(asked(tmp_path, seed=seed).samples[0].views[1]) for seed in range(12)]
    assert {bool((image == gradient[:, ::-1]).all()) for image in shown} == {True, False}


def test_classes_share_the_samples_and_a_seed_draws_others(tmp_path):
    write_image_folder(tmp_path, {"a": 30, "b": 30, "c": 1}, size=(4, 4))
    first = asked(tmp_path)
    labels = [sample.label for sample in first.samples]
    assert (len(labels), labels.count("c")) == (8, 1)
    assert abs(labels.count("a") - labels.count("b")) <= 1
    assert asked(tmp_path) == first
    assert [one.path for one in asked(tmp_path, seed=1).samples] != [one.path for one in first.samples]
    assert len(asked(tmp_path, count=2).samples) == 2


def test_an_image_that_cannot_be_read_is_a_view_with_the_reason(tmp_path):
    write_image_folder(tmp_path, {"a": 1}, size=(4, 4))
    (tmp_path / "a" / "broken.png").write_bytes(b"no image")
    broken, sound = sorted(asked(tmp_path).samples, key=lambda one: not one.views[0].problem)
    assert "begins with" in broken.views[0].problem
    assert str(tmp_path) not in broken.views[0].problem
    assert (broken.views[0].image, len(broken.views)) == ("", 1)
    assert sound.views[0].image


def test_one_that_takes_too_much_memory_says_so(tmp_path, monkeypatch):
    def refuse(self, path):
        raise MemoryError

    write_image_folder(tmp_path, {"a": 1}, size=(4, 4))
    monkeypatch.setattr(ImagePipeline, "load_image", refuse)
    assert "more memory" in asked(tmp_path).samples[0].views[0].problem


def test_wrong_settings_are_named_and_nothing_is_shown(tmp_path):
    found = asked(tmp_path, first={"pictures": {"target_size": [0, 4]}})
    assert set(found.errors) == {"first.pictures.target_size"}
    assert found.samples == ()


def test_series_stand_side_by_side_and_large_ones_are_made_smaller(tmp_path):
    (tmp_path / "a").mkdir()
    Image.new("L", (600, 300), 200).save(tmp_path / "a" / "x.png")
    rois = [[[0, 0], [20, 30]], [[20, 0], [40, 30]]]
    series = {"rois": rois, "roi_mode": "as_timeseries", "target_size": None}
    [sample] = asked(tmp_path, others=[series, {"color_mode": "greyscale"}]).samples
    views = [view for view in sample.views if not view.augmentation]
    assert [view.shape for view in views] == [(6, 4, 3), (2, 30, 20, 3), (300, 600, 1)]
    assert pixels(views[1]).shape == (30, 40, 3)
    assert pixels(views[2]).shape == (128, 256)
    assert not any(view.problem for view in sample.views)


def test_what_is_not_shown_is_noted(tmp_path):
    write_image_folder(tmp_path / "one", {"a": 1}, size=(4, 4))
    (tmp_path / "empty").mkdir()
    assert "no image pipeline" in asked(tmp_path / "one", "NoneJob").notes[0]
    assert "no image in" in asked(tmp_path / "empty").notes[0]
    assert "first 4 of 6" in asked(tmp_path / "one", others=[{}] * 5).notes[0]
    with pytest.raises(NotFoundError):
        asked(tmp_path / "gone")


def test_images_in_a_bucket_are_shown_as_those_in_a_folder(tmp_path, fake_bucket):
    write_image_folder(tmp_path / "vials", {"a": 6, "b": 6}, size=(4, 4))
    upload_folder(tmp_path / "vials", "gs://bucket/vials")
    there, here = asked("gs://bucket/vials", count=4), asked(tmp_path / "vials", count=4)
    assert there.notes == ()
    assert [sample.path for sample in there.samples] == [
        sample.path.replace(str(tmp_path), "gs://bucket") for sample in here.samples
    ]
    assert [sample.views for sample in there.samples] == [sample.views for sample in here.samples]
    assert len(fake_bucket.sent) == 4
    assert asked("gs://bucket/vials", count=4) == there
    assert len(fake_bucket.sent) == 4


def test_an_object_that_cannot_be_read_is_a_view_with_the_reason(fake_bucket):
    fake_bucket.put("a/broken.png", b"no image")
    [sample] = asked("gs://bucket").samples
    assert "begins with" in sample.views[0].problem


@pytest.mark.parametrize("named", ["gs://bucket/x", "list.csv"])
def test_a_bucket_out_of_reach_is_noted_and_the_rest_shown(tmp_path, fake_bucket, monkeypatch, named):
    monkeypatch.setattr(Patience, "from_environment", lambda: Patience(deadline=0.05, first_wait=0.005))
    fake_bucket.faults += [Fault("GET", kind="status")] * 1000
    write_image_folder(tmp_path / "here", {"a": 1}, size=(4, 4))
    (tmp_path / "list.csv").write_text("path,category\ngs://bucket/x/1.png,a\n")
    place = named if "://" in named else str(tmp_path / named)
    datasets = [{"id": "1", "bucket": place}, {"id": "2", "bucket": str(tmp_path / "here")}]
    shown = preview("x:TwoJob", {"settings": {}, "datasets": datasets, "count": 8, "seed": 0})
    assert [sample.dataset_id for sample in shown.samples] == ["2"]
    assert shown.notes[0].startswith(f"The images at {place} are not shown: ")
    assert "\n" not in shown.notes[0]


@pytest.mark.parametrize(("job", "folder", "kind"), [("TwoJob", "gone", "NotFoundError"), ("Nope", "one", "")])
def test_the_child_answers_in_one_line_of_json(tmp_path, monkeypatch, capsys, job, folder, kind):
    monkeypatch.setattr(sample_preview, "limit_memory", lambda allowed: None)
    datasets = [{"id": "1", "bucket": str(tmp_path / folder)}]
    content = json.dumps({"settings": {}, "datasets": datasets, "count": 1, "seed": 0})
    monkeypatch.setattr("sys.argv", ["x", "--", f"x:{job}"])
    monkeypatch.setattr("sys.stdin", io.StringIO(content))
    assert main() == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["kind"] == kind
    assert answer["error"]
