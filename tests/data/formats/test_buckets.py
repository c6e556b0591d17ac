"""Datasets of other tools in a bucket: read from there, exported there, and listed from a table on this machine."""

import numpy as np
import pytest

from brevetti_keras.data.annotation import Annotation, Shape
from brevetti_keras.data.formats.collection import AnnotatedImage, Collection
from brevetti_keras.data.formats.reading import READERS, read_format
from brevetti_keras.data.formats.samples_table import collection_of, write_table
from brevetti_keras.data.formats.staging import fetched_folder, staged
from brevetti_keras.data.formats.target import Target
from brevetti_keras.data.formats.writing import write_format
from brevetti_keras.data.image import ImagePipeline, SegmentationLoader
from brevetti_keras.data.image.upright_size import upright_size
from brevetti_keras.data.run_lengths import RunLengths
from brevetti_keras.data.samples import samples_of
from brevetti_keras.io import open_storage
from brevetti_keras.utils.errors import ConflictError, DataError, InvalidInputError, NotFoundError, StorageError
from tests.support.collections import HEIGHT, WIDTH, contents, picture
from tests.support.gcs import upload_folder
from tests.support.images import write_image

URL = "gs://bucket/lot 1"
BOX = Shape("bad", "rectangle", ((1.0, 2.0), (5.0, 6.0)))
MASK = Shape("bad", "mask", mask=RunLengths.of(np.eye(HEIGHT, WIDTH, 2) > 0))


@pytest.fixture
def collection(tmp_path):
    annotation = Annotation((BOX, MASK), WIDTH, HEIGHT)
    return Collection(
        (
            AnnotatedImage(picture(tmp_path, 0), "0.png", ("good",), "train", Annotation((), WIDTH, HEIGHT)),
            AnnotatedImage(picture(tmp_path, 1), "1.png", ("bad",), "test", annotation, {"lot": "0017"}),
        ),
        ("good", "bad"),
    )


def files_below(url):
    return {info.path for info in open_storage(url, follow_links=True).walk(hidden=True)}


def contents_there(collection):
    """As `contents`, of images in a bucket."""
    found = {}
    for image in collection.images:
        with fetched_folder(image.path.rpartition("/")[0]) as folder:
            found.update(contents(Collection((replaced(image, folder),))))
    return found


def replaced(image, folder):
    return AnnotatedImage(
        f"{folder}/{image.path.rpartition('/')[2]}",
        image.name, image.labels, image.purpose, image.annotation, image.columns,
    )  # fmt: skip


@pytest.mark.parametrize("form", READERS)
def test_a_round_trip_through_a_bucket_loses_nothing(fake_bucket, tmp_path, collection, form):
    write_format(collection, form, URL)
    write_format(collection, form, str(tmp_path / "here"))
    assert files_below(URL) == files_below(str(tmp_path / "here"))
    back = read_format(form, URL)
    assert all(image.path.startswith(f"{URL}/") for image in back.images)
    assert contents_there(back) == contents(collection)
    assert back.classes == collection.classes
    fake_bucket.requests.clear()
    write_format(back, "coco", "gs://bucket/again")
    assert contents_there(read_format("coco", "gs://bucket/again")) == contents(collection)


@pytest.mark.parametrize("form", READERS)
def test_a_dataset_in_a_bucket_is_listed_and_read_from_a_table_on_this_machine(fake_bucket, tmp_path, collection, form):
    write_format(collection, form, URL)
    table = write_table(read_format(form, URL), str(tmp_path / "sets" / "x"))
    samples = samples_of(table, "1", "x", annotations=True)
    assert sorted(samples.category) == [("bad",), ("good",)]
    assert sorted(samples.purpose) == ["test", "train"]
    assert set(samples.bucket) == {str(tmp_path / "sets" / "x")}
    assert all(path.startswith(f"{URL}/") for path in samples.path)
    assert samples["size"].gt(0).all()
    assert samples.etag.str.len().eq(32).all()
    bad = samples[samples.category == ("bad",)].iloc[0]
    assert ImagePipeline(cache=False).load_image(bad.path).shape == (HEIGHT, WIDTH, 3)
    drawn = SegmentationLoader(["bad"]).load(bad.annotation_path, bad.path)[..., 0]
    assert drawn.sum() == 27
    again = collection_of(samples, table)
    assert {image.labels for image in again.images} == {("bad",), ("good",)}
    write_format(again, "csv", str(tmp_path / "out"))
    assert len(samples_of(str(tmp_path / "out" / "samples.csv"), "1", "x")) == 2


