"""`brevetti-keras dataset augment-preview`, as a user types it."""

import os

import pytest
from PIL import Image

pytestmark = pytest.mark.usefixtures("known")


@pytest.fixture
def here(tmp_path, monkeypatch, command, vials):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    command("dataset", "add", str(vials))
    return folder


def preview(command, *words):
    return command("dataset", "augment-preview", "vials", *words)


def test_a_picture_is_written_under_its_default_name(command, here):
    result = preview(command, "--samples", "2", "--versions", "3")
    assert result.status == 0, result.err
    assert result.out == "wrote augment-preview.png: 2 images with 3 variations each\n"
    with Image.open(here / "augment-preview.png") as image:
        assert image.width > 4 * 160


def test_json_tells_what_was_drawn_by_the_settings_given(command, here):
    (here / "my.yaml").write_text("augmentation: {random_transformer: {chance: 1, rotate: 0}}\n")
    answer = preview(
        command,
        *("--config", "my.yaml", "--set", "augmentation.image_noise.chance=0", "--seed", "3"),
        *("--set", "image_pipeline.target_size=[16, 20]", "-o", "sheet.jpg", "--json"),
    ).json()
    assert answer["picture"] == str(here / "sheet.jpg")
    assert os.path.getsize(here / "sheet.jpg") > 1000
    assert len(answer["samples"]) == 6
    for sample in answer["samples"]:
        assert sample["shape"] == [16, 20, 3]
        assert [set(drawn) for drawn in sample["drawn"]] == [{"random_transformer"}] * 6
        assert {drawn["random_transformer"]["rotate"] for drawn in sample["drawn"]} == {0}


def test_the_same_seed_writes_the_same_picture(command, here):
    for name in ("a.png", "b.png"):
        preview(command, "--samples", "1", "--versions", "2", "--seed", "5", "-o", name)
    preview(command, "--samples", "1", "--versions", "2", "--seed", "6", "-o", "c.png")
    pictures = [(here / name).read_bytes() for name in ("a.png", "b.png", "c.png")]
    assert pictures[0] == pictures[1] != pictures[2]


def test_a_file_that_cannot_be_read_is_named(command, here, vials):
    (vials / "good" / "good_0001.png").write_text("no image")
    result = preview(command, "--samples", "20", "--versions", "1")
    assert result.status == 0
    assert result.err.startswith(f"not shown: {vials / 'good' / 'good_0001.png'}: expected an image")
    assert "9 images with 1 variation each" in result.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-o", "x.txt"), r"ending in .png, .jpg, .jpeg, .webp, received 'x.txt'"),
        (("--set", "augmentaton.image_noise.chance=1"), "did you mean --augmentation.image_noise.chance"),
        (("--set", "augmentation.image_noise.chance=2"), "--set augmentation.image_noise.chance"),
        (("--set", "epochs"), "expected --set NAME=VALUE"),
        (("--config", "nowhere.yaml"), "nowhere.yaml"),
        (("--model-type", "os:path"), "expected os:path to be a ModelType or a Job"),
        (("--samples", "100", "--versions", "100"), "at most 400 pictures"),
    ],
)
def test_wrong_use_is_one_clear_line(command, here, words, message):
    assert message in command.fails("dataset", "augment-preview", "vials", *words, status=2)
    assert not os.listdir(here)


def test_an_unknown_dataset_or_an_empty_one_is_one_clear_line(command, here, tmp_path):
    assert "no dataset 'vails'" in command.fails("dataset", "augment-preview", "vails", status=1)
    (tmp_path / "empty").mkdir()
    command("dataset", "add", str(tmp_path / "empty"))
    assert "is there an image in the dataset" in command.fails("dataset", "augment-preview", "empty", status=1)
