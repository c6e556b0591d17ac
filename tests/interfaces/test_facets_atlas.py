"""Facets: the grid of sprites, its order and values, and the records beside it."""

import io
import json
import math

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from brevetti_keras.data.data_generator import DataGenerator, OneHotEncoder
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.interfaces.facets_atlas import build_facets
from brevetti_keras.utils.errors import DataError, InvalidInputError

LEVELS = (30, 120, 220)


def read(folder):
    records = json.loads((folder / "facets.json").read_text())
    with Image.open(io.BytesIO((folder / "spriteatlas.jpeg").read_bytes())) as atlas:
        assert atlas.format == "JPEG"
        return records, np.asarray(atlas.convert("RGB"))


def tile(atlas, place):
    columns = atlas.shape[1] // 64
    row, column = divmod(place, columns)
    return atlas[64 * row : 64 * row + 64, 64 * column : 64 * column + 64]


def batch(levels=LEVELS, shape=(64, 64, 3), dtype=np.float32):
    return {"img": np.stack([np.full(shape, level, dtype) for level in levels]), "name": np.array(list(levels))}


@pytest.fixture
def samples(tmp_path):
    rows = []
    for number in range(10):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (32, 16), (20 * number, 255 - 20 * number, 0)).save(path)
        rows.append((str(path), ("good", "odd") if number == 3 else ("good",), number, str(tmp_path)))
    return pd.DataFrame(rows, columns=["path", "category", "number", "bucket"])


@pytest.mark.parametrize("count", [1, 2, 4, 5, 10])
def test_sprites_stand_row_by_row_on_a_square_grid_black_where_empty(tmp_path, count):
    levels = [100 + 10 * number for number in range(count)]
    build_facets([batch(levels)], str(tmp_path / "facets"))
    records, atlas = read(tmp_path / "facets")
    columns = math.ceil(math.sqrt(count))
    assert atlas.shape == (64 * columns, 64 * columns, 3)
    assert [record["name"] for record in records] == levels
    for place in range(columns**2):
        expected = levels[place] if place < count else 0
        assert np.abs(tile(atlas, place)[8:-8, 8:-8].astype(int) - expected).max() <= 4


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (-1, 1)])
def test_every_value_range_shows_the_same(tmp_path, low, high):
    levels = [low + level / 255 * (high - low) for level in LEVELS]
    build_facets([batch(levels[:1]), batch(levels[1:])], str(tmp_path))
    _, atlas = read(tmp_path)
    for place, level in enumerate(LEVELS):
        assert np.abs(tile(atlas, place).astype(int) - level).max() <= 4


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 1), (64, 64, 4), (2, 64, 64, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_grey_alpha_and_series_are_shown(tmp_path, shape, dtype):
    build_facets([batch(shape=shape, dtype=dtype)], str(tmp_path))
    _, atlas = read(tmp_path)
    assert [int(tile(atlas, place)[32, 32, 0]) for place in range(3)] == pytest.approx(LEVELS, abs=4)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_proportions_are_kept_with_black_around(tmp_path, dtype):
    build_facets([batch([200], shape=(30, 120, 3), dtype=dtype)], str(tmp_path))
    _, atlas = read(tmp_path)
    assert atlas[:20].max() <= 12
    assert atlas[-20:].max() <= 12
    assert atlas[28:36].min() >= 190


@pytest.mark.parametrize("rescale", [None, "unit", "imagenet"])
def test_a_generator_gives_pictures_and_rows_in_its_order(tmp_path, samples, rescale):
    generator = DataGenerator(samples, batch_size=4, shuffle=True, repeat=True, seed=1, output_structure=("img",))
    generator = generator.map([ImagePipeline(target_size=(20, 20), rescale=rescale), OneHotEncoder(["good", "odd"])])
    build_facets(generator, str(tmp_path / "facets"))
    records, atlas = read(tmp_path / "facets")
    assert sorted(record["number"] for record in records) == list(range(10))
    assert all(set(record) == {"category", "number"} for record in records)
    assert next(record["category"] for record in records if record["number"] == 3) == ["good", "odd"]
    for place, record in enumerate(records):
        expected = [20 * record["number"], 255 - 20 * record["number"], 0]
        assert np.abs(tile(atlas, place)[32, 32].astype(int) - expected).max() <= 8


def test_bright_images_of_a_pipeline_that_tells_its_range_are_not_brighter_still(tmp_path):
    Image.new("RGB", (8, 8), (200, 200, 200)).save(tmp_path / "a.png")
    frame = pd.DataFrame({"path": [str(tmp_path / "a.png")]})
    build_facets(DataGenerator(frame).map(ImagePipeline(rescale="imagenet")), str(tmp_path / "facets"))
    _, atlas = read(tmp_path / "facets")
    assert np.abs(atlas.astype(int) - 200).max() <= 4


def test_a_pipeline_with_another_key_is_found(tmp_path, samples):
    pipeline = ImagePipeline(target_size=(8, 8), output_key="picture")
    build_facets(DataGenerator(samples).map(pipeline), str(tmp_path / "facets"), count=3, exclude_rows=("path",))
    records, atlas = read(tmp_path / "facets")
    assert len(records) == 3
    assert records[0]["bucket"] == str(tmp_path)
    assert atlas.shape == (128, 128, 3)


def test_what_a_map_adds_in_single_values_is_a_facet_too(tmp_path, samples):
    generator = DataGenerator(samples).map(
        [ImagePipeline(target_size=(8, 8)), lambda batch: {**batch, "twice": 2 * batch["number"]}]
    )
    build_facets(generator, str(tmp_path / "facets"))
    records, _ = read(tmp_path / "facets")
    assert [record["twice"] for record in records] == [2 * number for number in range(10)]


def test_text_and_padded_labels_of_plain_batches_are_read(tmp_path):
    rows = {**batch(), "category": np.array([[b"a", b""], [b"a", b"b"], [b"", b""]], object), "f": np.array([b"x"] * 3)}
    build_facets([rows], str(tmp_path))
    records, _ = read(tmp_path)
    assert [(record["category"], record["f"]) for record in records] == [(["a"], "x"), (["a", "b"], "x"), ([], "x")]


def test_a_sprite_can_be_made_otherwise(tmp_path):
    build_facets([batch([10, 20])], str(tmp_path), facet_sprite=lambda image: 255 - image)
    _, atlas = read(tmp_path)
    assert np.abs(tile(atlas, 0).astype(int) - 245).max() <= 4


def test_count_ends_an_endless_source(tmp_path):
    def endless():
        while True:
            yield batch()

    build_facets(endless(), str(tmp_path), count=7)
    records, _ = read(tmp_path)
    assert len(records) == 7


@pytest.mark.parametrize("count", [0, -1, 16_385, 2.5, True])
def test_a_count_that_the_atlas_cannot_hold_is_refused(tmp_path, count):
    with pytest.raises(InvalidInputError, match="from 1 to 16,384"):
        build_facets([batch()], str(tmp_path), count=count)


def test_no_samples_and_no_images_are_told(tmp_path):
    with pytest.raises(DataError, match="at least one sample"):
        build_facets([], str(tmp_path))
    with pytest.raises(InvalidInputError, match="received name, label: map an ImagePipeline"):
        build_facets([{"name": np.zeros(2), "label": np.zeros((2, 3))}], str(tmp_path))
    with pytest.raises(InvalidInputError, match="received tuple"):
        build_facets([(np.zeros((1, 8, 8, 3)),)], str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_sprite_maker_that_cannot_be_called_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"facet_sprite: expected a callable of an image, received \{\}"):
        build_facets([], str(tmp_path), facet_sprite={})
