"""The sheet of augmented samples: what stands on it, and that it shows what training gets."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.data.image import ImageAugmenter, ImagePipeline
from brevetti_keras.interfaces.augment_preview import augment_preview, overlay
from brevetti_keras.interfaces.contact_sheet import ContactSheet, SheetRow, Tile, draw_sheet
from brevetti_keras.interfaces.drawn_text import drawn_lines
from brevetti_keras.utils.errors import DataError, InvalidInputError, SettingsError
from tests.support.images import write_image_folder

PIPELINE = ImagePipeline(target_size=(24, 32), rescale="imagenet")
AUGMENTER = ImageAugmenter(random_transformer={"chance": 1}, image_noise={"chance": 0.5})


@pytest.fixture
def samples(tmp_path):
    root = write_image_folder(tmp_path / "vials", {"cracked": 2, "good": 9}, size=(12, 10))
    paths = sorted(map(str, root.rglob("*.png")))
    folders = [path.split("/")[-2] for path in paths]
    return pd.DataFrame({"path": paths, "folder": folders, "category": [(folder,) for folder in folders]})


def test_the_same_seed_draws_the_same_sheet_and_another_one_another(samples):
    first, again, other = (
        augment_preview(samples, PIPELINE, AUGMENTER, count=3, versions=2, seed=seed) for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first.picture, again.picture)
    assert first.samples == again.samples
    assert first.picture.dtype == np.uint8
    assert first.samples != other.samples


def test_each_folder_has_its_turn_and_all_samples_come(samples):
    few = augment_preview(samples, PIPELINE, AUGMENTER, count=4, versions=1)
    assert sorted(sample.label for sample in few.samples) == ["cracked", "cracked", "good", "good"]
    every = augment_preview(samples, PIPELINE, AUGMENTER, count=50, versions=1)
    assert sorted(sample.path for sample in every.samples) == sorted(samples.path)


def test_column_k_is_what_a_generator_gives_in_epoch_k(samples):
    sheet = augment_preview(samples, PIPELINE, AUGMENTER, count=3, versions=4, seed=9, side=32)
    rows = samples.set_index("path").loc[[sample.path for sample in sheet.samples]].reset_index()
    generator = DataGenerator(rows, batch_size=3, repeat=True, seed=9, output_structure="img")
    batches = generator.map([PIPELINE, AUGMENTER]).get_dataset_numpy()
    for version in range(4):
        for image in next(batches):
            # Tiles of 32 pixels show the images of 24 x 32 pixel by pixel.
            pixels = np.clip(np.rint((image + 1) * 127.5), 0, 255).astype(np.uint8)
            left = 20 + 150 + (version + 1) * 42
            column = sheet.picture[:, left : left + 32]
            assert any((column[top : top + 24] == pixels).all() for top in range(len(column) - 24))


def test_what_was_drawn_is_told_and_is_json(samples):
    augmenter = ImageAugmenter(random_transformer={"chance": 1}, image_noise={"chance": 0})
    sheet = augment_preview(samples, PIPELINE, augmenter, count=2, versions=3)
    assert [len(sample.drawn) for sample in sheet.samples] == [3, 3]
    assert all(set(drawn) == {"random_transformer"} for sample in sheet.samples for drawn in sample.drawn)
    assert sheet.samples[0].shape == (24, 32, 3)
    json.dumps([sample.drawn for sample in sheet.samples])


@pytest.mark.parametrize("ending", ["png", "jpg", "WEBP"])
def test_the_picture_is_written_by_its_ending(samples, tmp_path, ending):
    sheet = augment_preview(samples, PIPELINE, AUGMENTER, count=1, versions=1)
    path = tmp_path / f"sheet.{ending}"
    sheet.write(path)
    with Image.open(path) as image:
        assert image.size == sheet.picture.shape[1::-1]


def test_another_ending_is_one_line(samples):
    sheet = augment_preview(samples, PIPELINE, AUGMENTER, count=1, versions=1)
    with pytest.raises(InvalidInputError, match=r"ending in \.png, \.jpg, \.jpeg, \.webp, received 'sheet\.txt'"):
        sheet.write("sheet.txt")


def test_a_file_that_cannot_be_read_gives_its_place_to_another(samples, tmp_path):
    (tmp_path / "vials" / "good" / "good_0003.png").write_text("no image")
    sheet = augment_preview(samples, PIPELINE, AUGMENTER, count=11, versions=1)
    assert len(sheet.samples) == 10
    assert list(sheet.unreadable) == [str(tmp_path / "vials" / "good" / "good_0003.png")]


def test_wrong_input_is_one_line(samples, tmp_path):
    with pytest.raises(DataError, match="is there an image in the dataset"):
        augment_preview(samples.iloc[:0], PIPELINE)
    (tmp_path / "bad.png").write_text("no image")
    with pytest.raises(DataError, match=r"received 1 that cannot; .*bad\.png: expected an image"):
        augment_preview(pd.DataFrame({"path": [str(tmp_path / "bad.png")]}), PIPELINE)
    with pytest.raises(InvalidInputError, match="versions: expected an integer from 1 to 100, received 0"):
        augment_preview(samples, PIPELINE, versions=0)
    with pytest.raises(InvalidInputError, match="at most 400 pictures"):
        augment_preview(samples, PIPELINE, count=100, versions=4)
    with pytest.raises(InvalidInputError, match="image: expected an ImagePipeline"):
        augment_preview(samples, 3)
    with pytest.raises(InvalidInputError, match="augmentation: expected an ImageAugmenter"):
        augment_preview(samples, None, PIPELINE)
    with pytest.raises(SettingsError, match="did you mean 'image_noise'"):
        augment_preview(samples, {}, {"image_nose": {}})


def test_masks_are_laid_over_and_move_with_their_images(samples):
    shift = {"chance": 1, "rotate": 0, "shear": 0, "scale": 0, "flip_up_down": False, "flip_left_right": False}
    augmenter = ImageAugmenter(random_transformer={**shift, "translate_vertical": 0}, image_noise={"chance": 0})
    mask = np.zeros((24, 32), np.uint8)
    mask[:, 16:] = 1
    plain = augment_preview(samples, PIPELINE, augmenter, count=1, versions=1, side=32, seed=1)
    masked = augment_preview(
        samples, PIPELINE, augmenter, count=1, versions=1, side=32, seed=1, masks=lambda path: mask
    )
    changed = (plain.picture != masked.picture).any(axis=(0, 2))
    assert not changed[170:186].any()
    assert changed[186:202].all()
    moved = round(plain.samples[0].drawn[0]["random_transformer"]["translate_horizontal"] * 32)
    assert moved
    assert np.flatnonzero(changed[212:244])[0] == pytest.approx(16 + moved, abs=1)


def test_an_overlay_has_a_colour_a_class():
    grey = np.full((2, 3, 3), 100, np.uint8)
    labels = overlay(grey, np.array([[0, 1, 2], [0, 1, 2]]))
    planes = overlay(grey, np.stack([labels[..., 0] * 0, [[0, 1, 0]] * 2, [[0, 0, 1]] * 2], axis=-1)[..., 1:])
    np.testing.assert_array_equal(labels, planes)
    assert (labels[:, 0] == 100).all()
    assert len(np.unique(labels.reshape(-1, 3), axis=0)) == 3
    with pytest.raises(InvalidInputError, match="expected a mask of"):
        overlay(grey, np.zeros((3, 3)))


def test_lines_tell_what_can_be_seen():
    drawn = {
        "random_transformer": {
            "flip_up_down": True,
            "flip_left_right": True,
            "scale": 1.1,
            "rotate": -12.34,
            "translate_horizontal": 0.031,
            "translate_vertical": -0.001,
            "shear": 0.001,
        },
        "image_noise": {"brightness": 0.1, "contrast": 0.85, "hue": -0.02, "saturation": 1.0},
        "image_filter": {"kind": "mean"},
        "image_deformation": {"alpha": 8.0},
        "salt_pepper": {"fraction": 0.0005},
    }
    assert drawn_lines(drawn) == (
        "mirrored, upside down",
        "turned -12.3°, scaled x1.10",
        "shifted +3 %, +0 %",
        "deformed by 8 pixels",
        "mean blur",
        "bright +0.10, contrast x0.85",
        "hue -0.02",
        "specks at 0.05%",
    )
    assert "hue -0.02" not in drawn_lines(drawn, grey=True)
    assert drawn_lines({"image_filter": {"kind": "emboss", "strength": 1.5}}) == ("embossed, strength 1.50",)
    assert drawn_lines({}) == ("unchanged",)


def test_a_sheet_holds_long_and_odd_names():
    tile = Tile(np.full((8, 8, 3), 7, np.uint8), ("x" * 200,))
    sheet = ContactSheet("a\nb" * 300, (), ("one",), (SheetRow(("long" * 99, "b"), (tile,)),))
    picture = draw_sheet(sheet, 40)
    assert (picture[-20:] == 255).all()
    assert (picture[:, -10:] == 255).all()
    # The tile is enlarged to its square, pixel by pixel.
    assert ((picture == 7).all(axis=2)).sum() == 1600
