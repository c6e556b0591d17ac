"""Datasets in a bucket: listed, checked and read as those in a folder are."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from brevetti_keras.data.data_generator import DataGenerator
from brevetti_keras.data.image import ImagePipeline
from brevetti_keras.data.inspection import inspect_images
from brevetti_keras.data.samples import COLUMNS, list_files, list_samples, samples_of
from brevetti_keras.io import open_storage
from brevetti_keras.utils.errors import DecodeError, NotFoundError
from tests.support.gcs import upload_folder
from tests.support.images import write_image_folder

CLASSES = {"bad": 3, "good": 4}


@pytest.fixture
def folder(tmp_path):
    return write_image_folder(tmp_path / "vials", CLASSES)


@pytest.fixture
def vials(folder, bucket_url):
    return upload_folder(folder, f"{bucket_url}/2026/vials")


def test_listing_is_that_of_the_folder_but_for_the_place(folder, vials):
    here, there = (samples_of(place, "7", "Vials") for place in (str(folder), vials))
    assert tuple(there.columns) == COLUMNS
    assert there.path.tolist() == [path.replace(str(folder), vials) for path in here.path]
    for column in ("category", "folder", "etag", "size", "dataset", "dataset_id", "reference"):
        assert there[column].tolist() == here[column].tolist(), column
    assert set(there.bucket) == {vials}
    assert there.url[0].startswith("/download?path=gs%3A%2F%2F")


def test_listing_reads_no_object(fake_bucket, folder):
    upload_folder(folder, "gs://bucket/vials")
    fake_bucket.requests.clear()
    samples_of("gs://bucket/vials", "7", "Vials")
    assert fake_bucket.sent == []
    assert fake_bucket.count("GET", "/b/bucket/o?") == 1


def test_b20_names_that_are_no_paths_are_left_out_and_told(fake_bucket, caplog):
    for name in ("vials/good/1.png", "vials/good//2.png", "vials/good/../3.png", "vials/bad/", "vials/.x/4.png"):
        fake_bucket.put(name, b"1")
    assert samples_of("gs://bucket/vials", "7", "Vials").path.tolist() == ["gs://bucket/vials/good/1.png"]
    assert "left out 2 objects whose names are no paths, such as 'gs://bucket/vials/good/../3.png'" in caplog.text


def test_an_object_without_md5_gets_its_etag_when_it_is_fetched(fake_bucket):
    fake_bucket.put("vials/good/1.png", b"composed", has_md5=False)
    fake_bucket.put("vials/good/2.png", b"plain")
    samples = samples_of("gs://bucket/vials", "7", "Vials")
    assert samples.etag.tolist() == [hashlib.md5(data).hexdigest() for data in (b"composed", b"plain")]
    assert fake_bucket.sent == ["vials/good/1.png"]


def test_a_csv_in_a_bucket_names_its_neighbours(vials, bucket_url):
    table = "path,category,lot\ngood/good_0000.png,fine,a\n../vials/bad/bad_0001.png,,b\nnone.png,fine,c\n"
    open_storage(vials).write_bytes("samples.csv", table.encode())
    samples = samples_of(f"{vials}/samples.csv", "7", "Vials")
    assert samples.path.tolist() == [
        f"{vials}/{name}" for name in ("bad/bad_0001.png", "good/good_0000.png", "none.png")
    ]
    assert samples.category.tolist() == [("bad",), ("fine",), ("fine",)]
    assert samples.lot.tolist() == ["b", "a", "c"]
    assert samples["size"].tolist()[2] == 0


def test_an_empty_prefix_has_no_samples_and_a_missing_bucket_is_said(bucket_url):
    assert len(list_samples(f"{bucket_url}/nothing", "7", "Vials").samples) == 0
    assert len(list_files(f"{bucket_url}/nothing")) == 0
    with pytest.raises(NotFoundError, match="no bucket gs://no-such"):
        list_samples("gs://no-such/vials", "7", "Vials")


def test_inspection_fetches_each_object_once_and_names_the_bad_one(fake_bucket, folder):
    upload_folder(folder, "gs://bucket/vials")
    fake_bucket.put("vials/good/broken.png", b"\x89PNG\r\n\x1a\n and no more")
    found = inspect_images(samples_of("gs://bucket/vials", "7", "Vials"), progress=False)
    assert len(found.used) == sum(CLASSES.values())
    assert found.quarantined.path.tolist() == ["gs://bucket/vials/good/broken.png"]
    assert sorted(fake_bucket.sent) == sorted(fake_bucket.objects)
    before = fake_bucket.count("GET", "/o")
    pipeline = ImagePipeline(target_size=(16, 16), cache=False)
    for path in found.used.path:
        pipeline.load_image(path)
    assert fake_bucket.count("GET", "/o") == before


@pytest.mark.parametrize("cache", [None, False])
def test_a_bare_generator_reads_the_same_pictures_from_a_bucket(folder, vials, cache):
    pipeline = ImagePipeline(target_size=(16, 16), cache=cache)

    def pictures(place):
        samples = samples_of(place, "7", "Vials")
        return [batch["img"] for batch in DataGenerator(samples, batch_size=4).map(pipeline).get_dataset_numpy()]

    here, there = pictures(str(folder)), pictures(vials)
    assert all(np.array_equal(one, other) for one, other in zip(here, there, strict=True))


def test_the_graph_form_reads_verified_copies(fake_bucket, folder):
    upload_folder(folder, "gs://bucket/vials")
    pipeline = ImagePipeline(target_size=(16, 16))

    def pictures(place):
        generator = DataGenerator(samples_of(place, "7", "Vials"), batch_size=4).map(pipeline)
        batches = list(generator.get_dataset(form="graph").as_numpy_iterator())
        assert all("img file" not in batch for batch in batches)
        return [batch["img"] for batch in batches]

    here, there = pictures(str(folder)), pictures("gs://bucket/vials")
    assert all(np.array_equal(one, other) for one, other in zip(here, there, strict=True))
    assert sorted(fake_bucket.sent) == sorted(fake_bucket.objects)


def test_later_epochs_and_later_jobs_fetch_nothing_again(fake_bucket, folder):
    upload_folder(folder, "gs://bucket/vials")
    for _ in range(2):
        samples = samples_of("gs://bucket/vials", "7", "Vials")
        generator = DataGenerator(samples, repeat=2).map(ImagePipeline(target_size=(16, 16)))
        assert sum(len(batch["img"]) for batch in generator.get_dataset_numpy()) == 2 * len(samples)
    assert sorted(fake_bucket.sent) == sorted(fake_bucket.objects)


def test_an_object_that_is_gone_is_named(fake_bucket, folder):
    upload_folder(folder, "gs://bucket/vials")
    del fake_bucket.objects["vials/bad/bad_0000.png"]
    with pytest.raises(DecodeError, match=r"^gs://bucket/vials/bad/bad_0000\.png: no file"):
        ImagePipeline(target_size=(16, 16)).load_image("gs://bucket/vials/bad/bad_0000.png")


def test_a_changed_object_is_another_picture_once_it_is_listed_again(fake_bucket, folder):
    upload_folder(folder, "gs://bucket/vials")
    pipeline, path = ImagePipeline(target_size=(16, 16)), "gs://bucket/vials/bad/bad_0000.png"
    before = pipeline.load_image(path)
    fake_bucket.put("vials/bad/bad_0000.png", Path(folder / "good" / "good_0001.png").read_bytes())
    samples_of("gs://bucket/vials", "7", "Vials")
    after = pipeline.load_image(path)
    assert not np.array_equal(before, after)
    assert np.array_equal(after, pipeline.load_image(str(folder / "good" / "good_0001.png")))