def test_reading_fetches_each_object_once_and_coco_no_image(fake_bucket, tmp_path, collection):
    for form in ("coco", "yolo"):
        write_format(collection, form, f"{URL}/{form}")
    fake_bucket.requests.clear()
    fake_bucket.sent.clear()
    read_format("coco", f"{URL}/coco")
    assert not [name for name in fake_bucket.sent if name.endswith(".png")]
    fake_bucket.sent.clear()
    for _ in range(2):
        read_format("yolo", f"{URL}/yolo")
    images = [name for name in fake_bucket.sent if name.endswith((".png", ".txt"))]
    assert sorted(set(images)) == sorted(images)


def test_an_export_that_fails_leaves_nothing_in_the_bucket(fake_bucket, collection):
    broken = Collection((*collection.images, AnnotatedImage("/nowhere/x.png", "x.png", (), "train")), ("good", "bad"))
    with pytest.raises(NotFoundError, match=r"no file /nowhere/x\.png"):
        write_format(broken, "coco", URL)
    other = AnnotatedImage("/nowhere/x.png", "x.png", (), "train", Annotation((), 3, 3))
    with pytest.raises(NotFoundError, match=r"no file /nowhere/x\.png"):
        write_format(Collection((*collection.images, other), ("good", "bad")), "coco", URL)
    assert fake_bucket.objects == {}


def test_a_prefix_with_objects_is_left_alone(fake_bucket, collection):
    fake_bucket.put("lot 1/.hidden", b"mine")
    with pytest.raises(ConflictError, match="expected a folder that is new or empty, received gs://bucket/lot 1"):
        write_format(collection, "yolo", URL)
    assert list(fake_bucket.objects) == ["lot 1/.hidden"]


def test_nothing_there_is_one_line(fake_bucket):
    for form in READERS:
        with pytest.raises(NotFoundError, match="expected the folder of a dataset, received gs://bucket/none"):
            read_format(form, "gs://bucket/none")
    with (
        pytest.raises(NotFoundError, match="expected a folder of files, received gs://bucket/none"),
        fetched_folder("gs://bucket/none"),
    ):
        pass


def test_one_file_of_it_will_do(fake_bucket, collection):
    write_format(collection, "yolo", f"{URL}/yolo")
    write_format(collection, "coco", f"{URL}/coco")
    assert len(read_format("yolo", f"{URL}/yolo/data.yaml").images) == 2
    assert len(read_format("coco", f"{URL}/coco/annotations/instances_test.json").images) == 1


class TestTables:
    def table(self, tmp_path, *paths):
        (tmp_path / "list.csv").write_text("path,category,annotation_path\n" + "".join(f"{one},a,\n" for one in paths))
        return str(tmp_path / "list.csv")

    def test_what_is_not_there_is_listed_as_missing(self, fake_bucket, tmp_path):
        fake_bucket.put("x/1.png", b"abc")
        samples = samples_of(self.table(tmp_path, "gs://bucket/x/1.png", "gs://bucket/y/../2.png"), "1", "x")
        assert samples.path.tolist() == ["gs://bucket/2.png", "gs://bucket/x/1.png"]
        assert samples["size"].tolist() == [0, 3]

    @pytest.mark.parametrize(
        ("paths", "other"),
        [
            (("gs://bucket/1.png", "2.png"), "2.png"),
            (("gs://bucket/1.png", "/data/2.png"), "/data/2.png"),
            (("gs://bucket/1.png", "gs://other/2.png"), "gs://other/2.png"),
        ],
    )
    def test_places_are_not_mixed(self, fake_bucket, tmp_path, paths, other):
        with pytest.raises(DataError, match=r"list\.csv: expected paths beside it, or all in one bucket") as caught:
            samples_of(self.table(tmp_path, *paths), "1", "x")
        assert str(caught.value).endswith(f"received gs://bucket/1.png and {other}")

    def test_a_table_in_a_bucket_does_not_lead_to_another(self, fake_bucket):
        fake_bucket.put("list.csv", b"path\ngs://bucket/1.png\n")
        assert samples_of("gs://bucket/list.csv", "1", "x").path.tolist() == ["gs://bucket/1.png"]
        fake_bucket.put("list.csv", b"path\ngs://other-one/1.png\n")
        with pytest.raises(DataError, match="expected URLs of the bucket that it lies in, received gs://other-one/1"):
            samples_of("gs://bucket/list.csv", "1", "x")

    def test_images_that_only_this_process_has_are_refused(self, tmp_path):
        elsewhere = Collection((AnnotatedImage("memory://a/1.png", "1.png", ()),))
        with pytest.raises(InvalidInputError, match="on this machine or in a bucket to refer to, received memory://a"):
            write_table(elsewhere, str(tmp_path / "x"))


class TestStaging:
    def test_a_path_is_the_folder_itself(self, tmp_path):
        with staged(str(tmp_path / "a")) as folder:
            assert folder == str(tmp_path / "a")
        with fetched_folder(str(tmp_path)) as folder:
            assert folder == str(tmp_path)

    def test_what_was_filled_arrives_and_goes_from_here(self, fake_bucket, tmp_path):
        with staged(URL) as folder:
            target = Target(folder, by_link=True)
            target.write_bytes(".a/b.txt", b"1")
            for number in range(2):  # one file, twice
                target.copy(picture(tmp_path, 0), f"{number}.png")
            assert files_below(folder) == {".a/b.txt", "0.png", "1.png"}
        assert files_below(URL) == {".a/b.txt", "0.png", "1.png"}
        assert open_storage(URL).read_bytes("1.png") == (tmp_path / "source-0.png").read_bytes()
        assert [path.name for path in (tmp_path / "cache").iterdir() if path.name.startswith(".staged")] == []
        assert (tmp_path / "source-0.png").exists()

    def test_copies_of_equal_objects_are_each_there(self, fake_bucket, tmp_path):
        for name in ("1.png", "2.png"):
            fake_bucket.put(name, b"same")
        with staged(URL) as folder:
            target = Target(folder, by_link=True)
            for name in ("1.png", "2.png"):
                target.copy(f"gs://bucket/{name}", name)
            assert files_below(folder) == {"1.png", "2.png"}
        assert files_below(URL) == {"1.png", "2.png"}

    def test_a_bucket_that_refuses_is_said(self, fake_bucket, monkeypatch):
        with pytest.raises((NotFoundError, StorageError)), staged("gs://no-such-bucket/x") as folder:
            Target(folder).write_bytes("a.txt", b"1")


def test_the_size_of_an_object_is_asked_for_once(fake_bucket, tmp_path):
    upload_folder(write_image(tmp_path / "one" / "a.png", size=(12, 16)).parent, "gs://bucket/one")
    assert upright_size("gs://bucket/one/a.png") == (12, 16)
    before = len(fake_bucket.requests)
    assert upright_size("gs://bucket/one/a.png") == (12, 16)
    assert len(fake_bucket.requests) == before
    with pytest.raises(NotFoundError, match=r"no file gs://bucket/none\.png"):
        upright_size("gs://bucket/none.png")


def test_an_image_without_a_file_of_labels_holds_nothing_there_as_well(fake_bucket, tmp_path, collection):
    write_format(Collection(collection.images[:1], ("good",)), "yolo", str(tmp_path / "out"))
    for name in ("labels/train/0.txt", "brevetti.json"):
        (tmp_path / "out" / name).unlink()
    upload_folder(tmp_path / "out", URL)
    (image,) = read_format("yolo", URL).images
    assert (image.labels, image.annotation.shapes, image.annotation.width) == ((), (), WIDTH)
